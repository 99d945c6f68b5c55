/** A cluster file from its text: schema, names that must fit, the reference world that it builds on. Every error names file, line, place and the mend. */

import { Ajv, type ErrorObject } from 'ajv';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { ClusterFile } from './file.ts';
import { CLUSTER_SCHEMA } from './schema.ts';
import { REFERENCE_WORLDS } from './worlds.ts';

export class ClusterFileError extends Error {
  override readonly name = 'ClusterFileError';
}

type Path = readonly (string | number)[];

function mend(e: ErrorObject): string {
  const p = e.params as { additionalProperty?: string; missingProperty?: string; allowedValues?: readonly string[] };
  switch (e.keyword) {
    case 'additionalProperties':
      return `has no field "${p.additionalProperty}"; correct the name or remove it`;
    case 'required':
      return `lacks the field "${p.missingProperty}"; add it`;
    case 'enum':
      return `must be one of ${(p.allowedValues ?? []).join(', ')}`;
    case 'pattern':
      return `${e.message ?? ''}; correct it`;
    default:
      return e.message ?? 'is wrong';
  }
}

let validate: ReturnType<Ajv['compile']> | null = null;

/** YAML or JSON. @throws ClusterFileError listing every fault found, one a line. */
export function readClusterFile(text: string, path: string): ClusterFile {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines });
  const problems: string[] = [];
  const at = (place: Path): string => {
    let node = yaml.contents as Node | null;
    let line = 1;
    for (const key of place) {
      if (isMap(node)) {
        const pair = node.items.find((p) => isScalar(p.key) && String(p.key.value) === String(key));
        if (!pair) break;
        const range = (pair.key as { range?: [number, number, number] }).range;
        if (range) line = lines.linePos(range[0]).line;
        node = pair.value as Node | null;
      } else if (isSeq(node)) {
        node = (node.items[Number(key)] as Node | undefined) ?? null;
        if (node?.range) line = lines.linePos(node.range[0]).line;
      } else break;
    }
    return `${path}:${line}`;
  };
  const say = (place: Path, what: string): void => void problems.push(`${at(place)}: ${place.join('.') || 'the file'} ${what}`);
  const stop = (): void => {
    if (problems.length > 0) throw new ClusterFileError([...new Set(problems)].join('\n'));
  };
  for (const e of yaml.errors) problems.push(`${path}:${e.linePos?.[0].line ?? 1}: ${e.message.split('\n')[0]}`);
  stop();
  const value = yaml.toJS() as ClusterFile & { readonly base?: string };
  validate ??= new Ajv({ allErrors: true, strict: false }).compile(CLUSTER_SCHEMA);
  if (!validate(value))
    for (const e of validate.errors ?? []) if (e.keyword !== 'if') say(e.instancePath.split('/').slice(1).map(decodeURIComponent), mend(e));
  stop();
  const file = merged(value, say);
  stop();
  check(file, say);
  stop();
  return file;
}

function merged(value: ClusterFile & { readonly base?: string }, say: (place: Path, what: string) => void): ClusterFile {
  const { base: id, ...own } = value;
  if (id === undefined) return own;
  const base = REFERENCE_WORLDS.find((w) => w.name === id);
  if (!base) {
    say(['base'], `names "${id}", which is no reference world; there are: ${REFERENCE_WORLDS.map((w) => w.name).join(', ')}`);
    return own;
  }
  return {
    ...base,
    ...own,
    manifests: [...(base.manifests ?? []), ...(own.manifests ?? [])],
    later: [...(base.later ?? []), ...(own.later ?? [])],
    pins: { ...base.pins, ...own.pins },
    faults: [...(base.faults ?? []), ...(own.faults ?? [])],
    terminals: own.terminals ?? base.terminals,
  };
}

/** What a schema cannot say: names that must exist, and be there once. */
function check(file: ClusterFile, say: (place: Path, what: string) => void): void {
  const networks = new Map(file.networks.map((n) => [n.name, 0]));
  const names = new Set<string>();
  const addresses = new Map<string, string>();
  file.machines.forEach((m, i) => {
    if (names.has(m.name)) say(['machines', i, 'name'], `"${m.name}" is taken by an earlier machine; give it a name of its own`);
    names.add(m.name);
    m.interfaces.forEach((card, c) => {
      const place = ['machines', i, 'interfaces', c];
      const used = networks.get(card.network);
      if (used === undefined)
        say([...place, 'network'], `names "${card.network}", which is no network; there are: ${[...networks.keys()].join(', ')}`);
      else networks.set(card.network, used + 1);
      for (const a of card.addresses ?? []) {
        const ip = a.split('/')[0] as string;
        const other = addresses.get(ip);
        if (other !== undefined) say([...place, 'addresses'], `gives ${ip}, which ${other} has; take another one`);
        addresses.set(ip, m.name);
      }
    });
    if (m.kind === 'node' && file.kubernetes && (m.interfaces[0]?.addresses ?? []).length === 0)
      say(['machines', i, 'interfaces'], 'must give a node an address on its first card; add it');
  });
  file.networks.forEach((n, i) => {
    if (n.cable && networks.get(n.name) !== 2) say(['networks', i, 'cable'], `joins exactly two cards; ${networks.get(n.name)} name it`);
  });
  const nodes = file.machines.filter((m) => m.kind === 'node');
  if (file.kubernetes && !nodes.some((m) => m.role === 'control-plane'))
    say(['machines'], 'have no node with role control-plane; give one that role');
  file.faults?.forEach((f, i) => {
    if (!names.has(f.on)) say(['faults', i, 'on'], `names "${f.on}", which is no machine; there are: ${[...names].join(', ')}`);
  });
  file.terminals.forEach((t, i) => {
    if (!t.startsWith('pod ') && !names.has(t))
      say(['terminals', i], `names "${t}", which is no machine; write "pod NAMESPACE/NAME" for a pod`);
  });
}
