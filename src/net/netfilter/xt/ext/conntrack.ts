/** -m conntrack and -m state: what connection tracking knows of the packet. Models libxt_conntrack.c and xt_conntrack.c */

import { type Family, formatIp, type IpAddr, inPrefix, maxLen } from '../../../../wire/addr.ts';
import type { Direction } from '../../conntrack/connection.ts';
import { type MatchExt, type ParseCx, Problem } from '../ext.ts';
import { protocolNumber } from '../names.ts';
import type { XtPacket } from '../packet.ts';
import { host, mask, maskLen, number, portRangeRc, uintRange } from '../parse.ts';

const STATES = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED', 'SNAT', 'DNAT'] as const;
type State = (typeof STATES)[number];
const STATUS = ['EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED'] as const;
type Status = (typeof STATUS)[number];
type AddrKey = 'ctorigsrc' | 'ctorigdst' | 'ctreplsrc' | 'ctrepldst';
type PortKey = 'ctorigsrcport' | 'ctorigdstport' | 'ctreplsrcport' | 'ctrepldstport';

const ADDR_KEYS: readonly AddrKey[] = ['ctorigsrc', 'ctorigdst', 'ctreplsrc', 'ctrepldst'];
const PORT_KEYS: readonly PortKey[] = ['ctorigsrcport', 'ctorigdstport', 'ctreplsrcport', 'ctrepldstport'];

interface Inverted<T> {
  value: T;
  invert: boolean;
}

interface ConntrackMatch {
  state: Inverted<State[]> | null;
  status: Inverted<Status[]> | null;
  proto: Inverted<number> | null;
  addrs: Map<AddrKey, Inverted<{ addr: IpAddr; len: number }>>;
  ports: Map<PortKey, Inverted<[number, number]>>;
  expire: Inverted<[number, number]> | null;
  dir: Inverted<Direction> | null;
}

/** The order in which Linux prints states. */
const PRINT_ORDER: readonly State[] = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED', 'SNAT', 'DNAT'];

function parseStates(text: string, known: readonly State[], error: string): State[] {
  const out = new Set<State>();
  for (const word of text.split(',')) {
    const lower = word.toLowerCase();
    const hit = word === '' ? undefined : known.find((s) => s.toLowerCase().startsWith(lower));
    if (!hit) throw new Problem(`${error} "${word}"`);
    out.add(hit);
  }
  return PRINT_ORDER.filter((s) => out.has(s));
}

function stateTest(states: readonly State[], invert: boolean): (p: XtPacket) => boolean {
  const want = new Set<string>(states);
  return (p) => {
    const { ct, ctInfo, untracked } = p.skb;
    let hit: boolean;
    if (ct && ctInfo) {
      hit = want.has(ctInfo.state) || (want.has('SNAT') && ct.srcNat) || (want.has('DNAT') && ct.dstNat);
    } else hit = want.has(untracked ? 'UNTRACKED' : 'INVALID');
    return hit !== invert;
  };
}

function parseAddr(arg: string, cx: ParseCx): { addr: IpAddr; len: number } {
  const [text, maskText] = arg.split('/');
  const addr = host(text as string, cx.family);
  const m = maskText === undefined ? null : mask(maskText, cx.family);
  const len = maskText === undefined ? maxLen(cx.family) : m === null ? null : maskLen(m);
  if (len === null) throw new Problem(`conntrack: bad mask value "${maskText}"\n`);
  return { addr, len };
}

function texts(o: ConntrackMatch, sep: (key: string, value: string, invert: boolean) => string, family: Family): string {
  let s = '';
  if (o.state) s += sep('ctstate', o.state.value.join(','), o.state.invert);
  if (o.proto) s += sep('ctproto', String(o.proto.value), o.proto.invert);
  for (const key of ADDR_KEYS) {
    const a = o.addrs.get(key);
    if (a) s += sep(key, a.value.len === maxLen(family) ? formatIp(a.value.addr) : `${formatIp(a.value.addr)}/${a.value.len}`, a.invert);
  }
  for (const key of PORT_KEYS) {
    const p = o.ports.get(key);
    if (p) s += sep(key, p.value[0] === p.value[1] ? String(p.value[0]) : `${p.value[0]}:${p.value[1]}`, p.invert);
  }
  if (o.status) s += sep('ctstatus', o.status.value.length > 0 ? o.status.value.join(',') : 'NONE', o.status.invert);
  if (o.expire) s += sep('ctexpire', rangeText(o.expire.value), o.expire.invert);
  if (o.dir) s += sep('ctdir', o.dir.value.toUpperCase(), false);
  return s;
}

function rangeText([min, max]: readonly [number, number]): string {
  return min === max ? String(min) : `${min}:${max}`;
}

export const conntrack: MatchExt<ConntrackMatch> = {
  kind: 'match',
  name: 'conntrack',
  conntrack: true,
  init: () => ({ state: null, status: null, proto: null, addrs: new Map(), ports: new Map(), expire: null, dir: null }),
  options: [
    {
      name: 'ctstate',
      invert: true,
      set: (o, arg, invert) => {
        o.state = { value: parseStates(arg, STATES, 'Bad ctstate'), invert };
      },
    },
    {
      name: 'ctproto',
      invert: true,
      set: (o, arg, invert) => {
        const value = number(arg, 0, 255) ?? protocolNumber(arg);
        if (value === null) throw new Problem(`unknown protocol "${arg}" specified`);
        o.proto = { value, invert };
      },
    },
    ...ADDR_KEYS.map((key) => ({
      name: key,
      invert: true,
      set: (o: ConntrackMatch, arg: string, invert: boolean, cx: ParseCx) => {
        o.addrs.set(key, { value: parseAddr(arg, cx), invert });
      },
    })),
    ...PORT_KEYS.map((key) => ({
      name: key,
      invert: true,
      set: (o: ConntrackMatch, arg: string, invert: boolean) => {
        o.ports.set(key, { value: portRangeRc(arg, 6), invert });
      },
    })),
    {
      name: 'ctstatus',
      invert: true,
      set: (o, arg, invert) => {
        const value: Status[] = [];
        for (const word of arg.split(',')) {
          if (word.toUpperCase() === 'NONE') continue;
          const hit = STATUS.find((s) => s.toLowerCase().startsWith(word.toLowerCase()) && word !== '');
          if (!hit) throw new Problem(`Bad ctstatus "${word}"`);
          value.push(hit);
        }
        o.status = { value: STATUS.filter((s) => value.includes(s)), invert };
      },
    },
    {
      name: 'ctexpire',
      invert: true,
      set: (o, arg, invert) => {
        o.expire = { value: uintRange('conntrack', 'ctexpire', arg, 0xffffffff), invert };
      },
    },
    {
      name: 'ctdir',
      set: (o, arg) => {
        const upper = arg.toUpperCase();
        if (upper !== 'ORIGINAL' && upper !== 'REPLY') throw new Problem(`conntrack: Bad value for "--ctdir" option: "${arg}"`);
        o.dir = { value: upper === 'REPLY' ? 'reply' : 'original', invert: false };
      },
    },
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem('conntrack: At least one option is required');
  },
  save: (o, family) => texts(o, (key, value, invert) => `${invert ? ' !' : ''} --${key} ${value}`, family),
  list: (o, cx) =>
    texts(
      o,
      (key, value, invert) => `${invert ? ' !' : ''} ${key} ${!cx.numeric && /^(0\.0\.0\.0|::)\/0$/.test(value) ? 'anywhere' : value}`,
      cx.family,
    ),
  nft: (o) => {
    if (o.status || o.proto || o.addrs.size > 0 || o.ports.size > 0 || o.expire || o.dir || !o.state) return null;
    return nftStates(o.state.value, o.state.invert);
  },
  run: (o, ns) => {
    const state = o.state && stateTest(o.state.value, o.state.invert);
    const more = o.status || o.proto || o.addrs.size > 0 || o.ports.size > 0 || o.expire || o.dir;
    if (!more) return state ?? (() => true);
    return (p) => {
      if (state && !state(p)) return false;
      const { ct, ctInfo } = p.skb;
      if (!ct || !ctInfo) return false;
      if (o.dir && ctInfo.dir !== o.dir.value) return false;
      if (o.proto && (ct.original.proto === o.proto.value) === o.proto.invert) return false;
      for (const [key, a] of o.addrs) {
        const t = key.startsWith('ctorig') ? ct.original : ct.reply;
        if (inPrefix(key.endsWith('src') ? t.src : t.dst, a.value.addr, a.value.len) === a.invert) return false;
      }
      for (const [key, r] of o.ports) {
        const t = key.startsWith('ctorig') ? ct.original : ct.reply;
        const value = key.endsWith('srcport') ? t.sport : t.dport;
        if ((value >= r.value[0] && value <= r.value[1]) === r.invert) return false;
      }
      if (o.status) {
        const is: Record<Status, boolean> = {
          EXPECTED: ct.master !== null,
          SEEN_REPLY: ct.seenReply,
          ASSURED: ct.assured,
          CONFIRMED: ct.confirmed,
        };
        const hit = o.status.value.length === 0 ? !STATUS.some((s) => is[s]) : o.status.value.some((s) => is[s]);
        if (hit === o.status.invert) return false;
      }
      if (o.expire) {
        const left = ct.confirmed ? Math.floor((ct.expires - ns.kernel.sim.now) / 1_000_000) : 0;
        if ((left >= o.expire.value[0] && left <= o.expire.value[1]) === o.expire.invert) return false;
      }
      return true;
    };
  },
};

/** SNAT and DNAT are bits of `ct status` there. */
function nftStates(states: readonly State[], invert: boolean): string {
  const order: readonly State[] = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED'];
  const plain = order.filter((s) => states.includes(s)).map((s) => s.toLowerCase());
  const nat = states.filter((s) => s === 'SNAT' || s === 'DNAT').map((s) => s.toLowerCase());
  const not = invert ? '!= ' : '';
  return [plain.length > 0 ? `ct state ${not}${plain.join(',')}` : '', nat.length > 0 ? `ct status ${not}${nat.join(',')}` : '']
    .filter((t) => t !== '')
    .join(' ');
}

interface StateMatch {
  states: State[];
  invert: boolean;
}

const OLD_STATES: readonly State[] = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED'];
/** libxt_state prints in another order than libxt_conntrack. */
const OLD_ORDER: readonly State[] = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED'];

export const state: MatchExt<StateMatch> = {
  kind: 'match',
  name: 'state',
  conntrack: true,
  init: () => ({ states: [], invert: false }),
  options: [
    {
      name: 'state',
      mandatory: true,
      invert: true,
      set: (o, arg, invert) => {
        o.states = parseStates(arg, OLD_STATES, 'Bad state');
        o.invert = invert;
      },
    },
  ],
  save: (o) => `${o.invert ? ' !' : ''} --state ${OLD_ORDER.filter((s) => o.states.includes(s)).join(',')}`,
  list: (o) => ` ${o.invert ? '! ' : ''}state ${OLD_ORDER.filter((s) => o.states.includes(s)).join(',')}`,
  nft: (o) => nftStates(o.states, o.invert),
  run: (o) => stateTest(o.states, o.invert),
};
