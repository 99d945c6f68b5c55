/**
 * `npm run bench:map [-- --nodes N] [--pods N] [--packets N] [--seconds N]`: frames a second of the packet map in Chromium while packets flow.
 * Without a graphics card the browser paints by processor, so the number is the least that a reader sees.
 */

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright';
import { build, type Rolldown } from 'vite';
import { CHROMIUM_FLAGS, findChromium } from '../tools/chromium.mjs';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '30' },
    pods: { type: 'string', default: '200' },
    packets: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '10' },
  },
});

const built = (await build({
  configFile: false,
  logLevel: 'silent',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    write: false,
    minify: false,
    target: 'es2023',
    rolldownOptions: { output: { codeSplitting: false } },
    lib: { entry: join(import.meta.dirname, 'map.entry.tsx'), formats: ['es'] },
  },
})) as Rolldown.RolldownOutput[];

const browser = await chromium.launch({ executablePath: findChromium() ?? undefined, args: CHROMIUM_FLAGS });
const page = await browser.newPage({ viewport: { width: 785, height: 430 } });
page.on('pageerror', (error) => console.error(error));
await page.addScriptTag({ type: 'module', content: built[0]?.output[0].code ?? '' });
await page.waitForFunction(() => 'mapBench' in globalThis);
const numbers = [values.nodes, values.pods, values.packets, values.seconds].map(Number) as [number, number, number, number];
const frames = await page.evaluate((args) => globalThis.mapBench.run(...args), numbers);
const [nodes, pods, packets, seconds] = numbers;
console.log(
  `map of ${nodes} nodes and ${pods} pods, ${packets} packets a second for ${seconds} s: ${frames.perSecond.toFixed(1)} frames a second; ` +
    `a frame takes ${frames.middle.toFixed(1)} ms, 95 of 100 at most ${frames.p95.toFixed(1)} ms, the longest ${frames.longest.toFixed(0)} ms`,
);
await browser.close();
