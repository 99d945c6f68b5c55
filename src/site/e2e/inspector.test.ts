/** The inspector: packets filtered and opened, a rewriting seen with its rule, the rule's packets, a capture saved, by mouse and by keyboard. */

import { readFileSync } from 'node:fs';
import AxeBuilder from '@axe-core/playwright';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parsePcap } from '../../wire/pcap.ts';
import { openSite, type Site, type, waitForText } from './site.ts';

const LESSON = '/02-pod-to-pod/same-node/';
const PROMPT = /root@node-1:~# ?$/;

let site: Site;
let context: BrowserContext;
let page: Page;
let errors: string[];

beforeAll(async () => {
  site = await openSite();
});
afterAll(async () => {
  await site?.close();
});
afterEach(async () => {
  expect(errors).toEqual([]);
  await context.close();
});

async function open(width: number, height: number): Promise<void> {
  context = await site.browser.newContext({ viewport: { width, height }, acceptDownloads: true, reducedMotion: 'reduce' });
  page = await context.newPage();
  errors = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(site.url + LESSON);
  await page.locator('.ws').first().scrollIntoViewIfNeeded();
  await waitForText(page, PROMPT);
  await page.getByRole('button', { name: 'Packets', exact: true }).first().click();
  await page.getByText('No packet yet.').waitFor();
}

const filter = () => page.getByRole('textbox', { name: "Filter in tcpdump's language" });
const rows = () => page.locator('.in-list .in-row');
const journey = () => page.getByRole('region', { name: 'Journey' });

async function clean(): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).include('.ws').analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`)).toEqual([]);
}

test('a packet to a Service: filtered, opened, its rewriting marked, the rule leads to its packets, and they are saved', async () => {
  await open(1440, 1000);
  await type(page, 'ping -c1 10.244.1.6; curl -sm2 10.96.10.20\n');
  await waitForText(page, /sees [\d.]+/);
  await rows().first().waitFor();
  await filter().fill('tcp port');
  await page.getByText("tcpdump: can't parse filter expression: syntax error").waitFor();
  await filter().fill('tcp[tcpflags] == tcp-syn');
  await expect.poll(() => rows().count()).toBe(1);
  await rows().first().click();
  await journey().getByText('arrived at pod').first().waitFor();
  expect(await journey().locator('[data-kind="nat"] .in-step').first().textContent()).toMatch(
    /destination rewritten: 10\.96\.10\.20:80 -> 10\.244\./,
  );
  expect(await journey().locator('tr[data-field="IPv4 destination"] ins').first().textContent()).toMatch(/^10\.244\./);
  await clean();
  await filter().fill('');
  await journey().locator('.in-code', { hasText: '-j DNAT' }).first().click();
  await page.locator('.in-narrowed', { hasText: 'nat KUBE-SEP-' }).waitFor();
  await expect.poll(() => rows().count()).toBe(1);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save as pcap' }).click()]);
  const pcap = parsePcap(new Uint8Array(readFileSync(await download.path())));
  expect(pcap?.linktype).toBe(276);
  expect(pcap?.packets.length).toBe(3);
  await page.getByRole('button', { name: 'Show all again' }).click();
  await journey().getByText('Bytes and headers').click();
  await journey().getByRole('button', { name: /^TTL / }).click();
  expect(await journey().locator('.in-on-field').count()).toBe(1);
});

test('rules and their counters; conversations', async () => {
  await open(1440, 1000);
  await type(page, 'ping -c2 -i 0.2 10.244.1.6\n');
  await waitForText(page, '2 received');
  await page.getByRole('button', { name: 'Rules and routes' }).click();
  await page.getByRole('combobox', { name: 'Of' }).selectOption({ label: 'node-1' });
  const route = page.locator('.in-rule', { hasText: '10.244.1.0/24 dev cni0' });
  await route.getByText('2 remembered').waitFor();
  await clean();
  await route.click();
  await expect.poll(() => rows().count()).toBe(2);
  await page.getByRole('button', { name: 'Conversations' }).click();
  await page.getByRole('button', { name: 'Show all again' }).isHidden();
  await page.locator('.in-flow', { hasText: '10.244.1.6 echo request' }).waitFor();
});

test('on a phone and by keyboard: one column, rows by arrows, Escape leads back', async () => {
  await open(390, 844);
  await type(page, 'ping -c2 -i 0.2 10.244.1.6\n');
  await waitForText(page, '2 received');
  await filter().fill('icmp');
  await expect.poll(async () => (await rows().allTextContents()).map((t) => t.includes('ICMP'))).toEqual([true, true, true, true]);
  await rows().last().focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await journey().getByText('arrived at').first().waitFor();
  expect(await rows().first().isVisible()).toBe(false);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  await clean();
  await page.keyboard.press('Escape');
  await rows().first().waitFor();
  expect(await journey().isVisible()).toBe(false);
});

test('a chosen packet is drawn on the map, told there in words, and still chosen afterwards', async () => {
  await open(1440, 1000);
  await type(page, 'ping -c1 10.244.1.6\n');
  await rows().first().click();
  await page.getByRole('button', { name: 'Show it on the map' }).click();
  await page.locator('.map-picked .map-picked-line').waitFor({ state: 'attached' });
  expect(await page.locator('.map-chosen').textContent()).toMatch(/ICMP echo request.*arrived/);
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Map');
  await page.getByText('The map in words').click();
  await page.locator('[data-chosen]', { hasText: /→ pod web-b eth0 → pod web-b/ }).waitFor();
  await clean();
  await page.getByText('The map in words').click();
  await page.getByRole('button', { name: 'Packets', exact: true }).first().click();
  await journey().getByText('arrived at pod web-b').first().waitFor();
  await page.getByRole('button', { name: 'Map', exact: true }).click();
  await page.getByRole('button', { name: 'Take its way off the map' }).click();
  await expect.poll(() => page.locator('.map-picked').count()).toBe(0);
});
