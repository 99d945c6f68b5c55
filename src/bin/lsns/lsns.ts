/** lsns: namespaces in use. Models util-linux 2.38, network namespaces (`-t net`) */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import type { Netns } from '../../os/uapi.ts';

interface Row {
  ns: Netns;
  pids: Process[];
}

function rows(p: Process, only: Netns | null): Row[] {
  const byNs = new Map<Netns, Row>();
  const all = [...p.machine.processes.values()].filter((x) => !x.dead).sort((a, b) => a.pid - b.pid);
  for (const proc of all) {
    const row = byNs.get(proc.ns) ?? { ns: proc.ns, pids: [] };
    row.pids.push(proc);
    byNs.set(proc.ns, row);
  }
  for (const ns of p.kernel.named.values()) if (!byNs.has(ns)) byNs.set(ns, { ns, pids: [] });
  return [...byNs.values()].filter((r) => only === null || r.ns === only).sort((a, b) => a.ns.inode - b.ns.inode);
}

function cells(p: Process, r: Row, nsid: boolean): string[] {
  const first = r.pids[0];
  const name = p.kernel.nameOf(r.ns);
  const id = p.ns.nsids.get(r.ns);
  const owner = p.machine.init.ns === r.ns || first ? 'root' : '';
  const row = [String(r.ns.inode), 'net', String(r.pids.length), first ? String(first.pid) : '', owner];
  if (nsid) row.push(id === undefined ? 'unassigned' : String(id), name === undefined ? '' : `/run/netns/${name}`);
  row.push(first ? first.argv.join(' ') : '');
  return row;
}

function table(lines: readonly (readonly string[])[], right: readonly boolean[]): string {
  const widths = right.map((_, c) => Math.max(...lines.map((l) => (l[c] ?? '').length)));
  return lines
    .map(
      (l) =>
        `${l.map((cell, c) => (c === l.length - 1 ? cell : right[c] ? cell.padStart(widths[c] as number) : cell.padEnd(widths[c] as number))).join(' ')}\n`,
    )
    .join('');
}

function* main(p: Process): Task<number> {
  const words = p.argv.slice(1);
  let type: string | null = null;
  let headings = true;
  let pid: string | null = null;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    if (word === '-t' || word === '--type') type = words[++i] ?? null;
    else if (word.startsWith('--type=')) type = word.slice(7);
    else if (word === '-n' || word === '--noheadings') headings = false;
    else if (word === '-p' || word === '--task') pid = words[++i] ?? null;
    else if (word === '-V' || word === '--version') {
      yield* p.out('lsns from util-linux 2.38.1\n');
      return 0;
    } else if (word.startsWith('-')) {
      yield* p.err(
        `lsns: ${word.startsWith('--') ? `unrecognized option '${word}'` : `invalid option -- '${word[1]}'`}\nTry 'lsns --help' for more information.\n`,
      );
      return 1;
    }
  }
  if (type !== null && type !== 'net') {
    yield* p.err(
      ['mnt', 'pid', 'uts', 'ipc', 'user', 'cgroup', 'time'].includes(type)
        ? `lsns: namespaces of type ${type} are not emulated\n`
        : `lsns: unknown namespace type: ${type}\n`,
    );
    return 1;
  }
  const target = pid === null ? null : (p.machine.processes.get(Number(pid))?.ns ?? null);
  const wide = type === 'net';
  const head = wide
    ? ['NS', 'TYPE', 'NPROCS', 'PID', 'USER', 'NETNSID', 'NSFS', 'COMMAND']
    : ['NS', 'TYPE', 'NPROCS', 'PID', 'USER', 'COMMAND'];
  const right = wide ? [true, false, true, true, false, true, false, false] : [true, false, true, true, false, false];
  const lines = rows(p, target).map((r) => cells(p, r, wide));
  const text = table([head, ...lines], right);
  yield* p.out(headings ? text : text.slice(text.indexOf('\n') + 1));
  return 0;
}

export const lsns: Command = { name: 'lsns', main };
