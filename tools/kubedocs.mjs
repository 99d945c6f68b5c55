// Completes src/cluster/api/schema/docs.json: the descriptions that the models of @kubernetes/client-node leave out (fields that are
// objects) and the line ends of the others, from the types of @pulumi/kubernetes (Apache-2.0), made from the same OpenAPI document.
// Use: npm pack @pulumi/kubernetes@4.34.2, unpack it, node tools/kubedocs.mjs package/types/input.d.ts
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const source = process.argv[2];
if (!source || !existsSync(source)) {
  console.error('usage: node tools/kubedocs.mjs PATH-TO-pulumi-kubernetes/types/input.d.ts');
  process.exit(2);
}
const FILE = 'src/cluster/api/schema/docs.json';
const docs = JSON.parse(readFileSync(FILE, 'utf8'));

/** Interface -> its description and its fields', by `group.version.Name`. */
const types = new Map();
const path = [];
let comment = null;
let text = '';
let current = null;
for (const line of readFileSync(source, 'utf8').split('\n')) {
  const s = line.trim();
  if (comment !== null) {
    if (s === '*/') {
      text = comment.join('\n').trim();
      comment = null;
    } else comment.push(s.replace(/^\* ?/, ''));
    continue;
  }
  if (s === '/**') comment = [];
  else if (/^(export declare )?namespace (\w+) \{$/.test(s)) path.push(/namespace (\w+)/.exec(s)[1]);
  else if (/^interface (\w+) \{$/.test(s)) {
    current = { '': text };
    types.set([...path, /interface (\w+)/.exec(s)[1]].join('.'), current);
    text = '';
  } else if (s === '}') {
    if (current) current = null;
    else path.pop();
    text = '';
  } else if (current) {
    const field = /^"?(\$?\w+)"?\??:/.exec(s);
    if (field) {
      current[field[1]] = text;
      text = '';
    }
  }
}

/** What the models say of a field is sometimes what its type says of itself. */
const OF_TYPE = /^(IntOrString is a type that can hold|Time is a wrapper around time\.Time|MicroTime is version of Time)/;
const flat = (s) => s.replace(/\s+/g, ' ').trim();
let filled = 0;
let lines = 0;
for (const [name, fields] of Object.entries(docs)) {
  const m = /^(?:[A-Z][a-z]+)*?(V\d+(?:alpha\d+|beta\d+)?)(\w+)$/.exec(name);
  if (!m) continue;
  const version = m[1].toLowerCase();
  const same = (t) =>
    Object.keys(fields).filter((f) => fields[f] !== '' && t[f] && flat(t[f]).toLowerCase() === flat(fields[f]).toLowerCase()).length;
  const candidates = [...types].filter(([key]) => key.endsWith(`.${version}.${m[2]}`) || (/^meta\./.test(key) && key.endsWith(`.${m[2]}`)));
  const best = candidates.map(([, t]) => [same(t), t]).sort((a, b) => b[0] - a[0])[0];
  if (!best) continue;
  const [, type] = best;
  for (const f of Object.keys(fields)) {
    const found = type[f];
    if (!found) continue;
    if (fields[f] === '' || OF_TYPE.test(fields[f])) {
      fields[f] = found;
      filled++;
    } else if (fields[f] !== found && flat(fields[f]) === flat(found)) {
      fields[f] = found;
      lines++;
    }
  }
}
writeFileSync(FILE, `${JSON.stringify(docs, null, 1)}\n`);
const left = Object.entries(docs).flatMap(([t, fs]) =>
  Object.keys(fs)
    .filter((f) => f !== '' && fs[f] === '')
    .map((f) => `${t}.${f}`),
);
console.log(`${filled} filled, ${lines} with their line ends, ${left.length} still empty`, left.slice(0, 20).join(' '));
