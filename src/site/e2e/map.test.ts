/** The packet map: what is typed is seen travelling, drops say why, the keyboard gets everywhere, words say the same. */

import AxeBuilder from '@axe-core/playwright';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openSite, type Site, type, waitForText } from './site.ts';

const LESSON = '/02-pod-to-pod/same-node/';
const PROMPT = /root@node-1:~# ?$/;
let site: Site;
let context: BrowserContext;
let page: Page;
let errors: string[] = [];

beforeAll(async () => {
  site = await openSite();
});
afterAll(async () => {
  await site?.close();
});
afterEach(async () => {
  expect(errors).toEqual([]);
  await context?.close();
});

async function open(options: Parameters<Site['browser']['newContext']>[0] = {}): Promise<void> {
  context = await site.browser.newContext({ viewport: { width: 1440, height: 950 }, ...options });
  page = await context.newPage();
  errors = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(site.url + LESSON);
  await page.locator('.ws-terminals').first().scrollIntoViewIfNeeded();
  await waitForText(page, PROMPT);
  await page.getByRole('button', { name: 'Map', exact: true }).click();
  await part('space', 'node-1').waitFor();
}

/** A part of the drawing by its namespace, or by namespace and device. */
const part = (what: 'space' | 'dev', key: string) => page.locator(`.map-stage [data-${what}="${key}"]`);

const passed = (what: 'space' | 'dev', key: string) =>
  page.locator(`.map-stage [data-${what}="${key}"][data-passed]`).waitFor({ state: 'attached', timeout: 30_000 });

test('a ping is seen at each device that it passes, and told in words', async () => {
  await open();
  const pod = page.locator('.map-stage .map-pod', { hasText: 'web-c' });
  const id = await pod.getAttribute('data-space');
  await type(page, 'ping -c 1 10.244.2.7\n');
  for (const dev of ['flannel.1', 'eth0']) await passed('dev', `node-1 ${dev}`);
  for (const dev of ['eth0', 'flannel.1', 'cni0']) await passed('dev', `node-2 ${dev}`);
  await passed('dev', `${id} eth0`);
  await passed('space', id ?? '');
  await page.getByText('The map in words').click();
  const words = page.getByRole('region', { name: 'The map in words' });
  await words.getByText('echo request').waitFor();
  const request = words.locator('li', { hasText: 'echo request' });
  await request.getByText('arrived').waitFor();
  const way = (await request.locator('.map-told-way').textContent()) ?? '';
  expect(way).toMatch(/^node-1 flannel\.1 → node-1 eth0 → .*node-2 eth0 → .*node-2 cni0 → .* → pod web-c eth0 → pod web-c$/);
  const text = (await words.textContent()) ?? '';
  for (const said of [
    'pod web-c, on node-2, 10.244.2.7',
    'cni0: bridge, up, 10.244.1.1/24',
    'tunnel to flannel.1 of cp-1',
    'Service default/web',
  ])
    expect(text).toContain(said);
});

test('a drop is shown where it happened, with its reason', async () => {
  await open();
  await type(page, 'iptables -I OUTPUT -p icmp -j DROP; ping -c 1 -W 1 10.244.1.5\n');
  const drop = page.locator('.map-drop');
  await drop.waitFor();
  expect(await drop.textContent()).toMatch(/node-1: .*OUTPUT rule 1/);
  expect(await drop.getAttribute('data-drop')).toMatch(/^node-1/);
});

test('what the learner makes is drawn at once', async () => {
  await open();
  expect(await part('space', 'node-1/red').count()).toBe(0);
  await type(page, 'ip netns add red; ip link add red0 type veth peer name eth0 netns red; ip link set red0 master cni0\n');
  await part('space', 'node-1/red').waitFor();
  await part('dev', 'node-1 red0').waitFor();
  expect(await part('dev', 'node-1/red eth0').getAttribute('class')).toContain('map-down');
  await type(page, 'ip link set red0 up; ip -n red link set eth0 up\n');
  await page.locator('.map-stage [data-dev="node-1/red eth0"]:not(.map-down)').waitFor();
});

test('by keyboard: from part to part, into a terminal, and out of the view', async () => {
  await open();
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
  const onMap = () => page.evaluate(() => document.activeElement?.closest('.map-stage') !== null);
  await page.getByRole('button', { name: 'Map', exact: true }).focus();
  for (let i = 0; i < 6 && !(await onMap()); i++) await page.keyboard.press('Tab');
  expect(await onMap()).toBe(true);
  await page.keyboard.press('Home');
  expect(await focused()).toMatch(/^web 10\.96\.10\.20:80, Service default\/web/);
  await page.keyboard.press('Enter');
  expect(await page.locator('.map-endpoints path').count()).toBe(3);
  for (let i = 0; i < 12 && !(await focused()).startsWith('web-a'); i++)
    await page.keyboard.press(i % 3 === 0 ? 'ArrowDown' : 'ArrowRight');
  expect(await focused()).toMatch(/^web-a 10\.244\.1\.5, pod, on node-1\. Enter opens a terminal here/);
  await page.keyboard.press('Enter');
  await waitForText(page, /root@web-a:~# ?$/);
  await page.locator('.map-stage [tabindex="0"]').first().focus();
  await page.keyboard.press('Escape');
  expect(await page.locator('.map-stage').count()).toBe(0);
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Map');
  // What was open is open again on the next visit.
  await page.getByRole('button', { name: 'Map', exact: true }).click();
  await part('space', 'node-1').waitFor();
  await page.reload();
  await part('space', 'node-1').waitFor();
});

test('without motion the way lights up', async () => {
  await open({ reducedMotion: 'reduce' });
  await type(page, 'ping -c 1 10.244.2.7\n');
  await page.locator('.map-lit .map-way-icmp.map-way-wrapped').first().waitFor({ state: 'attached' });
});

test('axe finds nothing, wide and narrow', async () => {
  for (const width of [390, 1440]) {
    await open({ viewport: { width, height: 900 } });
    await type(page, 'iptables -I OUTPUT -p icmp -j DROP; ping -c 1 -W 1 10.244.1.5\n');
    await page.locator('.map-drop').waitFor();
    await page.getByText('The map in words').click();
    const { violations } = await new AxeBuilder({ page }).include('.ws').analyze();
    expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    if (width === 390) await context.close();
  }
});

test("the front page's terminal has a map", async () => {
  context = await site.browser.newContext({ viewport: { width: 1440, height: 950 } });
  page = await context.newPage();
  await page.goto(site.url);
  await page.locator('[data-live-map] .map-svg').waitFor();
  await page.locator('[data-live-map] [data-dev="node-2 eth0"][data-passed]').waitFor({ state: 'attached', timeout: 30_000 });
});
