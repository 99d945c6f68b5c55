/** The packet captures on a machine's disk, found without making anything that was not there yet. */

import { Directory, type Inode, RegularFile } from './inode.ts';
import type { Machine } from './machine.ts';

const CAPTURE = /\.(?:pcap|pcapng|cap)\d*$/;

/** Paths and sizes in order of path. */
export function captures(machine: Machine): { path: string; bytes: number }[] {
  const out: { path: string; bytes: number }[] = [];
  const look = (dir: Directory, path: string): void => {
    for (const [name, entry] of dir.made()) {
      const node = machine.mounts.at(entry);
      if (node instanceof Directory) look(node, `${path}${name}/`);
      else if (node instanceof RegularFile && CAPTURE.test(name)) out.push({ path: path + name, bytes: node.size() });
    }
  };
  look(machine.mounts.at(machine.fs.root) as Directory, '/');
  return out.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A copy of a capture's bytes; null when it is gone. */
export function readCapture(machine: Machine, path: string): Uint8Array | null {
  let node: Inode | undefined = machine.mounts.at(machine.fs.root);
  for (const name of path.split('/').filter((part) => part !== '')) {
    if (!(node instanceof Directory)) return null;
    const entry = node.lookup(name, machine.init);
    node = entry && machine.mounts.at(entry);
  }
  if (!(node instanceof RegularFile)) return null;
  const bytes = node.bytes();
  return bytes.ok ? bytes.value.slice() : null;
}
