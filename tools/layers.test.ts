import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { offences } from './layers.ts';

test('every import in src/ goes down the layers, and nothing below host/ reads a clock', () => {
  expect(offences(join(import.meta.dirname, '../src'))).toEqual([]);
});

test('an import that goes up, a foreign package and a clock are each named with their line', () => {
  const src = mkdtempSync(join(tmpdir(), 'layers-'));
  mkdirSync(join(src, 'net'));
  writeFileSync(
    join(src, 'net/bad.ts'),
    "import { a } from '../sim/sim.ts';\nimport {\n  b,\n} from '../lab/x.ts';\nimport y from 'yaml';\nconst t = Date.now();\n// Date.now is fine here\n",
  );
  const found = offences(src);
  rmSync(src, { recursive: true });
  expect(found).toEqual([
    'src/net/bad.ts:4: net may not import lab (../lab/x.ts)',
    'src/net/bad.ts:5: net may not import the package yaml',
    'src/net/bad.ts:6: clock or chance below host/: const t = Date.now();',
  ]);
});
