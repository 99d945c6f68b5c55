/** Undo, going back and forth, forks and a task's reset on the page; the same shells go on afterwards and after a reload. */

import AxeBuilder from '@axe-core/playwright';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { loadLab } from '../../cli/labs.ts';
import { instantiate } from '../../lab/parameters.ts';
import { openSite, type Site, screenText, type, waitForText } from './site.ts';

const LESSON = '/02-pod-to-pod/same-node/';
const LAB = instantiate(loadLab('wire-a-pod-by-hand'), 1);
const PROMPT = /root@node-1:[^\s#]*# ?$/;
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
  context = await site.browser.newContext({ viewport: { width: 1440, height: 1000 } });
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

/** The last prompt and what stands behind it. */
const lastLine = async () => (await screenText(page)).split('\n').at(-1)?.trimEnd() ?? '';

async function run(...lines: string[]): Promise<void> {
  for (const line of lines) {
    const prompts = async () => (await screenText(page)).match(/root@node-1:[^\s#]*#/g)?.length ?? 0;
    const before = await prompts();
    await type(page, `${line}\n`);
    await expect.poll(prompts, { timeout: 10_000 }).toBeGreaterThan(before);
  }
}

const rows = () => page.locator('[role=option]');
const undone = () => page.locator('[role=option][data-undone="true"]').count();
const open = () => page.getByRole('button', { name: 'Timeline' }).click();

test('undo brings a deleted route back, and the shell is where it was', async () => {
  await run('cd /tmp', 'x=7', 'ip route del default');
  await page.getByRole('button', { name: 'Undo last command' }).click();
  await expect.poll(() => screenText(page)).not.toContain('route del');
  expect(await lastLine()).toBe('root@node-1:/tmp#');
  await run('echo "x is $x"; ip route show default');
  expect(await screenText(page)).toMatch(/x is 7\ndefault via/);
});

test('back three commands, forth again, and on; a reload changes nothing', async () => {
  await run('cd /etc', 'ip netns add one', 'ip netns add two', 'ip netns add three');
  await open();
  await expect.poll(() => rows().count()).toBe(4);
  await rows().nth(1).click();
  await page.getByRole('button', { name: 'Go back to before this' }).click();
  await expect.poll(undone).toBe(3);
  await expect.poll(lastLine).toBe('root@node-1:/etc#');
  expect(await screenText(page)).not.toContain('netns');
  await page.waitForTimeout(700);
  await page.reload();
  await expect.poll(undone, { timeout: 20_000 }).toBe(3);
  await expect.poll(lastLine).toBe('root@node-1:/etc#');
  await page.getByRole('button', { name: 'Redo' }).first().click();
  await expect.poll(undone).toBe(2);
  await page.getByRole('listbox').focus();
  await page.keyboard.press('End');
  await page.getByRole('button', { name: 'Go to after this' }).click();
  await expect.poll(undone).toBe(0);
  await expect.poll(() => screenText(page)).toContain('netns add three');
  await rows().nth(2).click();
  await page.keyboard.press('Enter');
  await expect.poll(undone).toBe(2);
  await run('ip netns');
  expect(await undone()).toBe(0);
  expect(await screenText(page)).toMatch(/\none\n/);
  expect(await screenText(page)).not.toMatch(/\n(two|three)\n/);
  const { violations } = await new AxeBuilder({ page }).include('.ws-view').analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)).toEqual([]);
});

test('a fork keeps both lines of work', async () => {
  await run('ip netns add one', 'ip netns add two');
  await open();
  await rows().nth(1).click();
  await page.getByRole('button', { name: 'Fork here' }).click();
  await page.getByRole('dialog', { name: 'Fork here' }).getByLabel('Name').fill('Another way');
  await page.getByRole('dialog', { name: 'Fork here' }).getByRole('button', { name: 'Fork', exact: true }).click();
  await expect.poll(() => rows().count()).toBe(1);
  await run('ip netns add other');
  await page.waitForTimeout(700);
  await page.reload();
  await expect.poll(() => rows().count(), { timeout: 20_000 }).toBe(2);
  await page.getByLabel('Line of work').selectOption('Main');
  await expect.poll(() => screenText(page)).toContain('add two');
  await run('ip netns');
  expect(await screenText(page)).toMatch(/\ntwo\n/);
  await page.getByLabel('Line of work').selectOption('Another way');
  await expect.poll(() => screenText(page)).toContain('add other');
  await page.getByRole('button', { name: 'Manage' }).click();
  await page.getByRole('button', { name: 'Delete Main' }).click();
  await page.getByText('Really delete?').click();
  await expect.poll(() => page.getByRole('button', { name: 'Delete Main' }).count()).toBe(0);
});

test('a task is reset to where the one before was ticked; hints stay open', async () => {
  const [first, second] = LAB.tasks;
  const done = () => page.locator('[data-task][data-done="true"]').count();
  const script = LAB.solution.trim().split('\n');
  let lines = 0;
  for (const line of script) {
    await run(line);
    lines += 1;
    await page.waitForTimeout(400);
    if ((await done()) > 0) break;
  }
  await expect.poll(done, { timeout: 15_000 }).toBe(1);
  await page.locator(`[data-task="${second?.id}"]`).getByRole('button', { name: 'Hint' }).first().click();
  await expect.poll(() => page.locator('.ws-hint').count()).toBe(1);
  await run('ip route del default', 'cd /');
  await page.locator(`[data-task="${second?.id}"]`).getByRole('button', { name: 'Reset this task' }).click();
  const dialog = page.getByRole('dialog', { name: 'Reset this task' });
  expect(await dialog.textContent()).toContain(first?.title);
  expect(await dialog.locator('li').count()).toBe(2);
  await dialog.getByRole('button', { name: 'Undo these' }).click();
  await expect.poll(() => screenText(page)).not.toContain('route del');
  await expect.poll(() => page.locator('.ws-hint').count()).toBe(1);
  await expect.poll(done, { timeout: 15_000 }).toBe(1);
  expect(lines).toBeGreaterThan(0);
});

test('a terminal beside the hosts comes back with what runs in it', async () => {
  await page.getByRole('tab', { name: 'web-a' }).click();
  await waitForText(page, /web-a/);
  await type(page, 'y=9\n');
  await page.waitForTimeout(700);
  await page.reload();
  await waitForText(page, 'y=9');
  expect(await page.getByRole('tab', { name: 'web-a' }).getAttribute('aria-selected')).toBe('true');
  await type(page, 'echo "y is $y"\n');
  await waitForText(page, 'y is 9');
});
