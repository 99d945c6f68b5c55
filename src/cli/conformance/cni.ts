/** Replays one recorded case of CNI calls on a bare node and compares exit status, result and dumps. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { commands } from '../../bin/index.ts';
import { cniCommands } from '../../cluster/cni/index.ts';
import { Kernel } from '../../net/kernel.ts';
import type { Netns } from '../../net/netns.ts';
import { Machine } from '../../os/machine.ts';
import { type RunResult, runCommand } from '../../os/run.ts';
import { MS, Sim } from '../../sim/sim.ts';
import { normaliseSteps } from '../oracle/normalise.mjs';

interface Call {
  readonly plugin: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: unknown;
  readonly rc: number;
  readonly stdout: unknown;
  readonly stdout_raw?: string;
  readonly stderr: string;
}

export interface CniItem {
  readonly what: string;
  readonly wanted: string;
  readonly got: string;
}

export interface CniVerdict {
  readonly name: string;
  readonly group: string;
  readonly items: number;
  /** What differs; empty when the case matches. */
  readonly wrong: readonly CniItem[];
}

export interface CniCase {
  readonly path: string;
  /** Further places of plugins. */
  readonly seeds: number;
}

/** The recorder's namespaces: the host and two pods. */
const SPACES: readonly (readonly [file: string, netns: string])[] = [
  ['host', 'ok-ch'],
  ['pod1', 'ok-cp1'],
  ['pod2', 'ok-cp2'],
];
/** Starting a program through `ip netns exec` on the recording machine. */
const STEP = 10 * MS;

/** Points of a case at which its state was written down: after call `after` (-1: before the first). */
interface Dump {
  readonly label: string;
  readonly after: number;
}

/**
 * Where a dump belongs is told by its label: `add1` stands behind the first run of ADD calls of container c1, `del` behind the
 * calls that end the case, and so on; another word stands behind the first run of additions, or behind all calls.
 */
function placeDumps(labels: readonly string[], calls: readonly Call[]): Dump[] {
  const command = (i: number): string => calls[i]?.env.CNI_COMMAND ?? '';
  const id = (i: number): string => calls[i]?.env.CNI_CONTAINERID ?? '';
  const runEnd = (verb: string, container: string | null, from: number): number => {
    const is = (i: number): boolean => command(i) === verb && (container === null || id(i) === container);
    let at = from;
    while (at < calls.length && !is(at)) at++;
    if (at >= calls.length) return -1;
    while (at + 1 < calls.length && is(at + 1)) at++;
    return at;
  };
  let before = -1;
  return labels.map((label, n) => {
    if (/^0*-?before|-before$/.test(label)) return { label, after: -1 };
    const [, verb, digits] = /-(add|check|del)(\d*)$/.exec(label) ?? [];
    let after = -1;
    if (verb !== undefined) after = runEnd(verb.toUpperCase(), digits === '' ? null : `c${digits}`, before + 1);
    else if (n < labels.length - 1) after = runEnd('ADD', null, before + 1);
    const last = n === labels.length - 1 && (verb === undefined || digits === '');
    if (after < 0 || (last && verb !== 'add')) after = calls.length - 1;
    before = after;
    return { label, after };
  });
}

const TOOLS: readonly (readonly string[])[] = [
  ['ip', '-d', 'link'],
  ['ip', 'addr'],
  ['ip', 'route'],
  ['ip', '-6', 'route'],
  ['ip', 'neigh'],
  ['bridge', 'link'],
  ['bridge', '-d', 'link'],
  ['bridge', 'fdb', 'show'],
  ['bridge', 'vlan', 'show'],
  ['tc', 'qdisc', 'show'],
  ['iptables-save'],
  ['ip6tables-save'],
  ['nft', 'list', 'ruleset'],
];

/** The sections of a dump: the command in its headline and what it printed. */
function sections(text: string): { command: string; stdout: string }[] {
  const out: { command: string; stdout: string }[] = [];
  for (const line of text.split(/(?<=\n)/)) {
    if (line.startsWith('### ')) out.push({ command: line.slice(4).trimEnd(), stdout: '' });
    else if (out.length > 0) (out[out.length - 1] as { stdout: string }).stdout += line;
  }
  return out;
}

class Replay {
  readonly sim: Sim;
  readonly machine: Machine;
  private readonly spaces = new Map<string, Netns>();
  /** Recorded names and addresses that were drawn, and what was drawn here instead. */
  private readonly drawn = new Map<string, string>();

  constructor(seed: number) {
    this.sim = new Sim(seed);
    const kernel = new Kernel(this.sim, 'host');
    kernel.init.lo.setUp();
    this.machine = new Machine(kernel, [...commands, ...cniCommands]);
    for (const [file, name] of SPACES) {
      runCommand(this.machine, ['ip', 'netns', 'add', name]);
      this.spaces.set(file, kernel.named.get(name) as Netns);
    }
    this.run(['ip', 'link', 'set', 'lo', 'up']);
    this.sim.runUntil(this.sim.now + 3000 * MS);
    runCommand(this.machine, ['mkdir', '-p', '/root/run']);
    // Where the second stood that carrier events wait which are not urgent is a draw as well: the case before was just taken down.
    if (seed % 2 === 0) {
      runCommand(this.machine, 'ip link add x type veth peer name y && ip link set x up && ip link set y up && ip link del x');
    }
  }

  run(argv: readonly string[] | string, space = 'host', more: { stdin?: string; env?: Record<string, string> } = {}): RunResult {
    this.sim.runUntil(this.sim.now + STEP);
    return runCommand(this.machine, argv, { ns: this.spaces.get(space) as Netns, cwd: '/root/run', ...more });
  }

  here(text: string): string {
    let out = text;
    for (const [from, to] of this.drawn) out = out.replaceAll(from, to);
    return out;
  }

  /** With the recorded names in place of our own. */
  there(text: string): string {
    let out = text;
    for (const [from, to] of this.drawn) out = out.replaceAll(to, from);
    return out;
  }

  /** Pairs what both results draw by chance: MAC addresses and the names of host ends. */
  learn(wanted: unknown, got: unknown): void {
    const a = (wanted as { interfaces?: { name: string; mac?: string }[] } | null)?.interfaces ?? [];
    const b = (got as { interfaces?: { name: string; mac?: string }[] } | null)?.interfaces ?? [];
    for (const [i, intf] of a.entries()) {
      const mine = b[i];
      if (!mine) continue;
      if (/^veth[0-9a-f]{8}$/.test(intf.name) && /^veth[0-9a-f]{8}$/.test(mine.name)) this.pair(intf.name, mine.name);
      if (intf.mac && mine.mac) this.pair(intf.mac, mine.mac);
    }
  }

  private pair(from: string, to: string): void {
    if (from !== to && !this.drawn.has(from) && ![...this.drawn.values()].includes(to)) this.drawn.set(from, to);
  }

  call(call: Call): RunResult {
    const stdin = this.here(typeof call.stdin === 'string' ? call.stdin : JSON.stringify(call.stdin));
    const env = Object.fromEntries(Object.entries(call.env).map(([k, v]) => [k, this.here(v)]));
    const dirs = (env.CNI_PATH ?? '/usr/lib/cni').split(':');
    const program = dirs.map((d) => `${d}/${call.plugin}`).find((f) => this.machine.init.stat(f).ok) ?? `${dirs[0]}/${call.plugin}`;
    return this.run([program], 'host', { stdin, env });
  }

  dump(recorded: string, space: string): { command: string; stdout: string }[] {
    return sections(recorded).map(({ command }) => {
      const argv = TOOLS.find((t) => t.join(' ') === command) ?? command;
      return { command, stdout: this.run(argv, space).stdout };
    });
  }

  ipamStore(): string {
    const files = this.run('find cnirec -type f 2>/dev/null')
      .stdout.split('\n')
      .filter((f) => f !== '');
    let out = '';
    for (const file of files.sort()) out += `## ${file.replace(/^cnirec\//, '')}\n${this.run(['cat', file]).stdout}\n`;
    return out;
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** Objects with their keys in order. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, canonical(v)]),
  );
}

/** Addresses of Go values in messages are noise. */
const pointerless = (text: string): string => text.replace(/\b0xc0[0-9a-f]{8}\b/g, '0xc000000000');

function shown(rc: number, stdout: unknown, stderr: string): string {
  const out = typeof stdout === 'string' ? stdout : JSON.stringify(canonical(stdout), null, 1);
  return pointerless(`rc ${rc}\n${out}\n${stderr}`);
}

/** Times and counters that depend on when the dump was taken, the order of hash tables, and what duplicate address detection has got to. */
function timeless(text: string): string {
  return text
    .replace(/^# (Generated|Completed).*$/gm, '# <DATE>')
    .replace(/\b(hello|tcn|topology_change|gc|hold|message_age|forward_delay)_timer +[\d.]+/g, '$1_timer <T>')
    .replace(/ tentative /g, ' ')
    .replace(/time[=<] ?[\d.]+ ?ms|time \d+ms/g, 'time <T>')
    .replace(/^rtt .*$/gm, 'rtt <T>')
    .replace(/\r/g, '');
}

/** Hash tables have no order, and which stations have spoken by then is a matter of time. */
function linesSorted(command: string, text: string): string {
  if (command !== 'bridge fdb show' && command !== 'ip neigh') return text;
  const lines = text
    .split('\n')
    .filter((l) =>
      command === 'ip neigh' ? !l.startsWith('<LL-') : l === '' || (/ (permanent|static)/.test(l) && !l.startsWith('33:33:ff:00:00:00')),
    );
  return lines.sort().join('\n');
}

type Sections = readonly { readonly command: string; readonly stdout: string }[];

/** Names of host ends are drawn: numbers in the order of their appearance stand for them. */
function numbered(all: Sections): Sections {
  const names = new Map<string, string>();
  return all.map((s) => ({
    ...s,
    stdout: s.stdout.replace(/\bveth[0-9a-f]{8}\b/g, (name) => {
      const known = names.get(name) ?? `veth<${names.size + 1}>`;
      names.set(name, known);
      return known;
    }),
  }));
}

function replay(path: string, calls: readonly Call[], seed: number): { items: number; wrong: CniItem[] } {
  const r = new Replay(seed);
  const files = readdirSync(path);
  const labels = [
    ...new Set(files.filter((f) => /^\d.*\.(host|pod\d|ipam-store)\.txt$/.test(f)).map((f) => f.split('.')[0] as string)),
  ].sort();
  const dumps = placeDumps(labels, calls);
  const items: CniItem[] = [];
  const wanted: { command: string; stdout: string }[] = [];
  const got: { command: string; stdout: string }[] = [];
  const marks: { what: string; from: number; to: number }[] = [];
  const take = (after: number): void => {
    for (const d of dumps.filter((x) => x.after === after)) {
      for (const [space] of SPACES) {
        const file = join(path, `${d.label}.${space}.txt`);
        if (!existsSync(file)) continue;
        const text = readFileSync(file, 'utf8');
        const from = wanted.length;
        wanted.push(...sections(text));
        got.push(...r.dump(text, space));
        marks.push({ what: `${d.label}.${space}`, from, to: wanted.length });
      }
      const store = join(path, `${d.label}.ipam-store.txt`);
      if (existsSync(store)) {
        const clean = (t: string): string => timeless(t).trimEnd();
        items.push({ what: `${d.label}.ipam-store`, wanted: clean(readFileSync(store, 'utf8')), got: clean(r.there(r.ipamStore())) });
      }
      const ping = join(path, 'ping-1to2.txt');
      if (/-add2$/.test(d.label) && existsSync(ping)) {
        const text = readFileSync(ping, 'utf8');
        const target = /^PING ([^\s(]+)/.exec(text)?.[1] ?? '10.22.0.3';
        const ran = r.run(['ping', '-c', '2', '-i', '0.2', '-W', '1', target], 'pod1');
        items.push({ what: 'ping-1to2', wanted: timeless(text).trim(), got: timeless(ran.stdout + ran.stderr).trim() });
      }
    }
  };
  take(-1);
  for (const [i, call] of calls.entries()) {
    const before = calls[i - 1];
    // The second of two equal checks is made after the pod's addresses were taken away.
    if (
      before &&
      call.env.CNI_COMMAND === 'CHECK' &&
      JSON.stringify([before.plugin, before.env, before.stdin]) === JSON.stringify([call.plugin, call.env, call.stdin])
    )
      r.run(
        ['ip', 'addr', 'flush', 'dev', call.env.CNI_IFNAME ?? 'eth0'],
        SPACES.find(([, n]) => call.env.CNI_NETNS?.endsWith(`/${n}`))?.[0] ?? 'pod1',
      );
    const ran = r.call(call);
    const stdout = parsed(ran.stdout);
    r.learn(call.stdout, stdout);
    items.push({
      what: `call ${i} ${call.plugin} ${call.env.CNI_COMMAND ?? ''} ${call.env.CNI_CONTAINERID ?? ''}`,
      wanted: shown(call.rc, call.stdout, call.stderr).trim(),
      got: r.there(shown(ran.exitCode, stdout, ran.stderr)).trim(),
    });
    take(i);
  }
  const [a, b] = [normaliseSteps(numbered(wanted)), normaliseSteps(numbered(got))];
  for (const { what, from, to } of marks) {
    const whole = (steps: readonly { stdout: string }[]): string => {
      let out = '';
      for (let i = from; i < to; i++) {
        const { command } = wanted[i] as { command: string };
        out += `### ${command}\n${linesSorted(command, timeless((steps[i] as { stdout: string }).stdout))}\n`;
      }
      return out;
    };
    items.push({ what, wanted: whole(a), got: whole(b) });
  }
  return { items: items.length, wrong: items.filter((x) => x.wanted !== x.got) };
}

/** Addresses are drawn: which of two is lower decides what a bridge takes, so that a draw of either order is tried. */
export function judgeCni({ path, seeds }: CniCase): CniVerdict {
  const name = basename(path);
  const calls = JSON.parse(readFileSync(join(path, 'calls.json'), 'utf8')) as Call[];
  let best = replay(path, calls, 1);
  for (let seed = 2; seed <= seeds && best.wrong.length > 0; seed++) {
    const next = replay(path, calls, seed);
    if (next.wrong.length < best.wrong.length) best = next;
  }
  return { name, group: name.split('-')[0] as string, ...best };
}
