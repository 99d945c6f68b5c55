/** free: memory of the machine, as /proc/meminfo has it. Models procps 4.0 */

import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { options } from '../text.ts';

const HELP = `
Usage:
 free [options]

Options:
 -b, --bytes         show output in bytes
 -k, --kibi          show output in kibibytes
 -m, --mebi          show output in mebibytes
 -g, --gibi          show output in gibibytes
 -h, --human         show human-readable output
 -t, --total         show total for RAM + swap
 -w, --wide          wide output
`;

function human(kib: number): string {
  let n = kib * 1024;
  let unit = 0;
  while (n >= 1024 && unit < 5) {
    n /= 1024;
    unit++;
  }
  const suffix = ['B', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'][unit] as string;
  return `${n < 10 && unit > 0 ? n.toFixed(1) : Math.floor(n)}${suffix}`;
}

export const free: Command = {
  name: 'free',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('b.bytes k.kibi m.mebi g.gibi h.human t.total w.wide'),
      help: HELP,
    });
    if (typeof o === 'number') return o;
    const on = new Set(o.options.map(([k]) => k));
    const memory = new Map<string, number>();
    for (const line of (p.readText('/proc/meminfo') ?? '').split('\n')) {
      const m = /^(\w+):\s+(\d+)/.exec(line);
      if (m) memory.set(m[1] as string, Number(m[2]));
    }
    const kib = (name: string): number => memory.get(name) ?? 0;
    const shown = (n: number): string => {
      if (on.has('human')) return human(n);
      if (on.has('bytes')) return String(n * 1024);
      return String(Math.floor(n / (on.has('mebi') ? 1024 : on.has('gibi') ? 1024 * 1024 : 1)));
    };
    const line = (head: string, cells: readonly (number | string)[]): string =>
      `${head.padEnd(8)}${cells.map((c) => (typeof c === 'string' ? c : shown(c)).padStart(12)).join('')}\n`;
    const cache = kib('Buffers') + kib('Cached');
    const total = kib('MemTotal');
    const used = total - kib('MemAvailable');
    yield* p.out(
      on.has('wide')
        ? line('', ['total', 'used', 'free', 'shared', 'buffers', 'cache', 'available'])
        : line('', ['total', 'used', 'free', 'shared', 'buff/cache', 'available']),
    );
    const rest = on.has('wide') ? [kib('Buffers'), kib('Cached')] : [cache];
    yield* p.out(line('Mem:', [total, used, kib('MemFree'), kib('Shmem'), ...rest, kib('MemAvailable')]));
    const swap = [kib('SwapTotal'), kib('SwapTotal') - kib('SwapFree'), kib('SwapFree')];
    yield* p.out(line('Swap:', swap));
    if (on.has('total'))
      yield* p.out(line('Total:', [total + (swap[0] as number), used + (swap[1] as number), kib('MemFree') + (swap[2] as number)]));
    return 0;
  },
};
