// Writes src/cluster/api/schema/internal.json: fields of the internal pod types (Go name, JSON name of v1, type), in their order.
// Use: node tools/kubeinternal.mjs INTERNAL-TYPES.go V1-TYPES.go, Kubernetes' pkg/apis/core/types.go and k8s.io/api/core/v1/types.go.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [internal, v1] = process.argv.slice(2).map((f) => readFileSync(f, 'utf8'));
const structs = (text) => {
  const out = new Map();
  for (const m of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
    const fields = [];
    for (const line of m[2].split('\n')) {
      const f = /^\t(?:(\w+)\s+)?([\w.*[\]]+)(?:\s+`.*json:"([^",]*)[^"]*".*`)?\s*(?:\/\/.*)?$/.exec(line);
      if (f) fields.push({ name: f[1], type: f[2], json: f[3] });
    }
    out.set(m[1], fields);
  }
  return out;
};
const inner = structs(internal);
const outer = structs(v1);
const named = new Map([...internal.matchAll(/^type (\w+) (string|int32|int64|map\S+)$/gm)].map((m) => [m[1], m[2]]));

/** Field -> JSON name of a v1 struct, its inlined ones included. */
function jsonNames(name) {
  const names = new Map();
  for (const f of outer.get(name) ?? []) {
    if (f.name === undefined) for (const [k, v] of jsonNames(f.type)) names.set(k, v);
    else if (f.json) names.set(f.name, f.json);
  }
  return names;
}
const lower = (s) => s[0].toLowerCase() + s.slice(1);
const table = {};
const queue = ['PodSpec'];
function typeOf(type) {
  if (type.startsWith('*')) return `*${typeOf(type.slice(1))}`;
  if (type.startsWith('[]')) return `[]${typeOf(type.slice(2))}`;
  if (inner.has(type)) {
    queue.push(type);
    return type;
  }
  const base = named.get(type) ?? type;
  if (base === 'string') return 'string';
  if (/^u?int/.test(base)) return 'int';
  if (base === 'bool') return 'bool';
  if (base === 'resource.Quantity') return 'quantity';
  if (base === 'intstr.IntOrString') return 'int';
  return 'any';
}
function flat(name, names) {
  return (inner.get(name) ?? []).flatMap((f) =>
    f.name === undefined ? flat(f.type.replace('*', ''), names) : [[f.name, names.get(f.name) ?? lower(f.name), typeOf(f.type)]],
  );
}
while (queue.length > 0) {
  const name = queue.pop();
  if (table[name]) continue;
  const names = jsonNames(name);
  table[name] = flat(name, names);
  const have = new Set(table[name].map((f) => f[0]));
  const missing = [...names.keys()].filter((n) => !have.has(n));
  // What v1 has and the internal type has no place for yet is newer; what sits elsewhere is known.
  for (const n of missing) if (!/^(Host|ShareProcess|Deprecated)/.test(n)) table[name].push([n, names.get(n), 'any']);
}
writeFileSync(
  join(import.meta.dirname, '../src/cluster/api/schema/internal.json'),
  `{\n${Object.keys(table)
    .sort()
    .map((k) => ` ${JSON.stringify(k)}: ${JSON.stringify(table[k])}`)
    .join(',\n')}\n}\n`,
);
