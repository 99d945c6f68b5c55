/** A capture gets out of the browser: listed in a dialog and saved from there, or by `download` in a terminal. */

import { readFileSync } from 'node:fs';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { parsePcap } from '../../wire/pcap.ts';
import { openSite, type Site, screenText, type, waitForText } from './site.ts';

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
beforeEach(async () => {
  context = await site.browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true });
  page = await context.newPage();
  errors = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(site.url + LESSON);
  await waitForText(page, PROMPT);
});
afterEach(async () => {
  expect(errors).toEqual([]);
  await context.close();
});

/** What the browser saves while `act` runs. */
async function saved(act: () => Promise<unknown>): Promise<{ name: string; bytes: Uint8Array }> {
  const [download] = await Promise.all([page.waitForEvent('download'), act()]);
  return { name: download.suggestedFilename(), bytes: new Uint8Array(readFileSync(await download.path())) };
}

async function capture(): Promise<void> {
  await type(page, 'tcpdump -i lo -c 4 -w /tmp/ping.pcap icmp & sleep 0.3; ping -c 2 -i 0.2 127.0.0.1 > /dev/null; wait\n');
  await waitForText(page, '4 packets captured');
  await waitForText(page, PROMPT);
}

const dialog = () => page.getByRole('dialog', { name: 'Packet captures' });

test('the dialog says when there is none, lists the captures of all hosts, and saves one', async () => {
  await page.getByRole('button', { name: 'Captures', exact: true }).click();
  await dialog().getByText('There is none yet.').waitFor();
  await dialog().getByRole('button', { name: 'Close' }).click();
  await capture();
  await page.getByRole('button', { name: 'Captures', exact: true }).click();
  const button = dialog().getByRole('button', { name: 'Download /tmp/ping.pcap of node-1' });
  const file = await saved(() => button.click());
  expect(file.name).toBe('ping.pcap');
  const pcap = parsePcap(file.bytes);
  expect(pcap?.packets.length).toBe(4);
  expect(await dialog().getByRole('status').textContent()).toContain('ping.pcap is among your downloads');
  await page.keyboard.press('Escape');
  expect(await dialog().count()).toBe(0);
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Captures');
});

test('download hands a file over to the page', async () => {
  await capture();
  const file = await saved(() => type(page, 'download /tmp/ping.pcap\n'));
  expect(file.name).toBe('ping.pcap');
  expect(parsePcap(file.bytes)?.packets.length).toBe(4);
  const text = await saved(() => type(page, 'download /etc/hostname\n'));
  expect(new TextDecoder().decode(text.bytes)).toBe('node-1\n');
  await type(page, 'download nosuch\n');
  await waitForText(page, 'download: nosuch: No such file or directory');
  expect(await screenText(page)).not.toContain('File=name');
});
