/** dmesg: the kernel's log. Models util-linux 2.38 */

import type { Command } from '../../os/program.ts';
import { getopt } from '../getopt.ts';
import { strftime } from '../strftime.ts';

export const dmesg: Command = {
  name: 'dmesg',
  *main(p) {
    const o = getopt(p.argv.slice(1), [
      { short: 'C', long: 'clear' },
      { short: 'c', long: 'read-clear' },
      { short: 't', long: 'notime' },
      { short: 'T', long: 'ctime' },
      { short: 'H', long: 'human' },
      { short: 'w', long: 'follow' },
      { short: 'W', long: 'follow-new' },
    ]);
    if (o.error !== null) {
      yield* p.err(`dmesg: ${o.error}\nTry 'dmesg --help' for more information.\n`);
      return 1;
    }
    const has = (name: string): boolean => o.options.some(([k]) => k === name);
    const { log } = p.kernel;
    const line = (e: { time: number; text: string }): string => {
      if (has('notime')) return `${e.text}\n`;
      if (has('ctime')) return `[${strftime('%c', Math.floor(p.sim.epochMs / 1000 + e.time / 1e6))}] ${e.text}\n`;
      return `[${(e.time / 1e6).toFixed(6).padStart(12)}] ${e.text}\n`;
    };
    if (!has('clear')) {
      for (const e of has('follow-new') ? [] : [...log]) yield* p.out(line(e));
    }
    if (has('clear') || has('read-clear')) log.length = 0;
    if (!has('follow') && !has('follow-new')) return 0;
    for (let seen = log.length; ; seen = log.length) {
      yield* p.sleep(100_000);
      for (const e of log.slice(Math.min(seen, log.length))) yield* p.out(line(e));
    }
  },
};
