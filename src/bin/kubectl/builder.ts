/** From arguments, files and selectors to objects, with the error texts of each way. Models cli-runtime/pkg/resource builder.go, visitor.go, mapper.go */

import type { Task } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { text } from '../../wire/bytes.ts';
import { aggregate, errorText, Failure, failure, statusFailure } from './errors.ts';
import type { Flag } from './flags.ts';
import { HttpClient } from './http.ts';
import { goJson, isArray, isObject, type Json, type JsonObject, list, obj, str, withPath } from './json.ts';
import { checkMetadata } from './metadata.ts';
import { apiVersionOf, type Mapping, pathOf, type Rest } from './rest.ts';
import { quote } from './strconv.ts';
import { type Ctx, none } from './verb.ts';
import { yamlDocuments } from './yaml.ts';

export const filenameFlags = (what: string): readonly Flag[] => [
  { name: 'filename', short: 'f', type: 'stringSlice', usage: `Filename, directory, or URL to files ${what}` },
  {
    name: 'kustomize',
    short: 'k',
    type: 'string',
    usage: "Process the kustomization directory. This flag can't be used together with -f or -R.",
  },
  {
    name: 'recursive',
    short: 'R',
    type: 'bool',
    usage:
      'Process the directory used in -f, --filename recursively. Useful when you want to manage related manifests organized within the same directory.',
  },
];

const EXTENSIONS = ['.json', '.yaml', '.yml'];
const MAX_FILES = 10_000;

const MISSING = `You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'`;

const ONE_SLASH =
  "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'";

/** One object to work on, or (from a selector) one list or table. */
export class Info {
  mapping: Mapping | null;
  namespace: string;
  name: string;
  /** File or URL; empty for what came from arguments. */
  source = '';
  /** What was read, or what the server has. */
  object: JsonObject | null = null;
  resourceVersion = '';
  subresource = '';

  constructor(mapping: Mapping | null, namespace: string, name: string) {
    this.mapping = mapping;
    this.namespace = namespace;
    this.name = name;
  }

  get namespaced(): boolean {
    return this.mapping ? this.mapping.namespaced : this.namespace !== '';
  }

  /** `services/web` */
  get objectName(): string {
    return `${this.mapping?.resource ?? str(this.object, 'kind').toLowerCase()}/${this.name}`;
  }

  /** What apply says of it: `Resource: "/v1, Resource=services", GroupVersionKind: ...`. */
  toString(): string {
    const basic = `Name: ${quote(this.name)}, Namespace: ${quote(this.namespace)}`;
    const m = this.mapping;
    if (!m) return basic;
    const gv = apiVersionText(m);
    return `Resource: ${quote(`${gv}, Resource=${m.resource}`)}, GroupVersionKind: ${quote(`${gv}, Kind=${m.kind}`)}\n${basic}`;
  }

  /** Takes over what the server has answered. */
  refresh(object: JsonObject): void {
    this.object = object;
    this.name = str(object, 'metadata', 'name') || this.name;
    this.namespace = str(object, 'metadata', 'namespace') || this.namespace;
    this.resourceVersion = str(object, 'metadata', 'resourceVersion');
  }

  path(sub = this.subresource): string {
    return pathOf(this.mapping as Mapping, this.namespace, this.name, sub);
  }

  /** Fetches it. A missing object in a missing namespace is reported as the missing namespace. */
  *get(rest: Rest, accept?: string, query: Record<string, string> = {}): Task<Failure | null> {
    const r = yield* rest.json('GET', this.path(), { query, ...(accept ? { accept } : {}) });
    if (r instanceof Failure) {
      if (r.notFound && this.namespaced && this.namespace !== '' && this.namespace !== 'default') {
        const ns = yield* rest.json('GET', `/api/v1/namespaces/${encodeURIComponent(this.namespace)}`);
        if (ns instanceof Failure && ns.notFound) return ns;
      }
      return r;
    }
    this.object = r;
    this.resourceVersion = str(r, 'metadata', 'resourceVersion');
    return null;
  }
}

/** GroupVersion.String() as GroupVersionResource prints it: `/v1`, `apps/v1`. */
const apiVersionText = (m: { group: string; version: string }): string => `${m.group}/${m.version}`;

type Visit = (info: Info) => Task<Failure | null>;
type Callback = (info: Info, error: Failure | null) => Task<Failure | null>;
/** Checks a document before it is used (kubectl's --validate); its text follows `error validating data: `. */
export type Validate = (document: Json) => Task<Failure | null>;

interface PathSource {
  readonly kind: 'file' | 'stdin' | 'url';
  readonly path: string;
}

export class Builder {
  private readonly ctx: Ctx;
  private readonly errors: Failure[] = [];
  private readonly paths: PathSource[] = [];
  private single = false;
  private directory = false;
  private stream = false;
  private ns = '';
  private defaultNs = false;
  private requireNs = false;
  private allNs = false;
  private labels: string | null = null;
  private fields: string | null = null;
  private all = false;
  private types: string[] = [];
  private names: string[] = [];
  private tuples: { resource: string; name: string }[] = [];
  private chunk = 0;
  private sub = '';
  private accept: string | undefined;
  private query: Record<string, string> = {};
  private goOn = false;
  private flat = false;
  private fetchLatest = false;
  private fetchObjects = true;
  private oneType = false;
  private isLocal = false;
  private check: Validate | null = null;
  private pending: { allowEmpty: boolean; args: readonly string[] } | null = null;
  /** How it was asked for: one object (printed as itself) or several. Known after visit(). */
  singleItemImplied = false;
  /** What visit() returned was wrong before anything was looked at: Result.Err(). */
  early = false;
  /** What is looked at: for a watch. Known after visit(). */
  sources: readonly Info[] = [];
  selectors: readonly { readonly mapping: Mapping; readonly namespace: string }[] = [];

  constructor(ctx: Ctx) {
    this.ctx = ctx;
  }

  /** `explicit`: an object of another namespace is an error (-n was given). */
  namespace(name: string, explicit = false): this {
    this.ns = name;
    this.defaultNs = true;
    this.requireNs = explicit;
    return this;
  }

  allNamespaces(all = true): this {
    if (all) this.ns = '';
    this.allNs = all;
    return this;
  }

  /** -f, -k and -R of the command line. */
  filenames(
    files: readonly string[] = this.ctx.list('filename'),
    recursive = this.ctx.bool('recursive'),
    kustomize = this.ctx.str('kustomize'),
  ): this {
    if (files.length > 0 && kustomize !== '') this.errors.push(failure('only one of -f or -k can be specified'));
    else if (kustomize !== '' && recursive) this.errors.push(failure("the -k flag can't be used with -f or -R"));
    else if (kustomize !== '') this.errors.push(failure('kubectl: option -k is not emulated'));
    for (const f of files) {
      if (f === '-') {
        if (this.stream) this.errors.push(failure('standard input cannot be used for multiple arguments'));
        this.stream = true;
        this.paths.push({ kind: 'stdin', path: 'STDIN' });
      } else if (/^https?:\/\//.test(f)) this.paths.push({ kind: 'url', path: f });
      else this.file(f, recursive);
    }
    return this;
  }

  private file(pattern: string, recursive: boolean): void {
    const { p } = this.ctx;
    const matches = p.stat(pattern).ok ? [pattern] : this.glob(pattern);
    if (matches.length === 0) {
      this.errors.push(failure(`the path ${quote(pattern)} does not exist`));
      return;
    }
    if (!recursive && matches.length === 1) this.single = true;
    for (const path of matches) {
      const found = this.walk(path, recursive);
      if (found instanceof Failure) {
        this.errors.push(found);
        continue;
      }
      if (found.length > 1) this.directory = true;
      for (const f of found) this.paths.push({ kind: 'file', path: f });
    }
    if (this.paths.length === 0 && this.errors.length === 0)
      this.errors.push(failure(`error reading [${matches.join(' ')}]: recognized file extensions are [${EXTENSIONS.join(' ')}]`));
  }

  private glob(pattern: string): string[] {
    const slash = pattern.lastIndexOf('/');
    const dir = slash < 0 ? '.' : pattern.slice(0, slash) || '/';
    const r = /[*?[]/.test(pattern) ? this.ctx.p.readdir(dir) : null;
    if (!r?.ok) return [];
    const source = pattern
      .slice(slash + 1)
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replaceAll('*', '[^/]*')
      .replaceAll('?', '[^/]');
    if ((source.match(/\[/g) ?? []).length > (source.match(/\]/g) ?? []).length) return [];
    const test = new RegExp(`^${source}$`);
    return r.value
      .filter((n) => test.test(n))
      .sort()
      .map((n) => (slash < 0 ? n : `${pattern.slice(0, slash + 1)}${n}`));
  }

  /** filepath.Walk(): what was named itself may have any ending. */
  private walk(root: string, recursive: boolean): string[] | Failure {
    const { p } = this.ctx;
    const out: string[] = [];
    const visit = (path: string, top: boolean): void => {
      const st = p.stat(path);
      if (!st.ok || out.length > MAX_FILES) return;
      if (st.value.kind === 'dir') {
        if (!top && !recursive) return;
        const r = p.readdir(path);
        if (r.ok)
          for (const name of [...r.value].sort())
            visit(`${path.replace(/\/+$/, '').replace(/^\.\//, '') || '/'}/${name}`.replace(/^\.\//, ''), false);
        return;
      }
      if (top || EXTENSIONS.some((e) => path.endsWith(e))) out.push(path);
    };
    const st = p.stat(root);
    if (!st.ok) return failure(`the path ${quote(root)} cannot be accessed: stat ${root}: ${strerror(st.errno).toLowerCase()}`);
    visit(root, true);
    return out;
  }

  selector(labels = this.ctx.str('selector')): this {
    if (labels.trim() === '') return this;
    if (this.all) this.errors.push(failure(`found non-empty label selector ${quote(labels)} with previously set 'all' parameter. `));
    else this.labels = labels.trim();
    return this;
  }

  fieldSelector(fields = this.ctx.str('field-selector')): this {
    if (fields.trim() === '') return this;
    if (this.all) this.errors.push(failure(`found non-empty field selector ${quote(fields)} with previously set 'all' parameter. `));
    else this.fields = fields.trim();
    return this;
  }

  selectAll(all: boolean): this {
    if (all && (this.labels !== null || this.fields !== null))
      this.errors.push(failure("setting 'all' parameter but found a non empty selector. "));
    else this.all = all;
    return this;
  }

  /** ResourceTypeOrNameArgs: `allowEmpty` lets a type alone mean all of it. */
  args(args: readonly string[], allowEmpty = false): this {
    this.pending = { allowEmpty, args };
    return this;
  }

  /** ResourceNames: names of one type, or TYPE/NAME. */
  resourceNames(resource: string, ...names: readonly string[]): this {
    for (const name of names) {
      const t = splitTypeName(name);
      if (t instanceof Failure) {
        this.errors.push(t);
        return this;
      }
      if (t) this.tuples.push(t);
      else if (resource === '') this.errors.push(failure(`the argument ${quote(name)} must be RESOURCE/NAME`));
      else this.tuples.push({ resource, name });
    }
    return this;
  }

  resourceTypes(...types: readonly string[]): this {
    this.types.push(...types);
    return this;
  }

  subresource(sub: string): this {
    this.sub = sub;
    return this;
  }

  chunksOf(n: number): this {
    this.chunk = n;
    return this;
  }

  /** Accept header and query of the requests that read. */
  requests(accept: string | undefined, query: Record<string, string> = {}): this {
    this.accept = accept;
    this.query = query;
    return this;
  }

  continueOnError(): this {
    this.goOn = true;
    return this;
  }

  /** Lists become their items. */
  flatten(): this {
    this.flat = true;
    return this;
  }

  /** What was read from files is fetched again. */
  latest(): this {
    this.fetchLatest = true;
    return this;
  }

  /** Do not fetch what was named by arguments. */
  noObjects(): this {
    this.fetchObjects = false;
    return this;
  }

  singleType(): this {
    this.oneType = true;
    return this;
  }

  /** No questions to the server: infos have no mapping. */
  local(local = true): this {
    this.isLocal = local;
    return this;
  }

  validate(check: Validate | null): this {
    this.check = check;
    return this;
  }

  addError(f: Failure): this {
    this.errors.push(f);
    return this;
  }

  private *parseArgs(): Task<void> {
    const pending = this.pending;
    if (!pending) return;
    this.pending = null;
    const args = normalize([...pending.args]);
    const slashes = args.filter((a) => a.includes('/')).length;
    if (slashes > 0) {
      if (slashes < args.length) {
        this.errors.push(failure(ONE_SLASH));
        return;
      }
      for (const a of args) {
        const t = splitTypeName(a);
        if (t instanceof Failure) {
          this.errors.push(t);
          return;
        }
        if (t) this.tuples.push(t);
      }
      return;
    }
    if (args.length === 0) return;
    const replaced = this.isLocal ? (args[0] as string) : yield* this.ctx.mapper.aliases(args[0] as string);
    if (replaced instanceof Failure) this.aliasError = replaced;
    this.names.push(...args.slice(1));
    this.types.push(...new Set((replaced instanceof Failure ? (args[0] as string) : replaced).split(',')));
    if (args.length === 1 && this.labels === null && pending.allowEmpty) this.labels = '';
  }

  private aliasError: Failure | null = null;

  /** Visits every object; errors come together as upstream puts them. */
  *visit(fn: Visit): Task<Failure | null> {
    yield* this.parseArgs();
    if (this.aliasError && !(this.aliasError.kind === 'url' || this.aliasError.status)) this.errors.push(this.aliasError);
    const wrong = aggregate(this.errors);
    this.early = true;
    if (wrong) return wrong;
    if (this.all) this.labels = '';
    const source =
      this.paths.length > 0
        ? this.byPaths()
        : this.labels !== null || this.fields !== null
          ? yield* this.bySelector()
          : this.tuples.length > 0
            ? yield* this.byTuples()
            : this.names.length > 0
              ? yield* this.byNames()
              : yield* this.nothing();
    if (source instanceof Failure) return source;
    this.early = false;
    const errors: Failure[] = [];
    const final: Callback = (info, error) => this.decorated(info, error, fn, errors);
    const flattened: Callback = this.flat ? (info, error) => this.flattened(info, error, final) : final;
    const end = yield* source(flattened);
    if (!this.goOn) return end;
    if (end) errors.push(end);
    return errors.length === 1 ? (errors[0] as Failure) : aggregate(errors);
  }

  /** All infos, and what went wrong on the way. */
  *infos(): Task<{ readonly infos: Info[]; readonly error: Failure | null; readonly single: boolean }> {
    const infos: Info[] = [];
    const error = yield* this.visit(function* (info) {
      infos.push(info);
      yield* none();
      return null;
    });
    return { infos, error, single: this.singleItemImplied };
  }

  private *decorated(info: Info, error: Failure | null, fn: Visit, errors: Failure[]): Task<Failure | null> {
    const wrong = error ?? (yield* this.helpers(info)) ?? (yield* fn(info));
    if (!wrong) return null;
    if (!this.goOn) return wrong;
    errors.push(wrong);
    return null;
  }

  private *helpers(info: Info): Task<Failure | null> {
    const put = (ns: string): void => {
      info.namespace = ns;
      if (info.object && !isArray(info.object.items) && info.object.kind !== 'Table')
        info.object = withPath(info.object, ['metadata', 'namespace'], ns === '' ? undefined : ns);
    };
    if (info.namespaced) {
      if (this.defaultNs && info.namespace === '' && !this.allNs) put(this.ns);
      if (this.requireNs && info.namespace === '') put(this.ns);
      else if (this.requireNs && info.namespace !== this.ns)
        return failure(
          `the namespace from the provided object ${quote(info.namespace)} does not match the namespace ${quote(this.ns)}. You must pass '--namespace=${info.namespace}' to perform this operation.`,
        );
    } else if (info.mapping) put('');
    if (this.fetchObjects && info.object === null) return yield* info.get(this.ctx.rest, this.accept, this.query);
    return null;
  }

  private *flattened(info: Info, error: Failure | null, fn: Callback): Task<Failure | null> {
    if (error) return yield* fn(info, error);
    const o = info.object;
    if (o === null || !isArray(o.items)) return yield* fn(info, null);
    const errors: Failure[] = [];
    const items: JsonObject[] = [];
    const queue: JsonObject[] = [o];
    for (let i = 0; i < queue.length; i++) {
      const one = queue[i] as JsonObject;
      if (!isArray(one.items)) items.push(one);
      else for (const item of one.items) if (isObject(item)) queue.push(typed(item, one));
    }
    for (const item of items) {
      const made = yield* this.infoFor(item);
      if (made instanceof Failure) {
        errors.push(failure(`unable to recognize ${made.message}`, made.tag));
        continue;
      }
      made.resourceVersion = info.resourceVersion || made.resourceVersion;
      made.source = info.source;
      const wrong = yield* fn(made, null);
      if (wrong) errors.push(wrong);
    }
    return aggregate(errors);
  }

  /** An info with its mapping; a kind that the server does not know is an error. */
  private *infoFor(object: JsonObject): Task<Info | Failure> {
    const info = new Info(null, str(object, 'metadata', 'namespace'), str(object, 'metadata', 'name'));
    info.object = object;
    info.resourceVersion = str(object, 'metadata', 'resourceVersion');
    if (this.isLocal) return info;
    const mapping = yield* this.ctx.mapper.kind(str(object, 'apiVersion'), str(object, 'kind'));
    if (mapping instanceof Failure) return mapping;
    info.mapping = mapping;
    return info;
  }

  // ---- where they come from

  private *nothing(): Task<Failure> {
    for (const type of this.types) {
      const m = yield* this.ctx.mapper.find(type);
      if (m instanceof Failure) return m;
    }
    return this.types.length > 0 ? failure('resource(s) were provided, but no name was specified') : failure(MISSING, 'missing');
  }

  private *mappings(): Task<readonly Mapping[] | Failure> {
    if (this.types.length > 1 && this.oneType) return failure('you may only specify a single resource type');
    const out: Mapping[] = [];
    for (const type of this.types) {
      const m = yield* this.ctx.mapper.find(type);
      if (m instanceof Failure) return m;
      if (!out.some((x) => x.kind === m.kind && apiVersionOf(x) === apiVersionOf(m))) out.push(m);
    }
    return out;
  }

  private scope(m: Mapping): string | Failure {
    if (!m.namespaced) return '';
    if (this.ns === '')
      return failure(
        this.allNs
          ? 'a resource cannot be retrieved by name across all namespaces'
          : 'namespace may not be empty when retrieving a resource by name',
      );
    return this.ns;
  }

  private each(infos: readonly Info[], eager: boolean): (fn: Callback) => Task<Failure | null> {
    this.sources = infos;
    return function* (fn) {
      const errors: Failure[] = [];
      for (const info of infos) {
        const wrong = yield* fn(info, null);
        if (wrong && !eager) return wrong;
        if (wrong) errors.push(wrong);
      }
      return aggregate(errors);
    };
  }

  private *byNames(): Task<((fn: Callback) => Task<Failure | null>) | Failure> {
    this.singleItemImplied = this.names.length === 1;
    if (this.types.length === 0) return failure('you must provide a resource and a resource name together');
    if (this.types.length > 1) return failure('you must specify only one resource');
    const mappings = yield* this.mappings();
    if (mappings instanceof Failure) return mappings;
    const m = mappings[0] as Mapping;
    const ns = this.scope(m);
    if (ns instanceof Failure) return ns;
    return this.each(
      this.names.map((name) => this.make(m, ns, name)),
      false,
    );
  }

  private make(m: Mapping, ns: string, name: string): Info {
    const info = new Info(m, ns, name);
    info.subresource = this.sub;
    return info;
  }

  private *byTuples(): Task<((fn: Callback) => Task<Failure | null>) | Failure> {
    this.singleItemImplied = this.single || this.tuples.length === 1;
    if (this.types.length > 0) return failure('you may not specify individual resources and bulk resources in the same call');
    const known = new Map<string, Mapping>();
    for (const t of this.tuples) {
      if (known.has(t.resource)) continue;
      const m = yield* this.ctx.mapper.find(t.resource);
      if (m instanceof Failure) return m;
      known.set(t.resource, m);
    }
    if (this.oneType && new Set([...known.values()].map((m) => `${apiVersionOf(m)} ${m.resource}`)).size > 1)
      return failure('you may only specify a single resource type');
    const infos: Info[] = [];
    for (const t of this.tuples) {
      const m = known.get(t.resource) as Mapping;
      const ns = this.scope(m);
      if (ns instanceof Failure) return ns;
      infos.push(this.make(m, ns, t.name));
    }
    return this.each(infos, this.goOn);
  }

  private *bySelector(): Task<((fn: Callback) => Task<Failure | null>) | Failure> {
    if (this.names.length > 0) return failure('name cannot be provided when a selector is specified');
    if (this.tuples.length > 0) return failure('selectors and the all flag cannot be used when passing resource/name arguments');
    if (this.types.length === 0) return failure('at least one resource must be specified to use a selector');
    if (this.sub !== '') return failure('subresource cannot be used when bulk resources are specified');
    const mappings = yield* this.mappings();
    if (mappings instanceof Failure) return mappings;
    const eager = this.goOn;
    const { ctx } = this;
    const labels = this.labels ?? '';
    const fields = this.fields ?? '';
    const places = mappings.map((mapping) => ({ mapping, namespace: mapping.namespaced ? this.ns : '' }));
    this.selectors = places;
    const visitOne = function* (this: Builder, m: Mapping, namespace: string, fn: Callback): Task<Failure | null> {
      const r = yield* ctx.rest.list(
        pathOf(m, namespace),
        { ...(labels === '' ? {} : { labelSelector: labels }), ...(fields === '' ? {} : { fieldSelector: fields }), ...this.query },
        this.chunk,
        this.accept,
      );
      if (r instanceof Failure) return listError(r, m, labels, fields);
      const info = new Info(m, namespace, '');
      info.object = r;
      info.resourceVersion = str(r, 'metadata', 'resourceVersion');
      return yield* fn(info, null);
    }.bind(this);
    return function* (fn) {
      const errors: Failure[] = [];
      for (const { mapping, namespace } of places) {
        const wrong = yield* visitOne(mapping, namespace, fn);
        if (wrong && !eager) return wrong;
        if (wrong) errors.push(wrong);
      }
      return aggregate(errors);
    };
  }

  private byPaths(): ((fn: Callback) => Task<Failure | null>) | Failure {
    this.singleItemImplied = !this.directory && !this.stream && this.paths.length === 1;
    if (this.types.length > 0)
      return failure('when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well');
    if (this.names.length > 0) return failure('name cannot be provided when a path is specified');
    if (this.tuples.length > 0) return failure('resource/name arguments cannot be provided when a path is specified');
    const matches = this.labels === null ? null : clientSelector(this.labels);
    if (matches instanceof Failure) return failure(`the provided selector ${quote(this.labels ?? '')} is not valid: ${matches.message}`);
    const self = this;
    return function* (fn) {
      const errors: Failure[] = [];
      for (const source of self.paths) {
        const wrong = yield* self.document(source, function* (info, error) {
          let e = error;
          if (!e && self.fetchLatest) e = yield* self.again(info);
          if (!e && matches && !matches(obj(info.object, 'metadata', 'labels'))) return null;
          const r = yield* fn(info, e);
          if (r && self.goOn) {
            errors.push(r);
            return null;
          }
          return r;
        });
        if (wrong && !self.goOn) return wrong;
        if (wrong) errors.push(wrong);
      }
      return aggregate(errors);
    };
  }

  private *again(info: Info): Task<Failure | null> {
    if (info.object && isArray(info.object.items)) {
      if (!this.flat)
        return failure('watch is only supported on individual resources and resource collections, but a list of resources is found');
      const items: Json[] = [];
      for (const item of info.object.items) {
        if (!isObject(item)) continue;
        const one = yield* this.infoFor(item);
        if (one instanceof Failure) return failure(`unable to recognize ${one.message}`, one.tag);
        if (this.defaultNs && one.namespaced && one.namespace === '') one.namespace = this.ns;
        const wrong = yield* one.get(this.ctx.rest, this.accept, this.query);
        if (wrong) return wrong;
        items.push(one.object);
      }
      info.object = { ...info.object, items };
      return null;
    }
    if (this.defaultNs && info.namespaced && info.namespace === '') info.namespace = this.ns;
    if (info.name === '') return null;
    return yield* info.get(this.ctx.rest, this.accept, this.query);
  }

  private *read(source: PathSource): Task<string | Failure> {
    const { p } = this.ctx;
    if (source.kind === 'stdin') {
      if (this.ctx.stdin !== null) return this.ctx.stdin;
      const r = yield* p.readAll(0);
      if (!r.ok) return failure(`read /dev/stdin: ${strerror(r.errno).toLowerCase()}`);
      this.ctx.stdin = decode(r.value);
      return this.ctx.stdin;
    }
    if (source.kind === 'file') {
      const r = p.readFile(source.path);
      return r.ok ? decode(r.value) : failure(`open ${source.path}: ${strerror(r.errno).toLowerCase()}`);
    }
    return yield* fetchUrl(this.ctx, source.path);
  }

  private *document(source: PathSource, fn: Callback): Task<Failure | null> {
    const body = yield* this.read(source);
    if (body instanceof Failure) return body;
    const { documents, error } = yamlDocuments(body);
    for (const doc of documents) {
      if (doc === null) continue;
      if (this.check) {
        const wrong = yield* this.check(doc);
        if (wrong)
          return failure(
            `error validating ${quote(source.path)}: error validating data: ${errorText(wrong)}; if you choose to ignore these errors, turn validation off with --validate=false`,
          );
      }
      const info = yield* this.infoForDocument(doc, source.path);
      const r = info instanceof Failure ? yield* fn(new Info(null, '', ''), info) : yield* fn(info, null);
      if (r) return r;
    }
    return error ? failure(`error parsing ${source.path}: ${error.message}`) : null;
  }

  private *infoForDocument(doc: Json, source: string): Task<Info | Failure> {
    const bad = (why: string): Failure => failure(`unable to decode ${quote(source)}: ${why}`);
    if (!isObject(doc))
      return bad(
        `couldn't get version/kind; json parse error: json: cannot unmarshal ${isArray(doc) ? 'array' : typeof doc === 'boolean' ? 'bool' : typeof doc} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
      );
    if (str(doc, 'kind') === '') return bad(`Object 'Kind' is missing in '${goJson(doc)}'`);
    const wrong = checkMetadata(doc);
    if (wrong !== null) return bad(wrong);
    const info = yield* this.infoFor(doc);
    if (info instanceof Failure) {
      if (info.tag !== 'no-match')
        return info.kind === 'url' || info.status ? failure(`unable to recognize ${quote(source)}: ${errorText(info)}`) : info;
      return failure(
        `resource mapping not found for name: ${quote(str(doc, 'metadata', 'name'))} namespace: ${quote(str(doc, 'metadata', 'namespace'))} from ${quote(source)}: ${info.message}\nensure CRDs are installed first`,
        'no-match',
      );
    }
    info.source = source;
    return info;
  }
}

/** Items of a typed list have their kind from it. */
function typed(item: JsonObject, list: JsonObject): JsonObject {
  if (item.kind !== undefined && item.apiVersion !== undefined) return item;
  const kind = str(list, 'kind').replace(/List$/, '');
  return kind === '' ? item : { ...item, apiVersion: item.apiVersion ?? str(list, 'apiVersion'), kind: item.kind ?? kind };
}

function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes.subarray(2));
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes.subarray(2));
  return text(bytes);
}

/** EnhanceListError() */
function listError(f: Failure, m: Mapping, labels: string, fields: string): Failure {
  if (!f.status || !(f.reason === 'BadRequest' || f.notFound)) return f;
  const subject = quote(`${apiVersionText(m)}, Resource=${m.resource}`);
  const message =
    labels === '' && fields === ''
      ? `Unable to list ${subject}: ${f.message}`
      : `Unable to find ${subject} that match label selector ${quote(labels)}, field selector ${quote(fields)}: ${f.message}`;
  return statusFailure({ ...f.status, message });
}

/** `svc,pods a b` means each of both. */
function normalize(args: string[]): string[] {
  if (args.length < 2) return args;
  const types = [...new Set((args[0] as string).split(','))];
  return types.length > 1 ? types.flatMap((t) => args.slice(1).map((n) => `${t}/${n}`)) : args;
}

/** TYPE/NAME; null without a slash. */
export function splitTypeName(s: string): { resource: string; name: string } | Failure | null {
  if (!s.includes('/')) return null;
  const parts = s.split('/');
  if (parts.length !== 2) return failure('arguments in resource/name form may not have more than one slash');
  const [resource, name] = parts as [string, string];
  if (resource === '' || name === '' || new Set(resource.split(',')).size !== 1)
    return failure('arguments in resource/name form must have a single resource and name');
  return { resource, name };
}

const REQUIREMENT =
  /^\s*(?:(!)\s*([^\s=!,()]+)|([^\s=!,()]+)\s+(in|notin)\s*\(([^)]*)\)|([^\s=!,()]+)\s*(==|=|!=)\s*([^\s,()]*)|([^\s=!,()]+))\s*(?:,|$)/;

/** labels.Parse(), as far as files are filtered here (the server has its own). */
export function clientSelector(selector: string): ((labels: JsonObject) => boolean) | Failure {
  const tests: ((l: JsonObject) => boolean)[] = [];
  let rest = selector.trim();
  while (rest !== '') {
    const m = REQUIREMENT.exec(rest);
    if (!m) return failure(`unable to parse requirement: found '${rest}', expected: identifier`);
    const [, not, absent, setKey, setOp, values, key, op, value, exists] = m;
    const set = new Set((values ?? '').split(',').map((v) => v.trim()));
    if (not) tests.push((l) => !((absent as string) in l));
    else if (setKey)
      tests.push((l) => (setOp === 'in' ? setKey in l && set.has(String(l[setKey])) : !(setKey in l) || !set.has(String(l[setKey]))));
    else if (key) tests.push((l) => (op === '!=' ? l[key] !== value : l[key] === value));
    else if (exists) tests.push((l) => exists in l);
    rest = rest.slice(m[0].length).trimStart();
  }
  return (labels) => tests.every((t) => t(labels));
}

function* fetchUrl(ctx: Ctx, url: string): Task<string | Failure> {
  const m = /^(https?:\/\/[^/]+)(\/.*)?$/.exec(url);
  if (!m) return failure(`the URL passed to filename ${quote(url)} is not valid: parse ${quote(url)}: invalid URL`);
  const none = {
    caData: null,
    insecure: false,
    serverName: '',
    token: '',
    basic: '',
    certData: null,
    keyData: null,
    impersonate: '',
    impersonateGroups: [],
    impersonateUid: '',
  };
  let last: Failure = failure('');
  for (let attempt = 0; attempt < 3; attempt++) {
    if (attempt > 0) yield { until: ctx.p.sim.now + 1_000_000 };
    const http = new HttpClient(ctx.p, { ...none, server: m[1] as string });
    const r = yield* http.request('GET', m[2] ?? '/');
    yield* http.close();
    if (r instanceof Failure) {
      last = failure(`Get ${quote(url)}: ${r.message}`);
      continue;
    }
    if (r.status === 200) return decode(r.body);
    last = failure(`unable to read URL ${quote(url)}, server reported ${r.reason}, status code=${r.status}`);
    if (r.status < 500) break;
  }
  return last;
}

/** Objects of a list, or the object itself. */
export const itemsOf = (o: JsonObject): readonly JsonObject[] =>
  isArray(o.items)
    ? list(o, 'items')
        .filter(isObject)
        .map((i) => typed(i, o))
    : [o];
