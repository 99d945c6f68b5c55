/** Tables, chains, sets, maps and objects as text. Models the print functions of nftables/src/rule.c */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { sortElems } from '../evaluate/sets.ts';
import { elemsText, exprText, type Format } from './expr.ts';
import { limitText, quotaText, stmtText } from './stmt.ts';
import type { ChainView, TableView } from './view.ts';

type NamedPriority = readonly [name: string, value: number, hook: xt.NftHook | null];

const PRIORITIES: readonly NamedPriority[] = [
  ['raw', -300, null],
  ['mangle', -150, null],
  ['dstnat', -100, 'PREROUTING'],
  ['filter', 0, null],
  ['security', 50, null],
  ['srcnat', 100, 'POSTROUTING'],
];
const BRIDGE: readonly NamedPriority[] = [
  ['dstnat', -300, 'PREROUTING'],
  ['filter', -200, null],
  ['out', 100, 'OUTPUT'],
  ['srcnat', 300, 'POSTROUTING'],
];
const OTHER: readonly NamedPriority[] = [['filter', 0, null]];

function priorityText(priority: number, hook: xt.NftHook, family: xt.NftFamily, numeric: boolean): string {
  if (numeric) return String(priority);
  const table = family === 'bridge' ? BRIDGE : family === 'arp' || family === 'netdev' ? OTHER : PRIORITIES;
  for (const [name, value, only] of table) {
    if (only !== null && only !== hook) continue;
    const offset = priority - value;
    if (offset === 0) return name;
    if (Math.abs(offset) <= 10) return `${name} ${offset < 0 ? '-' : '+'} ${Math.abs(offset)}`;
  }
  return String(priority);
}

export const handleText = (f: Format, handle: number): string => (f.handles ? ` # handle ${handle}` : '');

export function baseText(c: ChainView, family: xt.NftFamily, f: Format): string {
  if (!c.base) return '';
  const { type, hook, policy, devices } = c.base;
  const one = devices.length === 1 ? ` device "${devices[0]}"` : devices.length > 1 ? ` devices = { ${devices.join(', ')} }` : '';
  return `type ${type} hook ${hook.toLowerCase()}${one} priority ${priorityText(c.base.priority, hook, family, f.numericPriority)}; policy ${policy};`;
}

export function chainText(c: ChainView, family: xt.NftFamily, f: Format, withRules = true): string {
  let s = `\tchain ${c.name} {${handleText(f, c.handle)}\n`;
  if (c.comment !== null) s += `\t\tcomment "${c.comment}"\n`;
  if (c.base) s += `\t\t${baseText(c, family, f)}\n`;
  if (withRules) for (const rule of c.rules) s += `\t\t${rule.text(f)}${handleText(f, rule.handle)}\n`;
  return `${s}\t}\n`;
}

/** An element with the time it still has. */
export function shownElem(e: xt.SetElem, f: Format): xt.Elem {
  const left = e.expires === null ? null : Math.max(0, Math.floor((e.expires - f.names.now) / 1000));
  return { ...e.elem, expires: left, stmts: e.stmts };
}

export function shownElems(set: xt.NftSet, f: Format): xt.Elem[] {
  const alive = set.alive(f.names.now).map((e) => shownElem(e, f));
  if (!set.interval) return sortElems(alive);
  if (set.spec.keyType.parts) return alive;
  return sortElems(alive);
}

const NARROW = new Set(
  'integer arp_op inet_proto inet_service tcp_flag dccp_pkttype mark iface_index devgroup nf_proto ct_state ct_status ct_dir pkt_type iface_type ct_label uid gid realm classid icmp_type'.split(
    ' ',
  ),
);

/** How many elements share a line. */
function perLine(type: xt.DataType): number {
  if (type.parts) return 1;
  if (type.name === 'ipv4_addr') return 2;
  return NARROW.has(type.name) ? 5 : 1;
}

function elementRows(set: xt.NftSet, f: Format): string {
  const items = elemsText(shownElems(set, f), f);
  const each = perLine(set.spec.keyType);
  const rows: string[] = [];
  for (let i = 0; i < items.length; i += each) rows.push(items.slice(i, i + each).join(', '));
  return rows.join(',\n\t\t\t     ');
}

export function keyTypeText(set: xt.NftSet, f: Format): string {
  const { spec } = set;
  const data = (): string => {
    const interval = spec.dataInterval ? 'interval ' : '';
    if (spec.objType) return spec.objType;
    if (spec.typeofData) return `${interval}${exprText(spec.typeofData, f)}`;
    return `${interval}${spec.dataType?.name ?? ''}`;
  };
  if (spec.typeofKey) return `typeof ${exprText(spec.typeofKey, f)}${spec.kind === 'map' ? ` : ${data()}` : ''}`;
  return `type ${spec.keyType.name}${spec.kind === 'map' ? ` : ${data()}` : ''}`;
}

export function setText(set: xt.NftSet, f: Format, word: string = set.spec.kind): string {
  const { spec } = set;
  let s = `\t${word} ${set.name} {${handleText(f, set.handle)}\n\t\t${keyTypeText(set, f)}\n`;
  if (spec.policy === 'memory') s += '\t\tpolicy memory\n';
  if (spec.size !== null) s += `\t\tsize ${spec.size}\n`;
  // A default timeout says as much as the flag by itself.
  if (spec.flags.some((x) => x !== 'timeout' || spec.timeout === null)) s += `\t\tflags ${spec.flags.join(',')}\n`;
  if (spec.autoMerge) s += '\t\tauto-merge\n';
  if (spec.timeout !== null) s += `\t\ttimeout ${nft.formatDuration(spec.timeout)}\n`;
  if (spec.gcInterval !== null) s += `\t\tgc-interval ${nft.formatDuration(spec.gcInterval)}\n`;
  if (spec.comment !== null) s += `\t\tcomment "${spec.comment}"\n`;
  for (const st of spec.stmts) s += `\t\t${stmtText(st, { ...f, stateless: true })}\n`;
  const rows = f.terse ? '' : elementRows(set, f);
  if (rows !== '') s += `\t\telements = { ${rows} }\n`;
  return `${s}\t}\n`;
}

/** The lines of an object. */
function objectLines(o: xt.NftObject, f: Format): string[] {
  const { stmt, lines } = o.spec;
  if (stmt?.s === 'counter') return f.stateless ? [] : [`packets ${stmt.packets} bytes ${stmt.bytes}`];
  if (stmt?.s === 'quota') return [quotaText(stmt, f).slice('quota '.length)];
  if (stmt?.s === 'limit') return [limitText(stmt).slice('limit '.length)];
  if (stmt?.s === 'synproxy') {
    const flags = [stmt.timestamp ? 'timestamp' : '', stmt.sackPerm ? 'sack-perm' : ''].filter((x) => x);
    return [`mss ${stmt.mss ?? 0}`, `wscale ${stmt.wscale ?? 0}`, ...(flags.length > 0 ? [flags.join(' ')] : [])];
  }
  return [...lines];
}

export const objectBodyText = (o: xt.NftObject, f: Format): string => objectLines(o, f).join(' ');

export function objectText(o: xt.NftObject, f: Format): string {
  const { spec } = o;
  let s = `\t${spec.kind} ${o.name} {${handleText(f, o.handle)}\n`;
  if (spec.comment !== null) s += `\t\tcomment "${spec.comment}"\n`;
  for (const line of objectLines(o, f)) s += `\t\t${line}\n`;
  return `${s}\t}\n`;
}

export function tableText(t: TableView, f: Format): string {
  const parts = [
    ...t.objects.map((o) => objectText(o, f)),
    ...t.sets.filter((s) => !s.spec.meter).map((s) => setText(s, f)),
    ...t.chains.map((c) => chainText(c, t.family, f)),
  ];
  let s = `table ${t.family} ${t.name} {${handleText(f, t.handle)}\n`;
  if (t.dormant) s += `\tflags dormant\n${parts.length > 0 && t.comment === null ? '\n' : ''}`;
  if (t.comment !== null) s += `\tcomment "${t.comment}"\n`;
  return `${s}${parts.join('\n')}}\n`;
}

export function warning(t: TableView, chains: readonly ChainView[] = t.chains): string {
  return chains.some((c) => c.foreign) ? `# Warning: table ${t.family} ${t.name} is managed by iptables-nft, do not touch!\n` : '';
}
