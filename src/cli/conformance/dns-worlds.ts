/** The clusters that the groups of the DNS suite are asked about: the file's own, and those of reverse and zonal names, which it leaves out. */

import type { KubeObject } from '../../cluster/api/object.ts';

export interface DnsWorld {
  readonly objects: readonly KubeObject[];
  /** Lines of the kubernetes plugin's block. */
  readonly options: readonly string[];
  readonly reverseZones: readonly string[];
  readonly synced: boolean;
}

interface FileService {
  readonly Name: string;
  readonly Namespace: string;
  readonly Type?: unknown;
  readonly ClusterIPs?: readonly unknown[];
  readonly ExternalName?: string;
  readonly Ports?: readonly { readonly Name: string; readonly Protocol: string; readonly Port: number }[];
}

interface FileEndpoints {
  readonly Name: string;
  readonly Namespace: string;
  readonly Index?: { readonly args?: readonly string[] };
  readonly Subsets: readonly {
    readonly Addresses: readonly { readonly IP: string; readonly Hostname?: string; readonly Zone?: string }[] | null;
    readonly Ports?: readonly { readonly Name?: string; readonly Protocol?: string; readonly Port: number }[];
  }[];
}

export interface FileWorld {
  readonly services: Readonly<Record<string, readonly FileService[]>>;
  readonly endpoints: Readonly<Record<string, readonly FileEndpoints[]>>;
}

/** Namespaces that upstream's cases say are not there; every other one that a question names is. */
const MISSING = ['pod-nons', 'nsnoexist'];

function service(s: FileService): KubeObject {
  const ips = (s.ClusterIPs ?? []).map((ip) => (typeof ip === 'string' ? ip : 'None'));
  const spec = {
    ...(s.ExternalName
      ? { type: 'ExternalName', externalName: s.ExternalName }
      : { type: 'ClusterIP', clusterIPs: ips, clusterIP: ips[0] }),
    ports: (s.Ports ?? []).map((p) => ({ name: p.Name, protocol: p.Protocol.toUpperCase(), port: p.Port })),
  };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: s.Name, namespace: s.Namespace }, spec } as KubeObject;
}

/** The same Service as another cluster exports it. */
function serviceImport(s: FileService): KubeObject {
  const ips = (s.ClusterIPs ?? []).filter((ip) => typeof ip === 'string');
  const spec = {
    type: ips.length > 0 ? 'ClusterSetIP' : 'Headless',
    ips,
    ports: (s.Ports ?? []).map((p) => ({ name: p.Name, protocol: p.Protocol.toUpperCase(), port: p.Port })),
  };
  return {
    apiVersion: 'multicluster.x-k8s.io/v1alpha1',
    kind: 'ServiceImport',
    metadata: { name: s.Name, namespace: s.Namespace },
    spec,
  } as KubeObject;
}

function slices(e: FileEndpoints, labels: (service: string) => Record<string, string>): KubeObject[] {
  const of = e.Index?.args?.[0] ?? e.Name;
  const addresses = e.Subsets.flatMap((s) => s.Addresses ?? []);
  const ports = (e.Subsets[0]?.Ports ?? []).filter((p) => p.Port !== -1);
  const family = (v6: boolean): KubeObject[] => {
    const own = addresses.filter((a) => a.IP.includes(':') === v6);
    if (own.length === 0) return [];
    return [
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: `${e.Name}${v6 ? '-v6' : ''}`, namespace: e.Namespace, labels: labels(of) },
        addressType: v6 ? 'IPv6' : 'IPv4',
        endpoints: own.map((a) => ({
          addresses: [a.IP],
          ...(a.Hostname ? { hostname: a.Hostname } : {}),
          ...(a.Zone ? { zone: a.Zone } : {}),
        })),
        ports: ports.map((p) => ({ name: p.Name ?? '', protocol: (p.Protocol ?? '').toUpperCase(), port: p.Port })),
      } as KubeObject,
    ];
  };
  return [...family(false), ...family(true)];
}

const local = (of: string): Record<string, string> => ({ 'kubernetes.io/service-name': of });
const remote = (of: string): Record<string, string> => ({
  'multicluster.kubernetes.io/service-name': of,
  'multicluster.kubernetes.io/source-cluster': 'cluster1',
});

const namespace = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'foo', namespace: 'podns' },
  status: { phase: 'Running', podIP: '10.240.0.1', podIPs: [{ ip: '10.240.0.1' }] },
} as KubeObject;

const http = [{ Name: 'http', Protocol: 'tcp', Port: 80 }];

const REVERSE: FileWorld = {
  services: { 'svc1.testns': [{ Name: 'svc1', Namespace: 'testns', ClusterIPs: ['192.168.1.100'], Ports: http }] },
  endpoints: {
    'svc1.testns': [
      endpoints('svc1-slice1', 'svc1', [
        ['10.0.0.100', 'ep1a'],
        ['10.0.0.99', 'double-ep'],
      ]),
      endpoints('svc1-slice2', 'svc1', [
        ['1234:abcd::1', 'ep1b'],
        ['fd00:77:30::a', 'ip6svc1ex'],
        ['fd00:77:30::2:9ba6', 'ip6svc1in'],
      ]),
      endpoints('svc1-ccccc', 'svc1', [['10.0.0.100', 'ep1a']]),
    ],
    'svc2.testns': [endpoints('svc2-slice1', 'svc2', [['10.0.0.99', 'double-ep']])],
  },
};

const ZONAL: FileWorld = {
  services: {
    'hdls.testns': [{ Name: 'hdls', Namespace: 'testns', ClusterIPs: ['None'] }],
    'clstr.testns': [{ Name: 'clstr', Namespace: 'testns', ClusterIPs: ['10.0.0.10'], Ports: http }],
  },
  endpoints: {
    'hdls.testns': [
      {
        ...endpoints('hdls-slice', 'hdls', []),
        Subsets: [
          {
            Addresses: [
              { IP: '172.0.0.1', Zone: 'us-west-2a' },
              { IP: '172.0.0.2', Zone: 'us-west-2b' },
              { IP: '172.0.0.3', Zone: 'us-west-2b' },
            ],
            Ports: http,
          },
        ],
      },
    ],
  },
};

function endpoints(name: string, of: string, addresses: readonly (readonly [string, string])[]): FileEndpoints {
  return {
    Name: name,
    Namespace: 'testns',
    Index: { args: [of, 'testns'] },
    Subsets: [{ Addresses: addresses.map(([IP, Hostname]) => ({ IP, Hostname })), Ports: http }],
  };
}

const REVERSE_ZONES = [
  '0.10.in-addr.arpa',
  '168.192.in-addr.arpa',
  `${'0.'.repeat(16)}d.c.b.a.4.3.2.1.ip6.arpa`,
  `${'0.'.repeat(16)}3.0.0.7.7.0.0.0.0.d.f.ip6.arpa`,
];

/** The server's options say what the group's name says. */
export function worldOf(group: string, file: FileWorld, questions: readonly string[]): DnsWorld {
  const namespaces = new Set([
    'podns',
    ...Object.values(file.services)
      .flat()
      .map((s) => s.Namespace),
  ]);
  for (const q of questions) {
    const named = /([^.]+)\.(?:svc|pod)\.cluster\.local\.?$/i.exec(q)?.[1]?.toLowerCase();
    if (named !== undefined && !MISSING.includes(named)) namespaces.add(named);
  }
  const zonal = group.includes('zonal');
  const reverse = group.startsWith('reverse');
  const multicluster = group.includes('multicluster');
  const source = zonal ? ZONAL : reverse ? REVERSE : file;
  const all = Object.values(source.services).flat();
  const options = ['ttl 5'];
  if (/:(commonDns|dns|multiclusterDns|notSynced)TestCases/.test(group)) options.push('namespaces testns');
  if (group.includes('Insecure')) options.push('pods insecure');
  if (group.includes('Verified')) options.push('pods verified');
  if (group.includes('emptyservice') || group.includes('case_test')) options.push('ignore empty_service');
  if (multicluster) options.push('multicluster cluster.local');
  if (zonal && !group.includes('Disabled')) options.push('zonal');
  const objects = [
    ...[...namespaces].map(namespace),
    pod,
    ...(multicluster ? all.filter((s) => !s.ExternalName).map(serviceImport) : all.map(service)),
    ...Object.values(source.endpoints)
      .flat()
      .flatMap((e) => slices(e, multicluster ? remote : local)),
  ];
  return { objects, options, reverseZones: reverse ? REVERSE_ZONES : [], synced: !group.includes('notSynced') };
}
