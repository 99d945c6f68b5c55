/** kube-apiserver without its HTTP face: tables, scheme, requests. Models apiserver's generic registry. */

import type { Sim } from '../../sim/sim.ts';
import { Aggregation } from './aggregator.ts';
import { bootstrap } from './bootstrap.ts';
import './kinds/index.ts';
import type {
  ApiResult,
  Client,
  DeleteOptions,
  ListOptions,
  ListResult,
  PatchType,
  UserInfo,
  Watch,
  WatchEvent,
  WriteOptions,
} from './client.ts';
import { fromVersion, toVersion } from './convert.ts';
import { Customs } from './custom.ts';
import { decoder } from './decode.ts';
import { remove } from './deletion.ts';
import { Expiry } from './expiry.ts';
import { readField, unsupportedField } from './fields.ts';
import type { RequestContext, ServerOptions } from './kind.ts';
import type { AnyObject, KubeObject, Stored } from './object.ts';
import './kinds/index.ts';
import type { TableSource } from './render.ts';
import { type ResourceDef, resourceName } from './resources.ts';
import { Scheme } from './scheme.ts';
import { parseFieldSelector, parseLabelSelector } from './selectors.ts';
import { badRequest, type Failure, noSuchResource, notFound } from './status.ts';
import { type Filter, Table } from './store.ts';
import { createSubresource, SUBRESOURCE_WRITES, updateSubresource } from './subresources.ts';
import { timestamp } from './time.ts';
import { type Call, create, patch, update } from './write.ts';

const SUPER: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

const SUFFIX = 'bcdfghjklmnpqrstvwxz2456789';

export interface ClientOptions {
  /** Manager of the fields it writes; default: the user's name without `system:`. */
  readonly fieldManager?: string;
}

export class ApiServer {
  readonly sim: Sim;
  readonly options: ServerOptions;
  readonly scheme = new Scheme();
  private readonly tables = new Map<string, Table>();
  private readonly states = new Map<string, unknown>();
  private readonly documents = new Map<string, { readonly generation: number; readonly text: string }>();
  readonly aggregation = new Aggregation(this);
  private readonly customs = new Customs(this);
  private readonly expiry = new Expiry(this);
  private version = 0;
  private second = -1;
  private stamp = '';

  constructor(sim: Sim, options: ServerOptions = {}) {
    this.sim = sim;
    this.options = options;
    bootstrap(this);
  }

  /** Version of the newest change. */
  get resourceVersion(): number {
    return this.version;
  }

  nextVersion(): number {
    return ++this.version;
  }

  /** Present time as metadata writes it. */
  get now(): string {
    const second = Math.floor((this.sim.epochMs + this.sim.now / 1000) / 1000);
    if (second !== this.second) {
      this.second = second;
      this.stamp = timestamp(this.sim);
    }
    return this.stamp;
  }

  /** The table that holds a resource's objects. */
  table(def: ResourceDef): Table {
    const name = def.storedAs ?? resourceName(def);
    const known = this.tables.get(name);
    if (known) return known;
    const made = new Table(this.sim, readField, name === 'pods' ? 'spec.nodeName' : undefined);
    this.tables.set(name, made);
    return made;
  }

  uid(): string {
    const rng = this.sim.rng('uid');
    const hex = (n: number): string => n.toString(16).padStart(8, '0');
    const [a, b, c, d] = [hex(rng.u32()), hex(rng.u32()), hex(rng.u32()), hex(rng.u32())];
    return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-${((Number.parseInt(c[0] as string, 16) & 3) | 8).toString(16)}${c.slice(1, 4)}-${c.slice(4)}${d}`;
  }

  suffix(): string {
    const rng = this.sim.rng('generateName');
    let out = '';
    for (let i = 0; i < 5; i++) out += SUFFIX[rng.below(SUFFIX.length)];
    return out;
  }

  state<T>(name: string, make: () => T): T {
    if (!this.states.has(name)) this.states.set(name, make());
    return this.states.get(name) as T;
  }

  /** A stored object, at once and unasked. */
  peek<T = AnyObject>(resource: string, namespace: string, name: string): T | undefined {
    const def = this.scheme.named(resource);
    return def && (this.table(def).get(namespace === '' || !def.namespaced ? name : `${namespace}/${name}`) as T | undefined);
  }

  peekAll<T = AnyObject>(resource: string, namespace?: string): readonly T[] {
    const def = this.scheme.named(resource);
    return def ? (this.table(def).values(namespace) as readonly T[]) : [];
  }

  filter(
    def: ResourceDef,
    options: ListOptions,
    extraFields: readonly string[] = [],
  ): { readonly ok: true; readonly value: Filter } | Failure {
    const labels = parseLabelSelector(options.labelSelector ?? '');
    if (!labels.ok) return badRequest(labels.error);
    const fields = parseFieldSelector(options.fieldSelector ?? '');
    if (!fields.ok) return badRequest(fields.error);
    const bad = fields.value.length > 0 ? unsupportedField(def, fields.value, extraFields) : undefined;
    if (bad !== undefined) return badRequest(bad);
    const namespace = def.namespaced ? options.namespace || undefined : '';
    return { ok: true, value: { labels: labels.value, fields: fields.value, ...(namespace === undefined ? {} : { namespace }) } };
  }

  /** Who asks for what, for rules. */
  call(user: UserInfo, manager: string, options: WriteOptions = {}, typed = false): Call {
    return new ServerCall(this, user, manager, options, typed);
  }

  /** A document that is made once for each state of the scheme. */
  cached(name: string, make: () => string): string {
    const found = this.documents.get(name);
    if (found && found.generation === this.scheme.generation) return found.text;
    const text = make();
    this.documents.set(name, { generation: this.scheme.generation, text });
    return text;
  }

  /** The resource whose objects `def` shows. */
  storage(def: ResourceDef): ResourceDef {
    const named = this.scheme.named(def.storedAs ?? resourceName(def));
    return named ?? def;
  }

  /** Stored objects in the version of `def`. */
  converted(def: ResourceDef, objects: readonly AnyObject[]): readonly AnyObject[] {
    return def === this.storage(def) ? objects : objects.map((o) => toVersion(def, o));
  }

  toStorage(def: ResourceDef, object: AnyObject): AnyObject {
    return fromVersion(def, this.storage(def), object);
  }

  /** The answer to a write, in the version in which it was asked. */
  back(def: ResourceDef, result: ApiResult<AnyObject>): ApiResult<AnyObject> {
    return result.ok && def !== this.storage(def) ? { ok: true, value: toVersion(def, result.value) } : result;
  }

  decode(def: ResourceDef, kind: string, apiVersion: string, json: unknown, text: string): ReturnType<typeof decoder.decode> {
    return this.customs.decode(def, json, text) ?? decoder.decode(def, kind, apiVersion, json, text);
  }

  customTable(def: ResourceDef): TableSource | undefined {
    return this.customs.table(def);
  }

  customSchema(def: ResourceDef): object | undefined {
    return this.customs.schema(def);
  }

  /** Told of every object that was stored or has gone (undefined). */
  changed(def: ResourceDef, object: AnyObject | undefined, old: AnyObject | undefined): void {
    if (def.kind === 'CustomResourceDefinition') this.customs.changed(object, old);
    else if (def.kind === 'Event' && object && !old) this.expiry.add(object);
    else if (def.kind === 'EndpointSlice' || def.kind === 'APIService') this.aggregation.changed(def, object, old);
  }

  client(user: UserInfo = SUPER, options: ClientOptions = {}): Client {
    return new LocalClient(this, user, options.fieldManager ?? user.name.replace(/^system:(serviceaccount:[^:]*:)?/, ''));
  }
}

class ServerCall implements Call {
  readonly server: ApiServer;
  readonly user: UserInfo;
  readonly manager: string;
  readonly write: WriteOptions;
  readonly typed: boolean;

  constructor(server: ApiServer, user: UserInfo, manager: string, write: WriteOptions, typed: boolean) {
    this.typed = typed;
    this.server = server;
    this.user = user;
    this.manager = write.fieldManager ?? manager;
    this.write = write;
  }

  context(verb: RequestContext['verb']): RequestContext {
    const { server, user, write } = this;
    const client = server.client();
    return {
      user,
      verb,
      subresource: write.subresource ?? '',
      dryRun: write.dryRun === true,
      now: server.now,
      warn: (text) => write.warn?.(text),
      get: (resource, namespace, name) => server.peek(resource, namespace, name),
      list: (resource, namespace) => server.peekAll(resource, namespace),
      random: (stream, n) => server.sim.rng(stream).below(n),
      state: (name, make) => server.state(name, make),
      options: server.options,
      client,
      write: (_resource, object) => {
        const made = client.create(object);
        if (!made.ok && made.status.code === 409) client.update(object);
      },
      remove: (resource, namespace, name) => void client.delete(resource, namespace, name),
    };
  }
}

class LocalClient implements Client {
  readonly user: UserInfo;
  private readonly server: ApiServer;
  private readonly manager: string;

  constructor(server: ApiServer, user: UserInfo, manager: string) {
    this.server = server;
    this.user = user;
    this.manager = manager;
  }

  private call(options?: WriteOptions): Call {
    return this.server.call(this.user, this.manager, options);
  }

  create<T extends KubeObject>(object: T, options?: WriteOptions): ApiResult<Stored<T>> {
    const subresource = options?.subresource;
    if (subresource) return createSubresource(this.call(options), object as KubeObject, subresource) as ApiResult<Stored<T>>;
    const def = this.server.scheme.ofKind(object.apiVersion, object.kind);
    if (!def) return noSuchResource();
    return create(this.call(options), def, object) as ApiResult<Stored<T>>;
  }

  get<T = AnyObject>(resource: string, namespace: string, name: string): ApiResult<T> {
    const def = this.server.scheme.named(resource);
    if (!def) return noSuchResource();
    const found = this.server.table(def).get(def.namespaced ? `${namespace}/${name}` : name);
    return found ? { ok: true, value: found as T } : notFound(def, name);
  }

  list<T = AnyObject>(resource: string, options: ListOptions = {}): ApiResult<ListResult<T>> {
    const def = this.server.scheme.named(resource);
    if (!def) return noSuchResource();
    const filter = this.server.filter(def, options);
    if (!filter.ok) return filter;
    return {
      ok: true,
      value: {
        resourceVersion: String(this.server.resourceVersion),
        items: this.server.table(def).select(filter.value) as readonly unknown[] as readonly T[],
      },
    };
  }

  update<T extends KubeObject>(object: T, options?: WriteOptions): ApiResult<Stored<T>> {
    const def = this.server.scheme.ofKind(object.apiVersion, object.kind);
    if (!def) return noSuchResource();
    const call = this.call(options);
    const subresource = options?.subresource;
    if (subresource && SUBRESOURCE_WRITES.has(subresource))
      return updateSubresource(call, def, object, subresource) as ApiResult<Stored<T>>;
    return update(call, def, object) as ApiResult<Stored<T>>;
  }

  patch<T = AnyObject>(
    resource: string,
    namespace: string,
    name: string,
    type: PatchType,
    body: unknown,
    options?: WriteOptions & { readonly force?: boolean },
  ): ApiResult<T> {
    const def = this.server.scheme.named(resource);
    if (!def) return noSuchResource();
    return patch(this.call(options), def, namespace, name, type, body, options?.force === true) as ApiResult<T>;
  }

  delete<T = AnyObject>(resource: string, namespace: string, name: string, options: DeleteOptions = {}): ApiResult<T> {
    const def = this.server.scheme.named(resource);
    if (!def) return noSuchResource();
    return remove(this.call({ ...(options.dryRun ? { dryRun: true } : {}) }), def, namespace, name, options) as ApiResult<T>;
  }

  watch<T = AnyObject>(resource: string, options: ListOptions, on: (event: WatchEvent<T>) => void): Watch {
    const def = this.server.scheme.named(resource);
    const filter = def && this.server.filter(def, options);
    if (!def || !filter?.ok) return { stop: () => {} };
    return this.server.table(def).watch(filter.value, on as unknown as (event: WatchEvent<AnyObject>) => void);
  }
}
