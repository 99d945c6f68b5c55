/** Requests by path, as the API server's HTTP face takes them. Models apiserver's request info, filters and endpoint handlers. */

import { authorize } from './authorizer.ts';
import { aggregated, allGroups, groupDocument, groupList, groupsOf, legacy, resourceList } from './discovery.ts';
import { goQuote } from './field.ts';
import { parameter, percent, type RestRequest, type RestResponse, type RestResult } from './http-types.ts';
import { openApi } from './openapi.ts';
import { toJson } from './render.ts';
import type { ResourceDef } from './resources.ts';
import { resourceRequest } from './rest-resource.ts';
import type { ApiServer } from './server.ts';
import { type Failure, failure, forbidden } from './status.ts';

export const VERSION = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: 'v1.36.3',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-11-10T12:04:26Z',
  goVersion: 'go1.26.3',
  compiler: 'gc',
  platform: 'linux/amd64',
} as const;

/** What a path asks for. */
export interface RequestInfo {
  readonly verb: string;
  readonly path: string;
  /** A resource of a group version, or a document. */
  readonly isResource: boolean;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** What follows the subresource: the path of a proxy. */
  readonly rest: string;
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'finalize']);

export function requestInfo(request: RestRequest): RequestInfo {
  const parts = request.path
    .split('/')
    .filter((p) => p !== '')
    .map((p) => percent(p.replace(/\+/g, '%2B')));
  const document: RequestInfo = {
    verb: request.method.toLowerCase(),
    path: request.path,
    isResource: false,
    group: '',
    version: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    rest: '',
  };
  const core = parts[0] === 'api';
  if ((!core && parts[0] !== 'apis') || parts.length < (core ? 3 : 4)) return document;
  const group = core ? '' : (parts[1] as string);
  const version = (core ? parts[1] : parts[2]) as string;
  let at = parts.slice(core ? 2 : 3);
  let verb = VERBS[request.method] ?? request.method.toLowerCase();
  if (at[0] === 'watch' && at.length > 1) {
    verb = 'watch';
    at = at.slice(1);
  }
  let namespace = '';
  if (at[0] === 'namespaces') {
    if (at.length > 1) {
      namespace = at[1] as string;
      if (at.length > 2 && !NAMESPACE_SUBRESOURCES.has(at[2] as string)) at = at.slice(2);
    }
  }
  const [resource = '', name = '', subresource = '', ...rest] = at;
  if (name === '' && verb === 'get') {
    const watch = parameter(request, 'watch');
    verb = watch !== undefined && watch !== 'false' && watch !== '0' ? 'watch' : 'list';
  }
  if (name === '' && verb === 'delete') verb = 'deletecollection';
  return {
    verb,
    path: request.path,
    isResource: true,
    group,
    version,
    namespace,
    resource,
    subresource,
    name,
    rest: rest.length > 0 ? `/${rest.join('/')}` : '',
  };
}

const JSON_TYPE = ['Content-Type', 'application/json'] as const;

export function jsonResponse(status: number, body: string, headers: readonly (readonly [string, string])[] = []): RestResponse {
  return { status, headers: [JSON_TYPE, ...headers], body };
}

export function refuse(failed: Failure, headers: readonly (readonly [string, string])[] = []): RestResponse {
  const code = failed.status.code ?? 500;
  const retry = failed.status.details?.retryAfterSeconds;
  return jsonResponse(code, `${toJson(failed.status)}\n`, [...headers, ...(retry ? ([['Retry-After', String(retry)]] as const) : [])]);
}

const text = (status: number, body: string): RestResponse => ({
  status,
  headers: [
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['X-Content-Type-Options', 'nosniff'],
  ],
  body,
});

/** Why the user may not do it, as the API says it. */
export function accessDenied(info: RequestInfo, user: string): Failure {
  const who = `User ${goQuote(user)} cannot`;
  if (!info.isResource) return failure(403, 'Forbidden', `forbidden: ${who} ${info.verb} path ${goQuote(info.path)}`, {});
  const resource = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  const where =
    info.namespace === '' || (info.resource === 'namespaces' && info.name === '')
      ? 'at the cluster scope'
      : `in the namespace ${goQuote(info.namespace)}`;
  return forbidden(
    { group: info.group, plural: info.resource },
    info.name,
    `${who} ${info.verb} resource ${goQuote(resource)} in API group ${goQuote(info.group)} ${where}`,
  );
}

const HEALTH = /^\/(healthz|livez|readyz)(\/.*)?$/;

const CHECKS = [
  'ping',
  'log',
  'etcd',
  'etcd-readiness',
  'informer-sync',
  'poststarthook/start-apiserver-admission-initializer',
  'poststarthook/generic-apiserver-start-informers',
  'poststarthook/priority-and-fairness-config-consumer',
  'poststarthook/priority-and-fairness-filter',
  'poststarthook/storage-object-count-tracker-hook',
  'poststarthook/start-apiextensions-informers',
  'poststarthook/start-apiextensions-controllers',
  'poststarthook/crd-informer-synced',
  'poststarthook/start-system-namespaces-controller',
  'poststarthook/start-cluster-authentication-info-controller',
  'poststarthook/start-kube-apiserver-identity-lease-controller',
  'poststarthook/start-kube-apiserver-identity-lease-garbage-collector',
  'poststarthook/start-legacy-token-tracking-controller',
  'poststarthook/start-service-ip-repair-controllers',
  'poststarthook/rbac/bootstrap-roles',
  'poststarthook/scheduling/bootstrap-system-priority-classes',
  'poststarthook/priority-and-fairness-config-producer',
  'poststarthook/bootstrap-controller',
  'poststarthook/start-kubernetes-service-cidr-controller',
  'poststarthook/aggregator-reload-proxy-client-cert',
  'poststarthook/start-kube-aggregator-informers',
  'poststarthook/apiservice-status-local-available-controller',
  'poststarthook/apiservice-status-remote-available-controller',
  'poststarthook/apiservice-registration-controller',
  'poststarthook/apiservice-discovery-controller',
  'poststarthook/kube-apiserver-autoregistration',
  'autoregister-completion',
  'poststarthook/apiservice-openapi-controller',
  'poststarthook/apiservice-openapiv3-controller',
] as const;

/** Checks that one of the three endpoints leaves out. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  livez: ['etcd-readiness', 'informer-sync'],
  healthz: ['etcd-readiness', 'informer-sync'],
  readyz: [],
};

function health(request: RestRequest, endpoint: string, rest: string): RestResponse {
  const excluded = request.query.filter(([k]) => k === 'exclude').map(([, v]) => v);
  const checks = CHECKS.filter((c) => !LEFT_OUT[endpoint]?.includes(c));
  if (rest !== '' && rest !== '/') return checks.some((c) => `/${c}` === rest) ? text(200, 'ok') : text(404, '404 page not found\n');
  if (parameter(request, 'verbose') === undefined) return text(200, 'ok');
  const lines = checks.map((c) => (excluded.includes(c) ? `[+]${c} excluded: ok\n` : `[+]${c} ok\n`));
  return text(200, `${lines.join('')}${endpoint === 'readyz' ? '[+]shutdown ok\n' : ''}${endpoint} check passed\n`);
}

const PATHS = ['/.well-known/openid-configuration', '/api', '/api/v1', '/apis', '/apis/'];

function document(server: ApiServer, request: RestRequest): RestResponse | undefined {
  const { path } = request;
  const accept = request.headers.get('accept') ?? '';
  const wantsAggregated = accept.includes('as=APIGroupDiscoveryList');
  const clean = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  const checked = HEALTH.exec(clean);
  if (checked) return health(request, checked[1] as string, checked[2] ?? '');
  if (clean === '/version') return jsonResponse(200, JSON.stringify(VERSION, null, 2));
  if (clean === '/api' || clean === '/apis') {
    if (!wantsAggregated)
      return jsonResponse(
        200,
        `${toJson(clean === '/api' ? legacy(`${server.options.advertiseAddress ?? '127.0.0.1'}:${server.options.securePort ?? 6443}`) : groupList(server))}\n`,
      );
    const type = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    return {
      status: 200,
      headers: [['Content-Type', type]],
      body: server.cached(`discovery ${clean}`, () => `${toJson(aggregated(server, clean === '/api'))}\n`),
    };
  }
  if (clean === '/api/v1') return jsonResponse(200, `${toJson(resourceList('v1', groupsOf(server)[0]?.versions[0]?.resources ?? []))}\n`);
  const gv = /^\/apis\/([^/]+)(?:\/([^/]+))?$/.exec(clean);
  if (gv) {
    const group = allGroups(server).find((g) => g.name === gv[1] && g.name !== '');
    if (!group) return undefined;
    if (gv[2] === undefined) return jsonResponse(200, `${toJson({ kind: 'APIGroup', apiVersion: 'v1', ...groupDocument(group) })}\n`);
    const version = group.versions.find((v) => v.version === gv[2]);
    return version && jsonResponse(200, `${toJson(resourceList(`${gv[1]}/${gv[2]}`, version.resources))}\n`);
  }
  if (clean.startsWith('/openapi/')) return openApi(server, request, clean);
  if (clean === '/') return jsonResponse(200, JSON.stringify({ paths: rootPaths(server) }, null, 2));
  return undefined;
}

function rootPaths(server: ApiServer): string[] {
  const groups = allGroups(server).filter((g) => g.name !== '');
  const paths = [...PATHS, ...groups.flatMap((g) => [`/apis/${g.name}`, ...g.versions.map((v) => `/apis/${g.name}/${v.version}`)])];
  return [...paths, '/healthz', '/livez', '/openapi/v2', '/openapi/v3', '/openapi/v3/', '/openid/v1/jwks', '/readyz', '/version'].sort();
}

const PAGE_NOT_FOUND = text(404, '404 page not found\n');

export function handle(server: ApiServer, request: RestRequest): RestResult {
  const info = requestInfo(request);
  if (!authorize(server, request.user, info)) return refuse(accessDenied(info, request.user.name));
  const elsewhere = server.aggregation.request(request);
  if (elsewhere) return elsewhere;
  if (!info.isResource) {
    if (request.method !== 'GET' && request.method !== 'HEAD') return PAGE_NOT_FOUND;
    return document(server, request) ?? PAGE_NOT_FOUND;
  }
  const def: ResourceDef | undefined = server.scheme.at(info.group === '' ? info.version : `${info.group}/${info.version}`, info.resource);
  if (!def) return PAGE_NOT_FOUND;
  return resourceRequest(server, request, info, def);
}
