/** A whole cluster in the browser: it comes up, kubectl speaks to it, the lab is solved, the work survives a reload. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadLab } from '../../cli/labs.ts';
import { instantiate } from '../../lab/parameters.ts';
import { openSite, type Site, type, waitForText } from './site.ts';

const PROMPT = /root@cp-1:~# ?$/;
let site: Site;

beforeAll(async () => {
  site = await openSite();
});
afterAll(async () => {
  await site?.close();
});

test('a lab on a whole cluster: kubectl, the solution, a reload', { timeout: 90_000 }, async () => {
  const context = await site.browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(error.message));
  const lab = instantiate(loadLab('endpoints-none'), 1);
  await page.goto(`${site.url}/labs/endpoints-none/?seed=1`);
  await waitForText(page, PROMPT, 30_000);
  await type(page, 'kubectl get nodes\n');
  await waitForText(page, /node-1\s+Ready/);
  const [name] = (lab.values.shop as string).split(' ');
  await type(page, `kubectl exec client-pod -- curl -sS ${name}\n`);
  await waitForText(page, new RegExp(`Failed to connect to ${name} port 80`));
  const score = () => page.getByTestId('score').textContent();
  await expect.poll(score, { timeout: 15_000 }).toBe('0 %');
  // All but the answer to a question, which is no command.
  for (const line of lab.solution.split('\n').filter((l) => l !== '' && !l.startsWith('#@'))) {
    await type(page, `${line}\n`);
    await waitForText(page, PROMPT);
  }
  await expect.poll(score, { timeout: 20_000 }).toBe('80 %');
  await page.waitForTimeout(1_000);
  await page.reload();
  await expect.poll(score, { timeout: 30_000 }).toBe('80 %');
  expect(errors).toEqual([]);
  await context.close();
});
