/** A learner goes through all lessons: commits and runs every prediction, answers every question, types every solution; another one is wrong. */

import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadLab } from '../../cli/labs.ts';
import { sectionsOf } from '../../lab/acts.ts';
import { instantiate } from '../../lab/parameters.ts';
import { path as lessonsOfCourse } from '../course.ts';
import { firstVariant } from '../workspace/variant.ts';
import { openSite, type Site, screenText } from './site.ts';

const lessons = lessonsOfCourse.map((l) => l.slug);
const PROMPT = /root@[\w.-]+:[^\n]*# ?$/;
const WAIT = { timeout: 45_000 };

let site: Site;
let context: BrowserContext;
const errors: string[] = [];

beforeAll(async () => {
  site = await openSite();
  context = await site.browser.newContext({ viewport: { width: 1440, height: 900 } });
});
afterAll(async () => {
  await site?.close();
});

async function newPage(path: string, from = context): Promise<Page> {
  const page = await from.newPage();
  page.on('pageerror', (error) => errors.push(`${path}: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && errors.push(`${path}: ${message.text()}`));
  await page.goto(`${site.url}/${path}`);
  return page;
}

/** Ticks what is right (or the contrary), commits, runs; returns what is said then. */
async function predict(page: Page, n: number, right: boolean): Promise<string> {
  const form = page.locator('hop-predict').nth(n);
  for (const box of await form.locator('input').all()) if (((await box.getAttribute('data-right')) === 'true') === right) await box.check();
  await form.getByRole('button', { name: 'Commit my prediction' }).click();
  const run = form.locator('[data-run]');
  await run.click();
  await expect.poll(() => run.textContent(), WAIT).toBe('Run it again');
  return (await form.locator('.predict-state').textContent()) ?? '';
}

async function prompt(page: Page): Promise<void> {
  await expect.poll(() => screenText(page), WAIT).toMatch(PROMPT);
}

async function typeScript(page: Page, host: string, script: string): Promise<void> {
  const panel = page.locator('[role=tabpanel]', { has: page.locator(`.ws-screen[data-host="${host}"]`) }).first();
  await page.locator(`[id="${await panel.getAttribute('aria-labelledby')}"]`).click();
  // What runs in the background may have written after the prompt: Enter brings another one.
  if (/\S/.test(await screenText(page)) && !PROMPT.test(await screenText(page))) await page.keyboard.press('Enter');
  await prompt(page);
  await page.locator('.xterm:visible').click();
  for (const line of script.trim().split('\n')) await page.keyboard.type(`${line}\n`);
  await page.keyboard.type(`echo typed "$((6 * 7))"\n`);
  await expect.poll(() => screenText(page), WAIT).toMatch(/typed 42/);
}

async function answer(page: Page, id: string, value: string): Promise<void> {
  const form = page.locator(`form[data-question="${id}"]`);
  const choices = form.locator('input[type=radio], input[type=checkbox]');
  if ((await choices.count()) > 0) for (const n of value.split(',')) await choices.nth(Number(n) - 1).check();
  else await form.locator('input').fill(value);
  await form.locator('button[type=submit]').click();
}

/** Types the lab's solution into its terminals until it has all points. */
async function solve(page: Page, id: string): Promise<void> {
  const lab = instantiate(loadLab(id), firstVariant.seed);
  await page.locator('.ws').scrollIntoViewIfNeeded();
  await prompt(page);
  const first = lab.hosts[0] as string;
  for (const section of sectionsOf(lab.solution)) {
    if ('script' in section)
      for (const host of section.hosts.length > 0 ? section.hosts : [first]) await typeScript(page, host, section.script);
    else if ('question' in section) await answer(page, section.question, section.value);
  }
  await expect.poll(() => page.getByTestId('score').textContent(), WAIT).toBe('100 %');
}

test.each(lessons)('%s: all of it done', { timeout: 300_000 }, async (slug) => {
  const page = await newPage(`${slug}/`);
  const predictions = await page.locator('hop-predict').count();
  expect(predictions).toBeGreaterThanOrEqual(2);
  for (let n = 0; n < predictions; n++) expect(await predict(page, n, true)).toBe('You had it right.');
  const questions = await page.locator('hop-quiz .quiz-correct input').all();
  expect(questions.length).toBeGreaterThanOrEqual(3);
  for (const option of questions) await option.check();
  const labs = await page.locator('hop-labcards [data-lab]').evaluateAll((cards) => cards.map((c) => (c as HTMLElement).dataset.lab ?? ''));
  const beside = await page.locator('hop-labcards a[href="#workspace"]').count();
  expect(beside).toBe(1);
  for (const id of labs) {
    const here = (await page.locator(`[data-lab="${id}"] a[href="#workspace"]`).count()) > 0;
    const where = here ? page : await newPage(`labs/${id}/`);
    await solve(where, id);
    await where.waitForTimeout(300);
    if (!here) await where.close();
  }
  await page.reload();
  await expect.poll(() => page.getByTestId('lesson-percent').textContent(), { timeout: 15_000 }).toBe('100 %');
  await page.close();
  expect(errors).toEqual([]);
});

test('the home page tells that the way is done', async () => {
  const page = await newPage('');
  await expect.poll(() => page.locator('hop-five [data-way]').allTextContents()).toEqual(lessons.map(() => '✓ done'));
  await page.close();
});

test.each(lessons)('%s: who is wrong is told why', { timeout: 120_000 }, async (slug) => {
  const other = await site.browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await newPage(`${slug}/`, other);
  const said = await predict(page, 0, false);
  expect(said).toMatch(/^Not quite/);
  const first = page.locator('hop-predict').first();
  expect(
    (await first.locator('.predict-why').innerText()).length + (await first.locator('small:visible').allTextContents()).join('').length,
  ).toBeGreaterThan(60);
  for (const option of await page.locator('hop-quiz .quiz-option:not(.quiz-correct) input').all()) {
    await option.check();
    const told = page.locator(`[id="${await option.getAttribute('aria-describedby')}"]`);
    await expect.poll(() => told.isVisible()).toBe(true);
    expect(((await told.textContent()) ?? '').length).toBeGreaterThan(25);
  }
  await expect.poll(() => page.getByTestId('lesson-percent').textContent()).not.toBe('100 %');
  await other.close();
});
