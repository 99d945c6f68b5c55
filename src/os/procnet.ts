/** /proc/net of a namespace. Models net/core/net-procfs.c and friends */

import { ProcFile, type Directory } from './inode.ts';
import type { Process } from './process.ts';
import { fixedDir } from './procfs.ts';

export function procNet(target: Process): Directory {
  return fixedDir({
    dev: new ProcFile(() => {
      const rows = [...target.ns.devices.values()].map((d) => {
        const s = d.stats;
        const n = (v: number, w: number): string => String(v).padStart(w);
        return `${d.name.padStart(6)}: ${n(s.rxBytes, 7)} ${n(s.rxPackets, 7)} ${n(s.rxErrors, 4)} ${n(s.rxDropped, 4)}    0     0          0 ${n(s.multicast, 9)} ${n(s.txBytes, 8)} ${n(s.txPackets, 7)} ${n(s.txErrors, 4)} ${n(s.txDropped, 4)}    0     0       0          0\n`;
      });
      return `Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n${rows.join('')}`;
    }),
  });
}
