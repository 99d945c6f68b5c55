/** uptime and nproc. Models procps 4.0 and coreutils 9.1 */

import type { Command } from '../../os/program.ts';
import { getopt } from '../getopt.ts';
import { strftime } from '../strftime.ts';

export const uptime: Command = {
  name: 'uptime',
  *main(p) {
    const o = getopt(p.argv.slice(1), [
      { short: 'p', long: 'pretty' },
      { short: 's', long: 'since' },
    ]);
    if (o.error !== null) {
      yield* p.err(`uptime: ${o.error}\n\nUsage:\n uptime [options]\n`);
      return 1;
    }
    const seconds = Math.floor(p.sim.now / 1e6);
    const clock = Math.floor(p.sim.epochMs / 1000) + seconds;
    const minutes = Math.floor(seconds / 60) % 60;
    const hours = Math.floor(seconds / 3600) % 24;
    const days = Math.floor(seconds / 86400);
    const two = (n: number): string => String(n).padStart(2, '0');
    if (o.options.some(([k]) => k === 'pretty')) {
      const unit = (n: number, name: string): string => (n > 0 ? `${n} ${name}${n === 1 ? '' : 's'}` : '');
      const parts = [unit(days, 'day'), unit(hours, 'hour'), unit(minutes, 'minute')].filter((x) => x !== '');
      yield* p.out(`up ${parts.length > 0 ? parts.join(', ') : '0 minutes'}\n`);
      return 0;
    }
    if (o.options.some(([k]) => k === 'since')) {
      yield* p.out(`${strftime('%F %T', Math.floor(p.sim.epochMs / 1000))}\n`);
      return 0;
    }
    const up = `${days > 0 ? `${days} day${days === 1 ? '' : 's'}, ` : ''}${hours > 0 ? `${String(hours).padStart(2)}:${two(minutes)}` : `${minutes} min`}`;
    const time = `${two(Math.floor(clock / 3600) % 24)}:${two(Math.floor(clock / 60) % 60)}:${two(clock % 60)}`;
    const users = [...p.machine.terminals.values()].filter((t) => t.session !== 0).length;
    yield* p.out(` ${time} up ${up},  ${users} user${users === 1 ? '' : 's'},  load average: 0.00, 0.00, 0.00\n`);
    return 0;
  },
};

/** An emulated machine has two processors. */
const PROCESSORS = 2;

export const nproc: Command = {
  name: 'nproc',
  *main(p) {
    const o = getopt(p.argv.slice(1), [{ long: 'all' }, { long: 'ignore', arg: 'required' }]);
    if (o.error !== null) {
      yield* p.err(`nproc: ${o.error}\nTry 'nproc --help' for more information.\n`);
      return 1;
    }
    const ignore = Number(new Map(o.options).get('ignore') ?? 0);
    yield* p.out(`${Math.max(1, PROCESSORS - ignore)}\n`);
    return 0;
  },
};
