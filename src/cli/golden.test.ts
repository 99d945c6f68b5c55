import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recordings, scoreRecording } from './linux.ts';
import { score } from './oracle/compare.mjs';

const folder = join(import.meta.dirname, 'golden');
const floors = JSON.parse(readFileSync(join(folder, 'floors.json'), 'utf8')) as Record<string, number>;

describe('recordings of a real kernel', () => {
  test.each(recordings(folder).map((f) => [basename(f, '.json'), f]))('%s: as many steps are identical as ever', (name, file) => {
    const scored = scoreRecording(file);
    expect(scored.crash).toBeNull();
    expect(scored.matched).toBeGreaterThanOrEqual(floors[name] ?? 0);
  });

  test('every recording has a floor', () => {
    expect(Object.keys(floors).sort()).toEqual(
      recordings(folder)
        .map((f) => basename(f, '.json'))
        .sort(),
    );
  });

  test('the comparer notices one changed word', () => {
    const { steps } = JSON.parse(readFileSync(join(folder, 'ip-addr-basics.json'), 'utf8')) as { steps: { stdout?: string }[] };
    const whole = score(steps, steps);
    expect(whole.matched).toBe(whole.total);
    const spoilt = steps.map((s) => ({ ...s, stdout: s.stdout?.replace('scope global', 'scope link') }));
    expect(score(steps, spoilt).matched).toBeLessThan(whole.total);
  });
});
