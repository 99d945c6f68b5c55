/** After the first visit the network may go; a new build is taken up without harm to a page of the old one; every page keeps to its security policy. */

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workerOf } from '../build/static.ts';
import { DIST, openSite, type Site, type, waitForText } from './site.ts';

const LESSON = '/02-pod-to-pod/same-node/';
let site: Site;

beforeAll(async () => {
  site = await openSite();
});
afterAll(async () => {
  await site?.close();
});

/** What the page was kept from doing. */
async function watched(page: Page): Promise<() => Promise<string[]>> {
  await page.addInitScript(() => {
    const seen: string[] = [];
    Object.assign(window, { violations: seen });
    document.addEventListener('securitypolicyviolation', (e) =>
      seen.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`),
    );
  });
  return () => page.evaluate(() => (window as unknown as { violations: string[] }).violations);
}

const pages = (readdirSync(DIST, { recursive: true }) as string[])
  .filter((p) => p.endsWith('.html'))
  .map((p) => `/${p.replace(/\\/g, '/').replace(/index\.html$/, '')}`);

test('no page does what its policy forbids', async () => {
  const context = await site.browser.newContext({ viewport: { width: 1440, height: 900 }, serviceWorkers: 'block' });
  const page = await context.newPage();
  const violations = await watched(page);
  const found: string[] = [];
  for (const path of pages) {
    await page.goto(site.url + path);
    expect(await page.locator('meta[http-equiv="Content-Security-Policy"]').count(), path).toBe(1);
    await page.waitForTimeout(100);
    found.push(...(await violations()).map((v) => `${path}: ${v}`));
  }
  expect(found).toEqual([]);
  await context.close();
}, 240_000);

test('nor do workspace, views, search and downloads', async () => {
  const context = await site.browser.newContext({ viewport: { width: 1440, height: 900 }, serviceWorkers: 'block' });
  const page = await context.newPage();
  const violations = await watched(page);
  await page.goto(site.url + LESSON);
  await waitForText(page, '#');
  for (const view of await page.locator('.ws-views button').all()) {
    await view.click();
    await page.waitForTimeout(800);
  }
  await type(page, 'echo hello > f\ndownload f\n');
  const download = await page.waitForEvent('download');
  expect(await readFile((await download.path()) as string, 'utf8')).toBe('hello\n');
  await page.getByRole('button', { name: 'Search' }).first().click();
  await page.locator('.pagefind-ui__search-input').fill('bridge');
  await page.locator('.pagefind-ui__result').first().waitFor();
  expect(await violations()).toEqual([]);
  await context.close();
});

test('after one visit lessons, labs and search work without a network', async () => {
  const own = await openSite();
  const context = await own.browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(own.url + LESSON);
  await waitForText(page, '#');
  await page.locator('h1').click();
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated', undefined, { timeout: 60_000 });
  await own.down();
  await page.goto(`${own.url}/labs/endpoints-none/?seed=3`);
  await waitForText(page, '#', 40_000);
  await type(page, 'kubectl get svc kubernetes\n');
  await waitForText(page, '10.96.0.1');
  await page.goto(`${own.url}/00-start/netfilter-and-conntrack/`);
  await page.getByRole('button', { name: 'Search' }).first().click();
  await page.locator('.pagefind-ui__search-input').fill('bridge');
  await page.locator('.pagefind-ui__result a').first().click();
  await page.locator('h1').waitFor();
  await page.goto(`${own.url}/no-such-page/`);
  await page.getByText('There is no page here').or(page.locator('h1')).first().waitFor();
  await own.close();
}, 180_000);

test('a new build is taken up by the next page; an open one still gets its chunks', async () => {
  const root = mkdtempSync(join(tmpdir(), 'hopwise-'));
  const build = (name: string) => {
    rmSync(root, { recursive: true });
    mkdirSync(join(root, '_astro'), { recursive: true });
    writeFileSync(join(root, 'index.html'), `<!DOCTYPE html><title>${name}</title>`);
    writeFileSync(join(root, '_astro', `late.${name}.js`), `export const build = '${name}';`);
    writeFileSync(join(root, 'sw.js'), workerOf(root));
  };
  build('one');
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname.replace(/^\/base\//, '').replace(/^$/, 'index.html');
    readFile(join(root, path)).then(
      (body) => response.writeHead(200, { 'content-type': path.endsWith('.js') ? 'text/javascript' : 'text/html' }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`;
  const context = await site.browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  const settled = (title: string) =>
    page.evaluate(async (title) => {
      const registration = await navigator.serviceWorker.register('/base/sw.js', { scope: '/base/' });
      await registration.update();
      for (let i = 0; i < 100; i++) {
        const answer = await fetch('/base/');
        if (navigator.serviceWorker.controller?.state === 'activated' && (await answer.text()).includes(title)) return;
        await new Promise((done) => setTimeout(done, 100));
      }
      throw new Error(`the build ${title} was not taken up`);
    }, title);
  const chunk = (name: string) => page.evaluate(async (path) => (await fetch(path)).text(), `/base/_astro/late.${name}.js`);
  await settled('one');
  build('two');
  await settled('two');
  expect(await chunk('one')).toContain("'one'");
  await page.goto(url);
  expect(await page.title()).toBe('two');
  build('three');
  await settled('three');
  expect(await page.evaluate(async () => (await caches.keys()).length)).toBe(1);
  const kept = await page.evaluate(async () =>
    (await (await caches.open((await caches.keys())[0] as string)).keys()).map((k) =>
      k.url.replace(/.*\/base\//, '').replace(/\?[0-9a-f]+$/, ''),
    ),
  );
  expect(kept.sort()).toEqual(['?builds', '_astro/late.three.js', '_astro/late.two.js', 'index.html', 'index.html']);
  await context.close();
  server.close();
  server.closeAllConnections();
  rmSync(root, { recursive: true });
});
