/** Columns of ps: header, width, value. Models procps 4.0 output.c; memory is not modelled and shows as 0. */

import type { Process } from '../../os/process.ts';
import { strftime } from '../strftime.ts';

export interface Field {
  readonly head: string;
  readonly width: number;
  /** Left aligned columns are padded on the right, but not at the end of a line. */
  readonly left?: boolean;
  /** Never cut: takes the rest of the line. */
  readonly rest?: boolean;
  value(q: Process, viewer: Process): string;
}

const two = (n: number): string => String(n).padStart(2, '0');

/** `[DD-]HH:MM:SS` of µs. */
function dayTime(us: number, short: boolean): string {
  const s = Math.floor(us / 1e6);
  const days = Math.floor(s / 86400);
  const hours = Math.floor(s / 3600) % 24;
  const rest = `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  if (short && days === 0 && hours === 0) return rest;
  return `${days > 0 ? `${days}-` : ''}${two(hours)}:${rest}`;
}

const wall = (q: Process): number => q.sim.epochMs * 1000 + q.startTime;
const lived = (q: Process): number => q.sim.now - q.startTime;
const share = (q: Process): number => (lived(q) > 0 ? Math.min(99.9, (100 * q.cpuTime) / lived(q)) : 0);
export const ttyName = (q: Process): string => q.tty?.path.replace('/dev/', '') ?? '?';

function userName(q: Process, viewer: Process): string {
  const name = q.machine.users(viewer).find((u) => u.uid === q.uid)?.name ?? String(q.uid);
  return name.length > 8 ? `${name.slice(0, 7)}+` : name;
}

export function letter(q: Process, viewer: Process): string {
  if (q === viewer || q.state === 'ready') return 'R';
  return q.state === 'stopped' ? 'T' : q.state === 'dead' ? 'Z' : 'S';
}

function stat(q: Process, viewer: Process): string {
  const foreground = q.tty !== null && q.tty.foreground === q.pgid;
  return `${letter(q, viewer)}${q.sid === q.pid ? 's' : ''}${foreground ? '+' : ''}`;
}

const comm = (q: Process): string => `${q.name.slice(0, 15)}${q.state === 'dead' ? ' <defunct>' : ''}`;
const args = (q: Process): string => (q.state === 'dead' ? `[${q.name}] <defunct>` : q.argv.join(' '));

function start(q: Process): string {
  const us = wall(q);
  return lived(q) < 86_400e6 ? strftime('%H:%M', us / 1e6) : strftime('%b%d', us / 1e6);
}

const num = (head: string, width: number, of: (q: Process, viewer: Process) => number | string): Field => ({
  head,
  width,
  value: (q, v) => String(of(q, v)),
});
const text = (head: string, width: number, value: Field['value'], rest = false): Field => ({ head, width, left: true, rest, value });

const PID_WIDTH = 7;
const PID = num('PID', PID_WIDTH, (q, v) => v.pidOf(q));
const PPID = num('PPID', PID_WIDTH, (q, v) => v.numberOf(q, 'parent'));
const PGID = num('PGID', PID_WIDTH, (q, v) => v.numberOf(q, 'group'));
const SID = num('SID', PID_WIDTH, (q, v) => v.numberOf(q, 'session'));
const USER = text('USER', 8, userName);
const GROUP = text('GROUP', 8, (q, v) => (q.gid === 0 ? 'root' : userName(q, v)));
const UID = num('UID', 5, (q) => q.uid);
const COMM = text('COMMAND', 15, comm, true);
const ARGS = text('COMMAND', 27, args, true);
const TTY = text('TT', 8, ttyName);
const STATE: Field = { head: 'S', width: 1, left: true, value: letter };
const CPU = num('%CPU', 4, (q) => share(q).toFixed(1));
const MEM = num('%MEM', 4, () => '0.0');
const VSZ = num('VSZ', 6, () => 0);
const RSS = num('RSS', 5, () => 0);
const NI = num('NI', 3, () => 0);

/** By the names that -o takes. */
export const FIELDS: Readonly<Record<string, Field>> = {
  pid: PID,
  tgid: { ...PID, head: 'TGID' },
  ppid: PPID,
  pgid: PGID,
  pgrp: { ...PGID, head: 'PGRP' },
  sid: SID,
  sess: { ...SID, head: 'SESS' },
  session: { ...SID, head: 'SESS' },
  user: USER,
  euser: { ...USER, head: 'EUSER' },
  ruser: { ...USER, head: 'RUSER' },
  uname: USER,
  group: GROUP,
  egroup: { ...GROUP, head: 'EGROUP' },
  uid: UID,
  euid: { ...UID, head: 'EUID' },
  ruid: { ...UID, head: 'RUID' },
  gid: num('GID', 5, (q) => q.gid),
  comm: COMM,
  ucmd: { ...COMM, head: 'CMD' },
  ucomm: COMM,
  fname: text('COMMAND', 8, (q) => q.name.slice(0, 8)),
  args: ARGS,
  cmd: { ...ARGS, head: 'CMD' },
  command: ARGS,
  exe: text('EXE', 27, (q) => q.exe, true),
  tty: TTY,
  tt: TTY,
  tname: { ...TTY, head: 'TTY' },
  stat: text('STAT', 4, stat),
  s: STATE,
  state: STATE,
  pcpu: CPU,
  '%cpu': CPU,
  c: num('C', 2, (q) => Math.floor(share(q))),
  pmem: MEM,
  '%mem': MEM,
  vsz: VSZ,
  vsize: VSZ,
  sz: num('SZ', 5, () => 0),
  size: num('SIZE', 5, () => 0),
  rss: RSS,
  rssize: RSS,
  stime: num('STIME', 5, start),
  bsdstart: num('START', 6, start),
  start: num('STARTED', 8, (q) => strftime('%H:%M:%S', wall(q) / 1e6)),
  start_time: num('START', 5, start),
  lstart: num('STARTED', 24, (q) => strftime('%a %b %e %H:%M:%S %Y', wall(q) / 1e6)),
  time: num('TIME', 8, (q) => dayTime(q.cpuTime, false)),
  cputime: num('TIME', 8, (q) => dayTime(q.cpuTime, false)),
  bsdtime: num('TIME', 6, (q) => `${Math.floor(q.cpuTime / 60e6)}:${two(Math.floor(q.cpuTime / 1e6) % 60)}`),
  times: num('TIME', 8, (q) => Math.floor(q.cpuTime / 1e6)),
  etime: num('ELAPSED', 11, (q) => dayTime(lived(q), true)),
  etimes: num('ELAPSED', 7, (q) => Math.floor(lived(q) / 1e6)),
  ni: NI,
  nice: NI,
  pri: num('PRI', 3, () => 19),
  opri: num('PRI', 3, () => 80),
  rtprio: { ...num('RTPRIO', 6, () => '-') },
  cls: num('CLS', 3, () => 'TS'),
  psr: num('PSR', 3, () => 0),
  nlwp: num('NLWP', 4, () => 1),
  thcount: num('THCNT', 5, () => 1),
  lwp: { ...PID, head: 'LWP' },
  wchan: text('WCHAN', 6, () => '-'),
  f: num('F', 1, (q) => (q.uid === 0 ? 4 : 0)),
  addr: text('ADDR', 4, () => '-'),
  tpgid: num('TPGID', PID_WIDTH, (q) => q.tty?.foreground ?? -1),
  netns: num('NETNS', 10, (q) => q.ns.inode),
};

const columns = (names: string): Field[] => names.split(' ').map((n) => FIELDS[n] as Field);
const as = (name: string, head: string): Field => ({ ...(FIELDS[name] as Field), head });

/** The fixed formats. */
export const FORMATS = {
  plain: [PID, as('tname', 'TTY'), FIELDS.time as Field, { ...COMM, head: 'CMD' }],
  bsd: [PID, as('tname', 'TTY'), FIELDS.stat as Field, FIELDS.bsdtime as Field, ARGS],
  full: [{ ...USER, head: 'UID' }, PID, PPID, ...columns('c stime'), as('tname', 'TTY'), FIELDS.time as Field, { ...ARGS, head: 'CMD' }],
  extra: [
    { ...USER, head: 'UID' },
    PID,
    PPID,
    ...columns('c sz rss psr stime'),
    as('tname', 'TTY'),
    FIELDS.time as Field,
    { ...ARGS, head: 'CMD' },
  ],
  user: [USER, ...columns('pid %cpu %mem vsz rss'), as('tname', 'TTY'), ...columns('stat start_time bsdtime'), ARGS],
  long: [
    FIELDS.f as Field,
    STATE,
    UID,
    PID,
    PPID,
    ...columns('c opri ni addr'),
    num('SZ', 2, () => 0),
    FIELDS.wchan as Field,
    as('tname', 'TTY'),
    FIELDS.time as Field,
    { ...COMM, head: 'CMD' },
  ],
  jobs: [PID, PGID, SID, as('tname', 'TTY'), FIELDS.time as Field, { ...COMM, head: 'CMD' }],
  bsdJobs: [PPID, PID, PGID, SID, as('tname', 'TTY'), FIELDS.tpgid as Field, FIELDS.stat as Field, UID, FIELDS.bsdtime as Field, ARGS],
} as const satisfies Record<string, readonly Field[]>;

/** Lines of a table; the last column is cut to the width when there is one. */
export function table(
  fields: readonly Field[],
  list: readonly Process[],
  viewer: Process,
  o: { heads: boolean; width: number; prefix?: ReadonlyMap<Process, string> },
): string {
  const line = (cell: (f: Field) => string): string => {
    let out = '';
    fields.forEach((f, i) => {
      const value = cell(f);
      const last = i === fields.length - 1;
      const fitted = f.left && !f.rest && value.length > f.width ? value.slice(0, f.width) : value;
      const cut = f.rest && !last ? value.slice(0, f.width) : fitted;
      out += (i > 0 ? ' ' : '') + (f.left ? (last ? cut : cut.padEnd(f.width)) : cut.padStart(f.width));
    });
    return `${o.width > 0 ? out.slice(0, o.width) : out}\n`;
  };
  let out = o.heads ? line((f) => f.head) : '';
  for (const q of list) out += line((f) => (f.rest ? (o.prefix?.get(q) ?? '') : '') + f.value(q, viewer));
  return out;
}
