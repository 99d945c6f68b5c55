// Writes src/cluster/api/schema/go.json: how the Go types behind the API decode and encode: the struct's name, then its JSON names
// in the order of the source. A name begins with `*` when the field is a pointer (a zero value is then kept), ends with `!` when it is
// written even when empty, and with `:Type` when its scalar or map has a type of its own.
// Use: node tools/kubego.mjs FOLDER, where FOLDER holds GROUP/VERSION/types*.go of k8s.io/api, apimachinery's meta, apiextensions
// and apiregistration, at the release that schema/fields.json describes.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = process.argv[2];
if (!root) {
  console.error('usage: node tools/kubego.mjs FOLDER');
  process.exit(2);
}
const schema = join(import.meta.dirname, '../src/cluster/api/schema');
const fields = JSON.parse(readFileSync(join(schema, 'fields.json'), 'utf8'));

/** group/version -> struct -> [{name, type, flags}] */
const packages = new Map();
function walk(dir, path) {
  for (const entry of readdirSync(dir).sort()) {
    const full = join(dir, entry);
    if (statSync(full).isDirectory()) walk(full, path ? `${path}/${entry}` : entry);
    else if (/^types.*\.go$/.test(entry) && !entry.includes('swagger')) parse(readFileSync(full, 'utf8'), path);
  }
}
function parse(text, path) {
  const pkg = packages.get(path) ?? { structs: new Map(), named: new Map() };
  packages.set(path, pkg);
  for (const m of text.matchAll(/^(?:type )?\t?(\w+) struct \{\n([\s\S]*?)^\t?\}/gm)) {
    const list = [];
    for (const line of m[2].split('\n')) {
      const f = /^\s*(?:(\w+)\s+)?([\w.*[\]]+)\s+`(?:.*\s)?json:"([^"]*)"/.exec(line);
      if (!f) continue;
      const [name, ...opts] = f[3].split(',');
      list.push({ name, type: f[2], opts });
    }
    pkg.structs.set(m[1], list);
  }
  for (const m of text.matchAll(/^type (\w+) (string|int32|int64|map\[[\w.]+\][\w.[\]]+|\[\][\w.]+)$/gm)) pkg.named.set(m[1], m[2]);
}
walk(root, '');

const SCALAR = /^(string|int32|int64|int|bool|uint8|float64|byte|\[\]byte)$/;
/** Fields of a struct with those of its inlined ones. */
function flat(path, name, depth = 0) {
  const pkg = packages.get(path);
  const list = pkg?.structs.get(name);
  if (!list || depth > 5) return undefined;
  const out = [];
  for (const f of list) {
    if (f.name === '' && f.opts.includes('inline')) {
      const base = f.type.replace(/^\*/, '');
      if (base === 'metav1.TypeMeta' || base === 'TypeMeta')
        out.push({ name: 'kind', type: 'string', opts: ['omitempty'] }, { name: 'apiVersion', type: 'string', opts: ['omitempty'] });
      else {
        const [a, b] = base.includes('.') ? base.split('.') : [undefined, base];
        const where = a === undefined ? path : a === 'v1' || a === 'corev1' ? 'core/v1' : 'meta/v1';
        out.push(...(flat(where, b, depth + 1) ?? []));
      }
    } else if (f.name && f.name !== '-') out.push({ ...f, path });
  }
  return out;
}

const result = {};
const missing = [];
for (const key of Object.keys(fields)) {
  const version = /V\d$|V\d(?=[A-Z])/.exec(key)?.[0].toLowerCase() ?? 'v1';
  const bare = key.replace(/^([A-Z][a-z]+)?V\d/, '');
  const prefix = /^([A-Z][a-z]+)V\d/.exec(key)?.[1]?.toLowerCase();
  const names = Object.keys(fields[key]);
  let best;
  for (const [path] of packages) {
    if (!path.endsWith(version) && !path.startsWith('meta/')) continue;
    if (prefix && !path.startsWith(prefix)) continue;
    for (const candidate of [bare, bare.replace(/^(Core|Events)/, '')]) {
      const list = flat(path, candidate);
      if (!list) continue;
      const known = new Set(list.map((f) => f.name));
      const score = names.filter((n) => known.has(n)).length - list.filter((f) => !names.includes(f.name)).length;
      if (!best || score > best.score) best = { score, list, candidate, path };
    }
  }
  if (!best || best.score < names.length - 2) {
    missing.push(key);
    continue;
  }
  const words = [best.candidate];
  for (const f of best.list) {
    if (!names.includes(f.name)) continue;
    const pointer = f.type.startsWith('*');
    const type = f.type.replace(/^\*/, '');
    const base = fields[key][f.name].replace('!', '');
    // encoding/json never leaves a struct out for omitempty, and times, quantities and int-or-strings are structs.
    const struct = !pointer && (base in fields || /date-time|micro-time|int-or-string/.test(base) || type === 'resource.Quantity');
    const always = !f.opts.includes('omitzero') && (struct || !f.opts.includes('omitempty'));
    const owner = packages.get(f.path ?? best.path);
    let named = '';
    const local = type.includes('.') ? undefined : owner?.named.get(type);
    if (local !== undefined) named = `v1.${type}`;
    else if (type === 'v1.ResourceList' || type === 'corev1.ResourceList') named = 'v1.ResourceList';
    else if (type.includes('.') && packages.get('core/v1').named.has(type.split('.')[1])) named = `v1.${type.split('.')[1]}`;
    else if (type.includes('types.UID')) named = 'types.UID';
    else if (type === 'resource.Quantity') named = 'resource.Quantity';
    else if (/^\[\]/.test(type) && owner?.named.has(type.slice(2))) named = `[]v1.${type.slice(2)}`;
    else if (!SCALAR.test(type) && /^map\[/.test(type) && type !== 'map[string]string') named = type;
    if (version === 'v2') named = named.replace('v1.', 'v2.');
    words.push(`${pointer ? '*' : ''}${f.name}${always ? '!' : ''}${named ? `:${named}` : ''}`);
  }
  result[key] = words.join(' ');
}
const lines = Object.entries(result).map(([k, v]) => ` ${JSON.stringify(k)}: ${JSON.stringify(v)}`);
writeFileSync(join(schema, 'go.json'), `{\n${lines.join(',\n')}\n}\n`);
console.log(`${lines.length} types, without: ${missing.join(' ')}`);
