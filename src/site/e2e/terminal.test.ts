/** The terminal on the page: completion, Ctrl-R, history after a reload, a paste of several lines, less. */

import type { BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openSite, type Site, screenText, type, waitForText } from './site.ts';

const LESSON = '/02-pod-to-pod/same-node/';
const PROMPT = /root@node-1:[^\s#]*# ?$/;
let site: Site;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  site = await openSite();
});
afterAll(async () => {
  await site?.close();
});
beforeEach(async () => {
  context = await site.browser.newContext({ viewport: { width: 1440, height: 1000 } });
  page = await context.newPage();
  await page.goto(site.url + LESSON);
  await waitForText(page, PROMPT);
});
afterEach(() => context.close());

test('Tab completes, Ctrl-R finds a command of before the reload', async () => {
  await type(page, 'ip li\t');
  await waitForText(page, /ip link$/);
  await type(page, 'sh\tlo; echo first\n');
  await waitForText(page, /\nfirst\n.*# ?$/);
  await page.waitForTimeout(1_500);
  await page.reload();
  await waitForText(page, PROMPT);
  await page.locator('.xterm:visible').click();
  await page.keyboard.press('Control+r');
  await page.keyboard.type('link');
  await waitForText(page, /\(reverse-i-search\)`link': ip link show/);
  await page.keyboard.press('Control+g');
  await page.keyboard.press('ArrowUp');
  await waitForText(page, /# ip link show lo; echo first$/);
});

test('a paste of several lines waits for Enter', async () => {
  await type(page, ' ');
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.setData('text/plain', 'echo one\necho two');
    document.querySelector('.xterm-helper-textarea')?.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }));
  });
  await waitForText(page, /echo one\necho two$/);
  await page.keyboard.press('Enter');
  await waitForText(page, /\none\ntwo\n/);
});

test('less shows a file, finds and leaves the screen as it was', async () => {
  await type(page, 'seq 500 | less\n');
  await waitForText(page, /\n:$/);
  await page.keyboard.type('/^250\n');
  await waitForText(page, /(?:^|\n)250\n251\n/);
  await page.keyboard.type('q');
  await waitForText(page, PROMPT);
  expect(await screenText(page)).toMatch(/seq 500 \| less/);
  expect(await screenText(page)).not.toMatch(/^250$/m);
});
