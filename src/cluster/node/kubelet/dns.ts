/** resolv.conf and hosts of a pod. Models pkg/kubelet/network/dns and managedHostsFileContent */

import type { Pod } from '../../api/object.ts';

export interface DnsSettings {
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  /** Text of the node's own resolv.conf. */
  readonly host: string;
}

interface Resolv {
  servers: string[];
  searches: string[];
  options: string[];
}

const MAX_SERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARS = 2048;

function parse(text: string): Resolv {
  const r: Resolv = { servers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === 'nameserver' && rest[0]) r.servers.push(rest[0]);
    else if (word === 'search') r.searches = rest.filter((s) => s !== '.');
    else if (word === 'options') r.options = rest;
  }
  return r;
}

/** Later options of the same name win. */
function merged(options: readonly string[], more: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const o of [...options, ...more]) byName.set(o.split(':')[0] as string, o);
  return [...byName.values()];
}

export interface ResolvConf {
  readonly text: string;
  /** Messages of the events DNSConfigForming. */
  readonly warnings: readonly string[];
}

export function resolvConf(pod: Pod, dns: DnsSettings): ResolvConf {
  const spec = pod.spec;
  const policy = spec?.dnsPolicy ?? 'ClusterFirst';
  const host = parse(dns.host);
  const warnings: string[] = [];
  let r: Resolv = { servers: [], searches: [], options: [] };
  const cluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && spec?.hostNetwork !== true);
  if (cluster && dns.clusterDNS.length > 0) {
    const { namespace } = pod.metadata;
    const d = dns.clusterDomain;
    r = {
      servers: [...dns.clusterDNS],
      searches: [...new Set([`${namespace}.svc.${d}`, `svc.${d}`, d, ...host.searches])],
      options: ['ndots:5'],
    };
  } else if (policy !== 'None') r = host;
  const config = spec?.dnsConfig;
  if (config) {
    r.servers = [...new Set([...r.servers, ...(config.nameservers ?? [])])];
    r.searches = [...new Set([...r.searches, ...(config.searches ?? [])])];
    r.options = merged(
      r.options,
      (config.options ?? []).map((o) => (o.value !== undefined && o.value !== '' ? `${o.name}:${o.value}` : (o.name ?? ''))),
    );
  }
  if (r.servers.length > MAX_SERVERS) {
    r.servers = r.servers.slice(0, MAX_SERVERS);
    warnings.push(
      `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${r.servers.join(' ')}`,
    );
  }
  if (r.searches.length > MAX_SEARCHES || r.searches.join(' ').length > MAX_SEARCH_CHARS) {
    r.searches = r.searches.slice(0, MAX_SEARCHES);
    while (r.searches.join(' ').length > MAX_SEARCH_CHARS) r.searches.pop();
    warnings.push(
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${r.searches.join(' ')}`,
    );
  }
  const lines: string[] = [];
  if (r.searches.length > 0) lines.push(`search ${r.searches.join(' ')}`);
  for (const s of r.servers) lines.push(`nameserver ${s}`);
  if (r.options.length > 0) lines.push(`options ${r.options.join(' ')}`);
  return { text: lines.map((l) => `${l}\n`).join(''), warnings };
}

export interface HostNames {
  readonly hostname: string;
  /** `name.subdomain.ns.svc.cluster.local`; empty without a subdomain. */
  readonly fqdn: string;
}

const MAX_HOSTNAME = 63;

/** Host name and domain of a pod, cut to 63 characters. */
export function hostNames(pod: Pod, clusterDomain: string): HostNames {
  const { spec, metadata } = pod;
  if (spec?.hostnameOverride) return { hostname: spec.hostnameOverride, fqdn: '' };
  const hostname = (spec?.hostname || metadata.name).slice(0, MAX_HOSTNAME).replace(/[-.]+$/, '');
  const domain = spec?.subdomain ? `${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}` : '';
  const fqdn = domain ? `${hostname}.${domain}` : '';
  return { hostname: spec?.setHostnameAsFQDN && fqdn ? fqdn : hostname, fqdn };
}

/** Text of /etc/hosts. `node`: text of the node's own file for a pod on the host's network. */
export function hostsFile(pod: Pod, ips: readonly string[], clusterDomain: string, node: string | null): string {
  let out = '';
  if (node !== null) out = `# Kubernetes-managed hosts file (host network).\n${node}`;
  else {
    out =
      '# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n';
    const { hostname, fqdn } = hostNames(pod, clusterDomain);
    for (const ip of ips) out += fqdn ? `${ip}\t${fqdn}\t${hostname.split('.')[0]}\n` : `${ip}\t${hostname}\n`;
  }
  const aliases = pod.spec?.hostAliases ?? [];
  if (aliases.length === 0) return out;
  out += '\n# Entries added by HostAliases.\n';
  for (const a of aliases) out += `${a.ip}\t${(a.hostnames ?? []).join('\t')}\n`;
  return out;
}
