/** firewall: lets a container's traffic through the host's filter. Models plugins/meta/firewall/{firewall,iptables,ingresspolicy}.go; there is no firewalld */

import type { Process, Task } from '../../../os/process.ts';
import { formatIp } from '../../../wire/addr.ts';
import { isV4 } from '../addr.ts';
import { prefixed, quoted, STRING, unmarshal } from '../gojson.ts';
import { Iptables, toOutcome } from '../iptables.ts';
import { type NetConf, netConf, prevResult } from '../netconf.ts';
import { printResult, type Result } from '../result.ts';
import type { CmdArgs, Plugin, Printed } from '../skel.ts';
import { bad, good, type Outcome } from '../types.ts';

interface FirewallConf extends NetConf {
  readonly backend?: string;
  readonly iptablesAdminChainName?: string;
  readonly firewalldZone?: string;
  readonly ingressPolicy?: string;
}

const SCHEMA = netConf('main.FirewallNetConf', {
  backend: STRING,
  iptablesAdminChainName: STRING,
  firewalldZone: STRING,
  ingressPolicy: STRING,
});

interface Parsed {
  readonly conf: FirewallConf;
  readonly prev: Result | null;
}

function parse(stdin: string): Outcome<Parsed> {
  const r = unmarshal<FirewallConf>(stdin, SCHEMA);
  if (!r.ok) return prefixed('failed to load netconf', r.error);
  const prev = prevResult(r.value);
  return prev.ok ? good({ conf: r.value, prev: prev.value }) : prefixed('could not parse prevResult', prev.error);
}

const FORWARD = 'CNI-FORWARD';

function rulesOf(prev: Result | null, v4: boolean): string[][] {
  return (prev?.ips ?? [])
    .filter((c) => isV4(c.address.addr) === v4)
    .flatMap((c) => {
      const ip = `${formatIp(c.address.addr)}/${v4 ? 32 : 128}`;
      return [
        ['-d', ip, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'ACCEPT'],
        ['-s', ip, '-j', 'ACCEPT'],
      ];
    });
}

const adminChain = (conf: FirewallConf): string => conf.iptablesAdminChainName || 'CNI-ADMIN';
const filterRule = ['-m', 'comment', '--comment', 'CNI firewall plugin rules', '-j', FORWARD];
const adminRule = (chain: string): string[] => ['-m', 'comment', '--comment', 'CNI firewall plugin admin overrides', '-j', chain];

/** Both families; firewalld is not on the bus. */
function backends(p: Process, conf: FirewallConf): Outcome<{ ipt: Iptables; v4: boolean }[]> {
  if (conf.backend === 'firewalld') return bad('dial unix /var/run/dbus/system_bus_socket: connect: no such file or directory');
  const out: { ipt: Iptables; v4: boolean }[] = [];
  for (const v4 of [true, false]) {
    const opened = Iptables.open(p, !v4);
    if (!opened.ok) return bad(`could not initialize iptables protocol ${v4 ? 0 : 1}: ${opened.error.msg}`);
    out.push({ ipt: opened.value, v4 });
  }
  return good(out);
}

function* addRules(ipt: Iptables, conf: FirewallConf, rules: readonly string[][]): Task<Outcome<null>> {
  for (const chain of [FORWARD, adminChain(conf)]) {
    const made = yield* ipt.ensureChain('filter', chain);
    if (!made.ok) return made;
  }
  const first: readonly (readonly [string, readonly string[]])[] = [
    ['FORWARD', filterRule],
    [FORWARD, adminRule(adminChain(conf))],
  ];
  for (const [chain, rule] of first) {
    const r = yield* ipt.insertUnique('filter', chain, true, rule);
    if (!r.ok) return toOutcome(r);
  }
  for (const rule of rules) {
    const r = yield* ipt.appendUnique('filter', FORWARD, rule);
    if (r.ok) continue;
    for (const added of rules) yield* ipt.delete('filter', FORWARD, added);
    return toOutcome(r);
  }
  return good(null);
}

const STAGES = ['CNI-ISOLATION-STAGE-1', 'CNI-ISOLATION-STAGE-2'] as const;

/** Containers of other bridges stay outside, as Docker does it. */
function* isolate(ipt: Iptables, bridge: string): Task<Outcome<null>> {
  const said = ['-m', 'comment', '--comment', 'CNI firewall plugin rules (ingressPolicy: same-bridge)'];
  const [one, two] = STAGES;
  for (const chain of STAGES) {
    const made = yield* ipt.ensureChain('filter', chain);
    if (!made.ok) return made;
  }
  const rules: readonly (readonly [chain: string, first: boolean, rule: readonly string[]])[] = [
    ['FORWARD', true, ['-j', one]],
    [one, true, ['-i', bridge, '!', '-o', bridge, '-j', two]],
    [one, false, ['-j', 'RETURN']],
    [two, true, ['-o', bridge, '-j', 'DROP']],
    [two, false, ['-j', 'RETURN']],
  ];
  for (const [chain, first, rule] of rules) {
    const r = yield* ipt.insertUnique('filter', chain, first, [...rule, ...said]);
    if (!r.ok) return toOutcome(r);
  }
  return good(null);
}

function knownPolicy(policy = ''): Outcome<null> {
  return ['', 'open', 'same-bridge'].includes(policy) ? good(null) : bad(`unknown ingress policy: ${quoted(policy)}`);
}

function* ingressPolicy(p: Process, conf: FirewallConf, prev: Result): Task<Outcome<null>> {
  const known = knownPolicy(conf.ingressPolicy);
  if (!known.ok || conf.ingressPolicy !== 'same-bridge') return known;
  const first = prev.interfaces[0];
  if (!first)
    return bad(
      `interface needs to be set for ingress policy ${quoted(conf.ingressPolicy)}, make sure to chain "firewall" plugin with "bridge"`,
    );
  if (first.name === '') return bad('got empty bridge name');
  for (const { address } of prev.ips) {
    const opened = Iptables.open(p, !isV4(address.addr));
    if (!opened.ok) return opened;
    const r = yield* isolate(opened.value, first.name);
    if (!r.ok) return r;
  }
  return good(null);
}

const MISSING = 'missing prevResult from earlier plugin';

function* add(p: Process, args: CmdArgs): Task<Printed> {
  const parsed = parse(args.stdin);
  if (!parsed.ok) return parsed;
  const { conf, prev } = parsed.value;
  if (!prev) return bad(MISSING);
  const tables = backends(p, conf);
  if (!tables.ok) return tables;
  for (const { ipt, v4 } of tables.value) {
    const rules = rulesOf(prev, v4);
    if (rules.length === 0) continue;
    const r = yield* addRules(ipt, conf, rules);
    if (!r.ok) return r;
  }
  const policy = yield* ingressPolicy(p, conf, prev);
  return policy.ok ? printResult(prev, conf.cniVersion ?? '') : policy;
}

function* del(p: Process, args: CmdArgs): Task<Printed> {
  const parsed = parse(args.stdin);
  if (!parsed.ok) return parsed;
  const { conf, prev } = parsed.value;
  const tables = backends(p, conf);
  if (!tables.ok) return tables;
  for (const { ipt, v4 } of tables.value) for (const rule of rulesOf(prev, v4)) yield* ipt.delete('filter', FORWARD, rule);
  const known = knownPolicy(conf.ingressPolicy);
  return known.ok ? good('') : known;
}

const listed = (rule: readonly string[]): string => `[${rule.join(' ')}]`;

function* checkRules(ipt: Iptables, conf: FirewallConf, rules: readonly string[][]): Task<Outcome<null>> {
  for (const chain of [FORWARD, adminChain(conf)]) {
    const made = yield* ipt.ensureChain('filter', chain);
    if (!made.ok) return made;
  }
  const jumps: readonly (readonly [string, readonly string[]])[] = [
    ['FORWARD', filterRule],
    [FORWARD, adminRule(adminChain(conf))],
  ];
  for (const [chain, rule] of jumps) {
    const there = yield* ipt.exists('filter', chain, rule);
    if (!there.ok) return toOutcome(there);
    if (!there.value) return bad(`expected ${chain} rule ${listed(rule)} not found`);
  }
  for (const rule of rules) {
    const there = yield* ipt.exists('filter', FORWARD, rule);
    if (!there.ok) return toOutcome(there);
    if (!there.value) return bad(`expected rule ${listed(rule)} not found`);
  }
  return good(null);
}

function* check(p: Process, args: CmdArgs): Task<Printed> {
  const parsed = parse(args.stdin);
  if (!parsed.ok) return parsed;
  const { conf, prev } = parsed.value;
  if (!prev) return bad(MISSING);
  const tables = backends(p, conf);
  if (!tables.ok) return tables;
  for (const { ipt, v4 } of tables.value) {
    const rules = rulesOf(prev, v4);
    if (rules.length === 0) continue;
    const r = yield* checkRules(ipt, conf, rules);
    if (!r.ok) return r;
  }
  return good('');
}

export const firewall: Plugin = { name: 'firewall', from: '0.4.0', add, check, del };
