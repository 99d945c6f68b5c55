/** API groups that other servers of the cluster serve: APIServices with a Service. Models kube-aggregator's proxy, availability and discovery */

import type { Process, Task } from '../../os/process.ts';
import { MS, SEC } from '../../sim/sim.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { fetchHttps } from '../l7/fetch.ts';
import { emitQuery, type RestRequest, type RestResult } from './http-types.ts';
import type { AnyObject } from './object.ts';
import type { ResourceDef } from './resources.ts';
import type { ApiServer } from './server.ts';

const PERIOD = 30 * SEC;
/** First wait after a server has not answered; it doubles up to the period. */
const RETRY = 5 * MS;
const LIMIT = 5 * SEC;
const PATH = /^\/apis\/([^/]+)\/([^/]+)(?:\/|$)/;

interface Spec {
  readonly group?: string;
  readonly version?: string;
  readonly service?: { readonly namespace?: string; readonly name?: string; readonly port?: number };
}

interface Verdict {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

interface Remote {
  readonly name: string;
  readonly spec: Spec;
  available: boolean;
  failures: number;
  resources: readonly ResourceDef[];
}

interface Listed {
  readonly name: string;
  readonly singularName?: string;
  readonly namespaced?: boolean;
  readonly kind?: string;
  readonly verbs?: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

const failed = (reason: string, message: string): Verdict => ({ status: 'False', reason, message });

export class Aggregation {
  private readonly server: ApiServer;
  private readonly remotes = new Map<string, Remote>();
  private readonly queue = new WaitQueue();

  constructor(server: ApiServer) {
    this.server = server;
  }

  /** An APIService or an EndpointSlice was stored or has gone. */
  changed(def: ResourceDef, object: AnyObject | undefined, old: AnyObject | undefined): void {
    if (def.kind === 'EndpointSlice') {
      if (this.remotes.size === 0) return;
      const { labels, namespace } = (object ?? (old as AnyObject)).metadata;
      const name = labels?.['kubernetes.io/service-name'];
      for (const r of this.remotes.values())
        if (r.spec.service?.name === name && r.spec.service?.namespace === namespace) this.queue.wakeAll();
      return;
    }
    const { name } = (object ?? (old as AnyObject)).metadata;
    const spec = object?.spec as Spec | undefined;
    if (!spec?.service) {
      if (this.remotes.delete(name)) this.server.scheme.generation++;
    } else if (!old || !this.remotes.has(name) || old.spec !== object?.spec) {
      this.remotes.set(name, { name, spec, available: false, failures: 0, resources: [] });
      this.server.scheme.generation++;
      this.queue.wakeAll();
    }
  }

  private find(group: string, version: string): Remote | undefined {
    return this.remotes.size === 0 ? undefined : this.remotes.get(`${version}.${group}`);
  }

  serving(group: string, version: string): boolean {
    return this.find(group, version)?.available === true;
  }

  /** Resources of all groups that are served now. */
  get resources(): readonly ResourceDef[] {
    return [...this.remotes.values()].flatMap((r) => (r.available ? r.resources : []));
  }

  private address(r: Remote): { readonly host: string; readonly port: number } | Verdict {
    const { namespace = '', name = '', port = 443 } = r.spec.service ?? {};
    const service = this.server.peek('services', namespace, name);
    if (!service) return failed('ServiceNotFound', `service/${name} in "${namespace}" is not present`);
    const spec = service.spec as {
      readonly clusterIP?: string;
      readonly ports?: readonly { readonly name?: string; readonly port: number }[];
    };
    const wanted = spec.ports?.find((p) => p.port === port);
    if (!wanted) return failed('ServicePortError', `service/${name} in "${namespace}" is not listening on port ${port}`);
    const ready = this.server.peekAll('endpointslices.discovery.k8s.io', namespace).some((slice) => {
      const of = slice as unknown as {
        readonly ports?: readonly { readonly name?: string }[];
        readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[];
      };
      return (
        slice.metadata.labels?.['kubernetes.io/service-name'] === name &&
        of.ports?.some((p) => (p.name ?? '') === (wanted.name ?? '')) &&
        of.endpoints?.some((e) => e.conditions?.ready !== false)
      );
    });
    if (!ready)
      return failed(
        'MissingEndpoints',
        `endpoints for service/${name} in "${namespace}" have no addresses with port name "${wanted.name ?? ''}"`,
      );
    return { host: spec.clusterIP ?? '', port };
  }

  /** The answer to a request for a group version of another server; undefined when it is this one's. */
  request(request: RestRequest): RestResult | undefined {
    if (this.remotes.size === 0) return undefined;
    const m = PATH.exec(request.path);
    const r = m ? this.find(m[1] as string, m[2] as string) : undefined;
    if (!r) return undefined;
    const at = r.available ? this.address(r) : undefined;
    if (!at || 'reason' in at)
      return { status: 503, headers: [['Content-Type', 'text/plain; charset=utf-8']], body: 'service unavailable\n' };
    const query = request.query.length === 0 ? '' : `?${emitQuery(request.query)}`;
    return { proxy: { ...at, tls: true, target: `${request.path}${query}`, prefix: '/' }, kubelet: false };
  }

  /** Asks the servers whether they are there; waits without end while there are none. */
  *run(p: Process): Task<void> {
    for (;;) {
      for (const r of [...this.remotes.values()]) yield* this.check(p, r);
      let wait = PERIOD;
      for (const { failures } of this.remotes.values()) if (failures > 0) wait = Math.min(wait, RETRY * 2 ** Math.min(failures - 1, 20));
      yield this.remotes.size === 0 ? { on: [this.queue] } : { on: [this.queue], until: p.sim.now + wait };
    }
  }

  private *check(p: Process, r: Remote): Task<void> {
    const at = this.address(r);
    if ('reason' in at) return this.report(r, at);
    const { group = '', version = '' } = r.spec;
    const path = `/apis/${group}/${version}`;
    const got = yield* fetchHttps(p, at.host, at.port, path, LIMIT);
    const url = `https://${at.host}:${at.port}${path}`;
    const missing = `failing or missing response from ${url}: `;
    if (typeof got === 'string') return this.report(r, failed('FailedDiscoveryCheck', `${missing}Get ${JSON.stringify(url)}: ${got}`));
    if (got.status < 200 || got.status >= 300)
      return this.report(r, failed('FailedDiscoveryCheck', `${missing}bad status from ${url}: ${got.status}`));
    r.resources = resourcesOf(group, version, got.body);
    this.report(r, { status: 'True', reason: 'Passed', message: 'all checks passed' });
  }

  private report(r: Remote, verdict: Verdict): void {
    const { server } = this;
    if (this.remotes.get(r.name) !== r) return;
    const available = verdict.status === 'True';
    if (r.available !== available) server.scheme.generation++;
    r.available = available;
    r.failures = verdict.reason === 'FailedDiscoveryCheck' ? r.failures + 1 : 0;
    const object = server.peek('apiservices.apiregistration.k8s.io', '', r.name);
    const status = object?.status as { readonly conditions?: readonly { readonly type: string }[] } | undefined;
    const had = status?.conditions?.find((c) => c.type === 'Available') as (Verdict & { readonly lastTransitionTime: string }) | undefined;
    if (!object || (had?.status === verdict.status && had.reason === verdict.reason && had.message === verdict.message)) return;
    const lastTransitionTime = had?.status === verdict.status ? had.lastTransitionTime : server.now;
    const conditions = [{ lastTransitionTime, ...verdict, type: 'Available' }];
    server.client(undefined, { fieldManager: 'kube-apiserver' }).update({ ...object, status: { conditions } }, { subresource: 'status' });
  }
}

/** An APIResourceList as rows of the server's own kind. */
function resourcesOf(group: string, version: string, body: string): ResourceDef[] {
  let list: { readonly resources?: readonly Listed[] };
  try {
    list = JSON.parse(body);
  } catch {
    return [];
  }
  return (list.resources ?? [])
    .filter((x) => !x.name.includes('/'))
    .map((x) => ({
      group,
      version,
      kind: x.kind ?? '',
      plural: x.name,
      singular: x.singularName ?? '',
      shortNames: x.shortNames ?? [],
      namespaced: x.namespaced === true,
      categories: x.categories ?? [],
      verbs: x.verbs ?? [],
      subresources: [],
      generation: false,
      schema: '',
      conditional: false,
      virtual: true,
    }));
}
