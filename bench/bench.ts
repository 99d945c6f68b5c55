/**
 * `npm run bench`: what the emulator does in a second, and what the real kernel does on the same machine in the same minutes.
 * Both sides run the same commands in the same networks, in turn, and the table shows medians. Without root the real side is left out.
 */

import { loadLab } from '../src/cli/labs.ts';
import { grade } from '../src/lab/grade.ts';
import { scriptLog } from '../src/lab/log.ts';
import { instantiate } from '../src/lab/parameters.ts';
import { WORLDS, type World } from '../src/lab/world.ts';
import * as emulated from './emulated.ts';
import { BRIDGE, chainRules, type Network, serviceRules, VXLAN } from './networks.ts';
import * as real from './real.ts';

function median(xs: readonly number[]): number {
  const sorted = [...xs].sort((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : (sorted[sorted.length >> 1] as number);
}

function times(n: number, run: () => void): number {
  const xs: number[] = [];
  for (let i = 0; i < n; i++) {
    const t = performance.now();
    run();
    xs.push(performance.now() - t);
  }
  return median(xs);
}

const text = (n: number): string =>
  Number.isNaN(n) ? '' : n.toLocaleString('en', { maximumFractionDigits: n < 10 ? 2 : n < 100 ? 1 : 0 });

const WIDTHS = [58, 12, 12, 12, 10] as const;
const line = (...cells: readonly string[]): void =>
  console.log(cells.map((c, i) => (i === 0 ? c.padEnd(WIDTHS[0]) : c.padStart(WIDTHS[i] ?? 12))).join(' '));

/** `better`: whether more is better (rates) or less (times); the ratio is always "emulator's speed / kernel's speed". */
function row(name: string, unit: string, ours: number, theirs = Number.NaN, better: 'more' | 'less' = 'more'): void {
  const ratio = better === 'more' ? ours / theirs : theirs / ours;
  line(name, unit, text(ours), text(theirs), Number.isNaN(ratio) ? '' : ratio.toFixed(2));
}

const failures = new Set<string>();

/** The kernel's side may fail where a module or a right is missing (br_netfilter, say): NaN, and the reason is told at the end. */
function attempt(run: () => number): number {
  try {
    return run();
  } catch (e) {
    failures.add(
      String(e instanceof Error ? e.message : e)
        .split('\n', 2)
        .join(': '),
    );
    return Number.NaN;
  }
}

/** Takes turns, so that a busy moment of the machine hits both; two more rounds for the emulator, whose first are the compiler's. */
function compare(rounds: number, ours: () => number, theirs: (() => number) | null): [number, number] {
  const a: number[] = [];
  const b: number[] = [];
  for (let i = 0; i < 2; i++) ours();
  for (let i = 0; i < rounds; i++) {
    a.push(ours());
    if (theirs) b.push(attempt(theirs));
  }
  return [median(a), median(b.filter((x) => x > 0))];
}

const ROUNDS = 5;
const PINGS = 80_000;
const CONNECTIONS = 4_000;

const absent = real.unavailable();
const noHttp = absent ?? real.unavailable('nginx', 'ab');
const noRules = absent ?? real.unavailable('iptables-restore');

function pings(name: string, net: Network): void {
  const e = emulated.emulate(net);
  const there = !absent && attempt(() => real.build(net)) > 0;
  const [ours, theirs] = compare(ROUNDS, () => emulated.floodPing(e, PINGS), there ? () => real.floodPing(net, PINGS) : null);
  row(name, 'trips/s', ours, theirs);
}

/** Connections straight to the pod and through the last of 10, 1,000, 10,000 Services. */
function http(net: Network): void {
  for (const count of [0, 10, 1_000, 10_000]) {
    const e = emulated.emulate(net);
    const rules = count > 0 ? serviceRules(net, count) : null;
    const loaded = rules ? emulated.restore(e, rules.input) : 0;
    emulated.startNginx(e);
    let stop = (): void => {};
    let theirs: (() => number) | null = null;
    let theirLoad = Number.NaN;
    if (!noHttp && !(rules && noRules)) {
      attempt(() => {
        real.build(net);
        if (rules) theirLoad = real.restore(net, rules.input);
        stop = real.startNginx(net);
        theirs = () => real.httpConnections(net, CONNECTIONS, rules?.address);
        return 1;
      });
    }
    const [a, b] = compare(count > 100 ? 3 : ROUNDS, () => emulated.httpConnections(e, CONNECTIONS, rules?.address), theirs);
    stop();
    row(count === 0 ? 'HTTP connections, pod -> pod' : `HTTP connections through ClusterIP, ${text(count)} Services`, 'conn/s', a, b);
    if (count === 10_000) {
      const xs = [loaded];
      for (let i = 0; i < 2; i++) xs.push(emulated.restore(emulated.emulate(net), rules?.input ?? ''));
      row('iptables-restore of 10,000 Services (80,000 rules)', 'ms', median(xs), theirLoad, 'less');
    }
  }
}

/** Round trips past rules that do not match, and what one rule costs. */
function chains(net: Network): void {
  const base = emulated.emulate(net);
  const sizes = [0, 10, 100, 1_000, 10_000];
  let first = 0;
  let cost = '';
  for (const size of sizes) {
    const e = size === 0 ? base : emulated.emulate(net);
    if (size > 0) emulated.restore(e, chainRules(size));
    const there = !noRules && attempt(() => real.build(net) + (size > 0 ? real.restore(net, chainRules(size)) : 0)) > 0;
    const n = size >= 10_000 ? 2_000 : size >= 1_000 ? 10_000 : 30_000;
    const [a, b] = compare(3, () => emulated.floodPing(e, n), there ? () => real.floodPing(net, n) : null);
    if (size === 0) first = 1e6 / a;
    else row(`round trips past ${text(size)} rules`, 'trips/s', a, b);
    if (size >= 1_000) cost += `${cost ? ', ' : ''}${(((1e6 / a - first) * 1000) / (2 * size)).toFixed(1)} ns at ${text(size)}`;
  }
  console.log(`  what one rule costs that does not match: ${cost}`);
}

function worlds(): void {
  const build = (): World => (WORLDS.w1 as (seed: number) => World)(1);
  row('world W1 ready (3 nodes, 4 pods, Services), the first one', 'ms', times(1, build));
  const theirs = noRules ? Number.NaN : median([1, 2, 3].map(() => attempt(real.buildW1)));
  row('world W1 ready, median of 100', 'ms', times(100, build), theirs, 'less');
  const lab = loadLab('wire-a-pod-by-hand');
  const log = scriptLog(instantiate(lab, 1), lab.solution);
  row(
    'lab graded (world, replay, 13 checks)',
    'ms',
    times(20, () => grade(lab, log)),
  );
  const collect = (globalThis as { gc?: () => void }).gc;
  collect?.();
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: 10 }, build);
  collect?.();
  row(`heap per world${collect ? '' : ' (without --expose-gc)'}`, 'MB', (process.memoryUsage().heapUsed - before) / kept.length / 1e6);
}

console.log(
  `node ${process.version}${absent ? `; the real kernel is left out: ${absent}` : ''}${!absent && noHttp ? `; HTTP: ${noHttp}` : ''}`,
);
line('median', 'unit', 'emulator', 'kernel', 'ratio');
process.once('SIGINT', () => {
  if (!absent) real.remove();
  process.exit(130);
});
try {
  worlds();
  pings('flood ping, pod -> pod over the bridge', BRIDGE);
  pings('flood ping, pod -> pod over VXLAN between nodes', VXLAN);
  http(BRIDGE);
  chains(BRIDGE);
  for (const reason of failures) console.log(`  the kernel's side: ${reason}`);
} finally {
  if (!absent) real.remove();
}
