/** top: a snapshot of the machine's processes in batch mode. Models procps 4.0; the full-screen mode is not emulated */

import type { Process } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { letter } from '../ps/fields.ts';
import { strftime } from '../strftime.ts';
import { options } from '../text.ts';

const SPECS = specs(
  'b.batch-mode n:iterations d:delay p:pid u:user U:filter-any-user c.cmdline-toggle o: H. i. w?width 1.single-cpu-toggle',
);
const HELP = '\nUsage:\n  top -hv | -bcE:eHiOSs1 -d secs -n max -u|U user -p pid(s) -o field -w [cols]\n';

function table(p: Process, list: readonly Process[], whole: boolean, busy: (q: Process) => number): string {
  let out = '\n    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n';
  for (const q of list) {
    const name = p.machine.users(p).find((u) => u.uid === q.uid)?.name ?? String(q.uid);
    const us = q.cpuTime;
    const time = `${Math.floor(us / 60e6)}:${(Math.floor(us / 1e4) / 100 - Math.floor(us / 60e6) * 60).toFixed(2).padStart(5, '0')}`;
    const command = whole ? q.argv.join(' ') : q.name.length > 15 ? `${q.name.slice(0, 9)}+` : q.name;
    out += `${String(p.pidOf(q)).padStart(7)} ${name.slice(0, 8).padEnd(8)}  20   0       0      0      0 ${letter(q, p)} ${busy(q).toFixed(1).padStart(5)}   0.0 ${time.padStart(9)} ${command}\n`;
  }
  return out;
}

export const top: Command = {
  name: 'top',
  *main(p) {
    const o = yield* options(p, { specs: SPECS, help: HELP });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const missing = ['o', 'H', 'i'].find((k) => on.has(k));
    if (missing) {
      yield* p.err(`top: option -${missing} is not emulated\n`);
      return 1;
    }
    if (!on.has('batch-mode') && p.isatty(1)) {
      yield* p.err("top: the full-screen mode is not emulated; 'top -b -n 1' prints a snapshot, 'watch top -b -n 1' renews it\n");
      return 1;
    }
    if (!on.has('batch-mode')) {
      yield* p.err('top: failed tty get\n');
      return 1;
    }
    const count = Number(on.get('iterations') ?? Number.POSITIVE_INFINITY);
    const delay = Number(on.get('delay') ?? 3) * 1e6;
    if (!(count >= 1) || !(delay >= 0)) {
      yield* p.err(`top: bad iterations argument '${on.get('iterations')}'\n`);
      return 1;
    }
    const pids = on.get('pid')?.split(',').map(Number);
    const user = on.get('user') ?? on.get('filter-any-user');
    const before = new Map<Process, number>();
    let since = 0;
    for (let i = 0; i < count; i++) {
      if (i > 0 && (yield* p.sleep(Math.max(delay, 1000))) === 'signal') return 0;
      const now = p.sim.now;
      const all = p.visible();
      const busy = (q: Process): number => {
        const from = Math.max(since, q.startTime);
        return now > from ? Math.min(100, (100 * (q.cpuTime - (before.get(q) ?? 0))) / (now - from)) : 0;
      };
      const list = all
        .filter(
          (q) =>
            (!pids || pids.includes(p.pidOf(q))) && (user === undefined || p.machine.users(p).find((u) => u.uid === q.uid)?.name === user),
        )
        .sort((a, b) => busy(b) - busy(a) || a.pid - b.pid);
      const total = Math.min(100, all.reduce((n, q) => n + busy(q), 0) / 2);
      const count4 = (s: string): number => all.filter((q) => letter(q, p) === s).length;
      const minutes = Math.floor(now / 60e6);
      const clock = strftime('%H:%M:%S', Math.floor(p.sim.epochMs / 1000 + now / 1e6));
      const users = [...p.machine.terminals.values()].filter((t) => t.session !== 0).length;
      const up =
        minutes >= 60 ? `${String(Math.floor(minutes / 60)).padStart(2)}:${String(minutes % 60).padStart(2, '0')}` : `${minutes} min`;
      const meminfo = p.readText('/proc/meminfo') ?? '';
      const mib = (name: string): string =>
        (Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(meminfo)?.[1] ?? 0) / 1024).toFixed(1).padStart(8);
      const used = Number(mib('MemTotal')) - Number(mib('MemAvailable'));
      yield* p.out(
        `${i > 0 ? '\n' : ''}top - ${clock} up ${up},  ${users} user${users === 1 ? '' : 's'},  load average: 0.00, 0.00, 0.00\n` +
          `Tasks: ${String(all.length).padStart(3)} total, ${String(count4('R')).padStart(3)} running, ${String(count4('S')).padStart(3)} sleeping, ${String(count4('T')).padStart(3)} stopped, ${String(count4('Z')).padStart(3)} zombie\n` +
          `%Cpu(s): ${total.toFixed(1).padStart(4)} us,  0.0 sy,  0.0 ni,${(100 - total).toFixed(1).padStart(5)} id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st \n` +
          `MiB Mem : ${mib('MemTotal')} total, ${mib('MemFree')} free, ${used.toFixed(1).padStart(8)} used, ${'0.0'.padStart(8)} buff/cache     \n` +
          `MiB Swap:      0.0 total,      0.0 free,      0.0 used. ${mib('MemAvailable')} avail Mem \n` +
          table(p, list, on.has('cmdline-toggle'), busy),
      );
      since = now;
      before.clear();
      for (const q of all) before.set(q, q.cpuTime);
    }
    return 0;
  },
};
