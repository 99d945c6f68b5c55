/** `npm run bench:lighthouse [-- --rounds N] [PATH …]`: Lighthouse over the built site, desktop and mobile, medians of the rounds. */

import { parseArgs } from 'node:util';
import lighthouse, { desktopConfig } from 'lighthouse';
import { chromium } from 'playwright';
import { openSite } from '../src/site/e2e/site.ts';
import { CHROMIUM_FLAGS, findChromium } from '../tools/chromium.mjs';

const PAGES = ['/', '/02-pod-to-pod/same-node/', '/labs/wire-a-pod-by-hand/'];
const CATEGORIES = ['performance', 'accessibility', 'best-practices', 'seo'] as const;
const PORT = 9333;

const { values, positionals } = parseArgs({ options: { rounds: { type: 'string', default: '5' } }, allowPositionals: true });
const rounds = Number(values.rounds);

const site = await openSite({ compressed: true });
const executablePath = findChromium();
const browser = await chromium.launch({
  ...(executablePath ? { executablePath } : {}),
  args: [...CHROMIUM_FLAGS, `--remote-debugging-port=${PORT}`],
});
for (const path of positionals.length > 0 ? positionals : PAGES)
  for (const form of ['desktop', 'mobile'] as const) {
    const scores = CATEGORIES.map((): number[] => []);
    const failed = new Set<string>();
    for (let round = 0; round < rounds; round++) {
      const options = { port: PORT, output: 'json' as const, logLevel: 'error' as const, onlyCategories: [...CATEGORIES] };
      const result = await lighthouse(site.url + path, options, form === 'desktop' ? desktopConfig : undefined);
      const lhr = result?.lhr;
      CATEGORIES.forEach((name, i) => {
        const category = lhr?.categories[name];
        scores[i]?.push(Math.round((category?.score ?? 0) * 100));
        if (name === 'performance') return;
        for (const { id, weight } of category?.auditRefs ?? []) if (weight > 0 && lhr?.audits[id]?.score === 0) failed.add(id);
      });
    }
    const medians = scores.map((list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]);
    const spread = scores[0]?.join(' ') ?? '';
    console.log(
      `${form.padEnd(8)} ${path.padEnd(32)} ${medians.join('/')}  (performance ${spread})${failed.size > 0 ? `  failed: ${[...failed].join(', ')}` : ''}`,
    );
  }
await browser.close();
await site.close();
