/**
 * The service worker: all pages, labs and chunks of one build, kept by content, so that everything works without a network after the
 * first visit. The build puts the list of files in and takes the types out (src/site/build/static.ts).
 *
 * A new build is taken up by the next page that is opened. Files of the build before it stay until the one after it comes, because a
 * page of that build may still be open and ask for chunks that the server no longer has.
 */

/** A file's address from the scope on, the hash of its content, and 1 when it is kept once somebody has used it, or has stayed for long. */
type Kept = readonly [path: string, hash: string, optional?: 1];

interface Scope {
  readonly registration: { readonly scope: string };
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
  addEventListener(type: string, listener: (event: Lifetime & Fetching) => void): void;
}
interface Lifetime {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

declare const FILES: readonly Kept[];
declare const VERSION: string;

const sw = self as unknown as Scope;
const BASE = sw.registration.scope;
const CACHE = `hopwise ${new URL(BASE).pathname}`;
/** Where the cache remembers which files belong to which build: the last two. */
const BUILDS = `${BASE}?builds`;
/** Fetched at the same time, while the page may want something itself. */
const LANES = 3;

const keyOf = ([path, hash]: Kept): string => `${BASE}${path}?${hash}`;
const files = new Map(FILES.map((file) => [file[0], file]));

interface Build {
  readonly version: string;
  readonly keys: readonly string[];
}

const buildsIn = async (cache: Cache): Promise<Build[]> => (await cache.match(BUILDS))?.json() ?? [];

async function fetchInto(cache: Cache, file: Kept): Promise<void> {
  const key = keyOf(file);
  if (await cache.match(key)) return;
  const answer = await fetch(BASE + file[0], { cache: 'no-cache', priority: 'low' } as RequestInit);
  if (!answer.ok) throw new Error(`${file[0]}: ${answer.status}`);
  await cache.put(key, answer);
}

/** What was fetched before an interruption is not fetched again. */
async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  const wanted = FILES.filter((file) => !file[2]);
  const lane = async () => {
    for (let file = wanted.shift(); file; file = wanted.shift()) await fetchInto(cache, file);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const builds = [{ version: VERSION, keys: FILES.map(keyOf) }, ...(await buildsIn(cache)).filter((b) => b.version !== VERSION)].slice(
    0,
    2,
  );
  await cache.put(BUILDS, new Response(JSON.stringify(builds)));
  await sw.skipWaiting();
}

async function fetchRest(): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const file of FILES) await fetchInto(cache, file);
}

async function activate(): Promise<void> {
  const cache = await caches.open(CACHE);
  const kept = new Set([BUILDS, ...(await buildsIn(cache)).flatMap((b) => b.keys)]);
  for (const { url } of await cache.keys()) if (!kept.has(url)) await cache.delete(url);
  await sw.clients.claim();
}

/** The file of this build at an address: `/labs/x/` is `labs/x/index.html`. */
function fileAt(url: URL): Kept | undefined {
  const path = decodeURIComponent(url.href.slice(BASE.length).replace(/[?#].*/, ''));
  return files.get(path) ?? files.get(path === '' || path.endsWith('/') ? `${path}index.html` : `${path}/index.html`);
}

async function answer(request: Request, url: URL): Promise<Response> {
  const file = fileAt(url);
  try {
    const cache = await caches.open(CACHE);
    const found = file ? await cache.match(keyOf(file)) : await cache.match(request, { ignoreSearch: true });
    if (found) return found;
    const fetched = await fetch(request);
    if (file?.[2] && fetched.status === 200) await cache.put(keyOf(file), fetched.clone());
    return fetched;
  } catch (error) {
    const lost = request.mode === 'navigate' ? files.get('404.html') : undefined;
    const page = lost && (await caches.match(keyOf(lost)).catch(() => undefined));
    if (page) return page;
    if (file) return fetch(request);
    throw error;
  }
}

sw.addEventListener('install', (event) => event.waitUntil(install()));
sw.addEventListener('activate', (event) => event.waitUntil(activate()));
sw.addEventListener('message', (event) => event.waitUntil(fetchRest().catch(() => undefined)));
sw.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method === 'GET' && url.href.startsWith(BASE)) event.respondWith(answer(event.request, url));
});
