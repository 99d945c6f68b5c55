/** A lab from the address bar to its last point without a pointer: only keys, and each time what has the focus is to be seen. */

import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadLab } from '../../cli/labs.ts';
import { instantiate } from '../../lab/parameters.ts';
import { firstVariant } from '../workspace/variant.ts';
import { openSite, type Site, waitForText } from './site.ts';

const LAB = instantiate(loadLab('wire-a-pod-by-hand'), firstVariant.seed);
const MAX_TABS = 80;

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(async () => {
  await site?.close();
});

/** Name of what has the focus, as assistive technology tells it. */
async function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute('aria-label') ?? element?.textContent?.trim() ?? '';
  });
}

/** Presses a key until what has the focus is called so. */
async function reach(page: Page, name: RegExp, key = 'Tab'): Promise<void> {
  for (let n = 0; n < MAX_TABS; n++) {
    if (name.test(await focused(page))) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${name} is not reached by ${MAX_TABS} times ${key}; the focus is on ${JSON.stringify(await focused(page))}`);
}

test('wire a pod by hand, by keyboard only', { timeout: 120_000 }, async () => {
  const context = await site.browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(`${site.url}/labs/${LAB.id}/`);
  await waitForText(page, '#');

  await reach(page, /^node-1$/);
  await page.keyboard.press('Enter');
  await reach(page, /^Terminal of node-1/);
  const [wrong = '', ...lines] = ['ip netns add', ...LAB.solution.trim().split('\n')];
  await page.keyboard.type(`${wrong}\n`);
  await waitForText(page, 'No netns name specified');
  await page.keyboard.press('Control+Shift+KeyM');
  expect(await focused(page)).toBe('node-1');

  await reach(page, /^Terminal of node-1/);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Tab');
  await reach(page, /^Hint 1 of 3/);
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('.ws-hint').first().isVisible()).toBe(true);

  await reach(page, /^Terminal of node-1/, 'Shift+Tab');
  for (const line of lines) await page.keyboard.type(`${line}\n`);
  await expect.poll(() => page.getByTestId('score').textContent(), { timeout: 30_000 }).toBe('100 %');

  await page.keyboard.press('Control+Shift+KeyM');
  await reach(page, /^Map$/, 'Shift+Tab');
  await page.keyboard.press('Enter');
  await page.locator('.map, [class*="map"] svg').first().waitFor();
  await reach(page, /^Show solution$/, 'Shift+Tab');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.getByRole('dialog', { name: 'Show solution' }).isVisible()).toBe(true);
  await page.keyboard.press('Escape');
  expect(await focused(page)).toBe('Show solution');
  expect(await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle)).not.toBe('none');
  await context.close();
});
