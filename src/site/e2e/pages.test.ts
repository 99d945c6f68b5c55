/** Every page: no accessibility violations in both themes at three widths, no console errors, readable without JavaScript, small. */

import AxeBuilder from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { path as lessons } from '../course.ts';
import { openSite, type Site, type, waitForText } from './site.ts';

const LESSON = '/02-pod-to-pod/same-node/';
/** Page 60, terminal 70, and the part of the emulator that builds a world, 152. */
const KB_BEFORE_PROMPT = 300;
let site: Site;

beforeAll(async () => {
  site = await openSite({ compressed: true });
});

afterAll(async () => {
  await site?.close();
});

const LIMITS = '/reference/emulated/';

const LOOKS = [
  { width: 390, theme: 'light' },
  { width: 820, theme: 'dark' },
  { width: 1440, theme: 'light' },
  { width: 1440, theme: 'dark' },
] as const;
const OTHER_LESSONS = lessons.map((l) => `/${l.slug}/`).filter((path) => path !== LESSON);
/** The other lessons are made of the same parts: a phone in daylight and a wide screen at night. */
const looksOf = (path: string) => (OTHER_LESSONS.includes(path) ? LOOKS.filter((_, i) => i % 3 === 0) : LOOKS);

describe.each(['/', LESSON, ...OTHER_LESSONS, LIMITS, '/labs/', '/labs/endpoints-none/', '/404.html'])('%s', (path) => {
  test.each(looksOf(path))('axe finds nothing at $width px, $theme', async ({ width, theme }) => {
    const context = await site.browser.newContext({ viewport: { width, height: 900 }, colorScheme: theme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(site.url + path);
    await page
      .locator('.ws, .live')
      .first()
      .scrollIntoViewIfNeeded({ timeout: 500 })
      .catch(() => undefined);
    if (path === '/' || path === LESSON) await waitForText(page, '#');
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)).toEqual([]);
    expect(errors).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 'no sideways scrolling').toBeLessThanOrEqual(0);
    await context.close();
  });
});

test.each(['/', LESSON])(`%s needs less than ${KB_BEFORE_PROMPT} KB before its prompt`, async (path) => {
  const context = await site.browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const before = site.sent(Date.now());
  await page.goto(site.url + path);
  await page.locator('[data-ready]').first().waitFor();
  const prompt = await page.evaluate(
    () => performance.timeOrigin + (performance.getEntriesByName('hopwise-prompt')[0]?.startTime ?? Number.NaN),
  );
  expect((site.sent(prompt) - before) / 1024).toBeLessThan(KB_BEFORE_PROMPT);
  await context.close();
});

test.each(['/', LESSON])('%s has its prompt within 1.5 s', async (path) => {
  const times: number[] = [];
  for (let run = 0; run < 3; run++) {
    const context = await site.browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    await page.goto(site.url + path);
    await page.locator('[data-ready]').first().waitFor();
    times.push(await page.evaluate(() => performance.getEntriesByName('hopwise-prompt')[0]?.startTime ?? Infinity));
    await context.close();
  }
  expect(Math.min(...times)).toBeLessThan(1500);
});

test('a visitor types a command on the front page', async () => {
  const context = await site.browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(site.url);
  await waitForText(page, '3 packets transmitted, 3 received');
  await page.getByText(/^cluster ready in \d+ ms$/).waitFor();
  await type(page, 'ip -br addr show cni0\n');
  await waitForText(page, '10.244.1.1/24');
  await page.getByRole('button', { name: 'bridge link' }).click();
  await waitForText(page, 'master cni0');
  await context.close();
});

test('the lesson reads without JavaScript', async () => {
  const context = await site.browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(site.url + LESSON);
  for (const text of [
    'After this lesson you can',
    'bridge link',
    'master cni0',
    'Result and explanation',
    'A namespace with a working loopback',
  ])
    await expect.poll(() => page.getByText(text).first().isVisible(), { message: text }).toBe(true);
  await page.getByText('bridge link', { exact: true }).last().waitFor();
  await page.locator('[data-question="q-2.2-1"] label', { hasText: 'bridge link' }).click();
  expect(await page.locator('[data-question="q-2.2-1"] .quiz-correct p').isVisible()).toBe(true);
  await context.close();
});
