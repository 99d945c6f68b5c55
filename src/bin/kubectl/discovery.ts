/** Which resources the server has: aggregated discovery, its cache on disk, short names, categories, kinds. Models client-go/discovery and restmapper */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { Failure, failure } from './errors.ts';
import { isObject, type Json, type JsonObject, list, str } from './json.ts';
import type { Mapping, Rest } from './rest.ts';
import { parseJson } from './rest.ts';
import { quote } from './strconv.ts';

export interface ApiResource extends Mapping {
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly string[];
}

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly ApiResource[];
}

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
/** How long the cache on disk holds, seconds. */
const CACHE_TTL = 6 * 3600;

function fromAggregated(doc: JsonObject): GroupVersion[] {
  const out: GroupVersion[] = [];
  for (const item of list(doc, 'items')) {
    const group = str(item, 'metadata', 'name');
    for (const v of list(item, 'versions')) {
      const version = str(v, 'version');
      const resources = list(v, 'resources').map((r) => ({
        group: str(r, 'responseKind', 'group') || group,
        version: str(r, 'responseKind', 'version') || version,
        kind: str(r, 'responseKind', 'kind'),
        resource: str(r, 'resource'),
        singular: str(r, 'singularResource'),
        namespaced: str(r, 'scope') === 'Namespaced',
        verbs: list(r, 'verbs').map(String),
        shortNames: list(r, 'shortNames').map(String),
        categories: list(r, 'categories').map(String),
        subresources: list(r, 'subresources').map((s) => str(s, 'subresource')),
      }));
      out.push({ group, version, resources });
    }
  }
  return out;
}

/** `E1120 20:33:26.414113    4174 memcache.go:265] "Unhandled Error" err="..."`, as klog writes it. */
function klogError(p: Process, where: string, text: string): string {
  const ms = p.sim.epochMs + p.sim.now / 1000;
  const d = klogTime(ms);
  return `E${d}.${String(Math.floor(p.sim.now % 1e6)).padStart(6, '0')} ${String(p.pid).padStart(7)} ${where}] "Unhandled Error" err=${quote(text)}\n`;
}

function klogTime(ms: number): string {
  const days = Math.floor(ms / 86_400_000);
  const s = Math.floor((ms - days * 86_400_000) / 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  // Month and day of the day number, by the civil calendar.
  const doe = (days + 719_468) % 146_097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36_524) - Math.floor(doe / 146_096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const day = doy - Math.floor((153 * mp + 2) / 5) + 1;
  const month = mp < 10 ? mp + 3 : mp - 9;
  return `${two(month)}${two(day)} ${two(Math.floor(s / 3600))}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
}

export class Mapper {
  private readonly rest: Rest;
  private loaded: readonly GroupVersion[] | null = null;
  /** What is loaded came from the server just now, not from the disk. */
  private fresh = false;

  constructor(rest: Rest) {
    this.rest = rest;
  }

  private cacheDir(): string | null {
    const { p } = this.rest;
    const http = this.rest.client();
    const home = p.env.get('HOME');
    if (http instanceof Failure || home === undefined) return null;
    const root = p.env.get('KUBECACHEDIR') ?? `${home}/.kube/cache`;
    const host = `${http.host}${http.port === (http.secure ? 443 : 80) ? '' : `:${http.port}`}`.replace(/[^(\w/.)]/g, '_');
    return `${root}/discovery/${host}`;
  }

  private fromDisk(): GroupVersion[] | null {
    const { p } = this.rest;
    const dir = this.cacheDir();
    if (dir === null) return null;
    const st = p.stat(`${dir}/servergroups.json`);
    const text = st.ok ? p.readText(`${dir}/servergroups.json`) : null;
    if (!st.ok || text === null || (p.sim.now - st.value.mtime) / 1e6 > CACHE_TTL) return null;
    const out: GroupVersion[] = [];
    for (const g of list(parseJson(text), 'groups'))
      for (const v of list(g, 'versions')) {
        const gv = str(v, 'groupVersion');
        const file = parseJson(p.readText(`${dir}/${gv}/serverresources.json`) ?? '');
        if (!isObject(file)) return null;
        out.push(fromResourceList(str(g, 'name'), str(v, 'version'), file));
      }
    return out.length > 0 ? out : null;
  }

  private toDisk(all: readonly GroupVersion[]): void {
    const { p } = this.rest;
    const dir = this.cacheDir();
    if (dir === null) return;
    const make = (path: string): void => {
      const parts = path.split('/');
      for (let i = 2; i <= parts.length; i++) p.mkdir(parts.slice(0, i).join('/'), 0o750);
    };
    make(dir);
    const groups = new Map<string, string[]>();
    for (const gv of all) groups.set(gv.group, [...(groups.get(gv.group) ?? []), gv.version]);
    for (const gv of all) {
      const name = gv.group === '' ? gv.version : `${gv.group}/${gv.version}`;
      make(`${dir}/${name}`);
      const r = p.writeFile(`${dir}/${name}/serverresources.json`, `${JSON.stringify(toResourceList(name, gv))}\n`);
      if (!r.ok) return;
    }
    const doc = [...groups].map(([name, versions]) => ({
      name,
      versions: versions.map((v) => ({ groupVersion: name === '' ? v : `${name}/${v}`, version: v })),
      preferredVersion: { groupVersion: name === '' ? versions[0] : `${name}/${versions[0]}`, version: versions[0] },
    }));
    p.writeFile(`${dir}/servergroups.json`, `${JSON.stringify({ kind: 'APIGroupList', apiVersion: 'v1', groups: doc })}\n`);
  }

  /** All group versions in the server's order, preferred first; from the cache when it is young enough. */
  *groups(refresh = false): Task<readonly GroupVersion[] | Failure> {
    if (this.loaded && (!refresh || this.fresh)) return this.loaded;
    if (!refresh) {
      this.loaded = this.fromDisk();
      if (this.loaded) return this.loaded;
    }
    const timeout = '?timeout=32s';
    const core = yield* this.rest.json('GET', `/api${timeout}`, { accept: AGGREGATED });
    if (core instanceof Failure) {
      const f = core;
      const text = f.kind === 'url' ? `Get ${quote(f.url)}: ${f.message}` : f.message;
      if (f.kind === 'url' || f.status)
        yield* this.rest.p.err(klogError(this.rest.p, 'memcache.go:265', `couldn't get current server API group list: ${text}`));
      return f;
    }
    const apis = yield* this.rest.json('GET', `/apis${timeout}`, { accept: AGGREGATED });
    if (apis instanceof Failure) return apis;
    const all = [...fromAggregated(core), ...fromAggregated(apis)];
    this.loaded = all;
    this.fresh = true;
    this.toDisk(all);
    return all;
  }

  /** As groups(), tried as often as client-go asks before it gives up: each failure leaves a line in the log. */
  private *tried(times: number): Task<readonly GroupVersion[] | Failure> {
    let r = yield* this.groups();
    for (let i = 1; i < times && r instanceof Failure && (r.kind === 'url' || r.status); i++) r = yield* this.groups();
    return r;
  }

  /**
   * Builder.mappingFor(): `po`, `pod`, `pods`, `deployments.apps`, `deployments.v1.apps`, `Service.v1.`. An unknown one fails with
   * `the server doesn't have a resource type "x"` (tag `no-match`).
   */
  *find(arg: string): Task<ApiResource | Failure> {
    const all = yield* this.tried(arg.split('.').length > 2 ? 6 : 4);
    if (all instanceof Failure) return all;
    const found = match(all, arg);
    if (found) {
      for (const other of alsoShort(all, arg, found))
        yield* this.rest.p.err(`Warning: short name ${quote(arg)} could also match lower priority resource ${other}\n`);
      return found;
    }
    if (!this.fresh) {
      const again = yield* this.groups(true);
      if (again instanceof Failure) return again;
      const second = match(again, arg);
      if (second) return second;
    }
    return failure(`the server doesn't have a resource type ${quote(arg.split('.')[0] as string)}`, 'no-match');
  }

  /** Like find(), of what is known already: null without a match. */
  *look(arg: string): Task<ApiResource | null | Failure> {
    const all = yield* this.groups();
    return all instanceof Failure ? all : match(all, arg);
  }

  /** RESTMapping() of a kind in an apiVersion. Unknown: `no matches for kind "X" in version "v1"` (tag `no-match`). */
  *kind(apiVersion: string, kind: string): Task<ApiResource | Failure> {
    const look = (all: readonly GroupVersion[]): ApiResource | undefined => {
      const gv = all.find((v) => (v.group === '' ? v.version : `${v.group}/${v.version}`) === apiVersion);
      return gv?.resources.find((r) => r.kind === kind) ?? (gv && kind === 'List' ? listOf(gv) : undefined);
    };
    const all = yield* this.groups();
    if (all instanceof Failure) return all;
    let found = look(all);
    if (!found && !this.fresh) {
      const again = yield* this.groups(true);
      if (again instanceof Failure) return again;
      found = look(again);
    }
    return found ?? failure(`no matches for kind ${quote(kind)} in version ${quote(apiVersion)}`, 'no-match');
  }

  /** Builder.ReplaceAliases(): categories become their resources. */
  *aliases(arg: string): Task<string | Failure> {
    const all = yield* this.groups();
    if (all instanceof Failure) return all;
    return arg
      .split(',')
      .map((one) => {
        const names = new Set<string>();
        for (const gv of all)
          for (const r of gv.resources)
            if (r.categories.includes(one)) names.add(gv.group === '' ? r.resource : `${r.resource}.${gv.group}`);
        return names.size > 0 ? [...names].join(',') : one;
      })
      .join(',');
  }
}

/** Every version knows the kind List, which no server names. */
const listOf = ({ group, version }: GroupVersion): ApiResource => ({
  group,
  version,
  kind: 'List',
  resource: 'lists',
  singular: 'list',
  namespaced: false,
  verbs: [],
  shortNames: [],
  categories: [],
  subresources: [],
});

/** ParseResourceArg() and the REST mapper: the first match in the server's order. */
function match(all: readonly GroupVersion[], arg: string): ApiResource | null {
  const parts = arg.split('.');
  if (parts.length > 2) {
    const [name, version, ...group] = parts as [string, string, ...string[]];
    const exact = byResource(all, name, group.join('.'), version) ?? byKind(all, name, group.join('.'), version);
    if (exact) return exact;
  }
  const name = parts[0] as string;
  const group = parts.slice(1).join('.');
  return byResource(all, name, group, '') ?? byKind(all, name, group, '');
}

function byResource(all: readonly GroupVersion[], name: string, group: string, version: string): ApiResource | null {
  const low = name.toLowerCase();
  const within = (exact: boolean): readonly GroupVersion[] =>
    all.filter(
      (gv) => (group === '' ? true : exact ? gv.group === group : gv.group.startsWith(group)) && (version === '' || gv.version === version),
    );
  const strict = version !== '' && group === '';
  for (const gvs of [within(true), within(false)]) {
    const usable = strict ? gvs.filter((gv) => gv.group === '') : gvs;
    for (const test of [
      (r: ApiResource) => r.shortNames.includes(low),
      (r: ApiResource) => r.resource === low || r.singular === low || (r.singular === '' && r.kind.toLowerCase() === low),
    ]) {
      const exact = usable.flatMap((gv) => gv.resources).find((r) => r.resource === low || r.singular === low);
      if (exact) return exact;
      for (const gv of usable) {
        const r = gv.resources.find(test);
        if (r) return r;
      }
    }
    if (group === '') break;
  }
  return null;
}

/** Further resources of other names or groups with the same short name. */
function alsoShort(all: readonly GroupVersion[], arg: string, found: ApiResource): string[] {
  if (!found.shortNames.includes(arg) || found.resource === arg || found.singular === arg) return [];
  const name = (r: ApiResource): string => (r.group === '' ? r.resource : `${r.resource}.${r.group}`);
  const others = all.flatMap((gv) => gv.resources).filter((r) => r.shortNames.includes(arg) && name(r) !== name(found));
  return [...new Set(others.map(name))];
}

function byKind(all: readonly GroupVersion[], name: string, group: string, version: string): ApiResource | null {
  for (const gv of all) {
    if (gv.group !== group || (version !== '' && gv.version !== version)) continue;
    const r = gv.resources.find((x) => x.kind === name);
    if (r) return r;
  }
  return null;
}

function fromResourceList(group: string, version: string, doc: JsonObject): GroupVersion {
  const subs = new Map<string, string[]>();
  const main: Json[] = [];
  for (const r of list(doc, 'resources')) {
    const [name, ...sub] = str(r, 'name').split('/') as [string, ...string[]];
    if (sub.length > 0) subs.set(name, [...(subs.get(name) ?? []), sub.join('/')]);
    else main.push(r);
  }
  const resources = main.map((r) => ({
    group: str(r, 'group') || group,
    version: str(r, 'version') || version,
    kind: str(r, 'kind'),
    resource: str(r, 'name'),
    singular: str(r, 'singularName'),
    namespaced: (r as JsonObject).namespaced === true,
    verbs: list(r, 'verbs').map(String),
    shortNames: list(r, 'shortNames').map(String),
    categories: list(r, 'categories').map(String),
    subresources: subs.get(str(r, 'name')) ?? [],
  }));
  return { group, version, resources };
}

function toResourceList(groupVersion: string, gv: GroupVersion): Json {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: gv.resources.flatMap((r): Json[] => [
      {
        name: r.resource,
        singularName: r.singular,
        namespaced: r.namespaced,
        group: r.group,
        version: r.version,
        kind: r.kind,
        verbs: r.verbs,
        ...(r.shortNames.length > 0 ? { shortNames: r.shortNames } : {}),
        ...(r.categories.length > 0 ? { categories: r.categories } : {}),
      },
      ...r.subresources.map(
        (s): Json => ({ name: `${r.resource}/${s}`, singularName: '', namespaced: r.namespaced, kind: r.kind, verbs: [] }),
      ),
    ]),
  };
}
