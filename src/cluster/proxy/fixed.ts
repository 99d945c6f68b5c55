/** kube-proxy's rules for Services that are known beforehand: input for iptables-restore on a node that nobody proxies for. */

import type { EndpointSlice, Service } from '../api/object.ts';
import { localDetector } from './detect.ts';
import { SERVICE_NAME } from './endpoints.ts';
import { CANARY, JUMPS, jumpWords, KUBELET_JUMPS, restoreInput } from './iptables/engine.ts';
import { chainLine } from './iptables/rules.ts';
import { nodePortAddresses } from './nodeports.ts';
import { Tracker } from './tracker.ts';

export interface FixedService {
  /** `namespace/name:portname`, the way kube-proxy writes it in comments. */
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  readonly clusterIP: string;
  readonly port: number;
  readonly nodePort?: number;
  /** `ip:port`. */
  readonly endpoints: readonly string[];
}

const META = { uid: '', resourceVersion: '1', creationTimestamp: '' };

function objects(s: FixedService): { service: Service; slices: EndpointSlice[] } {
  const [full = '', portName = ''] = s.name.split(':');
  const [namespace = '', name = ''] = full.split('/');
  const protocol = s.protocol.toUpperCase();
  const port = { name: portName, protocol, port: s.port, ...(s.nodePort === undefined ? {} : { nodePort: s.nodePort }) };
  const type = s.nodePort === undefined ? 'ClusterIP' : 'NodePort';
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...META, namespace, name },
    spec: { type, clusterIP: s.clusterIP, clusterIPs: [s.clusterIP], ports: [port] },
  };
  const ports = new Set(s.endpoints.map((e) => Number(e.slice(e.lastIndexOf(':') + 1))));
  const slices = [...ports].map(
    (n): EndpointSlice => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...META, namespace, name: `${name}-${n}`, labels: { [SERVICE_NAME]: name } },
      addressType: 'IPv4',
      endpoints: s.endpoints.filter((e) => e.endsWith(`:${n}`)).map((e) => ({ addresses: [e.slice(0, e.lastIndexOf(':'))] })),
      ports: [{ name: portName, protocol, port: n }],
    }),
  );
  return { service, slices };
}

const quoted = (word: string): string => (word.includes(' ') ? `"${word}"` : word);

/** Jumps and canaries, then what a full sync writes. */
export function fixedRules(clusterCIDR: string, services: readonly FixedService[]): string {
  const tracker = new Tracker(4, '');
  for (const s of services) {
    const { service, slices } = objects(s);
    tracker.service(service, false);
    for (const slice of slices) tracker.slice(slice, false);
  }
  tracker.apply();
  const detector = localDetector({ mode: 'ClusterCIDR', clusterCIDRs: [clusterCIDR], bridgeInterface: '', interfaceNamePrefix: '' }, [], 4);
  const config = {
    masqueradeAll: false,
    detector,
    countLocalhost: false,
    nodeIP: '',
    mark: '0x00004000',
    localhostNodePorts: true,
    nodePortAddresses: nodePortAddresses([], 4),
    tcpLiberal: false,
    nfacct: false,
    place: { node: '', zone: '' },
    ownIPs: () => [],
  };
  const jumps = [...JUMPS, ...KUBELET_JUMPS];
  const table = (name: string): string => {
    const own = jumps.filter(([t]) => t === name);
    const chains = [...new Set([...own.map(([, chain]) => chain), CANARY, 'KUBE-KUBELET-CANARY'])];
    const rules = own.map((j) => `-I ${j[2]} ${jumpWords(j).map(quoted).join(' ')}`);
    return [`*${name}`, ...chains.map(chainLine), ...rules, 'COMMIT', ''].join('\n');
  };
  return ['mangle', 'filter', 'nat'].map(table).join('') + restoreInput(tracker, config, null, false, null).input;
}
