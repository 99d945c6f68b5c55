// Types: every layer with its own tsconfig (so that no DOM or Node type leaks in), then the whole.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const tsc = ['node_modules/typescript7/bin/tsc', '--noEmit', '-p'];
let bad = 0;
for (const layer of ['sim', 'wire', 'net', 'os', 'bin', 'cluster', 'lab', 'cli', 'host']) {
  const config = `src/${layer}/tsconfig.json`;
  if (!existsSync(config)) continue;
  const { status, stdout } = spawnSync(process.execPath, [...tsc, config], { encoding: 'utf8' });
  if (status !== 0 && !/TS18003/.test(stdout)) {
    bad++;
    console.error(`types of ${layer}:\n${stdout}`);
  }
}
if (!existsSync('.astro/types.d.ts'))
  spawnSync(process.execPath, ['node_modules/astro/bin/astro.mjs', 'sync', '--silent'], { stdio: 'inherit' });
const whole = spawnSync(process.execPath, [...tsc, 'tsconfig.json'], { encoding: 'utf8' });
if (whole.status !== 0) {
  bad++;
  console.error(`types:\n${whole.stdout}`);
}
process.exit(bad > 0 ? 1 : 0);
