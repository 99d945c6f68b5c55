/** Rulesets as text: native tables, and those of iptables-nft in nft's language. Models nftables/src/rule.c */

import { type Netns, xt } from '../../os/uapi.ts';

/** What list shows of a table, wherever it comes from. */
export interface TableView {
  readonly family: xt.NftFamily;
  readonly name: string;
  readonly handle: number;
  readonly sets: readonly xt.NftSet[];
  readonly chains: readonly ChainView[];
}

export interface ChainView {
  readonly name: string;
  readonly handle: number;
  readonly base: { type: string; hook: xt.Hook; priority: number; policy: string } | null;
  rules(stateless: boolean): { text: string; handle: number }[];
  /** Rules with extensions of iptables: nft warns not to touch them. */
  readonly foreign: boolean;
}

const OBJECT_FAMILY: Readonly<Record<number, xt.NftFamily>> = { 4: 'ip', 6: 'ip6' };

function native(t: xt.NftTable): TableView {
  return {
    family: t.family,
    name: t.name,
    handle: t.handle,
    sets: [...t.sets.values()],
    chains: [...t.chains.values()].map((c) => ({
      name: c.name,
      handle: c.handle,
      base: c.base,
      foreign: false,
      rules: (stateless) =>
        c.rules.map((r) => ({
          text: [...r.statements.map((s) => s.text(stateless)), ...(r.comment !== null ? [`comment "${r.comment}"`] : [])].join(' '),
          handle: r.handle,
        })),
    })),
  };
}

function fromIptables(t: xt.Table): TableView {
  const family = OBJECT_FAMILY[t.family] as xt.NftFamily;
  return {
    family,
    name: t.name,
    handle: t.handle,
    sets: [],
    chains: [...t.chains.values()].map((c) => {
      const priority = c.hook === null ? 0 : (xt.TABLES[t.name].find(([hook]) => hook === c.hook)?.[1] ?? 0);
      const type = t.name === 'nat' ? 'nat' : t.name === 'mangle' && c.hook === 'OUTPUT' ? 'route' : 'filter';
      return {
        name: c.name,
        handle: c.handle,
        base: c.hook === null ? null : { type, hook: c.hook, priority, policy: c.policy.toLowerCase() },
        foreign: c.rules.some(
          (r) => r.spec.matches.some((m) => !m.ext.native) || (r.spec.target.kind === 'ext' && !r.spec.target.ext.native),
        ),
        rules: (stateless) => c.rules.map((r) => ({ text: ruleText(r, t.family, stateless), handle: r.handle })),
      };
    }),
  };
}

function address(m: xt.AddrMatch | null, word: string): string[] {
  if (!m) return [];
  return [`${word} ${m.invert ? '!= ' : ''}${xt.addressMask(m.addr, m.mask, false)}`];
}

function iface(i: xt.IfaceMatch | null, word: string): string[] {
  if (!i) return [];
  return [`${word} ${i.invert ? '!= ' : ''}"${i.name.endsWith('+') ? `${i.name.slice(0, -1)}*` : i.name}"`];
}

/** nft drops `meta l4proto` when tcp or udp ports follow as native expressions: they imply it. */
function ruleText(r: xt.Rule, family: 4 | 6, stateless: boolean): string {
  const { spec } = r;
  const ip = family === 4 ? 'ip' : 'ip6';
  const first = spec.matches[0];
  const firstText = first?.ext.nft?.(first.opt, family) ?? '';
  const implied = !spec.protoInvert && first !== undefined && (first.ext.name === 'tcp' || first.ext.name === 'udp') && firstText !== '';
  const parts = [...iface(spec.in, 'iifname'), ...iface(spec.out, 'oifname')];
  if (spec.proto !== 0 && !implied) parts.push(`meta l4proto ${spec.protoInvert ? '!= ' : ''}${xt.NFT_TYPES.inet_proto.print(spec.proto)}`);
  parts.push(...address(spec.src, `${ip} saddr`), ...address(spec.dst, `${ip} daddr`));
  if (spec.frag) parts.push(`ip frag-off & 8191 ${spec.frag.invert ? '==' : '!='} 0`);
  for (const m of spec.matches) parts.push(m.ext.nft?.(m.opt, family) ?? `xt match "${m.ext.name}"`);
  parts.push(stateless ? 'counter' : `counter packets ${r.packets} bytes ${r.bytes}`);
  const t = spec.target;
  if (t.kind === 'verdict') parts.push(t.verdict.toLowerCase());
  else if (t.kind === 'jump') parts.push(`${t.goto ? 'goto' : 'jump'} ${t.chain}`);
  else if (t.kind === 'ext') parts.push(t.ext.nft?.(t.opt, family) ?? `xt target "${t.ext.name}"`);
  return parts.join(' ');
}

/** All tables by age. */
export function views(ns: Netns): TableView[] {
  const { nft, xt: tables } = ns.nf;
  const all = [...nft.all().map(native), ...tables.list(4).map(fromIptables), ...tables.list(6).map(fromIptables)];
  return all.sort((a, b) => a.handle - b.handle);
}

const PRIORITIES: readonly (readonly [string, number, xt.Hook | null])[] = [
  ['raw', -300, null],
  ['mangle', -150, null],
  ['dstnat', -100, 'PREROUTING'],
  ['filter', 0, null],
  ['security', 50, null],
  ['srcnat', 100, 'POSTROUTING'],
];

export function priorityText(priority: number, hook: xt.Hook): string {
  for (const [name, value, only] of PRIORITIES) {
    if (only !== null && only !== hook) continue;
    const offset = priority - value;
    if (offset === 0) return name;
    if (Math.abs(offset) <= 10) return `${name} ${offset < 0 ? '-' : '+'} ${Math.abs(offset)}`;
  }
  return String(priority);
}

export function priorityOf(name: string): number | null {
  const known = PRIORITIES.find(([n]) => n === name);
  if (known) return known[1];
  return /^-?\d+$/.test(name) ? Number(name) : null;
}

export interface Format {
  handles: boolean;
  stateless: boolean;
}

const handleText = (f: Format, handle: number): string => (f.handles ? ` # handle ${handle}` : '');

function baseText(c: ChainView): string {
  if (!c.base) return '';
  return `\t\ttype ${c.base.type} hook ${c.base.hook.toLowerCase()} priority ${priorityText(c.base.priority, c.base.hook)}; policy ${c.base.policy};\n`;
}

export function chainText(c: ChainView, f: Format, withRules = true): string {
  let s = `\tchain ${c.name} {${handleText(f, c.handle)}\n${baseText(c)}`;
  if (withRules) for (const rule of c.rules(f.stateless)) s += `\t\t${rule.text}${handleText(f, rule.handle)}\n`;
  return `${s}\t}\n`;
}

export function setText(set: xt.NftSet, f: Format): string {
  let s = `\tset ${set.name} {${handleText(f, set.handle)}\n\t\ttype ${set.type.name}\n`;
  if (set.flags.length > 0) s += `\t\tflags ${set.flags.join(',')}\n`;
  const items = xt.sortedItems(set.elements).map((i) => xt.itemText(set.type, i));
  if (items.length > 0) {
    const rows: string[] = [];
    const each = set.type.name === 'ipv4_addr' ? 2 : 5;
    for (let i = 0; i < items.length; i += each) rows.push(items.slice(i, i + each).join(', '));
    s += `\t\telements = { ${rows.join(',\n\t\t\t     ')} }\n`;
  }
  return `${s}\t}\n`;
}

export function tableText(t: TableView, f: Format): string {
  const parts = [...t.sets.map((set) => setText(set, f)), ...t.chains.map((c) => chainText(c, f))];
  return `table ${t.family} ${t.name} {${handleText(f, t.handle)}\n${parts.join('\n')}}\n`;
}

export function warning(t: TableView, chains: readonly ChainView[] = t.chains): string {
  return chains.some((c) => c.foreign) ? `# Warning: table ${t.family} ${t.name} is managed by iptables-nft, do not touch!\n` : '';
}
