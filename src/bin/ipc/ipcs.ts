/** ipcs: lists System V IPC objects. Models util-linux 2.38 sys-utils/ipcs.c */

import { IPC_LIMITS, type IpcKind, type IpcObject, ipcStat, pagesOf } from '../../os/ipc.ts';
import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { getopt, specs } from '../getopt.ts';
import { strftime } from '../strftime.ts';
import { int32 } from './number.ts';
import { IPCS_USAGE } from './usage.ts';

const OPTIONS = specs(
  'm.shmems q.queues s.semaphores a.all t.time p.pid c.creator l.limits u.summary .human b.bytes i:id h.help V.version',
);
const HINT = "Try 'ipcs --help' for more information.\n";
const KINDS: Readonly<Record<string, IpcKind>> = { queues: 'msg', shmems: 'shm', semaphores: 'sem' };
const FORMATS: readonly string[] = ['time', 'pid', 'creator', 'limits', 'summary'];

type Unit = 'default' | 'bytes' | 'human';
type Block = readonly [title: string, ...lines: string[]];

const left = (v: string | number | bigint, width: number): string => String(v).padEnd(width);
const right = (v: string | number | bigint, width: number): string => String(v).padStart(width);
const octal = (o: IpcObject): string => o.mode.toString(8);
const hex = (o: IpcObject): string => `0x${o.key.toString(16).padStart(8, '0')}`;

/** size_to_human_string() with one decimal. */
function human(size: bigint): string {
  let power = 0;
  while (power < 6 && size >= 1n << BigInt(10 * (power + 1))) power++;
  const unit = 1n << BigInt(10 * power);
  const whole = size / unit;
  const tenths = power === 0 ? 0n : ((size % unit) * 10n + unit / 2n) / unit;
  const text = tenths >= 10n ? `${whole + 1n}` : tenths > 0n ? `${whole}.${tenths}` : `${whole}`;
  return text + 'BKMGTPE'[power];
}

const userOf = (p: Process, uid: number): string => p.machine.users().find((u) => u.uid === uid)?.name ?? String(uid);
const groupOf = (p: Process, gid: number): string => p.machine.groups().find((g) => g.gid === gid)?.name ?? String(gid);
const cell = (text: string): string => `${left(text.slice(0, 10), 10)} `;
const shortTime = (t: number): string => left(t === 0 ? 'Not set' : strftime('%b %e %H:%M:%S', t), 20);
const longTime = (t: number): string => left(t === 0 ? 'Not set' : strftime('%a %b %e %H:%M:%S %Y', t), 26);

function limits(kind: IpcKind, unit: Unit): Block {
  const l = IPC_LIMITS;
  const size = (label: string, v: bigint, named: string): string =>
    unit === 'human' ? `${label} = ${human(v)}` : `${label} (${named}) = ${v}`;
  if (kind === 'msg')
    return [
      'Messages Limits',
      `max queues system wide = ${l.msgmni}`,
      size('max size of message', BigInt(l.msgmax), 'bytes'),
      size('default max size of queue', BigInt(l.msgmnb), 'bytes'),
    ];
  if (kind === 'sem')
    return [
      'Semaphore Limits',
      `max number of arrays = ${l.semmni}`,
      `max semaphores per array = ${l.semmsl}`,
      `max semaphores system wide = ${l.semmns}`,
      `max ops per semop call = ${l.semopm}`,
      `semaphore max value = ${l.semvmx}`,
    ];
  // More pages than a 64-bit size can count: the largest multiple of a page is shown, in whatever unit.
  const total = (1n << 64n) - 4096n;
  return [
    'Shared Memory Limits',
    `max number of segments = ${l.shmmni}`,
    unit === 'default' ? size('max seg size', l.shmmax / 1024n, 'kbytes') : size('max seg size', l.shmmax, 'bytes'),
    unit === 'default' ? size('max total shared memory', (1n << 64n) - 4n, 'kbytes') : size('max total shared memory', total, 'bytes'),
    size('min seg size', 1n, 'bytes'),
  ];
}

function summary(kind: IpcKind, objects: readonly IpcObject[], unit: Unit): Block {
  if (kind === 'msg')
    return [
      'Messages Status',
      `allocated queues = ${objects.length}`,
      'used headers = 0',
      `used space = ${unit === 'human' ? '0B' : '0 bytes'}`,
    ];
  if (kind === 'sem')
    return [
      'Semaphore Status',
      `used arrays = ${objects.length}`,
      `allocated semaphores = ${objects.reduce((n, o) => n + o.values.length, 0)}`,
    ];
  return [
    'Shared Memory Status',
    `segments allocated ${objects.length}`,
    `pages allocated ${pagesOf(objects)}`,
    'pages resident  0',
    'pages swapped   0',
    'Swap performance: 0 attempts\t 0 successes',
  ];
}

const ID: Record<IpcKind, string> = { msg: 'msqid', sem: 'semid', shm: 'shmid' };

function listing(p: Process, kind: IpcKind, objects: readonly IpcObject[], unit: Unit): Block {
  const big = unit === 'human' ? 'size' : kind === 'msg' ? 'used-bytes' : 'bytes';
  const row = (o: IpcObject): string => `${hex(o)} ${left(o.id, 10)} ${cell(userOf(p, o.uid))}${left(octal(o), 10)} `;
  const head = `${left('key', 10)} ${left(ID[kind], 10)} ${left('owner', 10)} ${left('perms', 10)} `;
  if (kind === 'sem') return ['Semaphore Arrays', `${head}${left('nsems', 10)}`, ...objects.map((o) => row(o) + left(o.values.length, 10))];
  const sized = (v: bigint, width: number): string => (unit === 'human' ? `${left(right(human(v), 6), width)} ` : `${left(v, width)} `);
  if (kind === 'msg')
    return [
      'Message Queues',
      `${head}${left(big, 12)} ${left('messages', 12)}`,
      ...objects.map((o) => row(o) + sized(0n, 12) + left(0, 12)),
    ];
  return [
    'Shared Memory Segments',
    `${head}${left(big, 10)} ${left('nattch', 10)} ${left('status', 12)}`,
    ...objects.map((o) => `${row(o)}${sized(o.size, 10)}${left(0, 10)} ${' '.repeat(13)}`),
  ];
}

const CREATORS: Record<IpcKind, string> = {
  msg: 'Message Queues Creators/Owners',
  sem: 'Semaphore Arrays Creators/Owners',
  shm: 'Shared Memory Segment Creators/Owners',
};

function creators(p: Process, kind: IpcKind, objects: readonly IpcObject[]): Block {
  const owners = (o: IpcObject): string => {
    const [user, group] = [cell(userOf(p, o.uid)), cell(groupOf(p, o.gid))];
    return (user + group + user + group).slice(0, -1);
  };
  return [
    CREATORS[kind],
    [ID[kind], 'perms', 'cuid', 'cgid', 'uid', 'gid'].map((h) => left(h, 10)).join(' '),
    ...objects.map((o) => `${left(o.id, 10)} ${left(octal(o), 10)} ${owners(o)}`),
  ];
}

function times(p: Process, kind: IpcKind, objects: readonly IpcObject[]): Block {
  if (kind === 'shm')
    return [
      'Shared Memory Attach/Detach/Change Times',
      `${left('shmid', 10)} ${left('owner', 10)} ${left('attached', 20)} ${left('detached', 20)} ${left('changed', 20)}`,
      ...objects.map((o) => `${left(o.id, 10)} ${cell(userOf(p, o.uid))}${shortTime(0)} ${shortTime(0)} ${shortTime(o.ctime)}`),
    ];
  if (kind === 'msg')
    return [
      'Message Queues Send/Recv/Change Times',
      `${left('msqid', 8)} ${left('owner', 10)} ${left('send', 20)} ${left('recv', 20)} ${left('change', 20)}`,
      ...objects.map((o) => `${left(o.id, 8)} ${cell(userOf(p, o.uid))}${shortTime(0)} ${shortTime(0)} ${shortTime(o.ctime)}`),
    ];
  return [
    'Semaphore Operation/Change Times',
    `${left('semid', 8)} ${left('owner', 10)} ${left('last-op', 26)} ${left('last-changed', 26)}`,
    ...objects.map((o) => `${left(o.id, 8)} ${cell(userOf(p, o.uid))} ${longTime(0)} ${longTime(o.ctime)}`),
  ];
}

function pids(p: Process, kind: IpcKind, objects: readonly IpcObject[]): Block | null {
  if (kind === 'sem') return null;
  const head = (a: string, b: string): string => [ID[kind], 'owner', a, b].map((h) => left(h, 10)).join(' ');
  if (kind === 'msg')
    return [
      'Message Queues PIDs',
      head('lspid', 'lrpid'),
      ...objects.map((o) => `${left(o.id, 8)} ${cell(userOf(p, o.uid))} ${right(0, 5)}     ${right(0, 5)}`),
    ];
  return [
    'Shared Memory Creator/Last-op PIDs',
    head('cpid', 'lpid'),
    ...objects.map((o) => `${left(o.id, 10)} ${cell(userOf(p, o.uid))}${left(p.pidOf(o.creator), 10)} ${left(0, 10)}`),
  ];
}

function details(p: Process, o: IpcObject, unit: Unit): string {
  const owner = (gap: string): string => [`uid=${o.uid}`, `gid=${o.gid}`, `cuid=${o.uid}`, `cgid=${o.gid}`].join(gap);
  const mode = o.mode === 0 ? '0' : `0${octal(o)}`;
  if (o.kind === 'msg')
    return `
Message Queue msqid=${o.id}
${owner('\t')}\tmode=${mode}
${unit === 'human' ? `csize=0B\tqsize=${human(BigInt(IPC_LIMITS.msgmnb))}` : `cbytes=0\tqbytes=${IPC_LIMITS.msgmnb}`}\tqnum=0\tlspid=0\tlrpid=0
send_time=${longTime(0)}
rcv_time=${longTime(0)}
change_time=${longTime(o.ctime)}
`;
  if (o.kind === 'shm')
    return `
Shared memory Segment shmid=${o.id}
${owner('\t')}
mode=${mode}\taccess_perms=${mode}
${unit === 'human' ? `size=${human(o.size)}` : `bytes=${o.size}`}\tlpid=0\tcpid=${p.pidOf(o.creator)}\tnattch=0
att_time=${longTime(0)}
det_time=${longTime(0)}
change_time=${longTime(o.ctime)}
`;
  const values = o.values.map((v, i) => `${[i, v, 0, 0, 0].map((x) => left(x, 10)).join(' ')}\n`);
  return `
Semaphore Array semid=${o.id}
${owner('\t ')}
mode=${mode}, access_perms=${mode}
nsems = ${o.values.length}
otime = ${longTime(0)}
ctime = ${longTime(o.ctime)}
${['semnum', 'value', 'ncount', 'zcount', 'pid'].map((h) => left(h, 10)).join(' ')}
${values.join('')}`;
}

function block(p: Process, kind: IpcKind, format: string, unit: Unit): Block | null {
  const objects = p.ipcns.list(kind);
  if (format === 'limits') return limits(kind, unit);
  if (format === 'summary') return summary(kind, objects, unit);
  if (format === 'creator') return creators(p, kind, objects);
  if (format === 'time') return times(p, kind, objects);
  return format === 'pid' ? pids(p, kind, objects) : listing(p, kind, objects, unit);
}

function* main(p: Process): Task<number> {
  const o = getopt(p.argv.slice(1), OPTIONS);
  if (o.error !== null) {
    yield* p.err(`ipcs: ${o.error}\n${HINT}`);
    return 1;
  }
  const given = new Set(o.options.map(([name]) => name));
  if (given.has('help') || given.has('version')) {
    yield* p.out(given.has('help') ? IPCS_USAGE : 'ipcs from util-linux 2.38.1\n');
    return 0;
  }
  const unit: Unit = given.has('human') ? 'human' : given.has('bytes') ? 'bytes' : 'default';
  const named = Object.keys(KINDS).filter((name) => given.has(name));
  const kinds = (named.length === 0 || given.has('all') ? Object.keys(KINDS) : named).map((name) => KINDS[name] as IpcKind);
  const wanted = o.options.findLast(([name]) => name === 'id')?.[1];
  if (wanted !== undefined) {
    const id = int32(wanted);
    if (typeof id === 'string') {
      yield* p.err(`ipcs: failed to parse id argument: '${wanted}'${id}\n`);
      return 1;
    }
    if (kinds.length !== 1) {
      yield* p.err('ipcs: when using an ID, a single resource must be specified\n');
      return 1;
    }
    const found = ipcStat(p, kinds[0] as IpcKind, id);
    if (found.ok) yield* p.out(`${details(p, found.value, unit)}\n`);
    else yield* p.err(found.errno === 'EINVAL' ? `ipcs: id ${id} not found\n` : `ipcs: ${strerror(found.errno)}\n`);
    return 0;
  }
  const format = o.options.map(([name]) => name).findLast((name) => FORMATS.includes(name)) ?? '';
  for (const kind of kinds) {
    const b = block(p, kind, format, unit);
    yield* p.out(b ? `\n------ ${b[0]} --------\n${b.slice(1).join('\n')}\n` : '\n');
  }
  yield* p.out('\n');
  return 0;
}

export const ipcs: Command = { name: 'ipcs', main };
