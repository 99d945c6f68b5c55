/** ip netns: named network namespaces. Models ip/ipnetns.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { addNetns, delNetns, type Netns, newNsid } from '../../os/uapi.ts';
import type { Ctx, Outcome, Verb } from './ctx.ts';
import { Args, Exit, invarg, matches, unsigned } from './lib/args.ts';
import { findNetns } from './lib/netns.ts';
import { NETNS_USAGE } from './usage.ts';

/** `ip -n NAME`: works in another namespace from here on. */
export function netnsSwitch(ctx: Ctx, name: string): void {
  const ns = findNetns(ctx.p, name);
  if (!ns) throw new Exit(255, `Cannot open network namespace "${name}": No such file or directory\n`);
  if (!ns.alive) throw new Exit(255, gone(name));
  ctx.ns = ns;
}

/** The name is a plain file: the namespace was bound to it in mounts that are no more. */
function gone(name: string): string {
  return `setting the network namespace "${name}" failed: Invalid argument\n`;
}

/** /run/netns lists the newest name first, as a tmpfs directory does. */
function names(p: Process): string[] {
  return [...p.kernel.named.keys()].reverse();
}

function list(ctx: Ctx): number {
  const { pr } = ctx;
  ctx.newJson();
  for (const name of names(ctx.p)) {
    pr.openObject();
    pr.any('name', name);
    const id = ctx.ns.nsids.get(ctx.p.kernel.named.get(name) as Netns);
    if (id !== undefined) pr.any('id', id, ` (id: ${id})`);
    pr.fp('\n');
    pr.closeObject();
  }
  ctx.deleteJson();
  return 0;
}

/** `target-nsid N` looks from the namespace of that id, `nsid N` shows one. */
function listId(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let from: Netns | undefined = ctx.ns;
  let only: number | null = null;
  const byId = (id: number): Netns | undefined => [...ctx.ns.nsids].find(([, n]) => n === id)?.[0];
  for (; args.more; args.step()) {
    if (args.is('target-nsid')) {
      const id = unsigned(args.next(), 0x7fffffff) ?? invarg('"target-nsid" value is invalid\n', args.word);
      from = byId(id);
      if (!from) return ctx.talk({ ok: false, errno: 'EINVAL', msg: 'Target netns reference is invalid' });
    } else if (args.is('nsid')) only = unsigned(args.next(), 0x7fffffff) ?? invarg('"nsid" value is invalid\n', args.word);
    else throw new Exit(255, NETNS_USAGE);
  }
  if (only !== null && !byId(only)) return ctx.talk({ ok: false, errno: 'EINVAL', msg: 'Peer netns reference is invalid' });
  const { pr } = ctx;
  ctx.newJson();
  for (const [ns, id] of [...from.nsids].sort((a, b) => a[1] - b[1])) {
    if (only !== null && id !== only) continue;
    const name = ctx.p.kernel.nameOf(ns);
    pr.openObject();
    pr.any('nsid', id, `nsid ${id} `);
    if (name !== undefined) pr.any('name', name, `(iproute2 netns name: ${name})`);
    pr.fp('\n');
    pr.closeObject();
  }
  ctx.deleteJson();
  return 0;
}

function add(ctx: Ctx, words: readonly string[], attach: boolean): number {
  const name = words[0];
  if (name === undefined || (attach && words.length < 2)) {
    ctx.complain(attach ? 'No netns name and PID specified\n' : 'No netns name specified\n');
    return 1;
  }
  if (attach) {
    if (!/^\d+$/.test(words[1] as string)) {
      ctx.complain(`Invalid PID: ${words[1]}\n`);
      return 1;
    }
    const ns = ctx.p.machine.processes.get(Number(words[1]))?.ns;
    if (ctx.p.kernel.named.has(name)) return exists(ctx, name);
    if (!ns) {
      ctx.complain(`Bind /proc/${words[1]}/ns/net -> /run/netns/${name} failed: No such file or directory\n`);
      return 1;
    }
    ctx.p.kernel.named.set(name, ns);
    return 0;
  }
  if (!addNetns(ctx.p.kernel, name).ok) return exists(ctx, name);
  ctx.p.mnt.netns?.push(name);
  return 0;
}

function exists(ctx: Ctx, name: string): number {
  ctx.complain(`Cannot create namespace file "/run/netns/${name}": File exists\n`);
  return 1;
}

function removeOne(ctx: Ctx, name: string): number {
  const used = (ns: Netns): boolean => [...ctx.p.machine.processes.values()].some((p) => p.ns === ns && !p.dead);
  if (delNetns(ctx.p.kernel, name, used).ok) return 0;
  ctx.complain(`Cannot remove namespace file "/run/netns/${name}": No such file or directory\n`);
  return 1;
}

function remove(ctx: Ctx, words: readonly string[]): number {
  if (ctx.all) {
    for (const name of names(ctx.p)) {
      const status = removeOne(ctx, name);
      if (status !== 0) return status;
    }
    return 0;
  }
  if (words[0] === undefined) {
    ctx.complain('No netns name specified\n');
    return 1;
  }
  return removeOne(ctx, words[0]);
}

function set(ctx: Ctx, words: readonly string[]): number {
  const [name, id] = words;
  if (name === undefined) {
    ctx.complain('No netns name specified\n');
    return 1;
  }
  if (id === undefined) {
    ctx.complain('No nsid specified\n');
    return 1;
  }
  const nsid = id === 'auto' ? -1 : (unsigned(id, 0x7fffffff) ?? invarg('Invalid "netnsid" value', id));
  const ns = ctx.p.kernel.named.get(name);
  if (!ns) {
    ctx.complain(`Cannot open network namespace "${name}": No such file or directory\n`);
    return 1;
  }
  return ctx.talk(newNsid(ctx.ns, ns, nsid));
}

function identify(ctx: Ctx, words: readonly string[]): number {
  const pid = words[0] ?? 'self';
  if (words.length > 1) {
    ctx.complain('extra arguments specified\n');
    return 1;
  }
  if (pid !== 'self' && !/^\d+$/.test(pid)) {
    ctx.complain(`Specified string '${pid}' is not a pid\n`);
    return 1;
  }
  const proc = pid === 'self' ? ctx.p : ctx.p.machine.processes.get(Number(pid));
  if (!proc) {
    ctx.complain('Cannot open network namespace: No such file or directory\n');
    return 1;
  }
  ctx.pr.out += `${names(ctx.p).findLast((name) => ctx.p.kernel.named.get(name) === proc.ns) ?? ''}\n`;
  return 0;
}

function pids(ctx: Ctx, words: readonly string[]): number {
  if (words[0] === undefined) {
    ctx.complain('No netns name specified\n');
    return 1;
  }
  if (words.length > 1) {
    ctx.complain('extra arguments specified\n');
    return 1;
  }
  const ns = ctx.p.kernel.named.get(words[0]);
  if (!ns) {
    ctx.complain('Cannot open network namespace: No such file or directory\n');
    return 1;
  }
  for (const proc of ctx.p.machine.processes.values()) if (proc.ns === ns && !proc.dead) ctx.pr.out += `${proc.pid}\n`;
  return 0;
}

/** Runs a program in a namespace, as a child: with the namespace's own view of /etc where it has one. */
function* runIn(ctx: Ctx, ns: Netns, argv: readonly string[]): Task<number> {
  const { p } = ctx;
  yield* ctx.flush();
  const view = p.machine.view(ns);
  const child = p.spawn([...argv], { ns, mnt: view.mnt.slave() });
  if (!child.ok) {
    const why =
      child.errno === 'EACCES'
        ? 'Permission denied'
        : child.errno === 'EAGAIN'
          ? 'Resource temporarily unavailable'
          : 'No such file or directory';
    yield* p.err(`exec of "${argv[0]}" failed: ${why}\n`);
    return 1;
  }
  return yield* p.waitPid(child.value);
}

function* execAll(ctx: Ctx, argv: readonly string[]): Task<number> {
  for (const name of names(ctx.p)) {
    yield* ctx.p.out(`\nnetns: ${name}\n`);
    const ns = ctx.p.kernel.named.get(name);
    if (ns) yield* runIn(ctx, ns, argv);
  }
  return 0;
}

function exec(ctx: Ctx, words: readonly string[]): Outcome {
  if (words.length < 1 && !ctx.all) {
    ctx.complain('No netns name specified\n');
    return 1;
  }
  if ((words.length < 2 && !ctx.all) || (words.length < 1 && ctx.all)) {
    ctx.complain('No command specified\n');
    return 1;
  }
  if (ctx.all) return execAll(ctx, words);
  const ns = findNetns(ctx.p, words[0] as string);
  if (!ns) throw new Exit(255, `Cannot open network namespace "${words[0]}": No such file or directory\n`);
  if (!ns.alive) throw new Exit(255, gone(words[0] as string));
  return ctx.batch ? runIn(ctx, ns, words.slice(1)) : execIn(ctx, ns, words.slice(1));
}

/** Becomes the program, in the namespace and with its view of /etc. */
function* execIn(ctx: Ctx, ns: Netns, argv: readonly string[]): Task<number> {
  const { p } = ctx;
  yield* ctx.flush();
  p.ns = ns;
  p.mnt = p.machine.view(ns).mnt.slave();
  const found = p.canRun(argv, p.env);
  if (!found.ok) {
    yield* p.err(`exec of "${argv[0]}" failed: ${found.errno === 'EACCES' ? 'Permission denied' : 'No such file or directory'}\n`);
    return 1;
  }
  return yield* p.exec(argv);
}

function* monitor(ctx: Ctx): Task<number> {
  let known = new Set(ctx.p.kernel.named.keys());
  for (;;) {
    yield* ctx.p.sleep(10_000);
    const now = new Set(ctx.p.kernel.named.keys());
    for (const name of now) if (!known.has(name)) yield* ctx.p.out(`add ${name}\n`);
    for (const name of known) if (!now.has(name)) yield* ctx.p.out(`delete ${name}\n`);
    known = now;
  }
}

function invalidName(name: string): boolean {
  return name === '' || name.length > 255 || name.includes('/') || name === '.' || name === '..';
}

const VERBS: readonly (readonly [string, (ctx: Ctx, words: readonly string[]) => Outcome])[] = [
  ['list', list],
  ['show', list],
  ['lst', list],
  ['list-id', listId],
  [
    'help',
    () => {
      throw new Exit(255, NETNS_USAGE);
    },
  ],
  ['add', (c, w) => add(c, w, false)],
  ['set', set],
  ['delete', remove],
  ['identify', identify],
  ['pids', pids],
  ['exec', exec],
  ['monitor', monitor],
  ['attach', (c, w) => add(c, w, true)],
];

export const netnsObject: Verb = {
  name: 'netns',
  run(ctx, words) {
    const verb = words[0];
    if (verb === undefined) return list(ctx);
    if (words[1] !== undefined && !ctx.all && invalidName(words[1])) throw new Exit(255, `Invalid netns name "${words[1]}"\n`);
    const found = VERBS.find(([name]) => matches(verb, name));
    if (found) return found[1](ctx, words.slice(1));
    throw new Exit(255, `Command "${verb}" is unknown, try "ip netns help".\n`);
  },
};
