/** Requests that the API server passes on: logs, exec, attach, port-forward, proxies. Models registry/core/pod/rest and node/rest. */

import { emitQuery, parameter, type RestProxy, type RestRequest, type RestResult } from './http-types.ts';
import type { AnyObject } from './object.ts';
import type { ResourceDef } from './resources.ts';
import { type RequestInfo, refuse } from './rest.ts';
import type { ApiServer } from './server.ts';
import { badRequest, failure, notFound } from './status.ts';

interface PodSpec {
  readonly nodeName?: string;
  readonly containers?: readonly {
    readonly name: string;
    readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  }[];
  readonly initContainers?: readonly { readonly name: string }[];
  readonly ephemeralContainers?: readonly { readonly name: string }[];
}

const KUBELET_PORT = 10_250;
const PREFERRED = ['InternalIP', 'ExternalIP', 'Hostname'] as const;

/** Where the node's kubelet listens. */
function kubeletOf(server: ApiServer, name: string): { readonly host: string; readonly port: number } | undefined {
  const node = server.peek('nodes', '', name);
  const status = node?.status as
    | {
        readonly addresses?: readonly { readonly type: string; readonly address: string }[];
        readonly daemonEndpoints?: { readonly kubeletEndpoint?: { readonly Port?: number } };
      }
    | undefined;
  for (const type of PREFERRED) {
    const found = status?.addresses?.find((a) => a.type === type);
    if (found) return { host: found.address, port: status?.daemonEndpoints?.kubeletEndpoint?.Port || KUBELET_PORT };
  }
  return undefined;
}

function toKubelet(server: ApiServer, node: string, path: string, query: readonly (readonly [string, string])[], prefix = ''): RestResult {
  const at = kubeletOf(server, node);
  if (!at) return refuse(failure(500, 'InternalError', `Internal error occurred: no preferred addresses found; known addresses: []`));
  const target = query.length === 0 ? path : `${path}?${emitQuery(query)}`;
  return { proxy: { ...at, tls: true, target, prefix }, kubelet: true } satisfies RestProxy;
}

/** The container that is meant; a text when that is not clear. */
function containerOf(pod: AnyObject, asked: string | undefined): { readonly name: string } | { readonly error: string } {
  const spec = pod.spec as PodSpec;
  const { name } = pod.metadata;
  const all = [...(spec.containers ?? []), ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
  if (asked) return all.some((c) => c.name === asked) ? { name: asked } : { error: `container ${asked} is not valid for pod ${name}` };
  if (spec.containers?.length === 1) return { name: (spec.containers[0] as { name: string }).name };
  const names = (list: readonly { readonly name: string }[] | undefined): string => (list ?? []).map((c) => c.name).join(' ');
  let error = `a container name must be specified for pod ${name}, choose one of: [${names(spec.containers)}]`;
  if (spec.initContainers?.length) error += ` or one of the init containers: [${names(spec.initContainers)}]`;
  if (spec.ephemeralContainers?.length) error += ` or one of the ephemeral containers: [${names(spec.ephemeralContainers)}]`;
  return { error };
}

const LOG_OPTIONS: ReadonlySet<string> = new Set([
  'follow',
  'previous',
  'timestamps',
  'sinceSeconds',
  'sinceTime',
  'tailLines',
  'limitBytes',
  'insecureSkipTLSVerifyBackend',
  'stream',
]);
const truth = (v: string | undefined): boolean => v !== undefined && v !== 'false' && v !== '0';

function podRequest(server: ApiServer, request: RestRequest, info: RequestInfo, pod: AnyObject): RestResult | undefined {
  const { name, namespace = '' } = pod.metadata;
  const spec = pod.spec as PodSpec;
  const node = spec.nodeName ?? '';
  switch (info.subresource) {
    case 'log': {
      const container = containerOf(pod, parameter(request, 'container'));
      if ('error' in container) return refuse(badRequest(container.error));
      if (node === '') return { status: 200, headers: [['Content-Type', 'text/plain']], body: '' };
      const query = request.query.filter(([k]) => LOG_OPTIONS.has(k));
      return toKubelet(server, node, `/containerLogs/${namespace}/${name}/${container.name}`, query);
    }
    case 'exec':
    case 'attach': {
      const container = containerOf(pod, parameter(request, 'container'));
      if ('error' in container) return refuse(badRequest(container.error));
      if (node === '') return refuse(badRequest(`pod ${name} does not have a host assigned`));
      const flag = (option: string, as: string): (readonly [string, string])[] => (truth(parameter(request, option)) ? [[as, '1']] : []);
      const query = [
        ...flag('stdin', 'input'),
        ...flag('stdout', 'output'),
        ...flag('stderr', 'error'),
        ...flag('tty', 'tty'),
        ...request.query.filter(([k]) => k === 'command'),
      ];
      return toKubelet(server, node, `/${info.subresource}/${namespace}/${name}/${container.name}`, query);
    }
    case 'portforward': {
      if (node === '') return refuse(badRequest(`pod ${name} does not have a host assigned`));
      return toKubelet(
        server,
        node,
        `/portForward/${namespace}/${name}`,
        request.query.filter(([k]) => k === 'ports').map(([, v]) => ['port', v] as const),
      );
    }
    default:
      return undefined;
  }
}

/** `https:name:port` */
function splitName(text: string): { readonly scheme: string; readonly name: string; readonly port: string } {
  const parts = text.split(':');
  if (parts.length === 3) return { scheme: parts[0] as string, name: parts[1] as string, port: parts[2] as string };
  return { scheme: '', name: parts[0] as string, port: parts[1] ?? '' };
}

function passOn(request: RestRequest, info: RequestInfo, host: string, port: number, tls: boolean): RestResult {
  const query = request.query.length === 0 ? '' : `?${emitQuery(request.query)}`;
  const prefix = request.path.slice(0, request.path.length - info.rest.length);
  return { proxy: { host, port, tls, target: `${info.rest || '/'}${query}`, prefix }, kubelet: false } satisfies RestProxy;
}

function serviceProxy(server: ApiServer, request: RestRequest, info: RequestInfo, def: ResourceDef): RestResult {
  const { scheme, name, port } = splitName(info.name);
  const service = server.peek('services', info.namespace, name);
  if (!service) return refuse(notFound(def, name));
  const ports = (service.spec as { readonly ports?: readonly { readonly name?: string; readonly port: number }[] }).ports ?? [];
  const wanted = port === '' && ports.length === 1 ? ports[0] : ports.find((p) => p.name === port || String(p.port) === port);
  const unavailable = (text: string): RestResult => refuse(failure(503, 'ServiceUnavailable', text));
  if (!wanted) return unavailable(`no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`);
  for (const slice of server.peekAll('endpointslices.discovery.k8s.io', info.namespace)) {
    if (slice.metadata.labels?.['kubernetes.io/service-name'] !== name) continue;
    const target = (slice.ports as readonly { readonly name?: string; readonly port?: number }[] | null)?.find(
      (p) => (p.name ?? '') === (wanted.name ?? ''),
    );
    const ready = (
      (slice.endpoints ?? []) as readonly { readonly addresses: readonly string[]; readonly conditions?: { readonly ready?: boolean } }[]
    ).filter((e) => e.conditions?.ready !== false);
    if (!target?.port || ready.length === 0) continue;
    const pick = ready[server.sim.rng('service proxy').below(ready.length)];
    return passOn(request, info, pick?.addresses[0] as string, target.port, scheme === 'https');
  }
  return unavailable(`no endpoints available for service ${JSON.stringify(name)}`);
}

/** The answer to a request that goes on to another host; undefined when this is none. */
export function proxyRequest(server: ApiServer, request: RestRequest, info: RequestInfo, def: ResourceDef): RestResult | undefined {
  if (def.group !== '' || info.subresource === '' || info.name === '') return undefined;
  if (def.plural === 'nodes' && info.subresource === 'proxy') {
    const { scheme, name, port } = splitName(info.name);
    if (!server.peek('nodes', '', name)) return refuse(notFound(def, name));
    const at = kubeletOf(server, name);
    if (!at) return refuse(failure(503, 'ServiceUnavailable', `no preferred addresses found; known addresses: []`));
    if (port !== '' && port !== String(at.port)) return passOn(request, info, at.host, Number(port), scheme === 'https');
    return toKubelet(server, name, info.rest || '/', request.query, request.path.slice(0, request.path.length - info.rest.length));
  }
  if (def.plural === 'services' && info.subresource === 'proxy') return serviceProxy(server, request, info, def);
  if (def.plural !== 'pods') return undefined;
  if (info.subresource === 'proxy') {
    const { scheme, name, port } = splitName(info.name);
    const pod = server.peek('pods', info.namespace, name);
    if (!pod) return refuse(notFound(def, name));
    const ip = (pod.status as { readonly podIP?: string } | undefined)?.podIP;
    const first = (pod.spec as PodSpec).containers?.flatMap((c) => c.ports ?? [])[0]?.containerPort;
    if (!ip) return refuse(badRequest('address not allowed'));
    return passOn(request, info, ip, Number(port) || (first ?? 80), scheme === 'https');
  }
  if (!['log', 'exec', 'attach', 'portforward'].includes(info.subresource)) return undefined;
  const pod = server.peek('pods', info.namespace, info.name);
  return pod ? podRequest(server, request, info, pod) : refuse(notFound(def, info.name));
}
