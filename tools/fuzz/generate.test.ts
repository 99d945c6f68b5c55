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

  test('a tunnel whose own packets lead into it is a dead loop, not the end of the world', () => {
    const lines = [
      'ip link set lo up',
      'ip link add eth0 type veth peer name eth1 && ip link set eth0 up && ip link set eth1 up',
      'ip addr add 10.0.0.1/24 dev eth0',
      'ip link add vx0 type vxlan id 7 dev eth0 dstport 4789 local 10.0.0.1 remote 10.0.0.2',
      'ip addr add 10.9.0.1/24 dev vx0 && ip link set vx0 up',
      'ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:99 dev vx0 nud permanent',
      'iptables -t nat -A OUTPUT -j DNAT --to-destination 10.9.0.2',
      'ping -c 1 -W 1 10.9.0.2',
      'dmesg | grep -c "Dead loop on virtual device vx0, fix it urgently!"',
    ];
    const steps = lines.map((command) => ({ op: 'run' as const, ns: 'n', command, flags: [] }));
    const out = emulate({ ...generate(1), namespaces: ['n'], steps }).steps;
    expect(out.map((s) => s.exitCode)).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 0]);
  });
});
