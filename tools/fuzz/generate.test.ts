import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { emulate } from '../../src/cli/emulate.ts';
import { parseScenario } from '../../src/cli/scenario.ts';
import { generate, write } from './generate.ts';

/** Without a real kernel beside it the fuzzer still finds crashes, hangs and what is not deterministic. */
describe('random networks in the emulator', () => {
  test.each([11, 12, 13, 14, 15, 16, 17, 18])('seed %i: every step ends, twice the same', (seed) => {
    const scenario = generate(seed);
    const once = emulate(scenario).steps;
    expect(once.filter((s) => s.op === 'run' && s.exitCode === undefined)).toEqual([]);
    expect(emulate(generate(seed)).steps).toEqual(once);
  });

  test('a scenario file reads as it was written', () => {
    const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
    try {
      for (let seed = 1; seed <= 20; seed++) {
        const s = generate(seed);
        const file = join(folder, `${s.name}.scn`);
        writeFileSync(file, write(s));
        const read = parseScenario(file);
        expect(read.steps.map((x) => `${x.op} ${x.ns} ${x.command}`)).toEqual(s.steps.map((x) => `${x.op} ${x.ns} ${x.command}`));
        expect(read.namespaces).toEqual(s.namespaces);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
