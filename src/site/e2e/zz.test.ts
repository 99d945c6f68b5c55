import { afterAll, beforeAll, test } from 'vitest';
import { openSite, type Site } from './site.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite({ compressed: true });
});
afterAll(async () => site?.close());
test('sizes', async () => {
  for (const path of [
    '/',
    '/02-pod-to-pod/same-node/',
    '/labs/endpoints-none/',
    '/labs/two-containers-one-localhost/',
    '/labs/missing-masquerade/',
    '/labs/build-the-overlay/',
    '/labs/be-kube-proxy/',
    '/labs/first-packet/',
    '/labs/nodeport-source-ip/',
  ]) {
    const context = await site.browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    const before = site.sent(Date.now());
    await page.goto(site.url + path);
    await page.locator('[data-ready]').first().waitFor();
    const { at, list } = await page.evaluate(() => ({
      at: performance.timeOrigin + (performance.getEntriesByName('hopwise-prompt')[0]?.startTime ?? NaN),
      list: [],
    }));
    console.log(
      path,
      Math.round((site.sent(at) - before) / 1024),
      'KB',
      Math.round(await page.evaluate(() => performance.getEntriesByName('hopwise-prompt')[0]!.startTime)),
      'ms',
    );
    await context.close();
  }
});
