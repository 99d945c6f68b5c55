/** A lab's own page: questions and predictions, prices, values by seed, work handed in and opened again. */

import { readFileSync } from 'node:fs';
import AxeBuilder from '@axe-core/playwright';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { labIds, loadLab } from '../../cli/labs.ts';
import { instantiate } from '../../lab/parameters.ts';
import { openSite, type Site, type, waitForText } from './site.ts';

const LAB = 'first-packet';
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
  context = await site.browser.newContext({ viewport: { width: 1440, height: 900 }, permissions: ['clipboard-read', 'clipboard-write'] });
  errors = [];
  page = await newPage();
});
afterEach(async () => {
  expect(errors).toEqual([]);
  await context.close();
});

async function newPage(): Promise<Page> {
  const p = await context.newPage();
  p.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  p.on('pageerror', (error) => errors.push(error.message));
  return p;
}

async function open(query = ''): Promise<void> {
  await page.goto(`${site.url}/labs/${LAB}/${query}`);
  await waitForText(page, PROMPT, 30_000);
}

const score = (p = page) => p.getByTestId('score').textContent();
const handIn = () => page.getByRole('dialog', { name: 'Hand in' });
const story = () => page.locator('.ws-story').textContent();

test('every lab has a page, and the list tells what this device has reached', async () => {
  await open();
  await expect.poll(() => score(), { timeout: 15_000 }).toBe('0 %');
  await page.waitForTimeout(500);
  await page.goto(`${site.url}/labs/`);
  expect(await page.locator('[data-lab]').evaluateAll((rows) => rows.map((r) => (r as HTMLElement).dataset.lab).sort())).toEqual(labIds());
  await expect.poll(() => page.locator(`[data-lab="${LAB}"] [data-state]`).textContent()).toBe('begun, 0 %');
});

test('a question is answered by keyboard alone, a prediction once; both are there after a reload', async () => {
  await open();
  const choice = page.locator('[data-question="route-device"], .ws-question:has(input[type=radio])').first();
  await choice.getByRole('radio').first().focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await choice.getByText('Not yet.').waitFor();
  const prediction = page.locator('.ws-question', { hasText: 'Prediction' }).first();
  await prediction.getByRole('textbox').fill('61');
  await prediction.getByRole('button', { name: 'Commit my prediction' }).click();
  await prediction.getByText('It stays as it is.').waitFor();
  expect(await prediction.getByRole('textbox').isDisabled()).toBe(true);
  await prediction.getByText('The prediction counts.').waitFor();
  await page.waitForTimeout(500);
  await page.reload();
  await waitForText(page, PROMPT, 30_000);
  await expect.poll(() => prediction.getByRole('textbox').inputValue()).toBe('61');
  expect(await prediction.getByRole('textbox').isDisabled()).toBe(true);
  await expect.poll(() => choice.getByRole('radio').first().isChecked()).toBe(true);
});

test('a hint names its price before it is opened', async () => {
  await open();
  const task = page.locator('[data-task]').first();
  await task.getByRole('button', { name: /^Hint 1 of \d: free/ }).click();
  await task.locator('.ws-hint').waitFor();
  await task.getByRole('button', { name: /^Hint 2 of \d: costs 10 % of this task/ }).waitFor();
});

test('a failed check tells what was expected, a locked task what it waits for, and where packets go wrong on request', async () => {
  await page.goto(`${site.url}/labs/missing-masquerade/`);
  const locate = page.getByRole('button', { name: /^Where does it go wrong/ });
  const task = page.locator('[data-task]').filter({ has: locate }).first();
  await task.getByRole('button', { name: /^Where does it go wrong/ }).click({ timeout: 30_000 });
  await task.locator('.ws-located').filter({ hasNotText: 'Sending packets' }).waitFor({ timeout: 20_000 });
  await task.getByText('Why not yet?').click();
  expect(await task.locator('.ws-check-failed dt').first().textContent()).toBe('expected');
  expect(await page.locator('.ws-task-locked .ws-waits').first().textContent()).toContain('Waits for: ');
});

test('the address draws a variant, the button the next attempt', async () => {
  const values = (seed: number) => instantiate(loadLab(LAB), seed).values;
  const address = Object.keys(values(1)).find(
    (k) => ![2, 7].some((s) => values(s)[k] === values(1)[k]) && /^\d+\./.test(values(1)[k] ?? ''),
  );
  const of = (seed: number) => values(seed)[address as string] as string;
  await open();
  expect(await page.locator('.ws-tasks').textContent()).toContain(of(1));
  await page.getByRole('button', { name: 'New values' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'New values' }).click();
  await expect.poll(() => page.locator('.ws-tasks').textContent()).toContain(of(2));
  expect(await page.locator('.ws-tasks').textContent()).toContain('attempt 2');
  await open('?seed=7&learner=Ana%20L.&attempt=3');
  await expect.poll(() => page.locator('.ws-tasks').textContent()).toContain(of(7));
  expect(await page.locator('.ws-values').textContent()).toBe('The values drawn for Ana L., attempt 3.');
});

test('work is handed in as a file and as a link, and each is opened with its verdict', async () => {
  await open('?seed=7&learner=Ana&attempt=3');
  await type(page, 'ip route\n');
  await waitForText(page, 'flannel.1');
  const prediction = page.locator('.ws-question', { hasText: 'Prediction' }).first();
  await prediction.getByRole('textbox').fill('62');
  await prediction.getByRole('button', { name: 'Commit my prediction' }).click();
  await expect.poll(() => score(), { timeout: 10_000 }).not.toBe('0 %');
  const reached = await score();
  await page.getByRole('button', { name: 'Hand in', exact: true }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    handIn().getByRole('button', { name: 'Download the file' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe(`${LAB}-Ana.hopwise.json`);
  const file = readFileSync(await download.path(), 'utf8');
  await handIn().getByRole('button', { name: 'Copy as a link' }).click();
  await handIn().getByText('The link is in the clipboard.').waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());

  const teacher = await newPage();
  await teacher.goto(link);
  const notice = teacher.getByRole('region', { name: 'Submission' });
  await notice.getByText('Submission of Ana, attempt 3, seed 7.').waitFor({ timeout: 20_000 });
  await expect.poll(() => score(teacher), { timeout: 20_000 }).toBe(reached);
  await notice.getByRole('button', { name: 'Back to my own work' }).click();
  await expect.poll(() => notice.count()).toBe(0);

  const choose = async (text: string) => {
    await teacher.getByRole('button', { name: 'Hand in', exact: true }).click();
    await teacher
      .getByLabel('Choose a submission')
      .setInputFiles({ name: 'ana.json', mimeType: 'application/json', buffer: Buffer.from(text) });
  };
  await choose(file.replace('"data":"i"', '"data":"x"'));
  await notice.getByText(/It is not as it was exported: .*entry \d+/).waitFor({ timeout: 20_000 });
  await choose('{"format":"nothing"}');
  await teacher.getByText(/^ana\.json: format must be/).waitFor();
  await teacher.keyboard.press('Escape');
  await choose(file);
  await expect.poll(() => score(teacher), { timeout: 20_000 }).toBe(reached);
  expect(await notice.textContent()).not.toContain('exported');
});

test('axe finds nothing when everything is open', async () => {
  for (const width of [390, 820, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    await open();
    await page
      .getByRole('button', { name: /^Hint 1/ })
      .first()
      .click();
    const why = page.getByText('Why not yet?').first();
    await why.click();
    await page.getByRole('button', { name: 'Hand in', exact: true }).click();
    const { violations } = await new AxeBuilder({ page }).analyze();
    await page.keyboard.press('Escape');
    const under = await new AxeBuilder({ page }).analyze();
    expect([...violations, ...under.violations].map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)).toEqual([]);
  }
  expect(await story()).not.toBe('');
});

test('a solution for several hosts is typed on each of them, answers are shown', async () => {
  await open();
  await page.getByRole('button', { name: 'Show solution' }).click();
  await page.getByRole('button', { name: 'Show it anyway' }).click();
  await page.getByText('Which device wraps the ping into another packet? flannel.1').waitFor();
  await page.goto(`${site.url}/labs/be-kube-proxy/`);
  await waitForText(page, PROMPT, 30_000);
  for (const host of ['node-1', 'node-2', 'cp-1']) {
    await page.getByRole('button', { name: 'Show solution' }).click();
    if (host === 'node-1') await page.getByRole('button', { name: 'Show it anyway' }).click();
    await page.getByRole('button', { name: `Type it on ${host}` }).click();
    await waitForText(page, new RegExp(`sync\\.sh \\S+\\s+root@${host}:~# ?$`), 30_000);
  }
  await expect.poll(() => score(), { timeout: 30_000 }).toBe('100 %');
});
