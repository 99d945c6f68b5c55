/** kube-proxy's flags and its configuration file as one configuration. Models cmd/kube-proxy/app/options.go, pkg/proxy/apis/config */

import { parse } from 'yaml';
import { type Micros, MS, SEC } from '../../sim/sim.ts';
import { DETECT_MODES, type DetectMode } from './detect.ts';
import { parseCidr } from './family.ts';

export interface ProxyConfig {
  readonly kubeconfig: string;
  readonly master: string;
  readonly hostname: string;
  readonly mode: string;
  readonly bindAddress: string;
  readonly clusterCIDRs: readonly string[];
  readonly detectLocalMode: DetectMode;
  readonly bridgeInterface: string;
  readonly interfaceNamePrefix: string;
  readonly nodePortAddresses: readonly string[];
  readonly masqueradeAll: boolean;
  readonly masqueradeBit: number;
  readonly localhostNodePorts: boolean;
  readonly syncPeriod: Micros;
  readonly minSyncPeriod: Micros;
  readonly healthzBindAddress: string;
  readonly metricsBindAddress: string;
  readonly conntrackMaxPerCore: number;
  readonly conntrackMin: number;
  readonly conntrackTcpEstablished: Micros;
  readonly conntrackTcpCloseWait: Micros;
  readonly conntrackTcpBeLiberal: boolean;
  readonly conntrackUdpTimeout: Micros;
  readonly conntrackUdpStreamTimeout: Micros;
}

export type Invocation =
  | { readonly kind: 'run' | 'cleanup' | 'init-only'; readonly config: ProxyConfig; readonly verbosity: number }
  | { readonly kind: 'say'; readonly out: string; readonly err: string; readonly status: number };

const FLAGS: Readonly<Record<string, 'bool' | 'string' | 'int' | 'float' | 'duration' | 'list'>> = {
  'bind-address': 'string',
  'bind-address-hard-fail': 'bool',
  cleanup: 'bool',
  'cluster-cidr': 'list',
  config: 'string',
  'config-sync-period': 'duration',
  'conntrack-max-per-core': 'int',
  'conntrack-min': 'int',
  'conntrack-tcp-be-liberal': 'bool',
  'conntrack-tcp-timeout-close-wait': 'duration',
  'conntrack-tcp-timeout-established': 'duration',
  'conntrack-udp-timeout': 'duration',
  'conntrack-udp-timeout-stream': 'duration',
  'detect-local-mode': 'string',
  'feature-gates': 'string',
  'healthz-bind-address': 'string',
  'healthz-port': 'int',
  help: 'bool',
  'hostname-override': 'string',
  'init-only': 'bool',
  'iptables-localhost-nodeports': 'bool',
  'iptables-masquerade-bit': 'int',
  'iptables-min-sync-period': 'duration',
  'iptables-sync-period': 'duration',
  'ipvs-exclude-cidrs': 'list',
  'ipvs-min-sync-period': 'duration',
  'ipvs-scheduler': 'string',
  'ipvs-strict-arp': 'bool',
  'ipvs-sync-period': 'duration',
  'ipvs-tcp-timeout': 'duration',
  'ipvs-tcpfin-timeout': 'duration',
  'ipvs-udp-timeout': 'duration',
  'kube-api-burst': 'int',
  'kube-api-content-type': 'string',
  'kube-api-qps': 'float',
  kubeconfig: 'string',
  'log-flush-frequency': 'duration',
  'log-text-info-buffer-size': 'string',
  'log-text-split-stream': 'bool',
  'logging-format': 'string',
  'masquerade-all': 'bool',
  master: 'string',
  'metrics-bind-address': 'string',
  'metrics-port': 'int',
  'nodeport-addresses': 'list',
  'oom-score-adj': 'int',
  'pod-bridge-interface': 'string',
  'pod-interface-name-prefix': 'string',
  profiling: 'bool',
  'proxy-mode': 'string',
  'proxy-port-range': 'string',
  'show-hidden-metrics-for-version': 'string',
  v: 'int',
  version: 'string',
  vmodule: 'string',
  'write-config-to': 'string',
};

export const VERSION = 'v1.36.3';
const UNITS: Readonly<Record<string, number>> = { ns: 0.001, us: 1, µs: 1, ms: MS, s: SEC, m: 60 * SEC, h: 3600 * SEC };

/** Go's time.ParseDuration, in µs; null when the text is none. */
export function parseDuration(text: string): Micros | null {
  if (text === '0') return 0;
  if (!/^[-+]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return null;
  let sum = 0;
  for (const [, n, , unit] of text.matchAll(/(\d+(\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) sum += Number(n) * (UNITS[unit as string] as number);
  return Math.round(text.startsWith('-') ? -sum : sum);
}

class Bad extends Error {}

const say = (err: string, status = 1, out = ''): Invocation => ({ kind: 'say', out, err, status });

function parseFlags(argv: readonly string[]): Map<string, string> {
  const got = new Map<string, string>();
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] as string;
    if (!arg.startsWith('-') || arg === '-') throw new Bad(`unknown command "${arg}" for "kube-proxy"`);
    const long = arg.startsWith('--');
    const text = arg.slice(long ? 2 : 1);
    const eq = text.indexOf('=');
    let name = eq < 0 ? text : text.slice(0, eq);
    let value = eq < 0 ? null : text.slice(eq + 1);
    if (!long) {
      if (name === 'h') name = 'help';
      else if (name.startsWith('v')) {
        if (value === null && name.length > 1) value = name.slice(1);
        name = 'v';
      } else throw new Bad(`unknown shorthand flag: '${name[0]}' in ${arg}`);
    }
    name = name.replaceAll('_', '-');
    const type = FLAGS[name];
    if (type === undefined) throw new Bad(`unknown flag: --${name}`);
    if (value === null) {
      if (type === 'bool') value = 'true';
      else if (name === 'version') value = 'true';
      else {
        value = argv[++i] ?? null;
        if (value === null) throw new Bad(long ? `flag needs an argument: --${name}` : `flag needs an argument: '${name}' in ${arg}`);
      }
    }
    check(name, type, value);
    got.set(name, value);
  }
  return got;
}

function check(name: string, type: string, value: string): void {
  const invalid = (why: string): Bad => new Bad(`invalid argument "${value}" for "--${name}" flag: ${why}`);
  if (type === 'bool' && !/^(1|0|t|f|T|F|true|false|TRUE|FALSE|True|False)$/.test(value))
    throw invalid(`strconv.ParseBool: parsing "${value}": invalid syntax`);
  if (type === 'int' && !/^[-+]?\d+$/.test(value)) throw invalid(`strconv.ParseInt: parsing "${value}": invalid syntax`);
  if (type === 'duration' && parseDuration(value) === null) throw invalid(`time: invalid duration "${value}"`);
}

const truth = (text: string | undefined, otherwise: boolean): boolean =>
  text === undefined ? otherwise : /^(1|t|T|true|TRUE|True)$/.test(text);
const list = (text: string): string[] => (text === '' ? [] : text.split(',').map((s) => s.trim()));

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** All nodes of a cluster have the same file: it is read once. */
const parsed = new Map<string, Fields>();
const MAX_PARSED = 64;

/** What a KubeProxyConfiguration says, in the words of the flags. Flags beside --config do not count, save a few. */
function fromFile(text: string, path: string): Map<string, string> {
  let doc: Fields;
  try {
    doc = parsed.get(text) ?? fields(parse(text));
    if (parsed.size < MAX_PARSED) parsed.set(text, doc);
  } catch (e) {
    throw new Bad(`failed to decode ${path}: ${e instanceof Error ? e.message.split('\n')[0] : e}`);
  }
  const { apiVersion, kind } = doc;
  if (kind !== 'KubeProxyConfiguration' || apiVersion !== 'kubeproxy.config.k8s.io/v1alpha1')
    throw new Bad(
      `no kind "${kind ?? ''}" is registered for version "${apiVersion ?? ''}" in scheme "pkg/proxy/apis/config/scheme/scheme.go"`,
    );
  const out = new Map<string, string>();
  const put = (flag: string, value: unknown): void => {
    if (value === undefined || value === null || value === '') return;
    const s = Array.isArray(value) ? value.map(String).join(',') : String(value);
    if (s === '' && flag !== 'nodeport-addresses') return;
    const type = FLAGS[flag];
    if (type === 'duration' && parseDuration(s) === null) throw new Bad(`failed to decode ${path}: time: invalid duration "${s}"`);
    out.set(flag, s);
  };
  const mode = doc.mode;
  const iptables = fields(doc.iptables);
  const nftables = fields(doc.nftables);
  const own = mode === 'nftables' ? nftables : iptables;
  const conntrack = fields(doc.conntrack);
  const detect = fields(doc.detectLocal);
  put('proxy-mode', mode);
  put('kubeconfig', fields(doc.clientConnection).kubeconfig);
  put('hostname-override', doc.hostnameOverride);
  put('bind-address', doc.bindAddress);
  put('cluster-cidr', doc.clusterCIDR);
  put('detect-local-mode', doc.detectLocalMode);
  put('pod-bridge-interface', detect.bridgeInterface);
  put('pod-interface-name-prefix', detect.interfaceNamePrefix);
  put('nodeport-addresses', doc.nodePortAddresses);
  put('masquerade-all', own.masqueradeAll);
  put(mode === 'nftables' ? NFT_BIT : 'iptables-masquerade-bit', own.masqueradeBit);
  put('iptables-localhost-nodeports', iptables.localhostNodePorts);
  put('iptables-sync-period', own.syncPeriod);
  put('iptables-min-sync-period', own.minSyncPeriod);
  put('healthz-bind-address', doc.healthzBindAddress);
  put('metrics-bind-address', doc.metricsBindAddress);
  put('conntrack-max-per-core', conntrack.maxPerCore);
  put('conntrack-min', conntrack.min);
  put('conntrack-tcp-timeout-established', conntrack.tcpEstablishedTimeout);
  put('conntrack-tcp-timeout-close-wait', conntrack.tcpCloseWaitTimeout);
  put('conntrack-tcp-be-liberal', conntrack.tcpBeLiberal);
  put('conntrack-udp-timeout', conntrack.udpTimeout);
  put('conntrack-udp-timeout-stream', conntrack.udpStreamTimeout);
  return out;
}

/** What only a configuration file can say. */
const NFT_BIT = 'nftables.masqueradeBit';

/** Flags that count even beside --config. */
const BESIDE_CONFIG = ['hostname-override', 'v', 'master'];

/** `readFile` gives null for a file that cannot be read. */
export function invocation(argv: readonly string[], hostname: string, readFile: (path: string) => string | null): Invocation {
  try {
    const flags = parseFlags(argv);
    if (truth(flags.get('help'), false)) return { kind: 'say', out: `${USAGE}\n`, err: '', status: 0 };
    const version = flags.get('version');
    if (version !== undefined && version !== 'false') return { kind: 'say', out: `Kubernetes ${VERSION}\n`, err: '', status: 0 };
    if (flags.has('write-config-to')) return say('kube-proxy: option --write-config-to is not emulated\n');
    let given = flags;
    const path = flags.get('config');
    if (path !== undefined && path !== '') {
      const text = readFile(path);
      if (text === null) throw new Bad(`failed to read ${path}: open ${path}: no such file or directory`);
      given = fromFile(text, path);
      for (const name of BESIDE_CONFIG) if (flags.has(name)) given.set(name, flags.get(name) as string);
    }
    const kind = truth(flags.get('cleanup'), false) ? 'cleanup' : truth(flags.get('init-only'), false) ? 'init-only' : 'run';
    return { kind, config: configOf(given, hostname), verbosity: Number(flags.get('v') ?? 0) };
  } catch (e) {
    if (!(e instanceof Bad)) throw e;
    const usage = /^(unknown|flag needs|invalid argument)/.test(e.message) ? `${USAGE}\n` : '';
    return say(`Error: ${e.message}\n${usage}`);
  }
}

const USAGE = `Usage:
  kube-proxy [flags]
`;

function configOf(f: ReadonlyMap<string, string>, hostname: string): ProxyConfig {
  const duration = (name: string, otherwise: Micros): Micros => parseDuration(f.get(name) ?? '') ?? otherwise;
  const int = (name: string, otherwise: number): number => Number(f.get(name) ?? otherwise);
  const mode = f.get('proxy-mode') || 'iptables';
  const clusterCIDRs = list(f.get('cluster-cidr') ?? '');
  const nodePorts = list(f.get('nodeport-addresses') ?? '');
  const detect = f.get('detect-local-mode') || 'ClusterCIDR';
  const invalid = (field: string, value: string, why: string): Bad =>
    new Bad(`KubeProxyConfiguration.${field}: Invalid value: "${value}": ${why}`);
  for (const cidr of clusterCIDRs)
    if (!parseCidr(cidr)) throw invalid('ClusterCIDR', cidr, 'must be a valid CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)');
  for (const cidr of nodePorts)
    if (cidr !== 'primary' && !parseCidr(cidr)) throw invalid('NodePortAddresses[0]', cidr, 'must be a valid CIDR block');
  if (!(DETECT_MODES as readonly string[]).includes(detect))
    throw invalid('DetectLocalMode', detect, `must be ${DETECT_MODES.join(', ')} or blank (blank defaults to ClusterCIDR)`);
  const bridge = f.get('pod-bridge-interface') ?? '';
  const prefix = f.get('pod-interface-name-prefix') ?? '';
  if (detect === 'BridgeInterface' && bridge === '') throw invalid('DetectLocal.BridgeInterface', '', 'must not be empty');
  if (detect === 'InterfaceNamePrefix' && prefix === '') throw invalid('DetectLocal.InterfacePrefix', '', 'must not be empty');
  const bit = int(mode === 'nftables' ? NFT_BIT : 'iptables-masquerade-bit', 14);
  if (bit < 0 || bit > 31)
    throw new Bad(`KubeProxyConfiguration.IPTables.MasqueradeBit: Invalid value: ${bit}: must be within the range [0, 31]`);
  return {
    kubeconfig: f.get('kubeconfig') ?? '',
    master: f.get('master') ?? '',
    hostname: (f.get('hostname-override') || hostname).trim().toLowerCase(),
    mode,
    bindAddress: f.get('bind-address') || '0.0.0.0',
    clusterCIDRs,
    detectLocalMode: detect as DetectMode,
    bridgeInterface: bridge,
    interfaceNamePrefix: prefix,
    nodePortAddresses: nodePorts.length === 0 && mode === 'nftables' ? ['primary'] : nodePorts,
    masqueradeAll: truth(f.get('masquerade-all'), false),
    masqueradeBit: bit,
    localhostNodePorts: truth(f.get('iptables-localhost-nodeports'), true),
    syncPeriod: duration('iptables-sync-period', 30 * SEC),
    minSyncPeriod: duration('iptables-min-sync-period', SEC),
    healthzBindAddress: address(f.get('healthz-bind-address'), f.get('healthz-port'), '0.0.0.0:10256'),
    metricsBindAddress: address(f.get('metrics-bind-address'), f.get('metrics-port'), '127.0.0.1:10249'),
    conntrackMaxPerCore: int('conntrack-max-per-core', 32768),
    conntrackMin: int('conntrack-min', 131072),
    conntrackTcpEstablished: duration('conntrack-tcp-timeout-established', 24 * 3600 * SEC),
    conntrackTcpCloseWait: duration('conntrack-tcp-timeout-close-wait', 3600 * SEC),
    conntrackTcpBeLiberal: truth(f.get('conntrack-tcp-be-liberal'), false),
    conntrackUdpTimeout: duration('conntrack-udp-timeout', 0),
    conntrackUdpStreamTimeout: duration('conntrack-udp-timeout-stream', 0),
  };
}

/** `host:port`; a bare host or an own port flag changes the usual one. Empty: no server. */
function address(given: string | undefined, port: string | undefined, usual: string): string {
  const at = usual.lastIndexOf(':');
  const usualPort = usual.slice(at + 1);
  if (port === '0') return '';
  if (given === undefined || given === '') return port === undefined ? usual : `${usual.slice(0, at)}:${port}`;
  if (/^\[.*\]:\d+$|^[^:]*:\d+$/.test(given)) return given;
  return `${given.includes(':') ? `[${given}]` : given}:${port ?? usualPort}`;
}
