/** Policies as iptables chains and ipsets of a node: input for ipset restore and iptables-restore. The way of kube-router and Calico's Felix */

import { type Family, familyOf, formatIp } from '../../wire/addr.ts';
import { base32, sha256 } from '../sha256.ts';
import {
  type Cidr,
  type CompiledPolicy,
  cidrText,
  type Direction,
  ipsOf,
  type NamedPort,
  type PodView,
  type PolicyModel,
  type PolicyRule,
  portNumber,
} from './model.ts';

/** Set on a packet that a policy lets pass. */
const PASS = '0x20000/0x20000';
const CLEAR = '0x0/0x20000';
const PREFIX = 'NWPLCY';

export interface NodeRules {
  /** Sets by name with their lines for ipset restore. */
  readonly sets: ReadonlyMap<string, string>;
  /** Own chains by name with their rules. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
}

const hash = (text: string): string => base32(sha256(text)).slice(0, 16);

/** Chains that the built-in ones jump to, before anything else. */
export const POLICY_JUMPS: readonly (readonly [chain: string, builtin: string])[] = [
  [`${PREFIX}-FORWARD`, 'FORWARD'],
  [`${PREFIX}-INPUT`, 'INPUT'],
];

export function isPolicyChain(name: string): boolean {
  return name.startsWith(`${PREFIX}-`);
}

class Sets {
  readonly lines = new Map<string, string>();
  private readonly family: Family;

  constructor(family: Family) {
    this.family = family;
  }

  private put(about: string, type: string, elements: readonly string[]): string {
    const name = `${PREFIX}-${hash(`${this.family}${about}${type}`)}`;
    if (!this.lines.has(name))
      this.lines.set(
        name,
        [
          `create ${name} ${type} family ${this.family === 4 ? 'inet' : 'inet6'} -exist`,
          `flush ${name}`,
          ...elements.map((e) => `add ${name} ${e} -exist`),
          '',
        ].join('\n'),
      );
    return name;
  }

  ips(about: string, elements: readonly string[]): string {
    return this.put(about, 'hash:ip', elements);
  }

  nets(about: string, elements: readonly string[]): string {
    return this.put(about, 'hash:net', elements);
  }

  ports(about: string, elements: readonly string[]): string {
    return this.put(about, 'hash:ip,port', elements);
  }
}

/** A set of networks cannot hold /0: two halves do. */
function nets(c: Cidr, suffix: string): string[] {
  if (c.len > 0) return [`${cidrText(c)}${suffix}`];
  return (familyOf(c.addr) === 4 ? ['0.0.0.0/1', '128.0.0.0/1'] : ['::/1', '8000::/1']).map((n) => `${n}${suffix}`);
}

/** The rules of one node in one family. */
export function nodeRules(model: PolicyModel, policies: readonly CompiledPolicy[], local: readonly PodView[], family: Family): NodeRules {
  const sets = new Sets(family);
  const chains = new Map<string, string[]>();
  const forward: string[] = [];
  const input: string[] = [];
  chains.set(`${PREFIX}-FORWARD`, forward);
  chains.set(`${PREFIX}-INPUT`, input);
  const bits = family === 4 ? 32 : 128;
  for (const pod of local) {
    for (const ip of ipsOf(pod, family))
      for (const direction of ['egress', 'ingress'] as const) {
        const own = policies.filter((p) => p[direction] !== null && p.pods.has(pod.key));
        if (own.length === 0) continue;
        const chain = `${PREFIX}-${direction === 'egress' ? 'FROM' : 'TO'}-${hash(pod.key)}`;
        const about = `-m comment --comment "${direction === 'egress' ? 'from' : 'to'} ${pod.key}"`;
        const jump = `${direction === 'egress' ? '-s' : '-d'} ${formatIp(ip)}/${bits} ${about} -j ${chain}`;
        forward.push(`-A ${PREFIX}-FORWARD ${jump}`);
        if (direction === 'egress') input.push(`-A ${PREFIX}-INPUT ${jump}`);
        if (chains.has(chain)) continue;
        const rules = [`-A ${chain} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN`, `-A ${chain} -j MARK --set-xmark ${CLEAR}`];
        for (const policy of own) {
          const name = `${PREFIX}-${direction === 'egress' ? 'EGR' : 'INGR'}-${hash(policy.key)}`;
          if (!chains.has(name)) chains.set(name, policyRules(model, policy, direction, name, local, sets, family));
          rules.push(`-A ${chain} -m comment --comment "policy ${policy.key}" -j ${name}`, `-A ${chain} -m mark --mark ${PASS} -j RETURN`);
        }
        rules.push(`-A ${chain} -m comment --comment "no policy lets it pass" -j DROP`);
        chains.set(chain, rules);
      }
  }
  return { sets: sets.lines, chains };
}

function policyRules(
  model: PolicyModel,
  policy: CompiledPolicy,
  direction: Direction,
  chain: string,
  local: readonly PodView[],
  sets: Sets,
  family: Family,
): string[] {
  const out: string[] = [];
  const side = direction === 'ingress' ? 'src' : 'dst';
  for (const [i, rule] of (policy[direction] ?? []).entries()) {
    const about = `${policy.key} ${direction} ${i}`;
    const peers = peerWords(model, rule, about, side, sets, family);
    for (const port of rule.ports ?? [null]) {
      if (port === null) for (const peer of peers) out.push(`-A ${chain}${peer} -j MARK --set-xmark ${PASS}`);
      else if ('name' in port) {
        // A named port is a number of its own on each pod that is addressed.
        const addressed = direction === 'ingress' ? local.filter((p) => policy.pods.has(p.key)) : peerPods(model, rule);
        const set = namedSet(addressed, port, `${about} ${port.protocol} ${port.name}`, sets, family);
        const from = direction === 'ingress' ? peers : [''];
        for (const peer of from) out.push(`-A ${chain}${peer} -m set --match-set ${set} dst,dst -j MARK --set-xmark ${PASS}`);
      } else {
        const range = port.from === port.to ? `${port.from}` : `${port.from}:${port.to}`;
        const dport = port.from === 0 && port.to === 65535 ? '' : ` -m ${port.protocol} --dport ${range}`;
        for (const peer of peers) out.push(`-A ${chain} -p ${port.protocol}${peer}${dport} -j MARK --set-xmark ${PASS}`);
      }
    }
  }
  return out;
}

/** Conditions on the other end, any of which will do; one empty one for everybody. */
function peerWords(model: PolicyModel, rule: PolicyRule, about: string, side: 'src' | 'dst', sets: Sets, family: Family): string[] {
  const { peers } = rule;
  if (peers === null) return [''];
  const out: string[] = [];
  const ips = peers.pods.flatMap((key) => ipsOf(model.pod(key) as PodView, family).map(formatIp));
  if (peers.pods.length > 0) out.push(` -m set --match-set ${sets.ips(about, ips)} ${side}`);
  for (const [i, block] of peers.blocks.entries()) {
    if (familyOf(block.cidr.addr) !== family) continue;
    if (block.cidr.len === 0 && block.except.length === 0) {
      out.push('');
      continue;
    }
    const elements = [...nets(block.cidr, ''), ...block.except.flatMap((c) => nets(c, ' nomatch'))];
    out.push(` -m set --match-set ${sets.nets(`${about} block ${i}`, elements)} ${side}`);
  }
  return out;
}

function peerPods(model: PolicyModel, rule: PolicyRule): PodView[] {
  if (rule.peers === null) return model.all();
  return rule.peers.pods.map((key) => model.pod(key)).filter((p) => p !== undefined);
}

function namedSet(pods: readonly PodView[], port: NamedPort, about: string, sets: Sets, family: Family): string {
  const elements = pods.flatMap((p) => {
    const n = portNumber(p, port);
    return n === undefined ? [] : ipsOf(p, family).map((ip) => `${formatIp(ip)},${port.protocol}:${n}`);
  });
  return sets.ports(about, elements);
}
