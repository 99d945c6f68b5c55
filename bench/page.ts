/**
 * `npm run bench:page [-- --rounds N] [PATH …]`: what a visitor waits for, in a real browser over the built site: compressed size and time
 * before the prompt, the same on a slow line with a slow processor, and how soon a key press is echoed while packets flow.
 */

import { parseArgs } from 'node:util';
import type { Page } from 'playwright';
import { openSite, type Site, waitForText } from '../src/site/e2e/site.ts';

const { values, positionals } = parseArgs({ options: { rounds: { type: 'string', default: '5' } }, allowPositionals: true });
const rounds = Number(values.rounds);
const PAGES = [
  '/',
  '/02-pod-to-pod/same-node/',
  '/00-start/five-conversations/',
  '/04-external-to-service/ingress/',
  '/labs/endpoints-none/',
];

const sorted = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);
const at = (list: readonly number[], share: number): number =>
  sorted(list)[Math.min(list.length - 1, Math.floor(list.length * share))] ?? Number.NaN;

async function fresh(site: Site): Promise<Page> {
  const context = await site.browser.newContext({ viewport: { width: 1440, height: 900 } });
  return context.newPage();
}

/** Slow 4G as Lighthouse has it, and a processor of a quarter of this one's speed. */
async function slowDown(page: Page): Promise<void> {
  const wire = await page.context().newCDPSession(page);
  await wire.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 150,
    downloadThroughput: 1.6e6 / 8,
    uploadThroughput: 750e3 / 8,
  });
  await wire.send('Emulation.setCPUThrottlingRate', { rate: 4 });
}

async function prompt(site: Site, path: string, slow: boolean): Promise<{ ms: number; kb: number }> {
  const page = await fresh(site);
  if (slow) await slowDown(page);
  const before = site.sent(Date.now());
  await page.goto(site.url + path);
  await page.locator('[data-ready]').first().waitFor({ state: 'attached', timeout: 60_000 });
  const { ms, when } = await page.evaluate(() => {
    const ms = performance.getEntriesByName('hopwise-prompt')[0]?.startTime ?? Number.NaN;
    return { ms, when: performance.timeOrigin + ms };
  });
  const kb = (site.sent(when) - before) / 1024;
  await page.context().close();
  return { ms, kb };
}

/** ms from key press to the moment when the terminal has taken its echo in, and to the frame that shows it. */
async function echoes(site: Site, path: string, flood: boolean, views: readonly string[]): Promise<{ taken: number[]; packets: number }> {
  const page = await fresh(site);
  await page.addInitScript(() => {
    const times: number[] = [];
    let pressed = 0;
    Object.assign(window, { echoTimes: times });
    addEventListener('keydown', (event) => (pressed = event.timeStamp), true);
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (this: Worker, message: unknown, ...rest: never[]) {
      if ((message as { t?: string }).t === 'drawn' && pressed > 0) {
        times.push(performance.now() - pressed);
        pressed = 0;
      }
      return post.call(this, message, ...rest);
    } as typeof post;
  });
  await page.goto(site.url + path);
  await page.locator('[data-ready]').first().waitFor({ state: 'attached' });
  await waitForText(page, '#');
  await page.waitForTimeout(2500);
  for (const name of views) await page.getByRole('button', { name, exact: true }).click();
  await page.locator('.xterm:visible').click();
  let asked = 0;
  const received = async (): Promise<number> => {
    asked += 1;
    await page.keyboard.type(`echo "$(cat /sys/class/net/cni0/statistics/rx_packets) packets, answer ${asked}"\n`);
    const text = await waitForText(page, new RegExp(`\\d+ packets, answer ${asked}`));
    return Number(new RegExp(`(\\d+) packets, answer ${asked}`).exec(text)?.[1]);
  };
  if (flood) await page.keyboard.type('ping -q -i 0.001 10.244.1.6 > /dev/null &\n');
  await page.waitForTimeout(1500);
  const first = await received();
  const start = Date.now();
  await page.evaluate(() => ((window as unknown as { echoTimes: number[] }).echoTimes.length = 0));
  for (let i = 0; i < 200; i++) {
    await page.keyboard.press(i % 20 === 19 ? 'Control+u' : ('abcdefgh'[i % 8] as string));
    await page.waitForTimeout(23);
  }
  const taken = await page.evaluate(() => [...(window as unknown as { echoTimes: number[] }).echoTimes]);
  const seconds = (Date.now() - start) / 1000;
  await page.keyboard.press('Control+u');
  const packets = (await received()) - first;
  await page.context().close();
  return { taken, packets: packets / seconds };
}

const site = await openSite({ compressed: true });
console.log('page                                   KB   prompt ms (median)   slow line, processor / 4');
for (const path of positionals.length > 0 ? positionals : PAGES) {
  const quick = [];
  for (let i = 0; i < rounds; i++) quick.push(await prompt(site, path, false));
  const slow = [];
  for (let i = 0; i < Math.min(3, rounds); i++) slow.push(await prompt(site, path, true));
  const kb = quick.map((r) => r.kb);
  console.log(
    `${path.padEnd(36)} ${at(kb, 0.5).toFixed(0).padStart(4)} ${at(
      quick.map((r) => r.ms),
      0.5,
    ).toFixed(0)} (${sorted(quick.map((r) => r.ms))
      .map((n) => n.toFixed(0))
      .join(' ')})   ${at(
      slow.map((r) => r.ms),
      0.5,
    ).toFixed(0)}`,
  );
}
if (positionals.length === 0)
  for (const [what, flood, views] of [
    ['at rest', false, []],
    ['while packets flow', true, []],
    ['while packets flow, map open', true, ['Map']],
    ['while packets flow, packets open', true, ['Packets']],
  ] as const) {
    const { taken, packets } = await echoes(site, '/02-pod-to-pod/same-node/', flood, views);
    console.log(
      `echo ${what}: p50 ${at(taken, 0.5).toFixed(1)} ms, p95 ${at(taken, 0.95).toFixed(1)} ms of ${taken.length} keys; cni0 got ${packets.toFixed(0)} packets a second`,
    );
  }
await site.close();
