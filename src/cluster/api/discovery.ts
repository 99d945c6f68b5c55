/** Discovery: groups, versions, resources, aggregated or one by one. Models apiserver's endpoints/discovery. */

import type { ResourceDef } from './resources.ts';
import type { ApiServer } from './server.ts';

/** Groups in the order of their priority: core's first, the rest as kube-aggregator sorts them. */
const ORDER = [
  '',
  'apiregistration.k8s.io',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'resource.k8s.io',
  'flowcontrol.apiserver.k8s.io',
];

interface Version {
  readonly version: string;
  readonly resources: readonly ResourceDef[];
}

interface Group {
  readonly name: string;
  readonly versions: readonly Version[];
}

/** Versions v2 before v1, both before v1beta1. */
export function compareVersions(a: string, b: string): number {
  const parse = (v: string): readonly [number, number, number] => {
    const m = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(v);
    if (!m) return [-1, 0, 0];
    return [m[2] === undefined ? 2 : m[2] === 'beta' ? 1 : 0, Number(m[1]), Number(m[3] ?? 0)];
  };
  const [x, y] = [parse(a), parse(b)];
  return y[0] - x[0] || y[1] - x[1] || y[2] - x[2] || (a < b ? -1 : a > b ? 1 : 0);
}

export function groupsOf(server: ApiServer): readonly Group[] {
  const groups = new Map<string, Map<string, ResourceDef[]>>();
  for (const name of ORDER) groups.set(name, new Map());
  for (const def of server.scheme.all()) {
    const versions = groups.get(def.group) ?? new Map<string, ResourceDef[]>();
    groups.set(def.group, versions);
    versions.set(def.version, [...(versions.get(def.version) ?? []), def]);
  }
  return [...groups].map(([name, versions]) => ({
    name,
    versions: [...versions]
      .sort(([a], [b]) => compareVersions(a, b))
      .map(([version, resources]) => ({ version, resources: resources.sort((a, b) => (a.plural < b.plural ? -1 : 1)) })),
  }));
}

/** With the groups that other servers serve. */
export function allGroups(server: ApiServer): readonly Group[] {
  const { resources } = server.aggregation;
  if (resources.length === 0) return groupsOf(server);
  const names = [...new Set(resources.map((d) => d.group))].sort();
  const versionsOf = (name: string): Version[] =>
    [...new Set(resources.filter((d) => d.group === name).map((d) => d.version))]
      .sort(compareVersions)
      .map((version) => ({ version, resources: resources.filter((d) => d.group === name && d.version === version) }));
  return [...groupsOf(server), ...names.map((name) => ({ name, versions: versionsOf(name) }))];
}

/** The list of a group version: resources and their subresources, by name. */
export function resourceList(gv: string, resources: readonly ResourceDef[]): object {
  const rows = resources.flatMap((d) => [
    {
      name: d.plural,
      singularName: d.singular,
      namespaced: d.namespaced,
      kind: d.kind,
      verbs: [...d.verbs].sort(),
      ...(d.shortNames.length > 0 ? { shortNames: d.shortNames } : {}),
      ...(d.categories.length > 0 ? { categories: d.categories } : {}),
    },
    ...d.subresources.map((s) => ({
      name: `${d.plural}/${s.name}`,
      singularName: '',
      namespaced: d.namespaced,
      ...(s.group === undefined ? {} : { group: s.group, version: s.version }),
      kind: s.kind,
      verbs: [...s.verbs].sort(),
    })),
  ]);
  return { kind: 'APIResourceList', ...(gv === 'v1' ? {} : { apiVersion: 'v1' }), groupVersion: gv, resources: rows };
}

export function groupDocument(group: Group): object {
  const of = (v: Version): object => ({ groupVersion: `${group.name}/${v.version}`, version: v.version });
  return { name: group.name, versions: group.versions.map(of), preferredVersion: of(group.versions[0] as Version) };
}

/** apidiscovery.k8s.io/v2 of `/api` or `/apis`. */
export function aggregated(server: ApiServer, core: boolean): object {
  const items = allGroups(server)
    .filter((g) => (g.name === '') === core)
    .map((g) => ({
      metadata: core ? {} : { name: g.name },
      versions: g.versions.map((v) => ({
        version: v.version,
        freshness: 'Current',
        resources: v.resources.map((d) => ({
          resource: d.plural,
          responseKind: { group: d.group, version: d.version, kind: d.kind },
          scope: d.namespaced ? 'Namespaced' : 'Cluster',
          singularResource: d.singular,
          verbs: [...d.verbs].sort(),
          ...(d.shortNames.length > 0 ? { shortNames: d.shortNames } : {}),
          ...(d.categories.length > 0 ? { categories: d.categories } : {}),
          ...(d.subresources.length > 0
            ? {
                subresources: d.subresources.map((s) => ({
                  subresource: s.name,
                  responseKind: { group: s.group ?? d.group, version: s.version ?? d.version, kind: s.kind },
                  verbs: [...s.verbs].sort(),
                })),
              }
            : {}),
        })),
      })),
    }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

export function legacy(host: string): object {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: host }] };
}

export function groupList(server: ApiServer): object {
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: allGroups(server)
      .filter((g) => g.name !== '')
      .map(groupDocument),
  };
}
