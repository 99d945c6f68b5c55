/** Extensions of iptables as nft lists them, from the options that iptables-save would print. Models the xlate functions of iptables/extensions */

import type { xt } from '../../../os/uapi.ts';

/** Options in order: `! --ctstate NEW` is { name: 'ctstate', not: true, args: ['NEW'] }. */
interface Option {
  readonly name: string;
  readonly not: boolean;
  readonly args: readonly string[];
}

function options(save: string): Option[] {
  const out: { name: string; not: boolean; args: string[] }[] = [];
  let not = false;
  for (const m of save.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)) {
    const word = m[1] ?? (m[2] as string);
    if (m[1] === undefined && word === '!') not = true;
    else if (m[1] === undefined && word.startsWith('--')) {
      out.push({ name: word.slice(2), not, args: [] });
      not = false;
    } else out[out.length - 1]?.args.push(word);
  }
  return out;
}

type Xlate = (o: readonly Option[], family: 4 | 6) => string | null;

const arg = (o: Option): string => o.args[0] ?? '';
const ne = (o: Option): string => (o.not ? '!= ' : '');
const range = (text: string): string => text.replace(':', '-');
const ip = (family: 4 | 6): string => (family === 4 ? 'ip' : 'ip6');

/** One text for each option that has one; null when one has none. */
const each =
  (of: Readonly<Record<string, (o: Option, family: 4 | 6) => string | null>>): Xlate =>
  (list, family) => {
    const parts: string[] = [];
    for (const o of list) {
      const text = of[o.name]?.(o, family) ?? null;
      if (text === null) return null;
      if (text !== '') parts.push(text);
    }
    return parts.join(' ');
  };

const hex = (n: number): string => `0x${n.toString(16).padStart(2, '0')}`;
const low = (text: string): string => text.toLowerCase();
const find = (list: readonly Option[], name: string): Option | undefined => list.find((o) => o.name === name);

const UNITS: Readonly<Record<string, string>> = {
  sec: 'second',
  s: 'second',
  min: 'minute',
  m: 'minute',
  hour: 'hour',
  h: 'hour',
  day: 'day',
  d: 'day',
};

function rate(text: string): string {
  const [n, unit] = text.split('/') as [string, string];
  return `${n}/${UNITS[unit] ?? unit}`;
}

const HASH_MODES: Readonly<Record<string, (proto: string, family: 4 | 6) => string>> = {
  dstport: (p) => `${p} dport`,
  srcip: (_p, f) => `${ip(f)} saddr`,
  dstip: (_p, f) => `${ip(f)} daddr`,
  srcport: (p) => `${p} sport`,
};

const hashlimit: Xlate = (list, family) => {
  const above = find(list, 'hashlimit-above');
  const limit = above ?? find(list, 'hashlimit-upto');
  const mode = find(list, 'hashlimit-mode');
  const name = find(list, 'hashlimit-name');
  if (!limit || !name || /b\/s$/.test(arg(limit))) return null;
  const modes = mode ? arg(mode).split(',') : [];
  const order = ['dstport', 'srcip', 'dstip', 'srcport'].filter((m) => modes.includes(m));
  const burst = find(list, 'hashlimit-burst');
  const key = order.map((m) => HASH_MODES[m]?.('tcp', family) ?? '').join(' . ');
  const burstText = burst && arg(burst) !== '5' ? ` burst ${arg(burst)} packets` : '';
  return `meter ${arg(name)} { ${key} limit rate ${above ? 'over ' : ''}${rate(arg(limit))}${burstText} }`;
};

const connbytes: Xlate = (list) => {
  const bytes = find(list, 'connbytes');
  if (!bytes) return null;
  const mode = arg(find(list, 'connbytes-mode') ?? bytes);
  const dir = arg(find(list, 'connbytes-dir') ?? bytes);
  const [from, to] = arg(bytes).split(':');
  const value = to ? (from === to ? `${ne(bytes)}${from}` : `${ne(bytes)}${from}-${to}`) : `${bytes.not ? 'lt' : 'ge'} ${from}`;
  return `ct ${dir === 'both' ? '' : `${dir} `}${mode === 'avgpkt' ? 'avgpkt' : mode} ${value}`;
};

const PORTS = { sport: (o: Option): string => `${ne(o)}${range(arg(o))}`, dport: (o: Option): string => `${ne(o)}${range(arg(o))}` };

const DIRECTIONS: Readonly<Record<string, string>> = { ORIGINAL: 'original', REPLY: 'reply' };
/** In the order of the kernel's bits, as the translation goes through them. */
const STATES = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED', 'SNAT', 'DNAT'];
const STATUSES = ['EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED'];
const flags = (o: Option, order: readonly string[]): string =>
  order
    .filter((n) => arg(o).split(',').includes(n))
    .map((n) => low(n).replace('_', '-'))
    .join(',');

const conntrack = each({
  ctstate: (o) => `ct state ${o.not ? '! ' : ''}${flags(o, STATES)}`,
  ctstatus: (o) => `ct status ${ne(o)}${flags(o, STATUSES)}`,
  ctproto: (o) => `ct original protocol ${ne(o)}${arg(o)}`,
  ctorigsrc: (o) => `ct original saddr ${ne(o)}${arg(o)}`,
  ctorigdst: (o) => `ct original daddr ${ne(o)}${arg(o)}`,
  ctreplsrc: (o) => `ct reply saddr ${ne(o)}${arg(o)}`,
  ctrepldst: (o) => `ct reply daddr ${ne(o)}${arg(o)}`,
  ctorigsrcport: (o) => `ct original proto-src ${ne(o)}${range(arg(o))}`,
  ctorigdstport: (o) => `ct original proto-dst ${ne(o)}${range(arg(o))}`,
  ctreplsrcport: (o) => `ct reply proto-src ${ne(o)}${range(arg(o))}`,
  ctrepldstport: (o) => `ct reply proto-dst ${ne(o)}${range(arg(o))}`,
  ctexpire: (o) => `ct expiration ${ne(o)}${range(arg(o))}`,
  ctdir: (o) => `ct direction ${DIRECTIONS[arg(o)] ?? low(arg(o))}`,
});

const MATCHES: Readonly<Record<string, Xlate>> = {
  mac: each({ 'mac-source': (o) => `ether saddr ${ne(o)}${low(arg(o))}` }),
  iprange: each({
    'src-range': (o, f) => `${ip(f)} saddr ${ne(o)}${arg(o)}`,
    'dst-range': (o, f) => `${ip(f)} daddr ${ne(o)}${arg(o)}`,
  }),
  pkttype: each({ 'pkt-type': (o) => `pkttype ${ne(o)}${arg(o)}` }),
  length: each({
    length: (o) => {
      const [a, b] = arg(o).split(':');
      return `meta length ${ne(o)}${b === undefined || a === b ? a : `${a || '0'}-${b}`}`;
    },
  }),
  ttl: each({
    'ttl-eq': (o) => `ip ttl ${ne(o)}${arg(o)}`,
    'ttl-lt': (o) => `ip ttl lt ${arg(o)}`,
    'ttl-gt': (o) => `ip ttl gt ${arg(o)}`,
  }),
  hl: each({
    'hl-eq': (o) => `ip6 hoplimit ${ne(o)}${arg(o)}`,
    'hl-lt': (o) => `ip6 hoplimit lt ${arg(o)}`,
    'hl-gt': (o) => `ip6 hoplimit gt ${arg(o)}`,
  }),
  dscp: each({ dscp: (o, f) => `${ip(f)} dscp ${ne(o)}${hex(Number(arg(o)))}` }),
  cpu: each({ cpu: (o) => `cpu ${ne(o)}${arg(o)}` }),
  connmark: each({
    mark: (o) => {
      const [v, m] = arg(o).split('/');
      return m ? `ct mark and ${m} ${o.not ? '!=' : '=='} ${v}` : `ct mark ${ne(o)}${v}`;
    },
  }),
  quota: each({ quota: (o) => `quota ${o.not ? 'over ' : ''}${arg(o)} bytes` }),
  time: (list) => {
    const from = find(list, 'timestart');
    const to = find(list, 'timestop');
    if (!from || !to || list.some((o) => !['timestart', 'timestop', 'kerneltz'].includes(o.name))) return null;
    return ` meta hour "${arg(from)}"-"${arg(to)}"`;
  },
  hashlimit,
  connbytes,
  conntrack,
  state: each({ state: (o) => `ct state ${o.not ? '! ' : ''}${flags(o, STATES)}` }),
  limit: (list) => {
    const l = find(list, 'limit');
    const burst = find(list, 'limit-burst');
    if (!l) return null;
    return `limit rate ${rate(arg(l))}${burst && arg(burst) !== '5' ? ` burst ${arg(burst)} packets` : ''}`;
  },
  tcpmss: each({ mss: (o) => `tcp option maxseg size ${ne(o)}${range(arg(o))}` }),
  sctp: each({ sport: (o) => `sctp sport ${PORTS.sport(o)}`, dport: (o) => `sctp dport ${PORTS.dport(o)}` }),
  esp: each({ espspi: (o) => `esp spi ${ne(o)}${range(arg(o))}` }),
  ah: each({ ahspi: (o) => `ah spi ${ne(o)}${range(arg(o))}` }),
  ecn: each({
    'ecn-ip-ect': (o, f) => `${ip(f)} ecn ${ne(o)}${['not-ect', 'ect1', 'ect0', 'ce'][Number(arg(o))]}`,
    'ecn-tcp-cwr': (o) => `tcp flags ${ne(o)}cwr`,
    'ecn-tcp-ece': (o) => `tcp flags ${ne(o)}ecn`,
  }),
  owner: each({ 'uid-owner': (o) => `skuid ${ne(o)}${arg(o)}`, 'gid-owner': (o) => `skgid ${ne(o)}${arg(o)}` }),
};

/** icmp types with a code, options of tcp and both ports at once have their own ways. */
const PATCHES: Readonly<Record<string, (list: readonly Option[], given: string | null) => string | null>> = {
  icmp: (list, given) => (list.some((o) => /\//.test(arg(o))) ? null : given),
  tcp: (list, given) => {
    const option = find(list, 'tcp-option');
    if (option) return list.length === 1 ? `tcp option ${arg(option)} ${option.not ? 'missing' : 'exists'}` : null;
    const f = find(list, 'tcp-flags');
    if (!f || !given) return given;
    const [mask, set] = f.args as [string, string];
    const names = low(mask);
    const ports = given.replace(/ ?tcp flags .*$/, '');
    const lead = ports === '' ? '' : `${ports} `;
    if (set === 'NONE') return `${lead}tcp flags ${f.not ? '' : '! '}${names}`;
    if (mask === set && !mask.includes(',')) return `${lead}tcp flags & ${names} ${f.not ? '!=' : '=='} ${names}`;
    return given;
  },
  multiport: (list, given) => {
    const ports = find(list, 'ports');
    if (!ports) return given;
    const all = arg(ports).split(',').map(range);
    const pairs = all.flatMap((p) => [`0-65535 . ${p}`, `${p} . 0-65535`]);
    return `tcp sport . tcp dport ${ne(ports)}{ ${pairs.join(', ')} }`;
  },
};

const REJECTS: Readonly<Record<string, string>> = { proto: 'prot', 'adm-prohibited': 'admin-prohibited' };

function mask(text: string): string | undefined {
  return text === '0xffffffff' ? undefined : text;
}

const TARGETS: Readonly<Record<string, Xlate>> = {
  NFLOG: (list) => {
    const prefix = find(list, 'nflog-prefix');
    const size = find(list, 'nflog-size');
    const threshold = find(list, 'nflog-threshold');
    let s = 'log';
    if (prefix) s += ` prefix "${arg(prefix)}"`;
    if (size) s += ` snaplen ${arg(size)}`;
    if (threshold) s += ` queue-threshold ${arg(threshold)}`;
    const group = find(list, 'nflog-group');
    return `${s} group ${group ? arg(group) : 0}`;
  },
  NFQUEUE: (list) => {
    const balance = find(list, 'queue-balance');
    const num = find(list, 'queue-num');
    const bypass = find(list, 'queue-bypass') ? ' bypass' : '';
    const fanout = find(list, 'queue-cpu-fanout') ? `${bypass ? ',' : ' '}fanout` : '';
    return `queue num ${balance ? range(arg(balance)) : num ? arg(num) : 0}${bypass}${fanout}`;
  },
  REJECT: (list, family) => {
    const o = find(list, 'reject-with');
    const kind = o ? arg(o) : '';
    if (kind === '' || kind.endsWith('port-unreachable')) return 'reject';
    if (kind === 'tcp-reset') return 'reject with tcp reset';
    const name = kind.replace(/^icmp6?-/, '').replace(/^proto-/, `${REJECTS.proto}-`);
    return `reject with ${family === 4 ? 'icmp' : 'icmpv6'} type ${REJECTS[name] ?? name}`;
  },
  CONNMARK: (list) => {
    const save = find(list, 'save-mark');
    const restore = find(list, 'restore-mark');
    const set = find(list, 'set-xmark');
    const nf = find(list, 'nfmask');
    const ct = find(list, 'ctmask');
    if (save || restore) {
      const m = nf && ct && arg(nf) === arg(ct) ? mask(arg(nf)) : undefined;
      if (nf && ct && arg(nf) !== arg(ct)) return null;
      return save ? `ct mark set mark${m ? ` and ${m}` : ''}` : `meta mark set ct mark${m ? ` and ${m}` : ''}`;
    }
    if (!set) return null;
    const [v, m] = arg(set).split('/') as [string, string | undefined];
    const bits = m === undefined ? 0xffffffff : Number(m);
    if (bits === 0xffffffff) return `ct mark set ${v}`;
    if (bits === 0) return `ct mark set ct mark xor ${v}`;
    if (Number(v) === bits) return `ct mark set ct mark or ${v}`;
    if (Number(v) === 0) return `ct mark set ct mark and 0x${(~bits >>> 0).toString(16)}`;
    return `ct mark set ct mark xor ${v} and 0x${(~bits >>> 0).toString(16)}`;
  },
  DSCP: each({ 'set-dscp': (o, f) => `${ip(f)} dscp set ${hex(Number(arg(o)))}` }),
  TOS: (list) => {
    const o = find(list, 'set-tos');
    if (!o) return null;
    const [v, m] = arg(o).split('/');
    // iptables 1.8.9 writes ip6 here, whatever the table.
    return m === undefined || Number(m) === 0xff || Number(m) === 0x3f ? `ip6 dscp set ${hex(Number(v) >> 2)}` : null;
  },
  CLASSIFY: each({ 'set-class': (o) => `meta priority set ${low(arg(o)).replace(/\b0+(?=[0-9a-f])/g, '')}` }),
  TRACE: () => 'meta nftrace set 1',
};

/** The text of a match or target, or null: `xt match NAME`. */
export function extensionText(ext: xt.MatchExt | xt.TargetExt, opt: unknown, family: 4 | 6): string | null {
  const given = ext.nft?.(opt as never, family) ?? null;
  const save = options(ext.save(opt as never, family));
  const table = ext.kind === 'match' ? MATCHES : TARGETS;
  const own = table[ext.name];
  if (own) return own(save, family) ?? null;
  const patch = ext.kind === 'match' ? PATCHES[ext.name] : undefined;
  return patch ? patch(save, given) : given;
}
