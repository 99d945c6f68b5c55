/** kubelet's flags and /var/lib/kubelet/config.yaml. Models KubeletConfiguration v1beta1 as kubeadm writes it */

import { parse } from 'yaml';
import type { Process } from '../../../os/process.ts';

export interface KubeletConfig {
  readonly nodeName: string;
  readonly nodeIPs: readonly string[];
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  readonly staticPodPath: string;
  readonly kubeconfig: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value: string; readonly effect: string }[];
  readonly maxPods: number;
}

const FLAGS = new Set([
  'bootstrap-kubeconfig',
  'kubeconfig',
  'config',
  'node-ip',
  'node-labels',
  'hostname-override',
  'register-with-taints',
  'container-runtime-endpoint',
  'pod-infra-container-image',
  'v',
]);

/** The configuration, or the text with which kubelet ends. */
export function readConfig(p: Process, addresses: readonly string[]): KubeletConfig | string {
  const flags = new Map<string, string>();
  for (const word of p.argv.slice(1)) {
    const m = /^--([a-z-]+)(?:=(.*))?$/s.exec(word);
    if (!m || !FLAGS.has(m[1] as string)) return `failed to parse kubelet flag: unknown flag: ${word.split('=')[0]}`;
    flags.set(m[1] as string, m[2] ?? '');
  }
  const path = flags.get('config') ?? '/var/lib/kubelet/config.yaml';
  const text = p.readText(path);
  if (text === null)
    return `failed to load kubelet config file, path: ${path}, error: failed to load Kubelet config file ${path}, error failed to read kubelet config file "${path}", error: open ${path}: no such file or directory`;
  const read = configOf(text);
  if (typeof read === 'string') return `failed to load kubelet config file, path: ${path}, error: ${read}`;
  const labels: Record<string, string> = {};
  for (const pair of (flags.get('node-labels') ?? '').split(','))
    if (pair.includes('=')) labels[pair.slice(0, pair.indexOf('='))] = pair.slice(pair.indexOf('=') + 1);
  const taints = (flags.get('register-with-taints') ?? '')
    .split(',')
    .filter((t) => t !== '')
    .map((t) => {
      const [pair = '', effect = ''] = t.split(':');
      const [key = '', value = ''] = pair.split('=');
      return { key, value, effect };
    });
  const ips = (flags.get('node-ip') ?? '').split(',').filter((ip) => ip !== '');
  return {
    nodeName: flags.get('hostname-override') || p.hostname.toLowerCase(),
    nodeIPs: ips.length > 0 ? ips : addresses,
    kubeconfig: flags.get('kubeconfig') ?? '/etc/kubernetes/kubelet.conf',
    labels,
    taints,
    ...read,
  };
}

interface Read {
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  readonly staticPodPath: string;
  readonly maxPods: number;
}

const known = new Map<string, Read | string>();

/** Read once for all nodes that have the same file. */
function configOf(text: string): Read | string {
  const before = known.get(text);
  if (before !== undefined) return before;
  const made = parseConfig(text);
  if (known.size < 64) known.set(text, made);
  return made;
}

function parseConfig(text: string): Read | string {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (e) {
    return `couldn't get version/kind; json parse error: ${e instanceof Error ? (e.message.split('\n')[0] ?? '') : ''}`;
  }
  const o = (typeof raw === 'object' && raw !== null ? raw : {}) as Record<string, unknown>;
  if (o.kind !== 'KubeletConfiguration')
    return `no kind ${JSON.stringify(o.kind ?? '')} is registered for version ${JSON.stringify(o.apiVersion ?? '')}`;
  const dns = Array.isArray(o.clusterDNS) ? o.clusterDNS.filter((d): d is string => typeof d === 'string') : [];
  return {
    clusterDNS: dns,
    clusterDomain: typeof o.clusterDomain === 'string' ? o.clusterDomain : 'cluster.local',
    staticPodPath: typeof o.staticPodPath === 'string' ? o.staticPodPath : '',
    maxPods: typeof o.maxPods === 'number' ? o.maxPods : 110,
  };
}
