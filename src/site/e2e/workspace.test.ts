/** The workspace as a learner uses it: the solution earns 100 %, a decoy says why not, work survives a reload, nothing freezes the page. */

import type { BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { loadLab } from '../../cli/labs.ts';
import { instantiate } from '../../lab/parameters.ts';
import { openSite, type Site, screenText, type, waitForText } from './site.ts';

const LESSON = '/02-pod-to-pod/same-node/';
/** The lab as the page draws it: with seed 1. */
const LAB = instantiate(loadLab('wire-a-pod-by-hand'), 1);
const NAME = LAB.values.name as string;
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
  context = await site.browser.newContext({ viewport: { width: 1440, height: 900 } });
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

async function typeScript(script: string): Promise<void> {
  for (const line of script.trim().split('\n')) {
    await type(page, `${line}\n`);
    await waitForText(page, PROMPT);
  }
}

const score = () => page.getByTestId('score').textContent();

/** The page answers its own events quickly, whatever the emulator does. */
async function expectResponsive(): Promise<void> {
  const worst = await page.evaluate(async () => {
    let longest = 0;
    for (let i = 0; i < 10; i++) {
      const start = performance.now();
      await new Promise((done) => setTimeout(done, 20));
      longest = Math.max(longest, performance.now() - start);
    }
    return longest;
  });
  expect(worst).toBeLessThan(500);
}

test('the solution earns 100 %, tasks tick by themselves', async () => {
  await expect.poll(score, { timeout: 15_000 }).toBe('0 %');
  await typeScript(LAB.solution);
  await expect.poll(score, { timeout: 15_000 }).toBe('100 %');
  expect(await page.locator('[data-task][data-done="true"]').count()).toBe(await page.locator('[data-task]').count());
});

test('a decoy is told why, and where', async () => {
  await typeScript(LAB.decoys.find((d) => d.name === 'no-default-route')?.script ?? '');
  const task = page.locator('[data-task="way-out"]');
  await expect.poll(score, { timeout: 15_000 }).not.toBe('0 %');
  expect(await score()).not.toBe('100 %');
  await task.getByText('Why not yet?').click();
  const why = (await task.locator('.ws-why').textContent()) ?? '';
  expect(why).toContain('web-c');
  expect(why).toContain('expected');
});

test('work survives a reload, reset forgets it', async () => {
  await typeScript(LAB.solution);
  await expect.poll(score, { timeout: 15_000 }).toBe('100 %');
  await page.waitForTimeout(1_000);
  await page.reload();
  await expect.poll(score, { timeout: 15_000 }).toBe('100 %');
  await page.getByRole('button', { name: 'Reset', exact: true }).click();
  await page.getByRole('button', { name: 'Start over' }).click();
  await expect.poll(score, { timeout: 15_000 }).toBe('0 %');
  await waitForText(page, PROMPT);
  await type(page, 'ip netns\n');
  await page.waitForTimeout(300);
  expect(await screenText(page)).not.toContain(NAME);
});

test('hints come one at a time, the solution on request', async () => {
  const task = page.locator('[data-task="namespace"]');
  for (let n = 1; n <= 3; n++) {
    await task.getByRole('button').first().click();
    await expect.poll(() => task.locator('.ws-hint').count(), { timeout: 10_000 }).toBe(n);
  }
  await page.getByRole('button', { name: 'Show solution' }).click();
  await page.getByRole('button', { name: 'Show it anyway' }).click();
  await page.getByText(`ip netns add ${NAME}`).first().waitFor();
});

test('each host has its own terminal', async () => {
  await page.getByRole('tab', { name: 'web-a' }).click();
  await waitForText(page, /web-a/);
  await type(page, 'ip -br addr show eth0\n');
  await waitForText(page, '10.244.1.5/24');
});

test('the keyboard can leave the terminal', async () => {
  await type(page, '');
  const inTerminal = () => page.evaluate(() => document.activeElement?.classList.contains('xterm-helper-textarea'));
  expect(await inTerminal()).toBe(true);
  await page.keyboard.press('Control+Shift+M');
  expect(await inTerminal()).toBe(false);
  await type(page, '');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Tab');
  expect(await inTerminal()).toBe(false);
});

test('a prediction must be committed before the run', async () => {
  const predict = page.locator('hop-predict').first();
  const run = predict.getByRole('button', { name: 'Run it' });
  expect(await run.isDisabled()).toBe(true);
  await predict.getByRole('checkbox').first().check();
  await predict.getByRole('button', { name: 'Commit my prediction' }).click();
  await run.click();
  await predict.locator('details[open] pre').waitFor();
  expect(await predict.locator('[data-verdict]').count()).toBe(4);
});

test('a prediction runs to the same bytes as at build time', async () => {
  const predict = page.locator('hop-predict').first();
  const built = await predict.locator('pre').textContent();
  await predict.getByRole('checkbox').first().check();
  await predict.getByRole('button', { name: 'Commit my prediction' }).click();
  await predict.getByRole('button', { name: 'Run it' }).click();
  await predict.locator('details[open]').waitFor();
  expect(await predict.locator('pre').textContent()).toBe(built);
});

test.each([
  ['an endless loop', 'while :; do :; done'],
  ['endless output', 'yes'],
  ['endless zeros', 'cat /dev/zero'],
  ['random bytes', 'cat /dev/urandom'],
  ['a fork bomb', ':(){ :|:& };:'],
])('%s: the page stays responsive and Ctrl-C ends it', async (_name, command) => {
  await type(page, `${command}\n`);
  await page.waitForTimeout(1_500);
  await expectResponsive();
  await page.keyboard.press('Control+C');
  await page.waitForTimeout(200);
  await page.keyboard.press('Control+C');
  await type(page, '\necho "a""live"\n');
  await waitForText(page, 'alive', 30_000);
  await expectResponsive();
});

test('10 MB of pasted text neither freezes the page nor fills the memory', async () => {
  await type(page, 'cat > /dev/null\n');
  await page.evaluate(() => {
    const text = `${'x'.repeat(79)}\n`.repeat(131_072);
    const data = new DataTransfer();
    data.setData('text/plain', text);
    document.activeElement?.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await page.waitForTimeout(1_000);
  await expectResponsive();
  await page.keyboard.press('Control+C');
  await type(page, '\necho "a""live"\n');
  await waitForText(page, 'alive', 60_000);
  const heap = await page.evaluate(
    () => (performance as Performance & { memory?: { usedJSHeapSize: number } }).memory?.usedJSHeapSize ?? 0,
  );
  expect(heap).toBeLessThan(300e6);
});
