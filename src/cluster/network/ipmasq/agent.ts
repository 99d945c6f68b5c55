/** ip-masq-agent: what leaves the cluster's own ranges is masqueraded, by its own chain, put right again each minute. Models kubernetes-sigs/ip-masq-agent */

import { parse } from 'yaml';
import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import { parseIp4, parseIp6 } from '../../../wire/addr.ts';
import { duration } from '../../dns/corefile.ts';
import { run } from '../../proxy/exec.ts';

const CONFIG = '/etc/config/ip-masq-agent';
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];
const RESERVED = [
  '100.64.0.0/10',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '240.0.0.0/4',
];

export interface MasqConfig {
  readonly nonMasqueradeCIDRs: readonly string[];
  readonly cidrLimit: number;
  readonly masqLinkLocal: boolean;
  readonly masqLinkLocalIPv6: boolean;
  /** µs. */
  readonly resyncInterval: number;
}

interface Flags {
  chain: string;
  reserved: boolean;
  ipv6: boolean;
  randomFully: boolean;
}

/** From the configuration's text, null when there is no file; the error's text when it cannot be used. */
export function masqConfig(text: string | null, flags: Pick<Flags, 'reserved' | 'ipv6'>): MasqConfig | string {
  const base: MasqConfig = {
    nonMasqueradeCIDRs: flags.reserved ? [...PRIVATE, ...RESERVED] : PRIVATE,
    cidrLimit: 64,
    masqLinkLocal: false,
    masqLinkLocalIPv6: false,
    resyncInterval: 60e6,
  };
  if (text === null) return base;
  let given: unknown;
  try {
    given = parse(text) ?? {};
  } catch (e) {
    return `error converting YAML to JSON: yaml: ${(e as Error).message.split('\n')[0]}`;
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return 'json: cannot unmarshal into Go value of type main.MasqConfig';
  const o = given as Partial<Record<keyof MasqConfig, unknown>>;
  const list = o.nonMasqueradeCIDRs ?? base.nonMasqueradeCIDRs;
  if (!Array.isArray(list) || list.some((c) => typeof c !== 'string'))
    return 'json: cannot unmarshal into Go struct field MasqConfig.nonMasqueradeCIDRs of type []string';
  const interval =
    o.resyncInterval === undefined ? base.resyncInterval : typeof o.resyncInterval === 'string' ? duration(o.resyncInterval) : null;
  if (interval === null)
    return typeof o.resyncInterval === 'string'
      ? `time: invalid duration "${o.resyncInterval}"`
      : `expected string value for unmarshal to field of type Duration, got "${String(o.resyncInterval)}"`;
  const config: MasqConfig = {
    nonMasqueradeCIDRs: list as string[],
    cidrLimit: Number(o.cidrLimit ?? base.cidrLimit),
    masqLinkLocal: o.masqLinkLocal === true,
    masqLinkLocalIPv6: o.masqLinkLocalIPv6 === true,
    resyncInterval: Math.max(1e6, interval),
  };
  if (config.nonMasqueradeCIDRs.length > config.cidrLimit)
    return `the daemon can only accept up to ${config.cidrLimit} CIDRs (excluding link-local), but got ${config.nonMasqueradeCIDRs.length} CIDRs (excluding link local)`;
  for (const cidr of config.nonMasqueradeCIDRs) {
    const wrong = cidrProblem(cidr, flags.ipv6);
    if (wrong !== null) return wrong;
  }
  return config;
}

function cidrProblem(cidr: string, ipv6: boolean): string | null {
  const [base = '', length = ''] = cidr.split('/');
  const v4 = parseIp4(base);
  const v6 = v4 === null ? parseIp6(base) : null;
  const bits = /^\d+$/.test(length) ? Number(length) : -1;
  if ((v4 === null && v6 === null) || bits < 0 || bits > (v4 === null ? 128 : 32))
    return `CIDR "${cidr}" could not be parsed, invalid CIDR address: ${cidr}`;
  const host = v4 !== null ? BigInt(v4) & ((1n << BigInt(32 - bits)) - 1n) : (v6 as bigint) & ((1n << BigInt(128 - bits)) - 1n);
  if (host !== 0n) return `CIDR "${cidr}" is not aligned to a CIDR block`;
  if (v6 !== null && !ipv6) return `ipv6 is not enabled, but ipv6 cidr ${cidr} provided. Enable ipv6 using --enable-ipv6 agent flag`;
  return null;
}

/** Input for iptables-restore of one family. */
export function masqRules(config: MasqConfig, flags: Pick<Flags, 'chain' | 'randomFully'>, family: 4 | 6): string {
  const keep = (cidr: string): string =>
    `-A ${flags.chain} -m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE" -d ${cidr} -j RETURN`;
  const lines = ['*nat', `:${flags.chain} - [0:0]`];
  if (family === 4 ? !config.masqLinkLocal : !config.masqLinkLocalIPv6) lines.push(keep(family === 4 ? '169.254.0.0/16' : 'fe80::/10'));
  for (const cidr of config.nonMasqueradeCIDRs) if (cidr.includes(':') === (family === 6)) lines.push(keep(cidr));
  lines.push(
    `-A ${flags.chain} -m comment --comment "ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)" -j MASQUERADE${flags.randomFully ? ' --random-fully' : ''}`,
    'COMMIT',
    '',
  );
  return lines.join('\n');
}

function* sync(p: Process, config: MasqConfig, flags: Flags, family: 4 | 6): Task<string | null> {
  const tool = family === 4 ? 'iptables' : 'ip6tables';
  yield* run(p, [tool, '-w', '-t', 'nat', '-N', flags.chain]);
  const about = `ip-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom ${flags.chain} chain`;
  const jump = ['POSTROUTING', '-m', 'comment', '--comment', about, '-m', 'addrtype', '!', '--dst-type', 'LOCAL', '-j', flags.chain];
  const there = yield* run(p, [tool, '-w', '-t', 'nat', '-C', ...jump]);
  if (there.status !== 0) {
    const added = yield* run(p, [tool, '-w', '-t', 'nat', '-A', ...jump]);
    if (added.status !== 0) return added.err.trim();
  }
  const restored = yield* run(p, [`${tool}-restore`, '-w', '5', '--noflush'], masqRules(config, flags, family));
  return restored.status === 0 ? null : restored.err.trim();
}

export const ipMasqAgent: Command = {
  name: 'ip-masq-agent',
  path: '/ip-masq-agent',
  *main(p) {
    const flags: Flags = { chain: 'IP-MASQ-AGENT', reserved: false, ipv6: false, randomFully: true };
    for (const a of p.argv.slice(1)) {
      const m = /^--?([a-z0-9-]+)(?:=(.*))?$/.exec(a);
      const on = m?.[2] === undefined || m[2] === 'true';
      if (m?.[1] === 'masq-chain') flags.chain = m[2] ?? '';
      else if (m?.[1] === 'nomasq-all-reserved-ranges') flags.reserved = on;
      else if (m?.[1] === 'enable-ipv6') flags.ipv6 = on;
      else if (m?.[1] === 'random-fully') flags.randomFully = on;
      else if (m?.[1] !== 'v' && m?.[1] !== 'logtostderr' && m?.[1] !== 'to-ports') {
        yield* p.err(`flag provided but not defined: ${a}\n`);
        return 2;
      }
    }
    let interval = 60e6;
    for (;;) {
      const config = masqConfig(p.readText(CONFIG), flags);
      if (typeof config === 'string') yield* p.err(`error syncing configuration: ${config}\n`);
      else {
        interval = config.resyncInterval;
        for (const family of flags.ipv6 ? ([4, 6] as const) : ([4] as const)) {
          const error = yield* sync(p, config, flags, family);
          if (error !== null) yield* p.err(`error syncing masquerade rules: ${error}\n`);
        }
      }
      const until = p.sim.now + interval;
      while (p.sim.now < until) yield { until };
    }
  },
};
