/** uname: kernel and machine names. */

import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { options } from '../text.ts';

export const uname: Command = {
  name: 'uname',
  path: '/bin/uname',
  *main(p) {
    const o = yield* options(p, {
      specs: specs(
        'a.all s.kernel-name n.nodename r.kernel-release v.kernel-version m.machine p.processor i.hardware-platform o.operating-system',
      ),
      help: 'Usage: uname [OPTION]...\nPrint certain system information.  With no OPTION, same as -s.\n',
    });
    if (typeof o === 'number') return o;
    const parts: Record<string, string> = {
      'kernel-name': 'Linux',
      nodename: p.hostname,
      'kernel-release': '6.18.44',
      'kernel-version': '#1 SMP PREEMPT_DYNAMIC',
      machine: 'x86_64',
      processor: 'unknown',
      'hardware-platform': 'unknown',
      'operating-system': 'GNU/Linux',
    };
    const on = new Set(o.options.map(([k]) => k));
    const all = on.has('all');
    const shown = Object.entries(parts).filter(([k, v]) => (all ? v !== 'unknown' : on.has(k)));
    yield* p.out(`${shown.length > 0 ? shown.map(([, v]) => v).join(' ') : 'Linux'}\n`);
    return 0;
  },
};
