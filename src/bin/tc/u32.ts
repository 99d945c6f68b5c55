/** u32 and matchall on the command line, with their actions. Models tc/f_u32.c, f_matchall.c, m_action.c, m_gact.c, m_mirred.c */

import type * as tc from '../../os/tc.ts';
import { parseIp4 } from '../../wire/addr.ts';
import { type Args, duparg, Exit, integer, matches, unsigned } from '../ip/lib/args.ts';
import { bad, printStats, type TcCtx } from './common.ts';
import { parseClassid, showClassid } from './units.ts';

const U32_USAGE = `Usage: ... u32 [ match SELECTOR ... ] [ link HTID ] [ classid CLASSID ]
               [ action ACTION_SPEC ] [ offset OFFSET_SPEC ]
               [ ht HTID ] [ hashkey HASHKEY_SPEC ]
               [ sample SAMPLE ] [skip_hw | skip_sw]
or         u32 divisor DIVISOR

Where: SELECTOR := SAMPLE SAMPLE ...
       SAMPLE := { ip | ip6 | udp | tcp | icmp | u{32|16|8} | mark }
                 SAMPLE_ARGS [ divisor DIVISOR ]
       FILTERID := X:Y:Z

NOTE: CLASSID is parsed at hexadecimal input.
`;

const MATCHALL_USAGE = `Usage: ... matchall [skip_sw | skip_hw]
                 [ action ACTION_SPEC ] [ classid CLASSID ]

Where: SELECTOR := SAMPLE SAMPLE ...
       FILTERID := X:Y:Z
       ACTION_SPEC := ... look at individual actions

NOTE: CLASSID is parsed as hexadecimal input.
`;

export interface ParsedFilter {
  readonly handle: number;
  readonly options: tc.FilterOptions | null;
}

// ---- u32 ----

/** `800::800`, or null. */
function u32Handle(text: string): number | null {
  const m = /^([0-9a-fA-F]*):(?:([0-9a-fA-F]*)(?::([0-9a-fA-F]*))?)?$/.exec(text);
  if (!m) return /^0x[0-9a-fA-F]{1,8}$/.test(text) ? Number.parseInt(text, 16) : null;
  const [ht, hash, node] = [m[1], m[2], m[3]].map((s) => (s ? Number.parseInt(s, 16) : 0)) as [number, number, number];
  return ht >= 0x1000 || hash >= 0x100 || node >= 0x1000 ? null : ht * 0x100000 + hash * 0x1000 + node;
}

function showHandle(h: number): string {
  const ht = Math.floor(h / 0x100000);
  const hash = (h >>> 12) & 0xff;
  const node = h & 0xfff;
  let s = '';
  if (ht) s += `${ht.toString(16)}:`;
  if (hash) s += hash.toString(16);
  if (node) s += `:${node.toString(16)}`;
  return s === '' ? 'none' : s;
}

function noMatch(): never {
  bad('Illegal "match"\n');
}

class Selector {
  readonly keys: tc.U32Key[] = [];

  /** Models pack_key() */
  pack(val: number, mask: number, off: number, offmask: number): void {
    const key = this.keys.find((k) => k.off === off && k.offmask === offmask);
    const v = (val & mask) >>> 0;
    if (key) {
      if (((v ^ key.val) & mask & key.mask) !== 0) noMatch();
      key.val = (key.val | v) >>> 0;
      key.mask = (key.mask | mask) >>> 0;
      return;
    }
    if (off % 4 !== 0 || this.keys.length >= 128) noMatch();
    this.keys.push({ val: v, mask: mask >>> 0, off, offmask });
  }

  /** `bits` of 8, 16 or 32 at an offset. */
  packBits(bits: number, val: number, mask: number, off: number, offmask: number): void {
    const max = 2 ** bits - 1;
    if (val > max || mask > max) noMatch();
    const shift = bits === 32 ? 0 : bits === 16 ? ((off & 3) === 0 ? 16 : 0) : 24 - 8 * (off & 3);
    this.pack((val << shift) >>> 0, (mask << shift) >>> 0, bits === 32 ? off : off & ~3, offmask);
  }
}

/** `at 4`, `at nexthdr+4`. */
function at(a: Args, off: number, offmask: number): { off: number; offmask: number } {
  if (!a.is('at')) return { off, offmask };
  let word = a.next();
  let mask = offmask;
  if (word.startsWith('nexthdr+') && word.length > 8) {
    mask = -1;
    word = word.slice(8);
  } else if (matches(word, 'nexthdr+')) {
    mask = -1;
    word = a.next();
  }
  const n = integer(word);
  if (n === null) noMatch();
  a.step();
  return { off: n, offmask: mask };
}

/** A value and a hexadecimal mask. */
function valueMask(a: Args, sel: Selector, bits: number, off: number, offmask: number): void {
  const value = a.more ? unsigned(a.word) : null;
  a.step();
  const mask = a.more && /^(?:0[xX])?[0-9a-fA-F]+$/.test(a.word) ? Number.parseInt(a.word, 16) : null;
  a.step();
  if (value === null || mask === null) noMatch();
  const where = at(a, off, offmask);
  sel.packBits(bits, value, mask, where.off, where.offmask);
}

function address4(a: Args, sel: Selector, off: number): void {
  const [text, length] = a.word.split('/', 2) as [string, string | undefined];
  const addr = text === 'any' || text === 'default' ? 0 : parseIp4(text);
  const bits = length === undefined ? (addr === 0 && text !== '0.0.0.0' ? 0 : 32) : unsigned(length, 32);
  if (addr === null || bits === null) noMatch();
  a.step();
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  const where = at(a, off, 0);
  sel.pack(addr, mask, where.off, where.offmask);
}

type Field = readonly [bits: number, off: number];

const IP_FIELDS: Readonly<Record<string, Field>> = {
  tos: [8, 1],
  ihl: [8, 0],
  protocol: [8, 9],
  dport: [16, 22],
  sport: [16, 20],
  icmp_type: [8, 20],
  icmp_code: [8, 21],
};
const IP_FLAGS: Readonly<Record<string, readonly [val: number, mask: number]>> = {
  nofrag: [0, 0x3fff],
  firstfrag: [0x2000, 0x3fff],
  df: [0x4000, 0x4000],
  mf: [0x2000, 0x2000],
};
const IP6_FIELDS: Readonly<Record<string, Field>> = {
  protocol: [8, 6],
  flowlabel: [32, 0],
  dport: [16, 42],
  sport: [16, 40],
  icmp_type: [8, 40],
  icmp_code: [8, 41],
};

function selector(a: Args, sel: Selector): void {
  const kind = a.word;
  if (matches(kind, 'u32')) plain(a, sel, 32);
  else if (matches(kind, 'u16')) plain(a, sel, 16);
  else if (matches(kind, 'u8')) plain(a, sel, 8);
  else if (matches(kind, 'ip')) {
    const name = a.next();
    if (a.peek === undefined && !(name in IP_FLAGS)) noMatch();
    const flag = IP_FLAGS[name];
    const field = IP_FIELDS[matches(name, 'dsfield') || matches(name, 'precedence') ? 'tos' : name];
    a.step();
    if (name === 'src' || name === 'dst') address4(a, sel, name === 'src' ? 12 : 16);
    else if (flag) sel.packBits(16, flag[0], flag[1], 6, 0);
    else if (field) valueMask(a, sel, field[0], field[1], 0);
    else noMatch();
  } else if (matches(kind, 'ip6')) {
    const name = a.next();
    const field = IP6_FIELDS[name];
    if (name === 'src' || name === 'dst' || name === 'priority') bad(`tc: u32 match ip6 ${name}: not emulated\n`);
    if (!field || a.peek === undefined) noMatch();
    a.step();
    valueMask(a, sel, field[0], field[1], name === 'icmp_code' ? 1 : 0);
  } else if (matches(kind, 'udp') || matches(kind, 'tcp')) {
    const name = a.next();
    if ((name !== 'src' && name !== 'dst') || a.peek === undefined) noMatch();
    a.step();
    valueMask(a, sel, 16, name === 'src' ? 0 : 2, -1);
  } else if (matches(kind, 'icmp')) {
    const name = a.next();
    if ((name !== 'type' && name !== 'code') || a.peek === undefined) noMatch();
    a.step();
    valueMask(a, sel, 8, name === 'type' ? 20 : 21, name === 'type' ? 0 : 1);
  } else if (matches(kind, 'mark') || matches(kind, 'ether')) bad(`tc: u32 match ${kind}: not emulated\n`);
  else noMatch();
}

function plain(a: Args, sel: Selector, bits: number): void {
  a.next();
  valueMask(a, sel, bits, 0, 0);
}

export function parseU32(ctx: TcCtx, a: Args, handle: string | null): ParsedFilter {
  let id = 0;
  if (handle !== null) id = u32Handle(handle) ?? bad('Illegal filter ID\n');
  if (!a.more) return { handle: id, options: null };
  const sel = new Selector();
  let matched = false;
  let classid: number | null = null;
  const actions: tc.ActionSpec[] = [];
  while (a.more) {
    if (a.matches('match')) {
      a.next();
      selector(a, sel);
      matched = true;
      continue;
    }
    if (a.matches('action')) {
      a.next();
      parseActions(ctx, a, actions);
      continue;
    }
    if (a.matches('classid') || a.is('flowid')) {
      const c = parseClassid(a.next());
      if (c === null) bad('Illegal "classid"\n');
      classid = c;
    } else if (a.is('skip_sw')) bad('tc: skip_sw: not emulated\n');
    else if (a.is('skip_hw')) {
      // Nothing here has hardware that could do it.
    } else if (a.matches('offset', 'hashkey', 'divisor', 'order', 'police') || a.is('link', 'ht', 'sample', 'indev'))
      bad(`tc: u32 ${a.word}: not emulated\n`);
    else if (a.is('help')) bad(U32_USAGE);
    else bad(`What is "${a.word}"?\n${U32_USAGE}`);
    a.step();
  }
  const terminal = classid !== null || actions.length > 0;
  return { handle: id, options: { classid, keys: matched ? sel.keys : null, actions, terminal } };
}

export function parseMatchall(ctx: TcCtx, a: Args, handle: string | null): ParsedFilter {
  const id = handle === null ? 0 : Number.parseInt(handle, handle.startsWith('0x') ? 16 : 10) || 0;
  let classid: number | null = null;
  const actions: tc.ActionSpec[] = [];
  while (a.more) {
    if (a.matches('action')) {
      a.next();
      parseActions(ctx, a, actions);
      continue;
    }
    if (a.matches('classid') || a.is('flowid')) {
      const c = parseClassid(a.next());
      if (c === null) bad('Illegal "classid"\n');
      classid = c;
    } else if (a.is('skip_sw')) bad('tc: skip_sw: not emulated\n');
    else if (a.is('help')) bad(MATCHALL_USAGE);
    else if (!a.is('skip_hw')) bad(`What is "${a.word}"?\n${MATCHALL_USAGE}`);
    a.step();
  }
  return { handle: id, options: { classid, keys: null, actions, terminal: true } };
}

// ---- actions ----

const VERDICTS: readonly (readonly [string, tc.Verdict])[] = [
  ['continue', 'continue'],
  ['drop', 'drop'],
  ['shot', 'drop'],
  ['pass', 'pass'],
  ['ok', 'pass'],
  ['reclassify', 'reclassify'],
  ['pipe', 'pipe'],
  ['trap', 'trap'],
];

function verdictOf(word: string): tc.Verdict | null {
  return VERDICTS.find(([name]) => matches(word, name))?.[1] ?? null;
}

/** Models parse_action() */
function parseActions(ctx: TcCtx, a: Args, out: tc.ActionSpec[]): void {
  while (a.more) {
    if (a.is('action')) {
      a.step();
      continue;
    }
    if (a.is('flowid', 'classid')) return;
    const word = a.word;
    const verdict = verdictOf(word);
    if (verdict !== null || matches(word, 'gact')) {
      let v = verdict;
      if (v === null) v = verdictOf(a.next()) ?? bad(`Bad action type ${a.word}\n`);
      a.step();
      out.push({ kind: 'gact', verdict: v, index: index(a) });
    } else if (matches(word, 'mirred')) out.push(mirred(ctx, a));
    else if (/^(police|pedit|nat|skbedit|vlan|csum|connmark|ct|bpf|sample|simple|ife|mpls|tunnel_key|skbmod|xt|gate|goto|jump)$/.test(word))
      bad(`tc: action ${word}: not emulated\n`);
    else bad(`parse_action: bad value (${a.rest().length}:${word})!\nIllegal "action"\n`);
  }
}

function index(a: Args): number {
  if (!a.more || !a.matches('index')) return 0;
  const n = unsigned(a.next());
  if (n === null) bad('Illegal "index"\n');
  a.step();
  return n;
}

const MIRRED_USAGE = `Usage: mirred <DIRECTION> <ACTION> [index INDEX] <dev DEVICENAME>
where:
	DIRECTION := <ingress | egress>
	ACTION := <mirror | redirect>
	INDEX  is the specific policy instance id
	DEVICENAME is the devicename
`;

function mirred(ctx: TcCtx, a: Args): tc.ActionSpec {
  const fault = 'bad action parsing\nparse_action: bad value (0:mirred)!\nIllegal "action"\n';
  let direction: 'egress' | 'ingress' | null = null;
  let redirect: boolean | null = null;
  let dev = '';
  let n = 0;
  a.next();
  if (a.matches('help')) throw new Exit(255, MIRRED_USAGE);
  for (;;) {
    if (direction === null && a.matches('egress')) direction = 'egress';
    else if (direction === null && a.matches('ingress')) direction = 'ingress';
    else if (a.matches('index')) n = unsigned(a.next()) ?? bad('Illegal "index"\n');
    else if (direction === null) bad(`mirred option not supported ${a.word}\n${fault}`);
    else if (redirect === null && a.matches('mirror')) redirect = false;
    else if (redirect === null && a.matches('redirect')) redirect = true;
    else if (redirect !== null && a.matches('dev')) {
      a.next();
      if (dev !== '') duparg('dev', a.word);
      dev = a.word;
      a.step();
      break;
    }
    a.next();
  }
  const d = ctx.device(dev);
  if (!d) bad(`Cannot find device "${dev}"\n${fault}`);
  let verdict: tc.Verdict = redirect ? 'stolen' : 'pipe';
  if (!redirect && a.more) {
    const v = verdictOf(a.word);
    if (v !== null) {
      verdict = v;
      a.step();
    }
  }
  return {
    kind: 'mirred',
    direction: direction as 'egress',
    redirect: redirect as boolean,
    ifindex: d.ifindex,
    verdict,
    index: index(a) || n,
  };
}

// ---- output ----

export function printTable(ctx: TcCtx, table: number): void {
  const { pr } = ctx;
  const fh = `${table.toString(16)}:`;
  pr.any('fh', fh, `fh ${fh} `);
  pr.any('ht_divisor', 1, 'ht divisor 1 ');
}

export function printU32(ctx: TcCtx, n: tc.FilterNode): void {
  const { pr } = ctx;
  const fh = showHandle(n.handle).replace(/^([0-9a-f]+):(?=:|$)/, '$1:');
  pr.any('fh', fh, `fh ${fh} `);
  pr.any('order', n.handle & 0xfff, `order ${n.handle & 0xfff} `);
  const ht = n.table.toString(16);
  pr.any('key_ht', ht, `key ht ${ht} `);
  pr.any('bkt', '0', 'bkt 0 ');
  if (n.classid !== null) {
    if (n.terminal) pr.fp('*');
    pr.any('flowid', showClassid(n.classid), `flowid ${showClassid(n.classid)} `);
  } else if (n.terminal) pr.fp('terminal flowid ');
  pr.any('not_in_hw', true, 'not_in_hw ');
  for (const k of n.keys) {
    const hex = (v: number): string => v.toString(16);
    pr.openObject('match');
    pr.nl();
    pr.any('value', hex(k.val), `  match ${hex(k.val).padStart(8, '0')}`);
    pr.any('mask', hex(k.mask), `/${hex(k.mask).padStart(8, '0')} `);
    const lead = k.offmask ? 'nexthdr+' : '';
    pr.any('offmask', lead, `at ${lead}`);
    pr.any('off', k.off, `${k.off}`);
    pr.closeObject();
  }
  printActions(ctx, n);
}

export function printMatchall(ctx: TcCtx, n: tc.FilterNode): void {
  const { pr } = ctx;
  pr.any('handle', n.handle, `handle 0x${n.handle.toString(16)} `);
  if (n.classid !== null) pr.any('flowid', showClassid(n.classid), `flowid ${showClassid(n.classid)} `);
  pr.any('not_in_hw', true, '\n  not_in_hw');
  if (ctx.stats) pr.any('rule_hit', n.hits, ` (rule hit ${n.hits})`);
  printActions(ctx, n);
}

const MIRRED_TEXT = { egress: 'Egress', ingress: 'Ingress' } as const;

function printActions(ctx: TcCtx, n: tc.FilterNode): void {
  if (n.actions.length === 0) return;
  const { pr } = ctx;
  pr.nl();
  pr.openArray('actions');
  n.actions.forEach((act, i) => {
    const { spec } = act;
    pr.openObject();
    pr.any('order', i + 1, `\taction order ${i + 1}: `);
    pr.any('kind', spec.kind, `${spec.kind} `);
    let verdict: string = spec.verdict;
    if (spec.kind === 'gact') {
      control(ctx, 'action ', verdict, '');
      pr.openObject('prob');
      pr.nl();
      pr.any('random_type', 'none', '\t random type none');
      control(ctx, ' ', 'pass', ' ');
      pr.any('val', 0, 'val 0');
      pr.closeObject();
      pr.nl();
      pr.any('index', act.index, `\t index ${act.index}`);
    } else {
      if (spec.redirect) verdict = 'stolen';
      const to = ctx.ns.devices.get(spec.ifindex)?.name ?? `if${spec.ifindex}`;
      pr.fp(`(${MIRRED_TEXT[spec.direction]} ${spec.redirect ? 'Redirect' : 'Mirror'}`);
      pr.jsonOnly('mirred_action', spec.redirect ? 'redirect' : 'mirror');
      pr.jsonOnly('direction', spec.direction);
      pr.any('to_dev', to, ` to device ${to})`);
      control(ctx, ' ', verdict, '');
      pr.nl();
      pr.any('index', act.index, `\tindex ${act.index}`);
    }
    pr.any('ref', 1, ' ref 1');
    pr.any('bind', 1, ' bind 1');
    pr.nl();
    if (ctx.stats) {
      pr.fp('\tAction statistics:');
      pr.nl();
      pr.openObject('stats');
      printStats(ctx, { ...act, requeues: 0, backlog: 0, qlen: 0 }, '\t');
      pr.closeObject();
      pr.nl();
    }
    pr.closeObject();
  });
  pr.closeArray('');
}

function control(ctx: TcCtx, lead: string, type: string, tail: string): void {
  const { pr } = ctx;
  pr.fp(lead);
  pr.openObject('control_action');
  pr.any('type', type, type);
  pr.closeObject();
  pr.fp(tail);
}
