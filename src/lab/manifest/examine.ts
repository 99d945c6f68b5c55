/**
 * What `kubectl apply` of a text would do, asked of a copy of the API server, so that the world never notices: the copy shares the stored
 * objects, which nobody changes, and has a clock and chance of its own.
 */

import { build } from '../../bin/kubectl/apply/patcher.ts';
import { configurationText, kindFailure, unversioned } from '../../bin/kubectl/common.ts';
import { masked } from '../../bin/kubectl/diff.ts';
import { Failure } from '../../bin/kubectl/errors.ts';
import { PATCH_TYPES } from '../../bin/kubectl/helper.ts';
import { isArray, isObject, type Json, type JsonObject, str, withPath } from '../../bin/kubectl/json.ts';
import { type Mapping, pathOf } from '../../bin/kubectl/rest.ts';
import { yamlToJson } from '../../bin/kubectl/yaml.ts';
import { toYaml } from '../../bin/kubectl/yamlout.ts';
import type { RestRequest, RestResponse } from '../../cluster/api/http-types.ts';
import type { AnyObject } from '../../cluster/api/object.ts';
import type { ResourceDef } from '../../cluster/api/resources.ts';
import { handle } from '../../cluster/api/rest.ts';
import { ApiServer } from '../../cluster/api/server.ts';
import { Sim } from '../../sim/sim.ts';
import type { Change, Examined, Problem } from './types.ts';
import { Places, type Range } from './where.ts';

const USER = { name: 'kubernetes-admin', groups: ['kubeadm:cluster-admins', 'system:masters', 'system:authenticated'] };
/** Documents and problems of one text; what is beyond is not looked at. */
const MAX_OBJECTS = 200;
const MAX_PROBLEMS = 100;

/** A server with the same objects. */
export function copyOf(live: ApiServer): ApiServer {
  const sim = new Sim(1);
  sim.runUntil(live.sim.now);
  const copy = new ApiServer(sim, live.options);
  const put = (def: ResourceDef): void => {
    for (const object of live.table(def).values()) {
      copy.table(def).put(object, copy.nextVersion());
      if (def.kind === 'CustomResourceDefinition' || def.kind === 'APIService') copy.changed(def, object, undefined);
    }
  };
  const first = live.scheme.named('customresourcedefinitions.apiextensions.k8s.io');
  if (first) put(first);
  for (const def of live.scheme.all()) if (def !== first && def.kind !== 'Event' && !def.virtual && def.storedAs === undefined) put(def);
  while (copy.resourceVersion < live.resourceVersion) copy.nextVersion();
  return copy;
}

function ask(server: ApiServer, method: string, path: string, type: string, body: unknown): RestResponse {
  const request: RestRequest = {
    method,
    path,
    query: [
      ['fieldManager', 'kubectl-client-side-apply'],
      ['fieldValidation', 'Strict'],
    ],
    headers: new Map([
      ['accept', 'application/json'],
      ['content-type', type],
    ]),
    body: JSON.stringify(body),
    user: USER,
  };
  const r = handle(server, request);
  return 'body' in r ? r : { status: 500, headers: [], body: '{"message":"no answer"}' };
}

interface Part {
  readonly text: string;
  /** Lines before it. */
  readonly offset: number;
}

/** At lines of `---`, as kubectl cuts a file. */
function parts(text: string): Part[] {
  const out: Part[] = [];
  let lines: string[] = [];
  let offset = 0;
  const all = text.split('\n');
  for (const [i, line] of all.entries()) {
    if (/^---\s*(#.*)?$/.test(line)) {
      out.push({ text: lines.join('\n'), offset });
      lines = [];
      offset = i + 1;
    } else lines.push(line);
  }
  out.push({ text: lines.join('\n'), offset });
  return out.filter((p) => p.text.trim() !== '');
}

const withoutManaged = (o: JsonObject): JsonObject => withPath(o, ['metadata', 'managedFields'], undefined);

/** A dry run leaves the version as it is, and what a new object would be called by is not known before. */
function asDryRun(o: JsonObject, live: JsonObject | null): JsonObject {
  if (live) return withPath(o, ['metadata', 'resourceVersion'], str(live, 'metadata', 'resourceVersion'));
  return ['resourceVersion', 'uid', 'creationTimestamp'].reduce((x, name) => withPath(x, ['metadata', name], undefined), o);
}

class Examination {
  readonly problems: Problem[] = [];
  readonly changes: Change[] = [];
  same = 0;
  private objects = 0;
  private readonly server: ApiServer;

  constructor(server: ApiServer) {
    this.server = server;
  }

  private tell(range: Range, message: string, severity: Problem['severity'] = 'error'): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ severity, message, ...range });
  }

  part({ text, offset }: Part): void {
    const value = yamlToJson(text);
    if (value instanceof Failure) {
      const line = Number(/line (\d+)/.exec(value.message)?.[1] ?? 1);
      const said = text.split('\n')[line - 1] ?? '';
      this.tell(
        { line: offset + line, column: said.length - said.trimStart().length + 1, endColumn: said.length + 1 },
        `error converting YAML to JSON: ${value.message}`,
      );
      return;
    }
    const places = new Places(text, offset);
    if (isObject(value)) this.object(value, places, []);
    else if (value !== null) this.tell(places.of(''), 'this is no object: apiVersion, kind and metadata are missing');
  }

  private object(value: JsonObject, places: Places, base: readonly string[]): void {
    if (++this.objects > MAX_OBJECTS) return;
    const bad = kindFailure(value);
    if (bad) {
      this.tell(places.of('', base), `error validating data: ${bad.message}`);
      return;
    }
    const { items } = value;
    if (str(value, 'kind') === 'List' && isArray(items)) {
      for (const [i, item] of items.entries()) if (isObject(item)) this.object(item, places, [...base, 'items', String(i)]);
      return;
    }
    const wrong = this.known(value, places, base);
    if (wrong) this.tell(...wrong);
  }

  /** An object with a kind; what is wrong with it as a whole. */
  private known(value: JsonObject, places: Places, base: readonly string[]): [Range, string] | null {
    const apiVersion = str(value, 'apiVersion');
    const kind = str(value, 'kind');
    const def = this.server.scheme.ofKind(apiVersion, kind);
    if (!def) return [places.of('kind', base), `no matches for kind "${kind}" in version "${apiVersion}"`];
    const name = str(value, 'metadata', 'name');
    if (name === '') return [places.of('metadata.name', base), 'resource name may not be empty'];
    const namespace = def.namespaced ? str(value, 'metadata', 'namespace') || 'default' : '';
    const mapping: Mapping = { ...def, resource: def.plural };
    const stored = this.server.table(def).get(def.namespaced ? `${namespace}/${name}` : name);
    const live = stored ? (this.server.converted(def, [stored])[0] as AnyObject as unknown as JsonObject) : null;
    // kubectl puts the namespace in before it does anything else.
    const local = def.namespaced ? withPath(value, ['metadata', 'namespace'], namespace) : value;
    const r = this.apply(mapping, namespace, name, local, live);
    if (typeof r === 'string') return [places.of('kind', base), r];
    for (const [header, text] of r.headers)
      if (header.toLowerCase() === 'warning')
        this.tell(places.of('kind', base), text.replace(/^299 - "(.*)"$/, '$1').replaceAll('\\"', '"'), 'warning');
    if (r.status >= 400) {
      this.refused(r.body, places, base);
      return null;
    }
    const next = JSON.parse(r.body) as JsonObject;
    let from: JsonObject | null = live && withoutManaged(live);
    let to = asDryRun(withoutManaged(next), live);
    if (apiVersion === 'v1' && kind === 'Secret') [from, to] = masked(from, to);
    const change = {
      name: `${def.group === '' ? def.singular : `${def.singular}.${def.group}`}/${name}`,
      namespace,
      from: from ? toYaml(from) : '',
      to: toYaml(to),
    };
    if (change.from === change.to) this.same++;
    else this.changes.push(change);
    return null;
  }

  private apply(m: Mapping, namespace: string, name: string, local: JsonObject, live: JsonObject | null): RestResponse | string {
    // As `kubectl diff` has it: without the annotation that holds the whole text once more.
    if (live === null) return ask(this.server, 'POST', pathOf(m, namespace), 'application/json', unversioned(local));
    const b = build(m, JSON.parse(configurationText(local)) as JsonObject, live, true);
    if (typeof b === 'string') return b;
    if (Object.keys(b.patch).length === 0) return { status: 200, headers: [], body: JSON.stringify(live) };
    return ask(this.server, 'PATCH', pathOf(m, namespace, name), PATCH_TYPES[b.type], b.patch);
  }

  /** One problem for each field that the answer names. */
  private refused(body: string, places: Places, base: readonly string[]): void {
    const status = JSON.parse(body) as Json;
    const message = str(status, 'message');
    const fields = [...message.matchAll(/(unknown|duplicate) field "((?:[^"\\]|\\.)*)"/g)];
    if (fields.length > 0) {
      for (const [said, , path] of fields) this.tell(places.of(path as string, base, 'key'), said);
      return;
    }
    const type = /cannot unmarshal \S+ into Go struct field [^.\s]+\.(\S+) of type/.exec(message)?.[1];
    if (type !== undefined) {
      this.tell(places.of(type, base), message);
      return;
    }
    const details = isObject(status) && isObject(status.details) ? status.details.causes : undefined;
    const causes = isArray(details) ? details.filter(isObject) : [];
    for (const cause of causes) {
      const field = str(cause, 'field');
      this.tell(places.of(field, base), `${field === '' ? '' : `${field}: `}${str(cause, 'message')}`);
    }
    if (causes.length === 0) this.tell(places.of('metadata.name', base), message);
  }
}

const isManifest = (text: string): boolean => /^\s*["']?apiVersion["']?\s*:/m.test(text) && /^\s*["']?kind["']?\s*:/m.test(text);

export function examine(live: ApiServer | null, text: string): Examined {
  if (!live || !isManifest(text)) return { manifest: false, problems: [], changes: [], same: 0 };
  const e = new Examination(copyOf(live));
  for (const part of parts(text)) e.part(part);
  return { manifest: true, problems: e.problems, changes: e.changes, same: e.same };
}
