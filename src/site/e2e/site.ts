/** For browser tests: serves dist/ as a static host would, with compression, and opens Chromium. */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { type Browser, chromium, type Page } from 'playwright';
import { CHROMIUM_FLAGS, findChromium } from '../../../tools/chromium.mjs';

export const DIST = resolve(process.env.HOPWISE_DIST ?? resolve(import.meta.dirname, '../../../dist'));
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
};

export interface Site {
  readonly url: string;
  readonly browser: Browser;
  /** Bytes of all answers up to a moment (ms since 1970), as they went over the wire. */
  sent(until: number): number;
  /** From now on nobody answers. */
  down(): Promise<void>;
  close(): Promise<void>;
}

/** `compressed` as a static host would send it: only for tests of size and speed, since compressing takes longer than most tests. */
export async function openSite({ compressed = false } = {}): Promise<Site> {
  const answers: { at: number; bytes: number }[] = [];
  const server = await serve(compressed, (bytes) => answers.push({ at: Date.now(), bytes }));
  const executable = findChromium();
  const browser = await chromium.launch({ ...(executable ? { executablePath: executable } : {}), args: CHROMIUM_FLAGS });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    browser,
    sent: (until) => answers.filter((a) => a.at <= until).reduce((sum, a) => sum + a.bytes, 0),
    down: () => off(server),
    async close() {
      await browser.close();
      await off(server);
    },
  };
}

function off(server: Server): Promise<void> {
  const closed = new Promise<void>((done) => server.close(() => done()));
  server.closeAllConnections();
  return closed;
}

function serve(compress: boolean, onSent: (bytes: number) => unknown): Promise<Server> {
  const compressed = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
    let file = join(DIST, path);
    if (existsSync(file) && statSync(file).isDirectory()) file = join(file, 'index.html');
    const found = file.startsWith(DIST) && existsSync(file);
    if (!found) file = join(DIST, '404.html');
    const type = TYPES[extname(file)];
    const headers: Record<string, string> = { 'content-type': type ?? 'application/octet-stream' };
    if (path.startsWith('/_astro/')) headers['cache-control'] = 'public, max-age=31536000, immutable';
    let body: Buffer = readFileSync(file);
    if (compress && type && /\bbr\b/.test(String(request.headers['accept-encoding'] ?? ''))) {
      const known = compressed.get(file) ?? brotliCompressSync(body);
      compressed.set(file, known);
      body = known;
      headers['content-encoding'] = 'br';
    }
    response.writeHead(found ? 200 : 404, { ...headers, 'content-length': String(body.length) });
    response.end(body);
    onSent(body.length);
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}

/** What the visible terminal shows, wrapped lines joined. */
export function screenText(page: Page): Promise<string> {
  return page.evaluate(() => {
    const shown = [...document.querySelectorAll<HTMLElement>('.ws-screen, .live-screen')].find((e) => e.offsetParent !== null);
    return (shown as (HTMLElement & { text?: () => string }) | undefined)?.text?.() ?? '';
  });
}

export async function waitForText(page: Page, text: string | RegExp, timeout = 20_000): Promise<string> {
  const end = Date.now() + timeout;
  let seen = '';
  while (Date.now() < end) {
    seen = await screenText(page);
    if (typeof text === 'string' ? seen.includes(text) : text.test(seen)) return seen;
    await page.waitForTimeout(50);
  }
  throw new Error(`no ${text} on the screen within ${timeout} ms, but:\n${seen}`);
}

/** Clicks into the visible terminal and types. */
export async function type(page: Page, text: string): Promise<void> {
  await page.locator('.xterm:visible').click();
  await page.keyboard.type(text);
}
