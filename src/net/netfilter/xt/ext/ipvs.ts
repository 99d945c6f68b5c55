/** -m ipvs: packets that IPVS has been at. Models xt_ipvs.c, libxt_ipvs.c */

import { formatIp, type IpAddr, maxLen } from '../../../../wire/addr.ts';
import { hasIpvs } from '../../../ipvs/ipvs.ts';
import type { IpvsConn } from '../../../ipvs/service.ts';
import { ipvsConnOf } from '../../../ipvs/xmit.ts';
import { type MatchExt, type OptionSpec, Problem } from '../ext.ts';
import { protocolNumber, servicePort } from '../names.ts';
import { host, number, mask as parseMask } from '../parse.ts';

interface Test {
  readonly name: string;
  readonly shown: string;
  readonly invert: boolean;
  holds(conn: IpvsConn, reply: boolean): boolean;
}

interface Options {
  /** `--ipvs`: null when only others are given. */
  property: boolean | null;
  tests: Test[];
}

const METHODS: Readonly<Record<string, string>> = { GATE: 'route', IPIP: 'tunnel', MASQ: 'masq' };

function option(
  name: string,
  invert: boolean,
  parse: (arg: string, family: 4 | 6) => { shown: string; holds: (conn: IpvsConn, reply: boolean) => boolean },
): OptionSpec<Options> {
  return {
    name,
    invert,
    set: (o, arg, inverted, cx) => {
      o.tests.push({ name, invert: inverted, ...parse(arg, cx.family) });
    },
  };
}

function word(name: string, arg: string, words: readonly string[]): string {
  const upper = arg.toUpperCase();
  if (!words.includes(upper)) throw new Problem(`ipvs: Bad value for "--${name}" option: "${arg}"`);
  return upper;
}

function port(name: string, arg: string): number {
  const n = number(arg, 0, 65535) ?? servicePort(arg, 6) ?? servicePort(arg, 17);
  if (n === null) throw new Problem(`ipvs: Bad value for "--${name}" option: "${arg}"`);
  return n;
}

function prefix(arg: string, family: 4 | 6): { addr: IpAddr; mask: IpAddr } {
  const [text, len] = arg.split('/');
  const addr = host(text ?? '', family);
  const mask = parseMask(len ?? String(maxLen(family)), family);
  if (mask === null) throw new Problem(`ipvs: Bad value for "--vaddr" option: "${arg}"`);
  return { addr, mask };
}

const dump = (o: Options, dashes: string): string =>
  (o.property !== null && o.tests.length === 0 ? `${o.property ? '' : ' !'} ${dashes}ipvs` : '') +
  o.tests.map((t) => `${t.invert ? ' !' : ''} ${dashes}${t.name} ${t.shown}`).join('');

export const ipvs: MatchExt<Options> = {
  kind: 'match',
  name: 'ipvs',
  init: () => ({ property: null, tests: [] }),
  options: [
    {
      name: 'ipvs',
      arg: 'none',
      invert: true,
      set: (o, _arg, inverted) => {
        o.property = !inverted;
      },
    },
    option('vproto', true, (arg) => {
      const n = number(arg, 0, 255) ?? protocolNumber(arg);
      if (n === null) throw new Problem(`unknown protocol "${arg}" specified`);
      return { shown: String(n), holds: (c) => c.proto === n };
    }),
    option('vaddr', true, (arg, family) => {
      const { addr, mask } = prefix(arg, family);
      const holds = (c: IpvsConn): boolean => typeof addr === 'number' && ((c.vaddr ^ addr) & (mask as number)) === 0;
      return { shown: `${formatIp(addr)}/${formatIp(mask)}`, holds };
    }),
    option('vport', true, (arg) => {
      const n = port('vport', arg);
      return { shown: String(n), holds: (c) => c.vport === n };
    }),
    option('vdir', false, (arg) => {
      const dir = word('vdir', arg, ['ORIGINAL', 'REPLY']);
      return { shown: dir, holds: (_c, reply) => reply === (dir === 'REPLY') };
    }),
    option('vmethod', true, (arg) => {
      const method = word('vmethod', arg, Object.keys(METHODS));
      return { shown: method, holds: (c) => c.forward === METHODS[method] };
    }),
    // No connection here is controlled by another one.
    option('vportctl', true, (arg) => ({ shown: String(port('vportctl', arg)), holds: () => false })),
  ],
  check: (_o, given) => {
    if (given.size === 0) throw new Problem('IPVS: At least one option is required');
  },
  missing: (ns) => !hasIpvs(ns),
  save: (o) => dump(o, '--'),
  list: (o) => dump(o, ''),
  run: (o) => (p) => {
    const conn = ipvsConnOf(p.skb);
    if (o.tests.length === 0) return (conn !== undefined) === o.property;
    const reply = p.skb.ctInfo?.dir === 'reply';
    return conn !== undefined && o.tests.every((t) => t.holds(conn, reply) !== t.invert);
  },
};
