/** Namespace, Node, ConfigMap, Secret, ServiceAccount, Event, quotas and limits. Models pkg/apis/core/validation and their strategies. */

import { goText } from '../decode.ts';
import { equal } from '../equal.ts';
import { duplicate, forbidden, invalid, required, tooLong } from '../field.ts';
import { legacyCIDR, parseCidr } from '../ip.ts';
import { registerKind } from '../kind.ts';
import { configMapKey, labelValue, nameIsLabel, qualifiedName } from '../names.ts';
import type { ConfigMap, Event, Namespace, Node, Secret, ServiceAccount, Stored } from '../object.ts';
import { forbidden as refuse } from '../status.ts';
import type { V1LimitRange, V1LimitRangeItem, V1ResourceQuota, V1Taint } from '../types.ts';
import { age, columns, since } from './columns.ts';
import { bad, type Errors, immutable, mapSame, withMembers } from './common.ts';
import { resourceList } from './pod-defaults.ts';
import { quantityValue, resourceName } from './resources.ts';
import { taintEffect } from './scheduling.ts';

const NAME_LABEL = 'kubernetes.io/metadata.name';
/** Of the admission plug-in NamespaceLifecycle. */
const IMMORTAL: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

registerKind<Namespace>('Namespace', {
  defaults(ns) {
    const { name, labels } = ns.metadata;
    const metadata = name && labels?.[NAME_LABEL] !== name ? { ...ns.metadata, labels: { ...labels, [NAME_LABEL]: name } } : ns.metadata;
    return withMembers(ns, { metadata, status: ns.status?.phase ? ns.status : { ...ns.status, phase: 'Active' } });
  },
  prepareForCreate(ns) {
    const finalizers = ns.spec?.finalizers ?? [];
    return {
      ...ns,
      status: { phase: 'Active' },
      spec: { ...ns.spec, finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'] },
    };
  },
  prepareForUpdate: (ns, old, context) => (context.subresource === '' ? { ...ns, spec: old.spec } : ns),
  admitDelete: (ns) =>
    IMMORTAL.has(ns.metadata.name)
      ? refuse({ group: '', plural: 'namespaces' }, ns.metadata.name, 'this namespace may not be deleted')
      : undefined,
  validate: (ns) =>
    (ns.spec?.finalizers ?? []).flatMap((f) => [
      ...bad('spec.finalizers', f, qualifiedName(f)),
      ...(f.includes('/') || ['kubernetes', 'orphan', 'foregroundDeletion'].includes(f)
        ? []
        : [invalid('spec.finalizers', f, 'name is neither a standard finalizer name nor is it fully qualified')]),
    ]),
  validateUpdate: () => [],
  nameCheck: nameIsLabel,
  columns: columns('Name|Status|Age'),
  row: (ns, now) => [ns.metadata.name, ns.status?.phase ?? '', age(ns, now)],
  selectableFields: { 'status.phase': (ns) => ns.status?.phase ?? '' },
});

/** `metadata.taints` is the path that upstream gives, though taints are in the spec. */
function taints(list: readonly V1Taint[] | undefined): Errors {
  const seen = new Set<string>();
  return (list ?? []).flatMap((t, i) => {
    const at = `metadata.taints[${i}]`;
    const out = bad(`${at}.key`, t.key, qualifiedName(t.key));
    const wrong = labelValue(t.value ?? '');
    if (wrong.length > 0) out.push(invalid(`${at}.value`, t.value ?? '', wrong.join(';')));
    out.push(...taintEffect(`${at}.effect`, t.effect, false));
    const key = `${t.key}:${t.effect}`;
    if (seen.has(key)) out.push({ ...duplicate(at, goText('V1Taint', t)), detail: 'taints must be unique by key and effect pair' });
    seen.add(key);
    return out;
  });
}

function nodeResources(node: Node): Errors {
  return (['capacity', 'allocatable'] as const).flatMap((key) =>
    Object.entries(node.status?.[key] ?? {}).flatMap(([name, value]) => quantityValue(`status.${key}.${name}`, name, value)),
  );
}

function validateNode(node: Node): Errors {
  const cidrs = node.spec?.podCIDRs ?? [];
  const out = [...taints(node.spec?.taints), ...nodeResources(node), ...cidrs.flatMap((c, i) => legacyCIDR(`spec.podCIDRs[${i}]`, c))];
  const families = new Set(cidrs.map((c) => parseCidr(c)?.address.family));
  if (cidrs.length > 1 && (families.size < 2 || cidrs.length > 2))
    out.push(invalid('spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family'));
  return out;
}

function validateNodeUpdate(node: Node, old: Node): Errors {
  const out = nodeResources(node);
  const seen = new Set<string>();
  (node.status?.addresses ?? []).forEach((a, i) => {
    const key = `${a.type}/${a.address}`;
    if (seen.has(key)) out.push(duplicate(`status.addresses[${i}]`, goText('V1NodeAddress', a)));
    seen.add(key);
  });
  const had = old.spec?.podCIDRs ?? [];
  if (had.length > 0 && !equal(had, node.spec?.podCIDRs ?? []))
    out.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  if (old.spec?.providerID && old.spec.providerID !== node.spec?.providerID)
    out.push(forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  return [...out, ...taints(node.spec?.taints)];
}

function nodeRow(node: Node, now: string): readonly unknown[] {
  const ready = node.status?.conditions?.find((c) => c.type === 'Ready');
  const status = [
    ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown',
    ...(node.spec?.unschedulable ? ['SchedulingDisabled'] : []),
  ];
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.entries(node.metadata.labels ?? {}).flatMap(([k, v]) =>
    k.startsWith(prefix) && k.length > prefix.length ? [k.slice(prefix.length)] : k === 'kubernetes.io/role' && v ? [v] : [],
  );
  const info = node.status?.nodeInfo;
  const address = (type: string): string => node.status?.addresses?.find((a) => a.type === type)?.address ?? '<none>';
  const kernel = info?.kernelVersion ? `${info.kernelVersion}${info.architecture ? ` (${info.architecture})` : ''}` : '<unknown>';
  return [
    node.metadata.name,
    status.join(','),
    [...new Set(roles)].sort().join(',') || '<none>',
    age(node, now),
    info?.kubeletVersion ?? '',
    address('InternalIP'),
    address('ExternalIP'),
    info?.osImage || '<unknown>',
    kernel,
    info?.containerRuntimeVersion || '<unknown>',
  ];
}

registerKind<Node>('Node', {
  defaults(node) {
    const status = node.status;
    const spec = node.spec;
    const cidrs = spec?.podCIDRs?.length ? spec.podCIDRs : spec?.podCIDR ? [spec.podCIDR] : undefined;
    const made = spec && withMembers(spec, { podCIDRs: cidrs, podCIDR: cidrs?.[0] });
    const filled = status?.capacity && !status.allocatable ? { ...status, allocatable: status.capacity } : status;
    return withMembers(node, { spec: made, status: filled });
  },
  // Kubelets create their Node with its status.
  prepareForCreate: (node) => node,
  admit(node, old, context) {
    if (old || context.subresource !== '') return { ok: true, value: node };
    const key = 'node.kubernetes.io/not-ready';
    const have = node.spec?.taints ?? [];
    if (have.some((t) => t.key === key && t.effect === 'NoSchedule')) return { ok: true, value: node };
    return { ok: true, value: { ...node, spec: { ...node.spec, taints: [...have, { key, effect: 'NoSchedule' }] } } };
  },
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  validateStatusUpdate: validateNodeUpdate,
  columns: columns('Name|Status|Roles|Age|Version|+Internal-IP|+External-IP|+OS-Image|+Kernel-Version|+Container-Runtime'),
  row: nodeRow,
  selectableFields: { 'spec.unschedulable': (n) => String(n.spec?.unschedulable === true) },
});

const MAX_BYTES = 1024 * 1024;
const base64Size = (text: string): number => Math.floor((text.replace(/[=\r\n]/g, '').length * 3) / 4);

function validateConfigMap(c: ConfigMap): Errors {
  let size = 0;
  const out: Errors = [];
  for (const key of Object.keys(c.data ?? {}).sort()) {
    out.push(...bad(`data[${key}]`, key, configMapKey(key)));
    if (c.binaryData?.[key] !== undefined) out.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    size += c.data?.[key]?.length ?? 0;
  }
  for (const key of Object.keys(c.binaryData ?? {}).sort()) {
    out.push(...bad(`binaryData[${key}]`, key, configMapKey(key)));
    size += base64Size(c.binaryData?.[key] ?? '');
  }
  return size > MAX_BYTES ? [...out, tooLong('', MAX_BYTES)] : out;
}

function frozen(now: object, old: object, keys: readonly string[]): Errors {
  const a = now as Readonly<Record<string, unknown>>;
  const b = old as Readonly<Record<string, unknown>>;
  if (b['immutable'] !== true) return [];
  const text = 'field is immutable when `immutable` is set';
  return [
    ...(a['immutable'] === true ? [] : [forbidden('immutable', text)]),
    ...keys.filter((k) => !equal(a[k], b[k])).map((k) => forbidden(k, text)),
  ];
}

registerKind<ConfigMap>('ConfigMap', {
  validate: validateConfigMap,
  validateUpdate: (c, old) => [...frozen(c, old, ['data', 'binaryData']), ...validateConfigMap(c)],
  columns: columns('Name|Data|Age'),
  row: (c, now) => [c.metadata.name, Object.keys(c.data ?? {}).length + Object.keys(c.binaryData ?? {}).length, age(c, now)],
});

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** UTF-8 in base64. */
export function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const n = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out += (ALPHABET[n >> 18] as string) + ALPHABET[(n >> 12) & 63];
    out += i + 1 < bytes.length ? ALPHABET[(n >> 6) & 63] : '=';
    out += i + 2 < bytes.length ? ALPHABET[n & 63] : '=';
  }
  return out;
}

function validateSecret(s: Secret): Errors {
  const data = s.data ?? {};
  const out: Errors = [];
  let size = 0;
  for (const key of Object.keys(data).sort()) {
    out.push(...bad(`data[${key}]`, key, configMapKey(key)));
    size += base64Size(data[key] ?? '');
  }
  if (size > MAX_BYTES) out.push(tooLong('data', MAX_BYTES));
  const need = (key: string): Errors => (data[key] === undefined ? [required(`data[${key}]`)] : []);
  switch (s.type) {
    case 'kubernetes.io/service-account-token':
      if (!s.metadata.annotations?.['kubernetes.io/service-account.name'])
        out.push(required('metadata.annotations[kubernetes.io/service-account.name]'));
      break;
    case 'kubernetes.io/dockercfg':
      out.push(...need('.dockercfg'));
      break;
    case 'kubernetes.io/dockerconfigjson':
      out.push(...need('.dockerconfigjson'));
      break;
    case 'kubernetes.io/basic-auth':
      if (data['username'] === undefined && data['password'] === undefined) out.push(...need('username'), ...need('password'));
      break;
    case 'kubernetes.io/ssh-auth':
      if (!data['ssh-privatekey']) out.push(required('data[ssh-privatekey]'));
      break;
    case 'kubernetes.io/tls':
      out.push(...need('tls.crt'), ...need('tls.key'));
      break;
    default:
  }
  return out;
}

registerKind<Secret>('Secret', {
  defaults(s) {
    const typed = s.type ? s : { ...s, type: 'Opaque' };
    if (!typed.stringData) return typed;
    const { stringData, ...rest } = typed;
    return {
      ...rest,
      data: { ...typed.data, ...Object.fromEntries(Object.entries(stringData).map(([k, v]) => [k, base64(v)])) },
    } as Secret;
  },
  validate: validateSecret,
  validateUpdate: (s, old) => [...immutable('type', s.type, old.type), ...frozen(s, old, ['data']), ...validateSecret(s)],
  columns: columns('Name|Type|Data|Age'),
  row: (s, now) => [s.metadata.name, s.type ?? '', Object.keys(s.data ?? {}).length, age(s, now)],
  selectableFields: { type: (s) => s.type ?? '' },
});

registerKind<ServiceAccount>('ServiceAccount', {
  columns: columns('Name|Age'),
  row: (s, now) => [s.metadata.name, age(s, now)],
});

function eventRow(e: Event, now: string): readonly unknown[] {
  const first = since(e.firstTimestamp ?? e.eventTime, now);
  const last = e.series ? since(e.series.lastObservedTime, now) : e.lastTimestamp ? since(e.lastTimestamp, now) : first;
  const count = e.series ? (e.series.count ?? 0) : e.count || 1;
  const on = e.involvedObject;
  const kind = (on.kind ?? '').toLowerCase();
  const source = [e.source?.component || e.reportingComponent || '', e.source?.host || e.reportingInstance || '']
    .filter((t, i) => i === 0 || t !== '')
    .join(', ');
  return [
    last,
    e.type ?? '',
    e.reason ?? '',
    on.name ? `${kind}/${on.name}` : kind,
    on.fieldPath ?? '',
    source,
    (e.message ?? '').trim(),
    first,
    count,
    e.metadata.name,
  ];
}

registerKind<Event>('Event', {
  validate(e) {
    const out: Errors = [];
    const ns = e.involvedObject.namespace ?? '';
    const own = e.metadata.namespace ?? '';
    if (ns === '' ? own !== '' && own !== 'default' && own !== 'kube-system' : own !== ns)
      out.push(invalid('involvedObject.namespace', ns, 'does not match event.namespace'));
    return out;
  },
  columns: columns('Last Seen|Type|Reason|Object|+Subobject|+Source|Message|+First Seen|+Count|+Name'),
  row: eventRow,
  selectableFields: {
    'involvedObject.kind': (e) => e.involvedObject.kind ?? '',
    'involvedObject.namespace': (e) => e.involvedObject.namespace ?? '',
    'involvedObject.name': (e) => e.involvedObject.name ?? '',
    'involvedObject.uid': (e) => e.involvedObject.uid ?? '',
    'involvedObject.apiVersion': (e) => e.involvedObject.apiVersion ?? '',
    'involvedObject.resourceVersion': (e) => e.involvedObject.resourceVersion ?? '',
    'involvedObject.fieldPath': (e) => e.involvedObject.fieldPath ?? '',
    reason: (e) => e.reason ?? '',
    reportingComponent: (e) => e.reportingComponent ?? '',
    source: (e) => e.source?.component || e.reportingComponent || '',
    type: (e) => e.type ?? '',
  },
});

function limitDefaults(item: V1LimitRangeItem): V1LimitRangeItem {
  if (item.type !== 'Container') return item;
  const limits = { ...item.max, ...item.default };
  return { ...item, default: limits, defaultRequest: { ...item.min, ...limits, ...item.defaultRequest } };
}

type LimitRange = Stored<V1LimitRange>;
registerKind<LimitRange>('LimitRange', {
  defaults(l) {
    const limits = mapSame(l.spec?.limits, limitDefaults);
    return equal(limits, l.spec?.limits) ? l : { ...l, spec: { ...l.spec, limits: limits ?? [] } };
  },
  columns: columns('Name|Created At'),
  row: (l) => [l.metadata.name, l.metadata.creationTimestamp],
});

type Quota = Stored<V1ResourceQuota>;
registerKind<Quota>('ResourceQuota', {
  defaults: (q) => (q.spec?.hard ? withMembers(q, { spec: withMembers(q.spec, { hard: resourceList(q.spec.hard) }) }) : q),
  prepareForCreate: (q) => ({ ...q, status: {} }),
  validate: (q) =>
    Object.entries(q.spec?.hard ?? {})
      .sort()
      .flatMap(([name, value]) => {
        const at = `spec.hard[${name}]`;
        return [...(name.startsWith('count/') ? [] : resourceName(at, name)), ...quantityValue(at, name, value)];
      }),
  columns: columns('Name|Request|Limit|Age'),
  row(q, now) {
    const parts = Object.keys(q.status?.hard ?? {})
      .sort()
      .map((k) => ({ limit: k.startsWith('limits.'), text: `${k}: ${q.status?.used?.[k] ?? '0'}/${q.status?.hard?.[k]}` }));
    const texts = (limit: boolean): string =>
      parts
        .filter((p) => p.limit === limit)
        .map((p) => p.text)
        .join(', ');
    return [q.metadata.name, texts(false), texts(true), age(q, now)];
  },
});
