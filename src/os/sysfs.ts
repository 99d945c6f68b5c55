/** /sys/class/net of the reader's namespace. Models net/core/net-sysfs.c */

import { type Directory, ProcDir } from './inode.ts';
import { fixedDir } from './procfs.ts';

export function sysRoot(): Directory {
  return fixedDir({ class: fixedDir({ net: new ProcDir((p) => [...p.ns.devices.values()].map((d) => d.name), () => undefined) }) });
}
