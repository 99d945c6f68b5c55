import '../../os/whole.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { walk } from '../../net/netfilter/xt/chain.ts';
import { viewPacket } from '../../net/netfilter/xt/packet.ts';
import type { Netns } from '../../net/netns.ts';
import { Skb } from '../../net/skb.ts';
import { Sim } from '../../sim/sim.ts';
import { restoreOptions, runRestore } from './restore.ts';
import { runSave } from './save.ts';

/** Rules as the test has them: their text goes to iptables-restore, their meaning to `verdictOf`. */
interface Test {
  readonly text: string;
  /** Protocol that the text needs, 0 for any. */
  readonly proto: number;
  holds(p: Packet): boolean;
}

interface Rule {
  readonly chain: string;
  readonly proto: number;
  readonly tests: readonly Test[];
  readonly target: string;
}

interface Packet {
  readonly src: number;
  readonly dst: number;
  readonly proto: number;
  readonly sport: number;
  readonly dport: number;
  readonly flags: number;
  readonly ttl: number;
  readonly tos: number;
  readonly payload: number;
  mark: number;
}

const PROTO: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp' };
const USERS = ['A', 'B', 'C', 'D'];
const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'];
const dotted = (a: number): string => [24, 16, 8, 0].map((s) => (a >>> s) & 255).join('.');
const flagText = (bits: number): string => FLAGS.filter((_, i) => bits & (1 << i)).join(',') || 'NONE';

/** Few values, so that rules and packets meet. */
const address = fc.nat(7).map((n) => 0x0a000000 + (n & 1) + ((n & 2) << 7) + ((n & 4) << 14));
const ports = [1, 2, 53, 80, 81, 443, 65535];
const port = fc.constantFrom(...ports);
const not = (invert: boolean): string => (invert ? '! ' : '');
const make = (text: string, holds: (p: Packet) => boolean, proto = 0): Test => ({ text, holds, proto });

const addressTest = fc.tuple(fc.boolean(), fc.boolean(), address, fc.constantFrom(8, 16, 24, 30, 32)).map(([inv, source, a, len]) => {
  const mask = (-1 << (32 - len)) >>> 0;
  const key = source ? 'src' : 'dst';
  return make(`${not(inv)}-${key[0]} ${dotted(a & mask)}/${len}`, (p) => (((p[key] ^ a) & mask) === 0) !== inv);
});
const portTest = fc.tuple(fc.boolean(), fc.boolean(), fc.constantFrom(6, 17), port, port).map(([inv, source, proto, x, y]) => {
  const [low, high] = [Math.min(x, y), Math.max(x, y)];
  const key = source ? 'sport' : 'dport';
  return make(
    `-m ${PROTO[proto]} ${not(inv)}--${key} ${low === high ? low : `${low}:${high}`}`,
    (p) => (p[key] >= low && p[key] <= high) !== inv,
    proto,
  );
});
const multiport = fc
  .tuple(
    fc.boolean(),
    fc.constantFrom('sports', 'dports', 'ports'),
    fc.constantFrom(6, 17),
    fc.uniqueArray(port, { minLength: 1, maxLength: 4 }),
  )
  .map(([inv, side, proto, list]) =>
    make(
      `-m multiport ${not(inv)}--${side} ${list.join(',')}`,
      (p) => ((side !== 'dports' && list.includes(p.sport)) || (side !== 'sports' && list.includes(p.dport))) !== inv,
      proto,
    ),
  );
const flagsTest = fc
  .tuple(fc.boolean(), fc.integer({ min: 1, max: 63 }), fc.nat(63))
  .map(([inv, mask, comp]) =>
    make(
      `-m tcp ${not(inv)}--tcp-flags ${flagText(mask)} ${flagText(comp & mask)}`,
      (p) => ((p.flags & mask) === (comp & mask)) !== inv,
      6,
    ),
  );
const markTest = fc
  .tuple(fc.boolean(), fc.nat(3), fc.constantFrom(1, 2, 3, 0xffffffff))
  .map(([inv, value, mask]) =>
    make(
      `-m mark ${not(inv)}--mark 0x${value.toString(16)}${mask === 0xffffffff ? '' : `/0x${mask.toString(16)}`}`,
      (p) => ((p.mark & mask) >>> 0 === value) !== inv,
    ),
  );
const HEAD: Readonly<Record<number, number>> = { 1: 28, 6: 40, 17: 28 };
const lengthTest = fc.tuple(fc.boolean(), fc.constantFrom(0, 20, 29, 40), fc.constantFrom(28, 40, 60)).map(([inv, low, n]) => {
  const high = Math.max(low, n);
  return make(`-m length ${not(inv)}--length ${low === high ? low : `${low}:${high}`}`, (p) => {
    const length = (HEAD[p.proto] as number) + p.payload;
    return (length >= low && length <= high) !== inv;
  });
});
const ttlTest = fc
  .tuple(fc.constantFrom('eq', 'lt', 'gt'), fc.constantFrom(1, 2, 64))
  .map(([op, n]) => make(`-m ttl --ttl-${op} ${n}`, (p) => (op === 'eq' ? p.ttl === n : op === 'lt' ? p.ttl < n : p.ttl > n)));
const dscpTest = fc
  .tuple(fc.boolean(), fc.constantFrom(0, 1, 46))
  .map(([inv, n]) => make(`-m dscp ${not(inv)}--dscp 0x${n.toString(16).padStart(2, '0')}`, (p) => (p.tos >> 2 === n) !== inv));
const rangeTest = fc.tuple(fc.boolean(), address, address).map(([inv, x, y]) => {
  const [low, high] = [Math.min(x, y), Math.max(x, y)];
  return make(`-m iprange ${not(inv)}--src-range ${dotted(low)}-${dotted(high)}`, (p) => (p.src >= low && p.src <= high) !== inv);
});
const u32Test = fc.tuple(fc.boolean(), address).map(([inv, a]) => {
  const want = a & 0xff00;
  return make(`-m u32 ${not(inv)}--u32 "0x10&0xff00=0x${want.toString(16)}"`, (p) => ((p.dst & 0xff00) === want) !== inv);
});
const bit = fc.nat(1).map((n) => make(`-m comment --comment "it\\'s \\"${n}\\" \\\\"`, () => true));

const oneTest = fc.oneof(addressTest, portTest, multiport, flagsTest, markTest, lengthTest, ttlTest, dscpTest, rangeTest, u32Test, bit);
const target = fc.oneof(
  fc.constantFrom('ACCEPT', 'DROP', 'RETURN', '', ''),
  fc.nat(3).map((n) => `MARK --set-xmark 0x${n.toString(16)}/0xffffffff`),
  fc.tuple(fc.constantFrom('jump', 'goto'), fc.nat(3)).map(([way, n]) => `${way} ${USERS[n]}`),
);

/** Chains jump only to later ones, tests agree about the protocol, and each kind stands once where the tool wants it so. */
const rule = fc
  .tuple(fc.nat(4), fc.constantFrom(0, 1, 6, 17), fc.array(oneTest, { maxLength: 3 }), target)
  .map(([c, proto, all, to]): Rule => {
    const seen = new Set<string>();
    const tests = all.filter((t) => {
      const kind = t.text.startsWith('-m') ? (t.text.split(' ')[1] as string) : (/-([sd]) /.exec(t.text)?.[1] as string);
      if ((t.proto !== 0 && t.proto !== proto) || seen.has(kind)) return false;
      seen.add(kind);
      return true;
    });
    const later = USERS.indexOf(to.split(' ')[1] as string) >= c;
    const plain = /^(jump|goto)/.test(to) && !later ? 'RETURN' : to;
    return { chain: c === 0 ? 'FORWARD' : (USERS[c - 1] as string), proto, tests, target: plain };
  });
const ruleSet = fc.record({ policy: fc.constantFrom('ACCEPT', 'DROP'), rules: fc.array(rule, { maxLength: 30 }) });
const packet: fc.Arbitrary<Packet> = fc.record({
  src: address,
  dst: address,
  proto: fc.constantFrom(1, 6, 17),
  sport: port,
  dport: port,
  flags: fc.nat(63),
  ttl: fc.constantFrom(1, 2, 3, 64),
  tos: fc.constantFrom(0, 4, 184),
  payload: fc.constantFrom(0, 1, 12, 100),
  mark: fc.nat(3),
});

function targetText(t: string): string {
  if (t === '') return '';
  return t.startsWith('goto ') ? ` -g ${t.slice(5)}` : ` -j ${t.replace('jump ', '')}`;
}

function ruleText(r: Rule): string {
  // -s and -d come first in a saved line, whatever the order they were typed in.
  const first = [...r.tests]
    .filter((t) => !t.text.startsWith('-m'))
    .sort((a, b) => (a.text.includes('-s ') ? -1 : b.text.includes('-s ') ? 1 : 0));
  const rest = r.tests.filter((t) => t.text.startsWith('-m'));
  const proto = r.proto === 0 ? [] : [`-p ${PROTO[r.proto]}`];
  return `-A ${r.chain}${[...first.map((t) => t.text), ...proto, ...rest.map((t) => t.text)].map((t) => ` ${t}`).join('')}${targetText(r.target)}`;
}

function rulesText(set: { policy: string; rules: readonly Rule[] }): string {
  const order = ['FORWARD', ...USERS];
  const rules = order.flatMap((c) => set.rules.filter((r) => r.chain === c).map(ruleText));
  return `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ${set.policy} [0:0]\n:OUTPUT ACCEPT [0:0]\n${USERS.map((c) => `:${c} - [0:0]\n`).join('')}${rules.join('\n')}${rules.length > 0 ? '\n' : ''}COMMIT\n`;
}

/** The meaning, slowly: every chain from its start, every test asked. */
function verdictOf(set: { policy: string; rules: readonly Rule[] }, p: Packet, hits: Map<Rule, number>): string {
  const play = (chain: string): string | null => {
    for (const r of set.rules.filter((x) => x.chain === chain)) {
      if ((r.proto !== 0 && r.proto !== p.proto) || !r.tests.every((t) => t.holds(p))) continue;
      hits.set(r, (hits.get(r) ?? 0) + 1);
      const [way, to] = r.target.split(' ');
      if (way === 'ACCEPT' || way === 'DROP') return way;
      if (way === 'RETURN') return null;
      if (way === 'MARK') p.mark = Number.parseInt(r.target.split(' ')[2] as string, 16);
      if (way !== 'jump' && way !== 'goto') continue;
      const verdict = play(to as string);
      if (verdict !== null || way === 'goto') return verdict;
    }
    return null;
  };
  return play('FORWARD') ?? set.policy;
}

function bytesOf(p: Packet): Uint8Array {
  const b = new Uint8Array((HEAD[p.proto] as number) + p.payload);
  const view = new DataView(b.buffer);
  b[0] = 0x45;
  b[1] = p.tos;
  view.setUint16(2, b.length);
  b[8] = p.ttl;
  b[9] = p.proto;
  view.setUint32(12, p.src);
  view.setUint32(16, p.dst);
  if (p.proto === 1) b[20] = 8;
  else {
    view.setUint16(20, p.sport);
    view.setUint16(22, p.dport);
  }
  if (p.proto === 6) {
    b[32] = 0x50;
    b[33] = p.flags;
  }
  return b;
}

function restored(text: string): { ns: Netns; save: () => string } {
  const ns = new Kernel(new Sim(1), 'h').init;
  const env = (prog: string) => ({ prog, family: 4 as const, legacy: false, tables: ns.nf.xt, ns, readText: () => null, date: '' });
  const o = restoreOptions(env('iptables-restore'), ['-c']);
  if ('status' in o) throw new Error(o.err);
  expect(runRestore(env('iptables-restore'), o, text)).toEqual({ out: '', err: '', status: 0 });
  return { ns, save: () => runSave(env('iptables-save'), ['-t', 'filter']).out.replace(/^#.*\n/gm, '') };
}

test('what is restored is saved as it was', () => {
  fc.assert(
    fc.property(ruleSet, (set) => {
      const text = rulesText(set);
      const saved = restored(text).save();
      expect(saved).toBe(text);
      expect(restored(saved).save()).toBe(saved);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('packets meet the verdict and count where a slow reading of the rules says', () => {
  fc.assert(
    fc.property(ruleSet, fc.array(packet, { minLength: 1, maxLength: 8 }), (set, packets) => {
      const { ns } = restored(rulesText(set));
      const table = ns.nf.xt.get(4, 'filter');
      const base = table?.chains.get('FORWARD');
      if (!table || !base) throw new Error('no chain');
      const hits = new Map<Rule, number>();
      for (const p of packets) {
        const skb = new Skb(ns.kernel.sim, 0x0800, bytesOf(p));
        skb.mark = p.mark;
        const view = viewPacket(ns, skb, 4, 'FORWARD', null, null);
        if (!view) throw new Error('no packet');
        const slow = { ...p };
        const verdict = walk(ns.nf, table, base, view) === 'accept' ? 'ACCEPT' : 'DROP';
        expect({ verdict, mark: skb.mark }).toEqual({ verdict: verdictOf(set, slow, hits), mark: slow.mark });
      }
      for (const [name, chain] of table.chains) {
        const wanted = set.rules.filter((r) => r.chain === name).map((r) => hits.get(r) ?? 0);
        expect(chain.rules.map((r) => r.packets)).toEqual(wanted);
      }
    }),
    { seed: 2, numRuns: 300 },
  );
});
