/** kubectl expose. Models kubectl/pkg/cmd/expose/expose.go */

import type { Task } from '../../os/program.ts';
import { Builder, filenameFlags, type Info } from './builder.ts';
import {
  DRY_RUN_FLAG,
  type DryRun,
  dryOperation,
  dryRunOf,
  emit,
  fieldManagerFlag,
  intOrString,
  OVERRIDE_FLAGS,
  RECORD_FLAG,
  recorded,
  SAVE_CONFIG_FLAG,
  saveConfig,
  writeQuery,
} from './common.ts';
import { builtin, placed } from './create/spec.ts';
import { Failure, failure } from './errors.ts';
import { createObject } from './helper.ts';
import { type JsonObject, list, obj, sortedKeys, str } from './json.ts';
import { overridden } from './override.ts';
import { PRINT_FLAGS, type Printer, printerFor } from './printers.ts';
import type { Mapping } from './rest.ts';
import { quote } from './strconv.ts';
import type { Ctx, Verb } from './verb.ts';

const SERVICES = builtin('', 'v1', 'Service', 'services');
const EXPOSABLE: readonly string[] = [
  'ReplicationController',
  'Service',
  'Pod',
  'Deployment.apps',
  'ReplicaSet.apps',
  'Deployment.extensions',
];
const goKind = (m: Mapping): string => (m.group === '' ? m.kind : `${m.kind}.${m.group}`);

export function parseLabels(spec: string): Record<string, string> | Failure {
  if (spec === '') return failure('no label spec passed');
  const out: Record<string, string> = {};
  for (const one of spec.split(',')) {
    const parts = one.split('=');
    if (parts.length !== 2) return failure(`unexpected label spec: ${one}`);
    if (parts[0] === '') return failure('unexpected empty label key');
    out[parts[0] as string] = parts[1] as string;
  }
  return out;
}

const labelsText = (labels: JsonObject): string =>
  sortedKeys(labels)
    .map((k) => `${k}=${labels[k]}`)
    .join(',');

/** MapBasedSelectorForObject() */
function selectorOf(m: Mapping, o: JsonObject): string | Failure {
  if (m.kind === 'Pod') {
    const labels = obj(o, 'metadata', 'labels');
    return Object.keys(labels).length === 0 ? failure('the pod has no labels and cannot be exposed') : labelsText(labels);
  }
  if (m.kind === 'Service') {
    const selector = obj(o, 'spec', 'selector');
    return Object.keys(selector).length === 0 ? failure('the service has no pod selector set') : labelsText(selector);
  }
  if (m.kind === 'ReplicationController') return labelsText(obj(o, 'spec', 'selector'));
  const labels = obj(o, 'spec', 'selector', 'matchLabels');
  const what = m.kind === 'Deployment' ? 'deployment' : 'replicaset';
  if (Object.keys(labels).length === 0) return failure(`invalid ${what}: no selectors, therefore cannot be exposed`);
  const expressions = list(o, 'spec', 'selector', 'matchExpressions').map(
    (e) => `{Key:${str(e, 'key')} Operator:${str(e, 'operator')} Values:[${list(e, 'values').join(' ')}]}`,
  );
  if (expressions.length > 0) return failure(`couldn't convert expressions - "[${expressions.join(' ')}]" to map-based selector format`);
  return labelsText(labels);
}

/** Ports of the object in order, with their protocols. */
function portsOf(m: Mapping, o: JsonObject): Map<string, string[]> {
  const out = new Map<string, string[]>();
  const spec = m.kind === 'Pod' ? obj(o, 'spec') : obj(o, 'spec', 'template', 'spec');
  const found =
    m.kind === 'Service'
      ? list(o, 'spec', 'ports').map((p) => [str(p, 'port'), str(p, 'protocol')] as const)
      : list(spec, 'containers').flatMap((c) => list(c, 'ports').map((p) => [str(p, 'containerPort'), str(p, 'protocol')] as const));
  for (const [port, protocol] of found) out.set(port, [...(out.get(port) ?? []), protocol || 'TCP']);
  return out;
}

/** Ports of the new Service. */
function servicePorts(ctx: Ctx, wanted: readonly string[], protocols: ReadonlyMap<string, readonly string[]>): JsonObject[] | Failure {
  const given = ctx.str('protocol');
  const target = ctx.str('target-port');
  const out: JsonObject[] = [];
  const add = (name: string, port: number, protocol: string): void => {
    out.push({ ...(name === '' ? {} : { name }), protocol, port, targetPort: target === '' ? port : intOrString(target) });
  };
  for (const [i, text] of wanted.entries()) {
    if (!/^[-+]?\d+$/.test(text)) return failure(`strconv.Atoi: parsing ${quote(text)}: invalid syntax`);
    const port = Number(text);
    const name = wanted.length > 1 ? `port-${i + 1}` : '';
    const known = protocols.get(text);
    if (given !== '' || !known) add(name, port, given || 'TCP');
    else if (known.length === 1) add(name, port, known[0] as string);
    else for (const p of known) add(`port-${i + 1}-${p.toLowerCase()}`, port, p);
  }
  return out;
}

/** What the flags and earlier objects have settled (upstream keeps them from one object to the next). */
interface State {
  selector: string;
  port: string;
  ports: string;
  labels: string;
}

function service(ctx: Ctx, info: Info, s: State): JsonObject | Failure {
  const m = info.mapping as Mapping;
  const o = info.object as JsonObject;
  if (s.selector === '') {
    const found = selectorOf(m, o);
    if (found instanceof Failure) return failure(`couldn't retrieve selectors via --selector flag or introspection: ${found.message}`);
    s.selector = found;
  }
  const known = portsOf(m, o);
  if (s.port === '') {
    if (known.size === 0 && ctx.str('cluster-ip') !== 'None') return failure("couldn't find port via --port flag or introspection");
    if (known.size === 1) s.port = [...known.keys()][0] as string;
    else if (known.size > 1) s.ports = [...known.keys()].join(',');
  }
  if (s.labels === '') s.labels = labelsText(obj(o, 'metadata', 'labels'));
  if (s.selector === '') return failure('selector must be specified');
  const selector = parseLabels(s.selector);
  if (selector instanceof Failure) return selector;
  const labels = s.labels === '' ? null : parseLabels(s.labels);
  if (labels instanceof Failure) return labels;
  const text = s.ports || s.port;
  const ports = servicePorts(ctx, text === '' ? [] : text.split(','), known);
  if (ports instanceof Failure) return ports;
  const [type, affinity, clusterIP, externalIP] = ['type', 'session-affinity', 'cluster-ip', 'external-ip'].map((f) => ctx.str(f)) as [
    string,
    string,
    string,
    string,
  ];
  if (affinity !== '' && affinity !== 'None' && affinity !== 'ClientIP') return failure(`unknown session affinity: ${affinity}`);
  return {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name: ctx.str('name') || info.name.slice(0, 63), ...(labels ? { labels } : {}) },
    spec: {
      ...(ports.length > 0 ? { ports } : {}),
      selector,
      ...(clusterIP === '' ? {} : { clusterIP }),
      ...(type === '' ? {} : { type }),
      ...(externalIP === '' ? {} : { externalIPs: [externalIP] }),
      ...(affinity === '' ? {} : { sessionAffinity: affinity }),
      ...(type === 'LoadBalancer' && ctx.str('load-balancer-ip') !== '' ? { loadBalancerIP: ctx.str('load-balancer-ip') } : {}),
    },
    status: { loadBalancer: {} },
  };
}

function* one(
  ctx: Ctx,
  info: Info,
  s: State,
  dry: DryRun,
  ns: { name: string; explicit: boolean },
  printer: Printer,
): Task<Failure | null> {
  const m = info.mapping as Mapping;
  if (!EXPOSABLE.includes(goKind(m))) return failure(`cannot expose a ${goKind(m)}`);
  const generated = service(ctx, info, s);
  if (generated instanceof Failure) return generated;
  const changed = overridden(ctx, generated, 'Service');
  if (changed instanceof Failure) return changed;
  const object = recorded(ctx, changed);
  if (dry === 'client') return yield* emit(ctx, printer, placed(object, SERVICES, ns));
  const r = yield* createObject(
    ctx,
    SERVICES,
    ns.name,
    saveConfig(object, ctx.bool('save-config'), false),
    writeQuery(dry, ctx.str('field-manager')),
  );
  return r instanceof Failure ? r : yield* emit(ctx, printer, r);
}

function* run(ctx: Ctx): Task<number | Failure> {
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const printer = printerFor(ctx, { operation: dryOperation('exposed', dry), struct: true });
  if (printer instanceof Failure) return printer;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const state: State = { selector: ctx.str('selector'), port: ctx.str('port'), ports: '', labels: ctx.str('labels') };
  const wrong = yield* new Builder(ctx)
    .continueOnError()
    .namespace(ns.name, ns.explicit)
    .filenames()
    .args(ctx.args)
    .flatten()
    .visit((info) => one(ctx, info, state, dry, ns, printer));
  return wrong ?? 0;
}

export const exposeVerb: Verb = {
  name: 'expose',
  use: 'expose (-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] [--target-port=number-or-name] [--name=name] [--external-ip=external-ip-of-service] [--type=type]',
  short: 'Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service',
  long: 'Expose a resource as a new Kubernetes service.\n\n Looks up a deployment, service, replica set, replication controller or pod by name and uses the selector for that resource as the selector for a new service on the specified port. A deployment or replica set will be exposed as a service only if its selector is convertible to a selector that service supports, i.e. when the selector contains only the matchLabels component. Note that if no port is specified via --port and the exposed resource has multiple ports, all will be re-used by the new service. Also if no labels are specified, the new service will re-use the labels from the resource it exposes.\n\n Possible resources include (case insensitive):\n\n pod (po), service (svc), replicationcontroller (rc), deployment (deploy), replicaset (rs)',
  example:
    '  # Create a service for a replicated nginx, which serves on port 80 and connects to the containers on port 8000\n  kubectl expose rc nginx --port=80 --target-port=8000\n  \n  # Create a service for a pod valid-pod, which serves on port 444 with the name "frontend"\n  kubectl expose pod valid-pod --port=444 --name=frontend\n  \n  # Create a second service based on the above service, exposing the container port 8443 as port 443 with the name "nginx-https"\n  kubectl expose service nginx --port=443 --target-port=8443 --name=nginx-https\n  \n  # Create a service for a replicated streaming application on port 4100 balancing UDP traffic and named \'video-stream\'.\n  kubectl expose rc streamer --port=4100 --protocol=UDP --name=video-stream\n  \n  # Create a service for a replicated nginx using replica set, which serves on port 80 and connects to the containers on port 8000\n  kubectl expose rs nginx --port=80 --target-port=8000\n  \n  # Create a service for an nginx deployment, which serves on port 80 and connects to the containers on port 8000\n  kubectl expose deployment nginx --port=80 --target-port=8000',
  flags: [
    ...PRINT_FLAGS,
    RECORD_FLAG,
    { name: 'protocol', type: 'string', usage: "The network protocol for the service to be created. Default is 'TCP'." },
    {
      name: 'port',
      type: 'string',
      usage: 'The port that the service should serve on. Copied from the resource being exposed, if unspecified',
    },
    {
      name: 'type',
      type: 'string',
      usage: "Type for this service: ClusterIP, NodePort, LoadBalancer, or ExternalName. Default is 'ClusterIP'.",
    },
    {
      name: 'load-balancer-ip',
      type: 'string',
      usage: 'IP to assign to the LoadBalancer. If empty, an ephemeral IP will be created and used (cloud-provider specific).',
    },
    {
      name: 'selector',
      type: 'string',
      usage:
        'A label selector to use for this service. Only equality-based selector requirements are supported. If empty (the default) infer the selector from the resource being exposed.',
    },
    { name: 'labels', short: 'l', type: 'string', usage: 'Labels to apply to the service created by this call.' },
    {
      name: 'target-port',
      type: 'string',
      usage: 'Name or number for the port on the container that the service should direct traffic to. Optional.',
    },
    {
      name: 'external-ip',
      type: 'string',
      usage:
        'Additional external IP address (not managed by Kubernetes) to accept for the service. If this IP is routed to a node, the service can be accessed by this IP in addition to its generated service IP.',
    },
    { name: 'name', type: 'string', usage: 'The name for the newly created object.' },
    {
      name: 'session-affinity',
      type: 'string',
      usage: "If non-empty, set the session affinity for the service to this; legal values: 'None', 'ClientIP'",
    },
    {
      name: 'cluster-ip',
      type: 'string',
      usage: "ClusterIP to be assigned to the service. Leave empty to auto-allocate, or set to 'None' to create a headless service.",
    },
    fieldManagerFlag('kubectl-expose'),
    ...OVERRIDE_FLAGS,
    DRY_RUN_FLAG,
    SAVE_CONFIG_FLAG,
    ...filenameFlags('identifying the resource to expose a service'),
  ],
  run,
};
