import { join } from 'node:path';
import { chromium } from 'playwright';
import { build, type Rolldown } from 'vite';
import { expect, test } from 'vitest';
import { CHROMIUM_FLAGS, findChromium } from '../../../tools/chromium.mjs';
import { loadLab } from '../../cli/labs.ts';
import { grade } from '../../lab/grade.ts';
import { scriptLog } from '../../lab/log.ts';
import { instantiate } from '../../lab/parameters.ts';
import { loadWorld } from '../../lab/world.ts';

test.each([
  ['wire-a-pod-by-hand', 10],
  ['endpoints-none', 3],
] as const)('%s: %i runs in Chromium give the very report that Node gives', { timeout: 90_000 }, async (id, times) => {
  const lab = loadLab(id);
  await loadWorld(lab.world);
  const log = scriptLog(instantiate(lab, 11), lab.solution);
  const built = (await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: false,
      target: 'es2023',
      lib: { entry: join(import.meta.dirname, 'determinism.entry.ts'), formats: ['es'] },
    },
  })) as Rolldown.RolldownOutput[];
  const chunk = built[0]?.output[0];
  const browser = await chromium.launch({ executablePath: findChromium() ?? undefined, args: CHROMIUM_FLAGS });
  try {
    const page = await browser.newPage();
    await page.addScriptTag({ type: 'module', content: chunk?.code ?? '' });
    await page.waitForFunction(() => 'gradeReports' in globalThis);
    const reports = await page.evaluate(([l, g, n]) => globalThis.gradeReports(l, g, n), [lab, log, times] as const);
    const own = JSON.stringify(grade(lab, log, { hash: true }));
    expect(reports).toEqual(Array.from({ length: times }, () => own));
  } finally {
    await browser.close();
  }
});
