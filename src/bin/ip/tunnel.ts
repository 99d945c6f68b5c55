/** ip tunnel: tunnels by the old ioctls. Models ip/iptunnel.c, ip6tunnel.c, tunnel.c */

import {
  delLink,
  loadTunnel,
  loadTunnel6,
  type NetDevice,
  newLink,
  type Result,
  setLink,
  strerror,
  type Tunnel6Data,
  type TunnelData,
  tunnelDefaults,
  tunnelOf,
} from '../../os/uapi.ts';
import { formatIp, formatIp4, type Ip4, type Ip6, isMulticast } from '../../wire/addr.ts';
import type { Ctx, Verb } from './ctx.ts';
import { Args, duparg2, Exit, invarg, matches, unsigned, validIfname } from './lib/args.ts';
import { getAddr } from './lib/inet.ts';
import { dsfield, type Parms, tunnelKey } from './link/tunnel.ts';
import { TUNNEL_USAGE } from './usagemore.ts';

type Kind = TunnelData['kind'];

const TUNNEL6_USAGE = `Usage: ip -f inet6 tunnel { add | change | del | show } [ NAME ]
          [ mode { ip6ip6 | ipip6 | ip6gre | vti6 | any } ]
          [ remote ADDR local ADDR ] [ dev PHYS_DEV ]
          [ encaplimit ELIM ]
          [ hoplimit TTL ] [ tclass TCLASS ] [ flowlabel FLOWLABEL ]
          [ dscp inherit ]
          [ [no]allow-localremote ]
          [ [i|o]seq ] [ [i|o]key KEY ] [ [i|o]csum ]

Where: NAME      := STRING
       ADDR      := IPV6_ADDRESS
       ELIM      := { none | 0..255 }(default=4)
       TTL       := 0..255 (default=64)
       TCLASS    := { 0x0..0xff | inherit }
       FLOWLABEL := { 0x0..0xfffff | inherit }
       KEY       := { DOTTED_QUAD | NUMBER }
`;

interface Request {
  name: string;
  kind: Kind | null;
  parms: Parms;
}

const MODES: Readonly<Record<string, Kind>> = {
  ipip: 'ipip',
  'ip/ip': 'ipip',
  gre: 'gre',
  'gre/ip': 'gre',
  sit: 'sit',
  'ipv6/ip': 'sit',
  isatap: 'sit',
};
const BASE: Readonly<Record<Kind, string>> = { ipip: 'tunl0', gre: 'gre0', sit: 'sit0', gretap: 'gretap0' };

function failed(ctx: Ctx, what: string, name: string, errno: Parameters<typeof strerror>[0]): number {
  ctx.complain(`${what} tunnel "${name}" failed: ${strerror(errno)}\n`);
  return 1;
}

/** The parameters of an existing tunnel, or the end with SIOCGETTUNNEL's failure. */
function existing(ctx: Ctx, name: string): { kind: Kind; parms: Parms } | number {
  const dev = ctx.device(name);
  if (!dev) return failed(ctx, 'get', name, 'ENODEV');
  const t = tunnelOf(dev);
  return t?.v4 ? { kind: t.v4.kind, parms: { ...t.v4.parms } } : failed(ctx, 'get', name, 'EOPNOTSUPP');
}

const GRE_WORDS: Readonly<Record<string, readonly ('iseq' | 'oseq' | 'icsum' | 'ocsum')[]>> = {
  seq: ['iseq', 'oseq'],
  iseq: ['iseq'],
  oseq: ['oseq'],
  csum: ['icsum', 'ocsum'],
  icsum: ['icsum'],
  ocsum: ['ocsum'],
};

function option(ctx: Ctx, args: Args, r: Request): boolean {
  const p = r.parms;
  if (args.is('key')) p.ikey = p.okey = tunnelKey('key', args.next());
  else if (args.is('ikey')) p.ikey = tunnelKey('ikey', args.next());
  else if (args.is('okey')) p.okey = tunnelKey('okey', args.next());
  else if (Object.hasOwn(GRE_WORDS, args.word)) for (const k of GRE_WORDS[args.word] as readonly 'iseq'[]) p[k] = true;
  else if (args.is('nopmtudisc', 'pmtudisc')) p.pmtudisc = args.is('pmtudisc');
  else if (args.is('remote')) p.remote = getAddr(args.next(), 4) as Ip4;
  else if (args.is('local')) p.local = getAddr(args.next(), 4) as Ip4;
  else if (args.is('ttl', 'hoplimit', 'hlim')) {
    const word = args.next();
    if (word !== 'inherit') p.ttl = unsigned(word, 255) ?? invarg('invalid TTL\n', word);
  } else if (args.is('tos', 'tclass') || args.matches('dsfield')) p.tos = dsfield(ctx, args.next());
  else return false;
  return true;
}

function parse(ctx: Ctx, words: readonly string[], change: boolean): Request | number {
  const args = new Args(words);
  const r: Request = { name: '', kind: null, parms: {} };
  let medium: string | null = null;
  let vti = false;
  for (let count = 0; args.more; args.step(), count++) {
    if (args.is('mode')) {
      const word = args.next();
      vti = word === 'vti';
      const kind = MODES[word] ?? (vti ? null : undefined);
      if (kind === undefined) throw new Exit(255, `Unknown tunnel mode "${word}"\n`);
      if (r.kind !== null && r.kind !== kind) throw new Exit(255, 'You managed to ask for more than one tunnel mode.\n');
      r.kind = kind;
      if (word === 'isatap') r.parms.isatap = true;
    } else if (args.is('dev')) medium = args.next();
    else if (!option(ctx, args, r)) {
      if (args.is('name')) args.next();
      else if (args.matches('help')) throw new Exit(255, TUNNEL_USAGE);
      if (r.name !== '') duparg2('name', args.word);
      if (!validIfname(args.word)) invarg('"name" not a valid ifname', args.word);
      r.name = args.word;
      if (change && count === 0) {
        const old = existing(ctx, r.name);
        if (typeof old === 'number') return old;
        r.kind = old.kind;
        r.parms = old.parms;
      }
    }
  }
  if (r.kind === null && !vti) r.kind = (['gre', 'ipip', 'sit'] as const).find((k) => r.name.startsWith(k)) ?? null;
  if (vti) {
    ctx.complain('ip tunnel: mode vti is not emulated\n');
    return 1;
  }
  return check(ctx, r, medium);
}

function check(ctx: Ctx, r: Request, medium: string | null): Request | number {
  const p = r.parms;
  const refuse = (text: string): number => {
    ctx.complain(`${text}\n`);
    return 1;
  };
  if (((p.ikey ?? null) !== null || (p.okey ?? null) !== null) && r.kind !== 'gre')
    return refuse('Keys are not allowed with ipip and sit tunnels');
  if (medium !== null) {
    const dev = ctx.device(medium);
    if (!dev) return ctx.nodev(medium);
    p.link = dev;
  }
  if (p.remote !== undefined && isMulticast(p.remote)) {
    p.ikey ??= p.remote;
    p.okey ??= p.remote;
    if (!p.local) return refuse('A broadcast tunnel requires a source address');
  }
  return r;
}

function add(ctx: Ctx, words: readonly string[], change: boolean): number {
  const r = parse(ctx, words, change);
  if (typeof r === 'number') return r;
  const { kind, name } = r;
  if (r.parms.ttl && r.parms.pmtudisc === false) {
    ctx.complain('ttl != 0 and nopmtudisc are incompatible\n');
    return 1;
  }
  if (kind === null) {
    ctx.complain('cannot determine tunnel mode (ipip, gre, vti or sit)\n');
    return 1;
  }
  if (change && name !== '') {
    const dev = ctx.device(name) as NetDevice;
    const done: Result = setLink(dev, {}, kind, { kind, parms: r.parms });
    return done.ok ? 0 : failed(ctx, 'add', name, done.errno);
  }
  loadTunnel(ctx.ns, kind);
  const base = BASE[kind];
  if (!ctx.device(base)) return failed(ctx, 'add', base, 'ENODEV');
  // An ioctl knows what it wants: no "any" protocol.
  const parms = { ...r.parms, proto: kind === 'ipip' ? 4 : kind === 'sit' ? 41 : 0 };
  const made = newLink(ctx.ns, { kind, ...(name === '' ? {} : { name }), data: { kind, parms } });
  return made.ok ? 0 : failed(ctx, 'add', base, made.errno === 'EEXIST' || made.errno === 'EINVAL' ? made.errno : 'ENOBUFS');
}

function del(ctx: Ctx, words: readonly string[]): number {
  const r = parse(ctx, words, false);
  if (typeof r === 'number') return r;
  const name = r.name || (r.kind ? BASE[r.kind] : '');
  const dev = ctx.device(name);
  if (!dev) return failed(ctx, 'delete', name, 'ENODEV');
  const t = tunnelOf(dev);
  if (!t) return failed(ctx, 'delete', name, 'EOPNOTSUPP');
  if (t.fallback) return failed(ctx, 'delete', name, 'EPERM');
  const done = delLink(dev);
  return done.ok ? 0 : failed(ctx, 'delete', name, done.errno);
}

const PROTO: Readonly<Record<number, string>> = { 4: 'ip', 41: 'ipv6', 137: 'mpls', 0: 'any' };

function printTunnel(ctx: Ctx, dev: NetDevice, d: TunnelData): void {
  const { pr } = ctx;
  const p = { ...tunnelDefaults(d.kind), ...d.parms };
  pr.openObject();
  pr.any('ifname', dev.name, `${dev.name}: `, 'ifname');
  const mode = `${d.kind === 'gre' ? 'gre' : (PROTO[p.proto] ?? 'unknown')}/ip`;
  pr.any('mode', mode, `${mode} `);
  const end = (a: Ip4): string => (a !== 0 || ctx.json ? formatIp4(a) : 'any');
  pr.any('remote', end(p.remote), `${end(p.remote)} `, 'inet', 'remote ');
  pr.any('local', end(p.local), end(p.local), 'inet', 'local ');
  if (p.link) pr.any('dev', p.link.name, ` dev ${p.link.name}`);
  if (p.ttl) pr.any('ttl', p.ttl, ` ttl ${p.ttl}`);
  else pr.fp(' ttl inherit');
  if (p.tos === 1) pr.fp(' tos inherit');
  else if (p.tos) pr.any('tos', tosText(ctx, p.tos), ` tos ${tosText(ctx, p.tos)}`);
  if (!p.pmtudisc) pr.any('nopmtudisc', null, ' nopmtudisc');
  greFlags(ctx, d.kind === 'gre', p);
  pr.closeObject();
}

function tosText(ctx: Ctx, tos: number): string {
  const hex = (n: number): string => ctx.names.dsfields.name(n).replace(/^\d+$/, () => `0x${n.toString(16).padStart(2, '0')}`);
  return tos & 1 && !ctx.json ? `inherit/${hex(tos & ~1)}` : hex(tos);
}

function greFlags(ctx: Ctx, gre: boolean, p: Required<Parms>): void {
  const { pr } = ctx;
  if (p.ikey !== null && p.ikey === p.okey) pr.any('key', p.ikey, ` key ${p.ikey}`);
  else {
    if (p.ikey !== null) pr.any('ikey', p.ikey, ` ikey ${p.ikey}`);
    if (p.okey !== null) pr.any('okey', p.okey, ` okey ${p.okey}`);
  }
  if (!gre) return;
  pr.openArray('flags');
  for (const [on, word, text] of [
    [p.iseq, 'rx_drop_ooseq', 'Drop packets out of sequence.'],
    [p.icsum, 'rx_csum', 'Checksum in received packet is required.'],
    [p.oseq, 'tx_seq', 'Sequence packets on output.'],
    [p.ocsum, 'tx_csum', 'Checksum output packets.'],
  ] as const) {
    if (on) pr.any(null, word, `${pr.sl}  ${text}`);
  }
  pr.closeArray();
}

function printStats(ctx: Ctx, dev: NetDevice): void {
  const { pr } = ctx;
  const s = dev.stats;
  const pad = (n: number, width: number): string => String(n).padEnd(width);
  pr.fp(`${pr.sl}RX: Packets    Bytes        Errors CsumErrs OutOfSeq Mcasts${pr.sl}`);
  pr.fp(`    ${pad(s.rxPackets, 10)} ${pad(s.rxBytes, 12)} ${pad(s.rxErrors, 6)} ${pad(0, 8)} ${pad(0, 8)} ${pad(s.multicast, 8)}${pr.sl}`);
  pr.fp(`TX: Packets    Bytes        Errors DeadLoop NoRoute  NoBufs${pr.sl}`);
  pr.fp(
    `    ${pad(s.txPackets, 10)} ${pad(s.txBytes, 12)} ${pad(s.txErrors, 6)} ${pad(0, 8)} ${pad(s.txCarrier, 8)} ${pad(s.txDropped, 6)}`,
  );
}

function show(ctx: Ctx, words: readonly string[]): number {
  const r = parse(ctx, words, false);
  if (typeof r === 'number') return r;
  if (r.kind !== null) {
    const name = r.name || BASE[r.kind];
    const old = existing(ctx, name);
    if (typeof old === 'number') return old;
    printTunnel(ctx, ctx.device(name) as NetDevice, { kind: old.kind, parms: old.parms });
    ctx.pr.out += '\n';
    return 0;
  }
  ctx.newJson();
  for (const dev of ctx.ns.devices.values()) {
    const d = tunnelOf(dev)?.v4;
    if (!d || d.kind === 'gretap' || (r.name !== '' && dev.name !== r.name)) continue;
    const want = r.parms;
    if ((want.remote && want.remote !== d.parms.remote) || (want.local && want.local !== d.parms.local)) continue;
    printTunnel(ctx, dev, d);
    if (ctx.stats > 0) printStats(ctx, dev);
    ctx.pr.fp('\n');
  }
  ctx.deleteJson();
  return 0;
}

// ---- over IPv6 ----

const MODES6: Readonly<Record<string, { kind: Tunnel6Data['kind']; proto: number }>> = {
  'ipv6/ipv6': { kind: 'ip6tnl', proto: 41 },
  ip6ip6: { kind: 'ip6tnl', proto: 41 },
  'ip/ipv6': { kind: 'ip6tnl', proto: 4 },
  'ipv4/ipv6': { kind: 'ip6tnl', proto: 4 },
  ipip6: { kind: 'ip6tnl', proto: 4 },
  ip4ip6: { kind: 'ip6tnl', proto: 4 },
  ip6gre: { kind: 'ip6gre', proto: 47 },
  'gre/ipv6': { kind: 'ip6gre', proto: 47 },
  'any/ipv6': { kind: 'ip6tnl', proto: 0 },
  any: { kind: 'ip6tnl', proto: 0 },
};

interface Request6 {
  name: string;
  kind: Tunnel6Data['kind'];
  parms: Tunnel6Data['parms'];
}

function parse6(ctx: Ctx, words: readonly string[], change: boolean): Request6 | number {
  const args = new Args(words);
  const r: Request6 = { name: '', kind: 'ip6tnl', parms: {} };
  const p = (): Tunnel6Data['parms'] => r.parms;
  const hex = (max: number, msg: string): number | 'inherit' => {
    const word = args.next();
    if (word === 'inherit') return word;
    const n = /^(0x)?[0-9a-f]+$/i.test(word) ? Number.parseInt(word, 16) : -1;
    return n >= 0 && n <= max ? n : invarg(msg, word);
  };
  for (let count = 0; args.more; args.step(), count++) {
    if (args.is('mode')) {
      const mode = MODES6[args.next()];
      if (!mode) throw new Exit(255, `Unknown tunnel mode "${args.word}"\n`);
      r.kind = mode.kind;
      p().proto = mode.proto;
    } else if (args.is('remote')) p().remote = getAddr(args.next(), 6) as Ip6;
    else if (args.is('local')) p().local = getAddr(args.next(), 6) as Ip6;
    else if (args.is('dev')) {
      const dev = ctx.device(args.next());
      if (!dev) return ctx.nodev(args.word);
      p().link = dev;
    } else if (args.is('encaplimit')) {
      p().encapLimit = args.next() === 'none' ? null : (unsigned(args.word, 255) ?? invarg('invalid ELIM', args.word));
    } else if (args.is('hoplimit', 'ttl', 'hlim')) p().hopLimit = unsigned(args.next(), 255) ?? invarg('invalid TTL', args.word);
    else if (args.is('tclass', 'tc', 'tos') || args.matches('dsfield')) p().trafficClass = hex(0xff, 'invalid TClass');
    else if (args.is('flowlabel', 'fl')) p().flowLabel = hex(0xfffff, 'invalid Flowlabel');
    else if (args.is('dscp')) {
      if (args.next() !== 'inherit') invarg('not inherit', args.word);
      p().dscpInherit = true;
    } else if (args.is('allow-localremote', 'noallow-localremote')) p().allowLocalRemote = args.is('allow-localremote');
    else if (args.is('key')) p().ikey = p().okey = tunnelKey('key', args.next());
    else if (args.is('ikey')) p().ikey = tunnelKey('ikey', args.next());
    else if (args.is('okey')) p().okey = tunnelKey('okey', args.next());
    else {
      if (args.is('name')) args.next();
      else if (args.matches('help')) throw new Exit(255, TUNNEL6_USAGE);
      if (r.name !== '') duparg2('name', args.word);
      if (!validIfname(args.word)) invarg('"name" not a valid ifname', args.word);
      r.name = args.word;
      if (change && count === 0) {
        const old = ctx.device(r.name);
        const t = old ? tunnelOf(old)?.v6 : undefined;
        if (!t) return failed(ctx, 'get', r.name, old ? 'EOPNOTSUPP' : 'ENODEV');
        r.kind = t.kind;
        r.parms = { ...t.parms };
      }
    }
  }
  return r;
}

function add6(ctx: Ctx, words: readonly string[], change: boolean): number {
  const r = parse6(ctx, words, change);
  if (typeof r === 'number') return r;
  if (r.name === '') ctx.complain('Tunnel interface name not specified\n');
  const { kind, name, parms } = r;
  if (change && name !== '') {
    const done = setLink(ctx.device(name) as NetDevice, {}, kind, { kind, parms });
    return done.ok ? 0 : failed(ctx, 'add', name, done.errno);
  }
  loadTunnel6(ctx.ns, kind);
  const base = kind === 'ip6gre' ? 'ip6gre0' : 'ip6tnl0';
  if (!ctx.device(base)) return failed(ctx, 'add', base, 'ENODEV');
  const made = newLink(ctx.ns, { kind, ...(name === '' ? {} : { name }), data: { kind, parms } });
  return made.ok ? 0 : failed(ctx, 'add', base, made.errno);
}

function del6(ctx: Ctx, words: readonly string[]): number {
  const r = parse6(ctx, words, false);
  if (typeof r === 'number') return r;
  const name = r.name || 'ip6tnl0';
  const dev = ctx.device(name);
  if (!dev) return failed(ctx, 'delete', name, 'ENODEV');
  const done = delLink(dev);
  return done.ok ? 0 : failed(ctx, 'delete', name, done.errno);
}

function printTunnel6(ctx: Ctx, dev: NetDevice, d: Tunnel6Data): void {
  const { pr } = ctx;
  const p = d.parms;
  pr.openObject();
  pr.any('ifname', dev.name, `${dev.name}: `, 'ifname');
  const mode = `${d.kind === 'ip6gre' ? 'gre' : (PROTO[p.proto ?? 41] ?? 'unknown')}/ipv6`;
  pr.any('mode', mode, `${mode} `);
  pr.any('remote', formatIp(p.remote ?? 0n), `${formatIp(p.remote ?? 0n)} `, 'inet6', 'remote ');
  pr.any('local', formatIp(p.local ?? 0n), formatIp(p.local ?? 0n), 'inet6', 'local ');
  if (p.link) pr.any('link', p.link.name, ` dev ${p.link.name}`);
  if (p.encapLimit === null) pr.any('ip6_tnl_f_ign_encap_limit', null, ' encaplimit none');
  else pr.any('encap_limit', p.encapLimit ?? 4, ` encaplimit ${p.encapLimit ?? 4}`);
  if (p.hopLimit) pr.any('hoplimit', p.hopLimit, ` hoplimit ${p.hopLimit}`);
  else pr.fp(' hoplimit inherit');
  const tclass = p.trafficClass === 'inherit' ? 0 : (p.trafficClass ?? 0);
  const label = p.flowLabel === 'inherit' ? 0 : (p.flowLabel ?? 0);
  const hex = (n: number, width: number): string => `0x${n.toString(16).padStart(width, '0')}`;
  if (p.trafficClass === 'inherit') pr.any('ip6_tnl_f_use_orig_tclass', null, ' tclass inherit');
  else pr.any('tclass', hex(tclass, 2), ` tclass ${hex(tclass, 2)}`);
  if (p.flowLabel === 'inherit') pr.any('ip6_tnl_f_use_orig_flowlabel', null, ' flowlabel inherit');
  else pr.any('flowlabel', hex(label, 5), ` flowlabel ${hex(label, 5)}`);
  const info = hex(tclass * 0x100000 + label, 8);
  pr.any('flowinfo', info, ` (flowinfo ${info})`);
  if (p.dscpInherit) pr.any('ip6_tnl_f_rcv_dscp_copy', null, ' dscp inherit');
  if (p.allowLocalRemote) pr.any('ip6_tnl_f_allow_local_remote', null, ' allow-localremote');
  pr.closeObject();
}

function show6(ctx: Ctx, words: readonly string[]): number {
  const r = parse6(ctx, words, false);
  if (typeof r === 'number') return r;
  if (r.name !== '' && ctx.stats === 0) {
    const dev = ctx.device(r.name);
    const d = dev ? tunnelOf(dev)?.v6 : undefined;
    if (!dev || !d) return failed(ctx, 'get', r.name, dev ? 'EOPNOTSUPP' : 'ENODEV');
    printTunnel6(ctx, dev, d);
    ctx.pr.out += '\n';
    return 0;
  }
  ctx.newJson();
  for (const dev of ctx.ns.devices.values()) {
    const d = tunnelOf(dev)?.v6;
    if (!d || d.kind === 'ip6gretap' || (r.name !== '' && dev.name !== r.name)) continue;
    printTunnel6(ctx, dev, d);
    if (ctx.stats > 0) printStats(ctx, dev);
    ctx.pr.fp('\n');
  }
  ctx.deleteJson();
  return 0;
}

function run(ctx: Ctx, words: readonly string[]): number {
  const at = words.indexOf('mode');
  const mode = at >= 0 ? words[at + 1] : undefined;
  if (mode !== undefined && (Object.hasOwn(MODES6, mode) || mode === 'vti6')) ctx.family = 6;
  const six = ctx.family === 6;
  const verb = words[0];
  const rest = words.slice(1);
  if (verb === undefined) return six ? show6(ctx, []) : show(ctx, []);
  if (matches(verb, 'add')) return six ? add6(ctx, rest, false) : add(ctx, rest, false);
  if (matches(verb, 'change')) return six ? add6(ctx, rest, true) : add(ctx, rest, true);
  if (matches(verb, 'delete')) return six ? del6(ctx, rest) : del(ctx, rest);
  if (matches(verb, 'show') || matches(verb, 'lst') || matches(verb, 'list')) return six ? show6(ctx, rest) : show(ctx, rest);
  if (!six && (matches(verb, 'prl') || matches(verb, '6rd'))) {
    ctx.complain(`ip tunnel ${verb}: not emulated\n`);
    return 1;
  }
  if (matches(verb, 'help')) throw new Exit(255, six ? TUNNEL6_USAGE : TUNNEL_USAGE);
  throw new Exit(255, `Command "${verb}" is unknown, try "${six ? 'ip -f inet6' : 'ip'} tunnel help"${six ? '.' : ''}\n`);
}

export const tunnelObject: Verb = { name: 'tunnel', run };
