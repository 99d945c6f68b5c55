/** What there is to list: native tables, and those of iptables-nft in nft's language. */

import { type Netns, xt } from '../../../os/uapi.ts';
import type { Format } from './expr.ts';
import { printForeign } from './foreign.ts';
import { ruleText } from './rule.ts';
import { extensionText } from './xt.ts';

/** What list shows of a table, wherever it comes from. */
export interface TableView {
  readonly family: xt.NftFamily;
  readonly name: string;
  readonly handle: number;
  readonly comment: string | null;
  readonly dormant: boolean;
  readonly sets: readonly xt.NftSet[];
  readonly objects: readonly xt.NftObject[];
  readonly chains: readonly ChainView[];
  /** Null for tables of iptables-nft. */
  readonly native: xt.NftTable | null;
}

export interface RuleView {
  text(f: Format): string;
  readonly handle: number;
  /** Null for rules of iptables. */
  readonly rule: xt.NftRule | null;
  /** A rule of iptables in pieces: nft's words, or an extension that stays one. */
  pieces?(f: Format): readonly (string | { readonly kind: 'match' | 'target'; readonly name: string })[];
}

export interface ChainView {
  readonly name: string;
  readonly handle: number;
  readonly comment: string | null;
  readonly base: { type: string; hook: xt.NftHook; priority: number; policy: string; devices: readonly string[] } | null;
  readonly rules: readonly RuleView[];
  /** Rules with extensions of iptables: nft warns not to touch them. */
  readonly foreign: boolean;
}

const OBJECT_FAMILY: Readonly<Record<number, xt.NftFamily>> = { 4: 'ip', 6: 'ip6' };

export function chainView(t: xt.NftTable, c: xt.NftChain): ChainView {
  return {
    name: c.name,
    handle: c.handle,
    comment: c.comment,
    base: c.base && { ...c.base, policy: c.base.policy ?? 'accept' },
    foreign: false,
    rules: c.rules.map((r) => ({ rule: r, handle: r.handle, text: (f) => ruleText(r.stmts, r.comment, t.family, f) })),
  };
}

export function tableView(t: xt.NftTable): TableView {
  return {
    family: t.family,
    name: t.name,
    handle: t.handle,
    comment: t.comment,
    dormant: t.dormant,
    sets: [...t.sets.values()],
    objects: [...t.objects.values()],
    native: t,
    chains: [...t.chains.values()].map((c) => chainView(t, c)),
  };
}

function fromIptables(t: xt.Table): TableView {
  const family = OBJECT_FAMILY[t.family] as xt.NftFamily;
  return {
    family,
    name: t.name,
    handle: t.handle,
    comment: null,
    dormant: false,
    sets: [],
    objects: [],
    native: null,
    chains: [...t.chains.values()].map((c) => {
      const priority = c.hook === null ? 0 : (xt.TABLES[t.name].find(([hook]) => hook === c.hook)?.[1] ?? 0);
      const type = t.name === 'nat' ? 'nat' : t.name === 'mangle' && c.hook === 'OUTPUT' ? 'route' : 'filter';
      return {
        name: c.name,
        handle: c.handle,
        comment: null,
        base: c.hook === null ? null : { type, hook: c.hook, priority, policy: c.policy.toLowerCase(), devices: [] },
        foreign: c.rules.some(
          (r) => r.spec.matches.some((m) => !m.ext.native) || (r.spec.target.kind === 'ext' && !r.spec.target.ext.native),
        ),
        rules: c.rules.map((r) => ({
          rule: null,
          handle: r.handle,
          text: (f) => iptablesRule(r, t.family, f.stateless, false, f.names).join(' '),
          pieces: (f) => iptablesRule(r, t.family, f.stateless, true),
        })),
      };
    }),
  };
}

function address(m: xt.AddrMatch | null, word: string): string[] {
  if (!m) return [];
  const text = xt.addressMask(m.addr, m.mask, false);
  const [addr, mask] = text.split('/');
  // A mask with holes is no prefix.
  if (mask !== undefined && /[.:]/.test(mask)) return [`${word} & ${mask} ${m.invert ? '!=' : '=='} ${addr}`];
  return [`${word} ${m.invert ? '!= ' : ''}${text}`];
}

function iface(i: xt.IfaceMatch | null, word: string): string[] {
  if (!i) return [];
  return [`${word} ${i.invert ? '!= ' : ''}"${i.name.endsWith('+') ? `${i.name.slice(0, -1)}*` : i.name}"`];
}

function protocol(n: number): string {
  return n === 0 ? 'ip' : (xt.protocolName(n) ?? String(n));
}

/** The family for which a run of nft has loaded libxt_NAT.so, which then has no words for the targets of the other one. */
const natLoaded = new WeakMap<object, 4 | 6>();

function knowsNat(run: object, target: string, family: 4 | 6): boolean {
  if (!['SNAT', 'DNAT', 'MASQUERADE', 'REDIRECT', 'NETMAP'].includes(target)) return true;
  const loaded = natLoaded.get(run) ?? family;
  natLoaded.set(run, loaded);
  return loaded === family;
}

/** nft drops `meta l4proto` when tcp or udp ports follow as native expressions: they imply it. */
type Piece = string | { readonly kind: 'match' | 'target'; readonly name: string };

function iptablesRule(r: xt.Rule, family: 4 | 6, stateless: boolean, split: false, run: object): string[];
function iptablesRule(r: xt.Rule, family: 4 | 6, stateless: boolean, split: true): Piece[];
function iptablesRule(r: xt.Rule, family: 4 | 6, stateless: boolean, split: boolean, run?: object): Piece[] {
  const { spec } = r;
  const ip = family === 4 ? 'ip' : 'ip6';
  const first = spec.matches[0];
  const firstText = first ? (extensionText(first.ext, first.opt, family) ?? '') : '';
  const implied =
    !spec.protoInvert &&
    first !== undefined &&
    (first.ext.name === 'tcp' || first.ext.name === 'udp') &&
    firstText !== '' &&
    !firstText.startsWith('tcp option');
  const parts: Piece[] = [...iface(spec.in, 'iifname'), ...iface(spec.out, 'oifname')];
  if (spec.proto !== 0 && !implied) parts.push(`meta l4proto ${spec.protoInvert ? '!= ' : ''}${protocol(spec.proto)}`);
  parts.push(...address(spec.src, `${ip} saddr`), ...address(spec.dst, `${ip} daddr`));
  if (spec.frag) parts.push(`ip frag-off & 8191 ${spec.frag.invert ? '==' : '!='} 0`);
  for (const m of spec.matches) {
    if (split && !m.ext.native) parts.push({ kind: 'match', name: m.ext.name });
    else parts.push(extensionText(m.ext, m.opt, family) ?? `xt match ${m.ext.name}`);
  }
  if (!printForeign.uncounted.has(r)) parts.push(stateless ? 'counter' : `counter packets ${r.packets} bytes ${r.bytes}`);
  const t = spec.target;
  if (t.kind === 'verdict') parts.push(t.verdict.toLowerCase());
  else if (t.kind === 'jump') parts.push(`${t.goto ? 'goto' : 'jump'} ${t.chain}`);
  else if (t.kind === 'ext' && split && !t.ext.native) parts.push({ kind: 'target', name: t.ext.name === 'NOTRACK' ? 'CT' : t.ext.name });
  else if (t.kind === 'ext' && run && !knowsNat(run, t.ext.name, family)) parts.push('');
  else if (t.kind === 'ext') parts.push(extensionText(t.ext, t.opt, family) ?? `xt target ${t.ext.name}`);
  return parts;
}

/** All tables by age. */
export function views(ns: Netns): TableView[] {
  const { nft, xt: tables } = ns.nf;
  const all = [...nft.all().map(tableView), ...tables.list(4).map(fromIptables), ...tables.list(6).map(fromIptables)];
  return all.sort((a, b) => a.handle - b.handle);
}
