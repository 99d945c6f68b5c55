/** matrix: who must reach whom and who must not; every flow of the table is tried, so a rule that is too broad shows up by name. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { SEC } from '../../sim/sim.ts';
import { formatIp, parseIp } from '../../wire/addr.ts';
import type { Check } from '../lab.ts';
import { addressOf, locateAll, type Spot, target } from '../place.ts';
import { Call, settle } from '../probe/caller.ts';
import { echo, ping } from '../probe/ping.ts';
import { trouble } from '../probe/report.ts';
import { connect, tcp } from '../probe/tcp.ts';
import { ask, udp } from '../probe/udp.ts';
import type { World } from '../world.ts';
import type { CheckKind } from './kind.ts';

/** Every field that is left out stands for all of the table's. */
export interface MatrixRow {
  readonly from?: string | readonly string[];
  readonly to?: string | readonly string[];
  readonly ports?: string | number | readonly (string | number)[];
}

export interface MatrixCheck extends Check {
  /** Places; `web-*` and `pod default/*` stand for all that fit. */
  readonly from?: string | readonly string[];
  /** Addresses, `pod:NAME`, `service:NAME` …, or places, which stand for their own address. */
  readonly to?: string | readonly string[];
  /** `8080` or `tcp/8080`, `udp/53`, `icmp`. */
  readonly ports: string | number | readonly (string | number)[];
  readonly 'must-pass'?: readonly MatrixRow[];
  readonly 'must-fail'?: readonly MatrixRow[];
  readonly 'dont-care'?: readonly MatrixRow[];
  /** What holds for flows that no row names. */
  readonly else: 'must-pass' | 'must-fail' | 'dont-care';
}

type Verdict = MatrixCheck['else'];

interface Goal {
  /** As the lab names it. */
  readonly name: string;
  readonly address: string;
}

interface Flow {
  readonly spot: Spot;
  readonly goal: Goal;
  readonly proto: 'icmp' | 'tcp' | 'udp';
  readonly port: number;
  readonly verdict: Verdict;
}

const PATIENCE = 3.5 * SEC;
const MAX_FLOWS = 2000;
/** Flows named in the finding. */
const MAX_NAMED = 8;

const list = <T>(x: T | readonly T[] | undefined): readonly T[] => (x === undefined ? [] : Array.isArray(x) ? x : [x as T]);

class Missing extends Error {}

function spotsOf(world: World, places: readonly string[]): Spot[] {
  return places.flatMap((place) => {
    const found = locateAll(world, place);
    if (typeof found === 'string') throw new Missing(found);
    return found;
  });
}

/** @throws Missing when something is named that does not exist. */
function goalsOf(world: World, names: readonly string[]): Goal[] {
  return names.flatMap((name): Goal[] => {
    if (parseIp(name) !== null) return [{ name, address: name }];
    const found = target(world, name);
    if (typeof found !== 'string') throw new Missing(found.missing);
    if (found !== name) return [{ name, address: found }];
    return spotsOf(world, [name]).flatMap((spot) => {
      const ip = addressOf(spot);
      return ip === null ? [] : [{ name: spot.title, address: formatIp(ip) }];
    });
  });
}

function portsOf(ports: readonly (string | number)[]): Pick<Flow, 'proto' | 'port'>[] {
  return ports.map((p) => {
    if (p === 'icmp') return { proto: 'icmp', port: 0 };
    const m = /^(?:(tcp|udp)\/)?(\d+)$/.exec(String(p));
    return { proto: m?.[1] === 'udp' ? 'udp' : 'tcp', port: Number(m?.[2] ?? 0) };
  });
}

const PRECEDENCE: readonly Exclude<Verdict, never>[] = ['dont-care', 'must-pass', 'must-fail'];

/** All flows of the table with what must come of them. @throws Missing */
function flowsOf(world: World, check: MatrixCheck): Flow[] {
  const rows = PRECEDENCE.flatMap((verdict) =>
    (check[verdict as 'must-pass' | 'must-fail' | 'dont-care'] ?? []).map((row) => ({
      verdict,
      from: row.from === undefined ? null : new Set(spotsOf(world, list(row.from)).map((s) => s.ns)),
      to: row.to === undefined ? null : new Set(goalsOf(world, list(row.to)).map((g) => g.address)),
      ports: row.ports === undefined ? null : new Set(portsOf(list(row.ports)).map((p) => `${p.proto}/${p.port}`)),
      row,
    })),
  );
  const all = <T>(own: readonly T[], ofRows: (row: MatrixRow) => readonly T[]): readonly T[] =>
    own.length > 0 ? own : rows.flatMap((r) => ofRows(r.row));
  const spots = new Map(
    spotsOf(
      world,
      all(list(check.from), (r) => list(r.from)),
    ).map((s) => [s.ns, s]),
  );
  const goals = new Map(
    goalsOf(
      world,
      all(list(check.to), (r) => list(r.to)),
    ).map((g) => [g.address, g]),
  );
  const ports = new Map(portsOf([...list(check.ports), ...rows.flatMap((r) => list(r.row.ports))]).map((p) => [`${p.proto}/${p.port}`, p]));
  const flows: Flow[] = [];
  for (const spot of spots.values()) {
    const own = addressOf(spot);
    for (const goal of goals.values()) {
      if (own !== null && formatIp(own) === goal.address) continue;
      for (const [key, { proto, port }] of ports) {
        const row = rows.find(
          (r) =>
            (r.from === null || r.from.has(spot.ns)) && (r.to === null || r.to.has(goal.address)) && (r.ports === null || r.ports.has(key)),
        );
        const verdict = row?.verdict ?? check.else;
        if (verdict !== 'dont-care' && flows.length < MAX_FLOWS) flows.push({ spot, goal, proto, port, verdict });
      }
    }
  }
  return flows;
}

function body(flow: Flow): (p: Process) => Task<{ kind: string; text?: string }> {
  const { address } = flow.goal;
  if (flow.proto === 'tcp') return (p) => connect(p, { to: address, port: flow.port }, null);
  if (flow.proto === 'udp') return (p) => ask(p, { to: address, port: flow.port }, null);
  const ip = parseIp(address) as number | bigint;
  return (p) => echo(p, ip, { to: address, size: 56, df: false });
}

const through = (kind: string | undefined): boolean => kind === 'ok' || kind === 'reply' || kind === 'answer';

function again({ spot, goal, proto, port }: Flow) {
  if (proto === 'tcp') return tcp(spot, { to: goal.address, port });
  if (proto === 'udp') return udp(spot, { to: goal.address, port });
  return ping(spot, { to: goal.address, size: 56, df: false });
}

function flowText(flow: Flow): string {
  const port = flow.proto === 'icmp' ? 'ping' : `${flow.proto} ${flow.port}`;
  return `${flow.spot.title} -> ${flow.goal.name}, ${port}`;
}

export const matrixKind: CheckKind<MatrixCheck> = {
  kind: 'matrix',
  defaults: { ports: [], else: 'dont-care' },
  run({ world }, check) {
    const expected = 'every flow of the table passes or fails as it must';
    let flows: Flow[];
    try {
      flows = flowsOf(world, check);
    } catch (e) {
      if (!(e instanceof Missing)) throw e;
      return { passed: false, expected, actual: e.message };
    }
    if (flows.length === 0) return { passed: false, expected, actual: 'the table has no flow that can be tried' };
    const calls = flows.map((flow) => new Call(flow.spot, PATIENCE, body(flow)));
    settle(world.sim, calls);
    const closed: { flow: Flow; why: string }[] = [];
    const opened: { flow: Flow; why: string }[] = [];
    flows.forEach((flow, i) => {
      const result = calls[i]?.result;
      const passes = through(result?.kind);
      if (passes && flow.verdict === 'must-fail') opened.push({ flow, why: '' });
      if (!passes && flow.verdict === 'must-pass') closed.push({ flow, why: ` (${result?.text ?? 'no answer'})` });
    });
    const [first] = [...closed, ...opened];
    if (!first) return { passed: true, expected, actual: `${flows.length} flows are as they must be` };
    const lines = [
      ...closed.map(({ flow, why }) => `must pass, but does not: ${flowText(flow)}${why}`),
      ...opened.map(({ flow }) => `must not pass, but does: ${flowText(flow)}`),
    ];
    const more = lines.length > MAX_NAMED ? [`and ${lines.length - MAX_NAMED} more`] : [];
    const { log, hop } = trouble(again(first.flow).journey, closed.length > 0);
    return {
      passed: false,
      expected,
      actual: `${lines[0]}${lines.length > 1 ? `, and ${lines.length - 1} more of ${flows.length} flows are not as they must be` : ''}`,
      hop,
      log: [...lines.slice(0, MAX_NAMED), ...more, `the way of ${flowText(first.flow)}:`, ...log],
    };
  },
  flows(world, check) {
    try {
      const flows = [...flowsOf(world, check)].sort((a, b) => Number(b.verdict === 'must-pass') - Number(a.verdict === 'must-pass'));
      return flows.map(({ spot, goal, proto, port }) => ({
        from: spot.place,
        ask: proto === 'icmp' ? { kind: 'ping', to: goal.address } : { kind: proto, to: goal.address, port },
      }));
    } catch (e) {
      if (e instanceof Missing) return [];
      throw e;
    }
  },
  faults(check) {
    const bad = [check, ...PRECEDENCE.flatMap((v) => check[v as 'must-pass'] ?? [])]
      .flatMap((r) => list<string | number>(r.ports))
      .find((p) => !/^(icmp|((tcp|udp)\/)?\d+)$/.test(String(p)));
    return bad === undefined ? [] : [{ field: 'ports', problem: `holds "${bad}"; write 8080, tcp/8080, udp/53 or icmp` }];
  },
};
