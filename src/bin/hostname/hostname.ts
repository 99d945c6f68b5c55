/** hostname: shows or sets the host name; -I lists addresses. */

import type { Command } from '../../os/program.ts';
import { formatIp } from '../../wire/addr.ts';
import { getopt, specs } from '../getopt.ts';

const SPECS = specs('a.alias A.all-fqdns b.boot d.domain f.fqdn i.ip-address I.all-ip-addresses s.short .long y.yp .help V.version');

export const hostname: Command = {
  name: 'hostname',
  path: '/bin/hostname',
  *main(p) {
    const o = getopt(p.argv.slice(1), SPECS);
    if (o.error !== null) {
      yield* p.err(`hostname: ${o.error}\nUsage: hostname [-b] {hostname|-F file}         set host name (from file)\n`);
      return 4;
    }
    const on = new Set(o.options.map(([k]) => k));
    if (on.has('all-ip-addresses')) {
      const out: string[] = [];
      for (const dev of p.ns.devices.values()) {
        if (dev === p.ns.lo || !dev.up) continue;
        for (const a of [...dev.addrs4, ...dev.addrs6]) if (a.scope !== 253) out.push(formatIp(a.local));
      }
      yield* p.out(`${out.map((a) => `${a} `).join('')}\n`);
      return 0;
    }
    if (o.operands[0] !== undefined) {
      if (p.uid !== 0) {
        yield* p.err('hostname: you must be root to change the host name\n');
        return 1;
      }
      p.uts.hostname = o.operands[0];
      return 0;
    }
    if (on.has('ip-address')) {
      const line = (p.readText('/etc/hosts') ?? '').split('\n').find((l) => l.split(/\s+/).slice(1).includes(p.hostname));
      if (line) yield* p.out(`${line.split(/\s+/)[0]}\n`);
      else yield* p.err('hostname: Name or service not known\n');
      return line ? 0 : 1;
    }
    if (on.has('domain')) {
      yield* p.out('\n');
      return 0;
    }
    yield* p.out(`${p.hostname}\n`);
    return 0;
  },
};
