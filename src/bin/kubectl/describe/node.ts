/** describe of nodes and namespaces, with what pods ask of a node. Models describeNode, describeNodeResource, describeNamespace */

import { Failure } from '../errors.ts';
import { compareStrings, isObject, type JsonObject, list, obj, sortedKeys, str } from '../json.ts';
import { parseQuantity, type Quantity, quantityText } from '../quantity.ts';
import { age } from '../table.ts';
import { type Describer, type Describing, eventsOf, itemsAt, labelsAndAnnotations, meta, rfc1123, writeEvents } from './writer.ts';

type Amounts = Map<string, Quantity>;
const ZERO: Quantity = { nano: 0n, format: 'decimal' };

function amounts(o: JsonObject): Amounts {
  const out: Amounts = new Map();
  for (const k of sortedKeys(o)) {
    const q = parseQuantity(str(o, k));
    if (!(q instanceof Failure)) out.set(k, q);
  }
  return out;
}

function merge(into: Amounts, more: Amounts, how: (a: bigint, b: bigint) => bigint): void {
  for (const [k, q] of more) {
    const old = into.get(k);
    into.set(k, old ? { nano: how(old.nano, q.nano), format: old.nano === 0n ? q.format : old.format } : q);
  }
}

const sum = (a: bigint, b: bigint): bigint => a + b;
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** resourcehelper.PodRequests() and PodLimits(): containers and sidecars together, at least what an init container needs, and the overhead. */
function podAmounts(pod: JsonObject, key: 'requests' | 'limits'): Amounts {
  const total: Amounts = new Map();
  for (const c of list(pod, 'spec', 'containers')) merge(total, amounts(obj(c, 'resources', key)), sum);
  const sidecars: Amounts = new Map();
  const init: Amounts = new Map();
  for (const c of list(pod, 'spec', 'initContainers')) {
    const own = amounts(obj(c, 'resources', key));
    if (str(c, 'restartPolicy') === 'Always') {
      merge(total, own, sum);
      merge(sidecars, own, sum);
      merge(init, sidecars, most);
    } else {
      merge(own, sidecars, sum);
      merge(init, own, most);
    }
  }
  merge(total, init, most);
  merge(total, amounts(obj(pod, 'spec', 'overhead')), sum);
  for (const [k, q] of amounts(obj(pod, 'spec', 'resources', key))) total.set(k, q);
  return total;
}

/** `50m (1%)` */
function share(q: Quantity | undefined, of: Quantity | undefined): string {
  const mine = q ?? ZERO;
  const percent = of && of.nano !== 0n ? (mine.nano * 100n) / of.nano : 0n;
  return `${quantityText(mine)} (${percent}%)`;
}

function nodeResources(d: Describing, pods: readonly JsonObject[]): void {
  const { w } = d;
  const status = obj(d.object, 'status');
  const allocatable = amounts(obj(status, sortedKeys(obj(status, 'allocatable')).length > 0 ? 'allocatable' : 'capacity'));
  w.write(0, `Non-terminated Pods:\t(${pods.length} in total)\n`);
  w.write(1, 'Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge\n');
  w.write(1, '---------\t----\t\t------------\t----------\t---------------\t-------------\t---\n');
  const requests: Amounts = new Map();
  const limits: Amounts = new Map();
  for (const p of pods) {
    const r = podAmounts(p, 'requests');
    const l = podAmounts(p, 'limits');
    merge(requests, r, sum);
    merge(limits, l, sum);
    const [cpu, memory] = [allocatable.get('cpu'), allocatable.get('memory')];
    w.write(
      1,
      `${str(p, 'metadata', 'namespace')}\t${str(p, 'metadata', 'name')}\t\t${share(r.get('cpu'), cpu)}\t${share(l.get('cpu'), cpu)}\t${share(r.get('memory'), memory)}\t${share(l.get('memory'), memory)}\t${age(str(p, 'metadata', 'creationTimestamp'), d.ctx.now)}\n`,
    );
  }
  w.write(0, 'Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n');
  w.write(1, 'Resource\tRequests\tLimits\n');
  w.write(1, '--------\t--------\t------\n');
  const names = [...allocatable.keys()].sort(compareStrings);
  const standard = ['cpu', 'memory', 'ephemeral-storage'];
  for (const n of [...standard, ...names.filter((x) => x.startsWith('hugepages-'))])
    w.write(1, `${n}\t${share(requests.get(n), allocatable.get(n))}\t${share(limits.get(n), allocatable.get(n))}\n`);
  for (const n of names)
    if (n.includes('/')) w.write(1, `${n}\t${quantityText(requests.get(n) ?? ZERO)}\t${quantityText(limits.get(n) ?? ZERO)}\n`);
}

const INFO = [
  ['Machine ID', 'machineID'],
  ['System UUID', 'systemUUID'],
  ['Boot ID', 'bootID'],
  ['Kernel Version', 'kernelVersion'],
  ['OS Image', 'osImage'],
  ['Operating System', 'operatingSystem'],
  ['Architecture', 'architecture'],
  ['Container Runtime Version', 'containerRuntimeVersion'],
  ['Kubelet Version', 'kubeletVersion'],
] as const;

export const describeNode: Describer = function* (d) {
  const { w } = d;
  const name = meta(d, 'name');
  const pods = yield* itemsAt(d, '/api/v1/pods', { fieldSelector: `spec.nodeName=${name},status.phase!=Succeeded,status.phase!=Failed` });
  if (pods instanceof Failure && pods.reason !== 'Forbidden') return pods;
  const events = d.showEvents ? [...(yield* eventsOf(d)), ...(meta(d, 'uid') === name ? [] : yield* eventsOf(d, { uid: name }))] : [];
  w.write(0, `Name:\t${name}\n`);
  const labels = obj(d.object, 'metadata', 'labels');
  const roles = sortedKeys(labels).flatMap((k) =>
    k.startsWith('node-role.kubernetes.io/') ? [k.slice(24)] : k === 'kubernetes.io/role' ? [str(labels, k)] : [],
  );
  w.write(
    0,
    `Roles:\t${
      roles
        .filter((r) => r !== '')
        .sort(compareStrings)
        .join(',') || '<none>'
    }\n`,
  );
  labelsAndAnnotations(d);
  w.write(0, `CreationTimestamp:\t${rfc1123(meta(d, 'creationTimestamp'))}\n`);
  w.taints(list(d.object, 'spec', 'taints'));
  w.write(0, `Unschedulable:\t${obj(d.object, 'spec').unschedulable === true}\n`);
  const lease = yield* d.ctx.rest.get(`/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${name}`);
  if (lease instanceof Failure) w.write(0, `Lease:\tFailed to get lease: ${lease.message}\n`);
  else {
    w.write(0, 'Lease:\n');
    w.write(1, `HolderIdentity:\t${str(lease, 'spec', 'holderIdentity') || '<unset>'}\n`);
    for (const [label, key] of [
      ['AcquireTime', 'acquireTime'],
      ['RenewTime', 'renewTime'],
    ] as const)
      w.write(1, `${label}:\t${str(lease, 'spec', key) === '' ? '<unset>' : rfc1123(str(lease, 'spec', key))}\n`);
  }
  const status = obj(d.object, 'status');
  const conditions = list(status, 'conditions');
  if (conditions.length > 0) {
    w.write(0, 'Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n');
    w.write(1, '----\t------\t-----------------\t------------------\t------\t-------\n');
  }
  for (const c of conditions)
    w.write(
      1,
      `${str(c, 'type')} \t${str(c, 'status')} \t${rfc1123(str(c, 'lastHeartbeatTime'))} \t${rfc1123(str(c, 'lastTransitionTime'))} \t${str(c, 'reason')} \t${str(c, 'message')}\n`,
    );
  w.write(0, 'Addresses:\n');
  for (const a of list(status, 'addresses')) w.write(1, `${str(a, 'type')}:\t${str(a, 'address')}\n`);
  for (const [label, key] of [
    ['Capacity', 'capacity'],
    ['Allocatable', 'allocatable'],
  ] as const) {
    const all = obj(status, key);
    const names = sortedKeys(all);
    if (names.length > 0) w.write(0, `${label}:\n`);
    for (const n of names) w.write(0, `  ${n}:\t${str(all, n)}\n`);
  }
  w.write(0, 'System Info:\n');
  for (const [label, key] of INFO) w.write(0, `  ${label}:\t${str(status, 'nodeInfo', key)}\n`);
  const spec = obj(d.object, 'spec');
  if (str(spec, 'podCIDR') !== '') w.write(0, `PodCIDR:\t${str(spec, 'podCIDR')}\n`);
  if (list(spec, 'podCIDRs').length > 0) w.write(0, `PodCIDRs:\t${list(spec, 'podCIDRs').map(String).join(',')}\n`);
  if (str(spec, 'providerID') !== '') w.write(0, `ProviderID:\t${str(spec, 'providerID')}\n`);
  if (pods instanceof Failure) w.write(0, 'Pods:\tnot authorized\n');
  else nodeResources(d, pods);
  if (d.showEvents) writeEvents(d, events);
  return null;
};

const SCOPES: Readonly<Record<string, string>> = {
  Terminating:
    'Matches all pods that have an active deadline. These pods have a limited lifespan on a node before being actively terminated by the system.',
  NotTerminating:
    'Matches all pods that do not have an active deadline. These pods usually include long running pods whose container command is not expected to terminate.',
  BestEffort: 'Matches all pods that do not have resource requirements set. These pods have a best effort quality of service.',
  NotBestEffort:
    'Matches all pods that have at least one resource requirement set. These pods have a burstable or guaranteed quality of service.',
};

function limits(d: Describing, spec: JsonObject, prefix: string): void {
  for (const item of list(spec, 'limits').filter(isObject)) {
    const keys = ['min', 'max', 'defaultRequest', 'default', 'maxLimitRequestRatio'];
    const names = new Set(keys.flatMap((k) => sortedKeys(obj(item, k))));
    for (const n of [...names].sort(compareStrings))
      d.w.write(0, `${prefix}${str(item, 'type')}\t${n}\t${keys.map((k) => str(item, k, n) || '-').join('\t')}\n`);
  }
}

export const describeNamespace: Describer = function* (d) {
  const { w } = d;
  const name = meta(d, 'name');
  const quotas = yield* itemsAt(d, `/api/v1/namespaces/${name}/resourcequotas`);
  if (quotas instanceof Failure && !quotas.notFound) return quotas;
  const ranges = yield* itemsAt(d, `/api/v1/namespaces/${name}/limitranges`);
  if (ranges instanceof Failure && !ranges.notFound) return ranges;
  w.write(0, `Name:\t${name}\n`);
  labelsAndAnnotations(d);
  w.write(0, `Status:\t${str(d.object, 'status', 'phase')}\n`);
  const conditions = list(d.object, 'status', 'conditions');
  if (conditions.length > 0) {
    w.write(0, 'Conditions:\n');
    w.write(1, 'Type\tStatus\tLastTransitionTime\tReason\tMessage\n');
    w.write(1, '----\t------\t------------------\t------\t-------\n');
  }
  for (const c of conditions)
    w.write(
      1,
      `${str(c, 'type')}\t${str(c, 'status')}\t${rfc1123(str(c, 'lastTransitionTime'))}\t${str(c, 'reason')}\t${str(c, 'message')}\n`,
    );
  if (!(quotas instanceof Failure)) {
    w.write(0, quotas.length === 0 ? '\nNo resource quota.\n' : '\nResource Quotas\n');
    for (const q of [...quotas].sort((a, b) => compareStrings(str(a, 'metadata', 'name'), str(b, 'metadata', 'name')))) {
      w.write(1, `Name:\t${str(q, 'metadata', 'name')}\n`);
      const scopes = list(q, 'spec', 'scopes').map(String).sort(compareStrings);
      if (scopes.length > 0) w.write(1, `Scopes:\t${scopes.join(', ')}\n`);
      for (const s of scopes) if (SCOPES[s]) w.write(1, `* ${SCOPES[s]}\n`);
      w.write(1, 'Resource\tUsed\tHard\n');
      w.write(1, '--------\t---\t---\n');
      for (const r of sortedKeys(obj(q, 'status', 'hard')))
        w.write(1, `${r}\t${str(q, 'status', 'used', r) || '0'}\t${str(q, 'status', 'hard', r)}\n`);
    }
  }
  if (!(ranges instanceof Failure)) {
    w.write(0, '\n');
    if (ranges.length === 0) w.write(0, 'No LimitRange resource.\n');
    else {
      w.write(0, 'Resource Limits\n Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio\n');
      w.write(0, ' ----\t--------\t---\t---\t---------------\t-------------\t-----------------------\n');
      for (const r of ranges) limits(d, obj(r, 'spec'), ' ');
    }
  }
  return null;
};

export const describeLimitRange: Describer = function* (d) {
  d.w.write(0, `Name:\t${meta(d, 'name')}\nNamespace:\t${meta(d, 'namespace')}\n`);
  d.w.write(0, 'Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio\n');
  d.w.write(0, '----\t--------\t---\t---\t---------------\t-------------\t-----------------------\n');
  limits(d, obj(d.object, 'spec'), '');
  yield { cost: 0 };
  return null;
};

export const describeQuota: Describer = function* (d) {
  const { w } = d;
  w.write(0, `Name:\t${meta(d, 'name')}\nNamespace:\t${meta(d, 'namespace')}\n`);
  const scopes = list(d.object, 'spec', 'scopes').map(String).sort(compareStrings);
  if (scopes.length > 0) w.write(0, `Scopes:\t${scopes.join(', ')}\n`);
  for (const s of scopes) if (SCOPES[s]) w.write(0, ` * ${SCOPES[s]}\n`);
  w.write(0, 'Resource\tUsed\tHard\n--------\t----\t----\n');
  for (const r of sortedKeys(obj(d.object, 'status', 'hard')))
    w.write(0, `${r}\t${str(d.object, 'status', 'used', r) || '0'}\t${str(d.object, 'status', 'hard', r)}\n`);
  yield { cost: 0 };
  return null;
};
