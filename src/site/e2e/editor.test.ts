/** Terminals at pods, and the editor as a learner uses it: vi, kubectl edit, what the API server says, diff and apply, by keyboard and after a reload. */

import AxeBuilder from '@axe-core/playwright';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openSite, type Site, screenText, type, waitForText } from './site.ts';

const LAB = '/labs/endpoints-none/';
const PROMPT = /root@cp-1:~# ?$/;
let site: Site;
let context: BrowserContext;
let page: Page;
let errors: string[];

const MANIFEST = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replica: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: nginx
`;

beforeAll(async () => {
  site = await openSite();
});
afterAll(async () => {
  await site?.close();
});
beforeEach(async () => {
  context = await site.browser.newContext({ viewport: { width: 1440, height: 900 }, permissions: ['clipboard-read', 'clipboard-write'] });
  page = await context.newPage();
  errors = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(error.message));
});
afterEach(async () => {
  expect(errors).toEqual([]);
  await context.close();
});

async function start(): Promise<void> {
  await page.goto(site.url + LAB);
  await waitForText(page, PROMPT);
}

const editor = () => page.locator('dialog.ed[data-ready]');

/** Puts a text in place of the whole one, by clipboard and keys. */
async function write(text: string): Promise<void> {
  await editor().waitFor();
  await page.evaluate((t) => navigator.clipboard.writeText(t), text);
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Control+V');
}

const edited = () =>
  page.evaluate(() => (document.querySelector('dialog.ed') as HTMLDialogElement & { pane?: { text(): string } }).pane?.text());

async function change(from: string, to: string): Promise<void> {
  await editor().waitFor();
  await write(((await edited()) ?? '').replace(from, to));
}

test('vi: a new file is typed, checked, compared, applied; kubectl edit scales it; both survive a reload', {
  timeout: 120_000,
}, async () => {
  const loaded: string[] = [];
  page.on('request', (request) => loaded.push(request.url()));
  await start();
  expect(loaded.filter((url) => /monaco|codicon|editor\.worker/.test(url))).toEqual([]);
  await type(page, 'vi web.yaml\n');
  await write(MANIFEST);
  const problem = page.getByRole('button', { name: 'Line 6: unknown field "spec.replica"' });
  await problem.waitFor();
  expect(await page.locator('.ed .squiggly-error').count()).toBeGreaterThan(0);
  await problem.click();
  await change('replica:', 'replicas:');
  await page.getByText('The API server would take it.').waitFor();
  await page.getByRole('button', { name: 'Changes', exact: true }).click();
  await page.getByText('deployment.apps/web').waitFor();
  const { violations } = await new AxeBuilder({ page }).include('dialog.ed').analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes[0]?.html}`)).toEqual([]);
  await page.getByRole('button', { name: 'kubectl apply -f web.yaml' }).click();
  await waitForText(page, 'deployment.apps/web created');

  await type(page, 'kubectl edit deployment web\n');
  await change('replicas: 2', 'replicas: 3');
  await page.keyboard.press('Control+Enter');
  await waitForText(page, 'deployment.apps/web edited');
  await type(page, 'kubectl get deployment web -o jsonpath=\'{.spec.replicas} wanted{"\\n"}\'\n');
  await waitForText(page, '3 wanted');

  await page.waitForTimeout(1_000);
  await page.reload();
  await waitForText(page, PROMPT);
  await type(page, 'clear; grep -c . web.yaml; kubectl get deployment web\n');
  await waitForText(page, /^17\n(.*\n)*web +\d\/3/m);
  expect(await page.locator('dialog.ed').count()).toBe(0);
});

test('nano: saved without closing, abandoned only when asked; Ctrl-C needs no page', { timeout: 60_000 }, async () => {
  await start();
  await type(page, 'nano notes.txt\n');
  await editor().waitFor();
  await page.keyboard.type('one');
  await page.keyboard.press('Control+S');
  await page.getByText('Wrote 1 line').waitFor();
  await page.keyboard.type(' two');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Go on editing' }).waitFor();
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Go on editing');
  await page.keyboard.press('Escape');
  expect(await page.getByRole('button', { name: 'Abandon it' }).count()).toBe(0);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Abandon it' }).click();
  await expect.poll(() => page.locator('dialog.ed').count()).toBe(0);
  await page.keyboard.type('cat notes.txt\n');
  await waitForText(page, /cat notes\.txt\none\nroot@/);
});

test('what was saved is there after a reload, and so is the editor', { timeout: 60_000 }, async () => {
  await start();
  await type(page, 'vi kept\n');
  await write('first line');
  await page.keyboard.press('Control+S');
  await page.getByText('"kept" [New] 1L, 11B written').waitFor();
  await page.waitForTimeout(1_000);
  await page.reload();
  await editor().waitFor();
  await expect.poll(edited).toBe('first line');
  const { violations } = await new AxeBuilder({ page }).include('dialog.ed').analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes[0]?.html}`)).toEqual([]);
  await change('first', 'second');
  await page.keyboard.press('Control+Enter');
  await expect.poll(() => page.locator('dialog.ed').count()).toBe(0);
  await page.keyboard.type('cat kept\n');
  await waitForText(page, /cat kept\nsecond line\n/);
});

test('without Monaco a plain field does', { timeout: 60_000 }, async () => {
  await page.route(/monaco\.[^/]*\.js$/, (route) => route.abort());
  await start();
  await type(page, 'vi x\n');
  await page.getByText('The full editor could not be loaded').waitFor();
  await page.keyboard.type('plain');
  await page.keyboard.press('Control+Enter');
  await expect.poll(() => page.locator('dialog.ed').count()).toBe(0);
  await page.keyboard.type('cat x\n');
  await waitForText(page, /cat x\nplain\n/);
  errors = errors.filter((e) => !e.includes('net::ERR_FAILED'));
});

test('a terminal in any container, found by keyboard; closed when its pod has gone', { timeout: 60_000 }, async () => {
  await start();
  await page.getByRole('button', { name: 'Open a terminal' }).click();
  const search = page.getByRole('combobox', { name: 'Search hosts, pods, namespaces' });
  await page.getByText(/\d+ places/).waitFor();
  const { violations } = await new AxeBuilder({ page }).include('.ws-terminals').analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes[0]?.html}`)).toEqual([]);
  await search.fill('payments');
  await page.keyboard.press('Enter');
  await waitForText(page, /root@payments-\S+:\S+# ?$/);
  const tab = page.getByRole('tab', { selected: true });
  expect(await tab.textContent()).toMatch(/^payments-/);
  await page.keyboard.type('sleep 100\n');
  await expect.poll(() => tab.textContent()).toMatch(/: sleep$/);
  await page.getByRole('tab', { name: 'cp-1' }).click();
  await type(page, 'kubectl delete pod -l app=payments --force; kubectl delete pod --force $(kubectl get pods -o name | grep payments)\n');
  await waitForText(page, /force deleted/);
  await page.getByRole('tab', { name: /^payments-/ }).click();
  await waitForText(page, /no pod default\/payments-\S+ is running/);
  await page.getByRole('button', { name: 'Close it' }).click();
  expect(await page.getByRole('tab', { name: /^payments-/ }).count()).toBe(0);

  await page.getByRole('button', { name: 'Open a terminal' }).click();
  await search.fill('apiserver');
  await page.keyboard.press('Enter');
  await waitForText(page, 'executable file not found in $PATH');
  await page.evaluate(() => window.dispatchEvent(new CustomEvent('hopwise:open', { detail: { place: 'pod default/client-pod' } })));
  await waitForText(page, /root@client-pod/);
});

test('Ctrl+Shift+C copies what is selected', { timeout: 60_000 }, async () => {
  await start();
  await type(page, 'echo copied-words\n');
  await waitForText(page, /\ncopied-words\n/);
  const row = page.locator('.xterm-rows > div', { hasText: /^copied-words/ }).first();
  const box = await row.boundingBox();
  await page.mouse.dblclick((box?.x ?? 0) + 20, (box?.y ?? 0) + 6);
  await page.keyboard.press('Control+Shift+C');
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('copied');
  expect(await screenText(page)).not.toContain('^C');
});
