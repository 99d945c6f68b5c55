/** Keeps the site for offline use: a while after a page has loaded, or once its reader does something, and never for who saves data. */

/** A reader who stays as long as that (ms) will be back. */
const STAYS_MS = 8_000;
const ACTS_MS = 2_000;
/** After that the rest is kept too: the editor. */
const REST_MS = 60_000;
/** What was downloaded by then is what somebody may be waiting for. */
const EVENTS = ['pointerdown', 'keydown'] as const;

const { connection } = navigator as Navigator & { connection?: { saveData?: boolean } };

function register(): void {
  const base = import.meta.env.BASE_URL.replace(/\/?$/, '/');
  // A browser that refuses storage has no service worker either; the page works without.
  navigator.serviceWorker.register(`${base}sw.js`, { scope: base, updateViaCache: 'none' }).catch(() => undefined);
}

function wait(): void {
  const later = (ms: number) => setTimeout(() => ('requestIdleCallback' in window ? requestIdleCallback(register) : register()), ms);
  const timer = later(STAYS_MS);
  const act = () => {
    clearTimeout(timer);
    for (const event of EVENTS) removeEventListener(event, act);
    later(ACTS_MS);
  };
  for (const event of EVENTS) addEventListener(event, act, { passive: true });
  setTimeout(() => navigator.serviceWorker.controller?.postMessage('rest'), REST_MS);
}

if ('serviceWorker' in navigator && !connection?.saveData) {
  if (document.readyState === 'complete') wait();
  else addEventListener('load', wait, { once: true });
}
