/** /sys: what devices the reader's namespace has; what it tells of each comes with sysfs.ts. */

import type { NetDevice } from '../net/dev/device.ts';
import { Directory, ProcDir, Symlink } from './inode.ts';
import type { Process } from './process.ts';
import { fixedDir } from './procfs.ts';

let deviceDir: (dev: NetDevice) => Directory = () => new Directory();

/** sysfs.ts comes in by it when it is loaded, which is with the programs: no set-up reads it. */
export function provideSysDevice(make: (dev: NetDevice) => Directory): void {
  deviceDir = make;
}

export function sysRoot(): Directory {
  const net = new ProcDir(
    (p) => names(p),
    (name, p) => (p.ns.device(name)?.name === name ? new Symlink(`../../devices/virtual/net/${name}`) : undefined),
  );
  const devices = new ProcDir(
    (p) => names(p),
    (name, p) => {
      const dev = p.ns.device(name);
      return dev && dev.name === name ? deviceDir(dev) : undefined;
    },
  );
  return fixedDir({
    class: fixedDir({ net }),
    devices: fixedDir({ virtual: fixedDir({ net: devices }) }),
    fs: fixedDir({ cgroup: new Directory() }),
    kernel: new Directory(),
    module: fixedDir({ br_netfilter: new Directory() }),
  });
}

function names(p: Process): string[] {
  return [...p.ns.devices.values()].map((d) => d.name).sort();
}
