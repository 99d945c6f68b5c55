/** OpenAPI v3 documents of each group version, made from the schemas when asked for. Models kube-openapi's handler3. */

import { hex, sha256 } from '../sha256.ts';
import { groupsOf } from './discovery.ts';
import { enumOf } from './enums.ts';
import { parameter, type RestRequest, type RestResponse } from './http-types.ts';
import type { ResourceDef } from './resources.ts';
import DOCS from './schema/docs.json' with { type: 'json' };
import FIELDS from './schema/fields.json' with { type: 'json' };
import GO from './schema/go.json' with { type: 'json' };
import type { ApiServer } from './server.ts';

type Texts = Readonly<Record<string, Readonly<Record<string, string>>>>;
const docs = DOCS as Texts;
const fields = FIELDS as Texts;
const go = GO as Readonly<Record<string, string>>;

const META: ReadonlySet<string> = new Set([
  'V1ObjectMeta',
  'V1OwnerReference',
  'V1ManagedFieldsEntry',
  'V1LabelSelector',
  'V1LabelSelectorRequirement',
  'V1ListMeta',
  'V1Status',
  'V1StatusDetails',
  'V1StatusCause',
  'V1Condition',
  'V1DeleteOptions',
  'V1Preconditions',
]);

const goName = (type: string): string => go[type]?.split(' ')[0] ?? type.replace(/^.*?V\d+(?:alpha\d+|beta\d+)?/, '');

function componentName(def: ResourceDef, type: string): string {
  if (META.has(type)) return `io.k8s.apimachinery.pkg.apis.meta.v1.${goName(type)}`;
  const group = def.group === '' ? 'core' : (def.group.split('.')[0] as string);
  return `io.k8s.api.${group}.${def.version}.${goName(type)}`;
}

const SCALARS: Readonly<Record<string, object>> = {
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  number: { type: 'number' },
  boolean: { type: 'boolean' },
  byte: { type: 'string', format: 'byte' },
  'date-time': { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Time' },
  'micro-time': { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime' },
  'int-or-string': { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.util.intstr.IntOrString' },
  any: { type: 'object' },
  object: { type: 'object' },
  string: { type: 'string' },
};

const SHARED: Readonly<Record<string, object>> = {
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': {
    description:
      'Time is a wrapper around time.Time which supports correct marshaling to YAML and JSON.  Wrappers are provided for many of the factory methods that the time package offers.',
    format: 'date-time',
    type: 'string',
  },
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': {
    description: 'MicroTime is version of Time with microsecond level precision.',
    format: 'date-time',
    type: 'string',
  },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': {
    description:
      'IntOrString is a type that can hold an int32 or a string.  When used in JSON or YAML marshalling and unmarshalling, it produces or consumes the inner type.  This allows you to have, for example, a JSON field that can accept a name or number.',
    format: 'int-or-string',
    oneOf: [{ type: 'integer' }, { type: 'string' }],
  },
};

class Document {
  readonly schemas: Record<string, object> = {};
  private readonly def: ResourceDef;

  constructor(def: ResourceDef) {
    this.def = def;
  }

  property(type: string): object {
    if (type.startsWith('[]')) return { type: 'array', items: this.property(type.slice(2)) };
    if (type.startsWith('map[string]')) return { type: 'object', additionalProperties: this.property(type.slice(11)) };
    const scalar = SCALARS[type];
    if (scalar) {
      const ref = (scalar as { $ref?: string }).$ref?.split('/').at(-1);
      if (ref) this.schemas[ref] = SHARED[ref] as object;
      return scalar;
    }
    if (!Object.hasOwn(fields, type)) return { type: 'object' };
    this.add(type);
    return { $ref: `#/components/schemas/${componentName(this.def, type)}` };
  }

  add(type: string, kind?: ResourceDef): void {
    const name = componentName(this.def, type);
    if (this.schemas[name] && !kind) return;
    const own = fields[type] ?? {};
    const schema: Record<string, unknown> = { description: docs[type]?.[''] ?? '', type: 'object' };
    this.schemas[name] = schema;
    const required: string[] = [];
    schema.properties = Object.fromEntries(
      Object.entries(own).map(([field, text]) => {
        if (text.endsWith('!')) required.push(field);
        const property = this.property(text.replace(/!$/, ''));
        const description = docs[type]?.[field] ?? '';
        const values = enumOf(type, field);
        if (values) return [field, { description, ...property, enum: values }];
        return [field, '$ref' in property ? { allOf: [property], description } : { description, ...property }];
      }),
    );
    if (required.length > 0) schema.required = required;
    if (kind) schema['x-kubernetes-group-version-kind'] = [{ group: kind.group, kind: kind.kind, version: kind.version }];
  }
}

const COMMON_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'];

function documentOf(server: ApiServer, group: string, version: string): string | undefined {
  const defs = groupsOf(server)
    .find((g) => g.name === group)
    ?.versions.find((v) => v.version === version)?.resources;
  const first = defs?.[0];
  if (!defs || !first) return undefined;
  return server.cached(`openapi ${group}/${version}`, () => {
    const document = new Document(first);
    const paths: Record<string, object> = {};
    const base = group === '' ? '/api/v1' : `/apis/${group}/${version}`;
    for (const def of defs) {
      const custom = server.customSchema(def);
      const gvk = { group: def.group, kind: def.kind, version: def.version };
      if (custom)
        document.schemas[`${group.split('.').reverse().join('.')}.${version}.${def.kind}`] = {
          ...custom,
          'x-kubernetes-group-version-kind': [gvk],
        };
      else if (Object.hasOwn(fields, def.schema)) document.add(def.schema, def);
      const path = `${base}${def.namespaced ? '/namespaces/{namespace}' : ''}/${def.plural}`;
      const operation = {
        'x-kubernetes-group-version-kind': gvk,
        parameters: COMMON_PARAMETERS.map((name) => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } })),
      };
      paths[path] = { get: operation, ...(def.verbs.includes('create') ? { post: operation } : {}) };
      if (def.verbs.includes('patch')) paths[`${path}/{name}`] = { get: operation, put: operation, patch: operation };
    }
    return JSON.stringify({
      openapi: '3.0.0',
      info: { title: 'Kubernetes', version: 'v1.36.3' },
      paths,
      components: { schemas: document.schemas },
    });
  });
}

const hashOf = (server: ApiServer, path: string, generation: number): string =>
  server.cached(`openapi hash ${path}`, () => hex(sha256(`${path} ${generation}`)).toUpperCase());

export function openApi(server: ApiServer, request: RestRequest, path: string): RestResponse | undefined {
  const json = (body: string): RestResponse => ({ status: 200, headers: [['Content-Type', 'application/json']], body });
  if (path === '/openapi/v3') {
    const paths: Record<string, object> = {};
    for (const g of groupsOf(server))
      for (const v of g.versions) {
        const key = g.name === '' ? 'api/v1' : `apis/${g.name}/${v.version}`;
        paths[key] = { serverRelativeURL: `/openapi/v3/${key}?hash=${hashOf(server, key, server.scheme.generation)}` };
      }
    return json(JSON.stringify({ paths }));
  }
  const m = /^\/openapi\/v3\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))$/.exec(path);
  if (!m) return undefined;
  const text = documentOf(server, m[2] ?? '', m[1] ?? (m[3] as string));
  return text === undefined
    ? undefined
    : {
        ...json(text),
        headers: [
          ['Content-Type', 'application/json'],
          ...(parameter(request, 'hash') ? ([['Cache-Control', 'public, immutable']] as const) : []),
        ],
      };
}
