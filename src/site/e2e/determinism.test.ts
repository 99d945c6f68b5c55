/** The same submission gives the same bytes in Node and in Chromium: every lab's solution, whole reports with the hash of every event. */

import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright';
import { build, type Rolldown } from 'vite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHROMIUM_FLAGS, findChromium } from '../../../tools/chromium.mjs';
import { labIds, loadLab } from '../../cli/labs.ts';
import { grade } from '../../lab/grade.ts';
import { scriptLog } from '../../lab/log.ts';
import { instantiate } from '../../lab/parameters.ts';
import { loadWorld } from '../../lab/world.ts';

/** Any but the first, whose values the pages show. */
const SEED = 11;
/** The second one runs in a warm engine, and must not differ either. */
const TIMES = 2;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  const built = (await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: false,
      target: 'es2023',
      rolldownOptions: { output: { codeSplitting: false } },
      lib: { entry: join(import.meta.dirname, 'determinism.entry.ts'), formats: ['es'] },
    },
  })) as Rolldown.RolldownOutput[];
  browser = await chromium.launch({ executablePath: findChromium() ?? undefined, args: CHROMIUM_FLAGS });
  page = await browser.newPage();
  await page.addScriptTag({ type: 'module', content: built[0]?.output[0].code ?? '' });
  await page.waitForFunction(() => 'gradeReports' in globalThis);
});

afterAll(async () => {
  await browser?.close();
});

test.each(labIds())('%s: Chromium gives the very report that Node gives', async (id) => {
  const lab = loadLab(id);
  await loadWorld(lab);
  const mine = instantiate(lab, SEED);
  const log = scriptLog(mine, mine.solution);
  const reports = await page.evaluate(([l, g, n]) => globalThis.gradeReports(l, g, n), [lab, log, TIMES] as const);
  expect(reports).toEqual(Array.from({ length: TIMES }, () => JSON.stringify(grade(lab, log, { hash: true }))));
});
