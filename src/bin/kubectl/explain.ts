/** kubectl explain from the server's OpenAPI v3 documents. Models kubectl/pkg/explain/v2/templates/plaintext.tmpl */

import type { Task } from '../../os/program.ts';
import { exitWith, Failure, failure } from './errors.ts';
import { SUGGEST_API_RESOURCES } from './get.ts';
import { goValue } from './gofmt.ts';
import { wordWrap } from './help.ts';
import { isObject, type Json, type JsonObject, list, obj, sortedKeys, str } from './json.ts';
import { type Mapping, parseJson } from './rest.ts';
import { quote } from './strconv.ts';
import type { Ctx, Verb } from './verb.ts';

const MAX_DEPTH = 64;
const indent = (n: number, text: string): string => ' '.repeat(n) + text.replaceAll('\n', `\n${' '.repeat(n)}`);

class Explainer {
  private readonly document: JsonObject;
  private readonly recursive: boolean;
  private readonly maxDepth: number;

  constructor(document: JsonObject, recursive: boolean, maxDepth: number) {
    this.document = document;
    this.recursive = recursive;
    this.maxDepth = maxDepth;
  }

  schemaOf(m: Mapping): JsonObject | null {
    for (const schema of Object.values(obj(this.document, 'components', 'schemas'))) {
      if (!isObject(schema)) continue;
      const kinds = list(schema, 'x-kubernetes-group-version-kind');
      if (kinds.some((k) => str(k, 'group') === m.group && str(k, 'kind') === m.kind && str(k, 'version') === m.version)) return schema;
    }
    return null;
  }

  private resolve(schema: JsonObject): JsonObject {
    const ref = str(schema, '$ref');
    if (ref === '') return schema;
    const found = obj(this.document, 'components', 'schemas', ref.slice(ref.lastIndexOf('/') + 1));
    return sortedKeys(found).length > 0 ? found : schema;
  }

  /** The value type of a map. */
  private additional(schema: JsonObject): JsonObject | null {
    return isObject(schema.additionalProperties) ? schema.additionalProperties : null;
  }

  /** Null when the path leads nowhere. */
  output(schema: JsonObject, path: readonly string[], history: readonly string[] = [], depth = 0): string | null {
    if (depth > MAX_DEPTH) return null;
    const ref = str(schema, '$ref');
    const resolved = this.resolve(schema);
    const [first, ...rest] = path;
    if (first === undefined) {
      const text = this.description(resolved) || '<empty>';
      const fields = this.fields(resolved, 1, []);
      return `DESCRIPTION:\n${indent(4, wordWrap(text, 76))}\n${this.docs(resolved, 76, 0)}${fields === '' ? '' : `FIELDS:\n${fields}`}`;
    }
    if (ref !== '' && history.includes(ref)) return null;
    const seen = [...history, ref];
    const property = obj(resolved, 'properties')[first];
    if (isObject(property)) {
      const head = rest.length === 0 ? `FIELD: ${first} <${this.type(property)}>\n${this.enumeration(property, true, -1, 0)}\n\n` : '';
      const below = this.output(property, rest, [], depth + 1);
      return below === null ? null : head + below;
    }
    if (isObject(resolved.items)) return this.output(resolved.items, path, seen, depth + 1);
    const values = this.additional(resolved);
    if (values) return this.output(values, path, seen, depth + 1);
    for (const sub of list(resolved, 'allOf').filter(isObject)) {
      const text = this.output(sub as JsonObject, path, seen, depth + 1);
      if (text !== null) return text;
    }
    return null;
  }

  private description(schema: JsonObject, depth = 0): string {
    if (depth > MAX_DEPTH) return '';
    const s = this.resolve(schema);
    const own = str(s, 'description');
    const parts = [
      own === '' ? '' : `${own}\n`,
      ...list(s, 'allOf')
        .filter(isObject)
        .map((x) => this.description(x as JsonObject, depth + 1)),
    ];
    if (isObject(s.items)) parts.push(this.description(s.items, depth + 1));
    const values = this.additional(s);
    if (values) parts.push(this.description(values, depth + 1));
    return parts.join('');
  }

  private docs(schema: JsonObject, width: number, pad: number): string {
    if (!isObject(schema.externalDocs)) return '';
    const text = str(schema, 'externalDocs', 'description');
    const url = str(schema, 'externalDocs', 'url');
    return `\n${indent(pad, 'EXTERNAL DOCS:')}\n${text === '' ? '' : `${indent(pad + 4, wordWrap(text, width))}\n`}${url === '' ? '' : `${indent(pad + 4, `URL: ${url}`)}\n`}`;
  }

  /** `[]Object`, `map[string]string`, the name of a kind. */
  private type(schema: JsonObject, depth = 0): string {
    if (depth > MAX_DEPTH) return 'Object';
    if (isObject(schema.items)) return `[]${this.type(schema.items, depth + 1)}`;
    const values = this.additional(schema);
    if (values) return `map[string]${this.type(values, depth + 1)}`;
    const all = list(schema, 'allOf');
    if (all.length === 1 && schema.properties === undefined) return this.type(obj(all[0]), depth + 1);
    const ref = str(schema, '$ref');
    const type = str(ref === '' ? schema : this.resolve(schema), 'type');
    if (ref !== '') return type === '' || type === 'object' ? ref.split(/[/.]/).at(-1) || 'Object' : type;
    return type === '' || type === 'object' ? 'Object' : type;
  }

  private enumeration(schema: JsonObject, long: boolean, limit: number, pad: number): string {
    const all = list(schema, 'enum');
    if (all.length === 0) return '';
    const shown = (v: Json): string => (v === '' ? '""' : goValue(v));
    if (long) return `ENUM:${all.map((v) => `\n    ${shown(v)}`).join('')}`;
    const cut = limit > -1 && all.length > limit;
    return `\n${' '.repeat(pad)}enum: ${all
      .slice(0, cut ? limit : undefined)
      .map(shown)
      .join(', ')}${cut ? ', ....' : ''}`;
  }

  private fields(schema: JsonObject, level: number, history: readonly string[]): string {
    const ref = str(schema, '$ref');
    if (level > MAX_DEPTH || history.length > MAX_DEPTH || (ref !== '' && history.includes(ref))) return '';
    const seen = [...history, ref];
    const s = this.resolve(schema);
    const properties = obj(s, 'properties');
    const required = list(s, 'required').map(String);
    let out = '';
    for (const name of sortedKeys(properties)) {
      const field = obj(properties, name);
      const pad = level * 2;
      out += `${indent(pad, name)}\t<${this.type(field)}>${required.includes(name) ? ' -required-' : ''}${this.enumeration(field, false, 4, pad)}\n`;
      if (!this.recursive)
        out += `${indent(pad + 2, wordWrap(str(field, 'description') || '<no description>', 78 - pad))}\n${this.docs(field, 76 - pad, pad + 2)}\n`;
      if (this.recursive && (this.maxDepth === 0 || level < this.maxDepth)) out += this.fields(field, level + 1, seen);
    }
    for (const sub of list(s, 'allOf').filter(isObject)) out += this.fields(sub as JsonObject, level, seen);
    if (isObject(s.items)) out += this.fields(s.items, level, seen);
    const values = this.additional(s);
    if (values) out += this.fields(values, level, seen);
    return out;
  }
}

/** The resource that the dotted word begins with, and the fields behind it. */
function* parse(ctx: Ctx, word: string): Task<{ mapping: Mapping; fields: readonly string[] } | Failure> {
  const parts = word.replace(/\.$/, '').split('.');
  for (let n = parts.length; n > 1; n--) {
    const found = yield* ctx.mapper.look(parts.slice(0, n).join('.'));
    if (found instanceof Failure) return found;
    if (found && parts.slice(1, n).join('.').includes(found.group) && found.group !== '') return { mapping: found, fields: parts.slice(n) };
  }
  const found = yield* ctx.mapper.find(parts[0] as string);
  if (found instanceof Failure) return found.tag === 'no-match' ? exitWith(1, found.message) : found;
  return { mapping: found, fields: parts.slice(1) };
}

export const explainVerb: Verb = {
  name: 'explain',
  use: 'explain TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] [-o|--output=plaintext|plaintext-openapiv2]',
  short: 'Get documentation for a resource',
  long: `Describe fields and structure of various resources.

 This command describes the fields associated with each supported API resource. Fields are identified via a simple JSONPath identifier:

        <type>.<fieldName>[.<fieldName>]

 Information about each field is retrieved from the server in OpenAPI format.

${SUGGEST_API_RESOURCES}`,
  example: `# Get the documentation of the resource and its fields
kubectl explain pods

# Get all the fields in the resource
kubectl explain pods --recursive

# Get the explanation for deployment in supported api versions
kubectl explain deployments --api-version=apps/v1

# Get the documentation of a specific field of a resource
kubectl explain pods.spec.containers

# Get the documentation of resources in different format
kubectl explain deployment --output=plaintext-openapiv2`,
  flags: [
    { name: 'api-version', type: 'string', usage: 'Use given api-version (group/version) of the resource.' },
    { name: 'max-depth', type: 'int', usage: 'Maximum depth of recursion when --recursive is set. 0 means unlimited.' },
    {
      name: 'output',
      short: 'o',
      type: 'string',
      def: 'plaintext',
      usage: 'Format in which to render the schema. Valid values are: (plaintext, plaintext-openapiv2).',
    },
    {
      name: 'recursive',
      type: 'bool',
      usage: 'When true, print the name of all the fields recursively. Otherwise, print the available fields with their description.',
    },
  ],
  *run(ctx) {
    if (ctx.args.length === 0) return failure(`You must specify the type of resource to explain. ${SUGGEST_API_RESOURCES}\n`);
    if (ctx.args.length > 1) return failure('We accept only this format: explain RESOURCE\n');
    if (ctx.int('max-depth') > 0 && !ctx.bool('recursive')) return failure('--max-depth requires --recursive');
    if (ctx.int('max-depth') < 0) return failure('--max-depth must be non-negative');
    const target = yield* parse(ctx, ctx.args[0] as string);
    if (target instanceof Failure) return target;
    const output = ctx.str('output');
    if (output === 'plaintext-openapiv2') return failure('kubectl: option --output=plaintext-openapiv2 is not emulated');
    let { mapping } = target;
    const wanted = ctx.str('api-version');
    if (wanted !== '') {
      const [a, b] = wanted.split('/') as [string, string | undefined];
      mapping = { ...mapping, group: b === undefined ? '' : a, version: b ?? a };
    }
    const paths = yield* ctx.rest.json('GET', '/openapi/v3', { query: { timeout: '32s' } });
    if (paths instanceof Failure) return paths;
    const key = mapping.group === '' ? `api/${mapping.version}` : `apis/${mapping.group}/${mapping.version}`;
    const url = str(paths, 'paths', key, 'serverRelativeURL');
    if (url === '')
      return failure(`couldn't find resource for ${quote(`${mapping.group}/${mapping.version}, Resource=${mapping.resource}`)}`);
    const answer = yield* ctx.rest.request('GET', url);
    if (answer instanceof Failure) return answer;
    const document = parseJson(new TextDecoder().decode(answer.body));
    if (!isObject(document)) return failure(`failed to parse openapi schema for ${key}: unexpected end of JSON input`);
    if (output !== 'plaintext') return failure(`unrecognized format: ${output}`);
    const explainer = new Explainer(document, ctx.bool('recursive'), ctx.int('max-depth'));
    const schema = explainer.schemaOf(mapping);
    if (!schema) return failure(`GVR (${mapping.group}/${mapping.version}, Resource=${mapping.resource}) not found in OpenAPI schema`);
    const text = explainer.output(schema, target.fields);
    if (text === null) return failure(`field ${quote(target.fields.at(-1) ?? '')} does not exist`);
    yield* ctx.out(
      `${mapping.group === '' ? '' : `GROUP:      ${mapping.group}\n`}KIND:       ${mapping.kind}\nVERSION:    ${mapping.version}\n\n${text}\n`,
    );
    return 0;
  },
};
