// `npm test`: lint, types, unit tests, labs, then the site in a real browser. Ends with a line `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium } from './chromium.mjs';

const node = process.execPath;
let passed = 0;
let failed = 0;

function step(title, args, env = {}) {
  console.log(`\n== ${title}`);
  const { status } = spawnSync(node, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  return status === 0;
}

function count(title, good) {
  if (good) passed++;
  else {
    failed++;
    console.error(`FAILED: ${title}`);
  }
}

function vitest(project) {
  const folder = mkdtempSync(join(tmpdir(), 'hopwise-test-'));
  const report = join(folder, 'report.json');
  const good = step(`${project} tests`, [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(report, 'utf8'));
    passed += numPassedTests;
    failed += Math.max(
      numFailedTests,
      good ? 0 : Math.max(1, numFailedTestSuites > 0 && numFailedTests === 0 ? numFailedTestSuites : numFailedTests),
    );
  } catch {
    count(`${project} tests wrote no report`, false);
  }
  rmSync(folder, { recursive: true, force: true });
}

count('lint', step('lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '--max-diagnostics=50']));
count('types', step('types', ['tools/check.mjs']));
count('lockfile', step('lockfile', ['tools/lockcheck.mjs']));
vitest('node');
const browser = findChromium();
if (browser) {
  const built = step('build the site', ['node_modules/astro/bin/astro.mjs', 'build', '--silent']);
  count('build the site', built);
  if (built) vitest('browser');
} else {
  console.error('\n!! No Chromium or Chrome was found: THE BROWSER TESTS DID NOT RUN. Install one, or set CHROME_PATH.');
  if (process.env.CI) count('browser tests need a Chromium in CI', false);
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
