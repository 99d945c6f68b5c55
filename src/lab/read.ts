/** lab.yaml to a LabSource: parameters, JSON Schema, cross references, defaults. Every error names file, line, field and the mend. */

import { Ajv, type ErrorObject } from 'ajv';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { hex, sha256 } from '../cluster/sha256.ts';
import { KINDS, kindOf, withNested } from './check/index.ts';
import type { Check, Decoy, Hint, Lab, LabSource, Parameter, Preparation, Script, Task } from './lab.ts';
import { drawValues, instantiate, ParameterError, substitute } from './parameters.ts';

export class LabError extends Error {
  override readonly name = 'LabError';
}

export interface LabFiles {
  readonly id: string;
  /** Path of lab.yaml as errors print it. */
  readonly path: string;
  readonly yaml: string;
  readonly solution: string | undefined;
  readonly alternatives: readonly Script[];
  readonly decoys: readonly Script[];
  /** Text by name in files/. */
  readonly files: Readonly<Record<string, string>>;
}

type Path = readonly (string | number)[];
type RawCheck = Record<string, unknown>;

interface Document extends Omit<Lab, 'tasks' | 'setup' | 'faults' | 'place' | 'decoys'> {
  parameters?: Record<string, Parameter>;
  setup?: string | Preparation[];
  faults?: Preparation[];
  place?: Lab['place'];
  tasks: {
    id: string;
    title: string;
    text: string;
    weight?: number;
    needs?: string[];
    hints: (string | Hint)[];
    checks: RawCheck[];
  }[];
  decoys?: Record<string, string[]>;
}

/** What opening the three levels of hints costs when the lab does not say: shares of the task's weight. */
const HINT_COSTS = [0, 0.1, 0.25];
/** The seeds whose values are tried on the schema: what one learner in a few would stumble over is found at once. */
const TRIED_SEEDS = [1, 2, 3];

/** @throws LabError listing every fault found, one a line. */
export function readLab(files: LabFiles, schema: object): LabSource {
  const lines = new LineCounter();
  const yaml = parseDocument(files.yaml, { lineCounter: lines });
  const problems: string[] = [];
  const at = (path: Path): string => `${files.path}:${lineOf(yaml.contents as Node | null, lines, path)}`;
  const stop = (): never => {
    throw new LabError([...new Set(problems)].join('\n'));
  };
  for (const e of yaml.errors) problems.push(`${files.path}:${e.linePos?.[0].line ?? 1}: ${e.message.split('\n')[0]}`);
  if (problems.length > 0) stop();
  const document = (yaml.toJS({ maxAliasCount: 100 }) ?? {}) as Document;

  const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(schema);
  const parameters = document.parameters ?? {};
  for (const seed of TRIED_SEEDS) {
    let tried: unknown = document;
    try {
      if (typeof parameters === 'object' && Object.values(parameters).every((p) => typeof p === 'object' && p !== null))
        tried = { ...substitute({ ...document, parameters: {} }, drawValues(files.id, parameters, seed)), parameters };
    } catch (e) {
      if (!(e instanceof ParameterError)) throw e;
      problems.push(`${at(e.path)}: ${e.path.join('.') || 'the lab'}: ${e.message}`);
    }
    if (!validate(tried)) {
      for (const e of validate.errors ?? []) {
        if (e.keyword === 'anyOf' || e.keyword === 'oneOf') continue;
        const path = e.instancePath.split('/').slice(1).map(decodeURIComponent);
        problems.push(`${at(path)}: ${path.join('.') || 'the lab'} ${mend(e)}`);
      }
      if (problems.length === 0) problems.push(`${files.path}:1: the lab does not fit the schema`);
    }
    if (problems.length > 0) stop();
  }

  const tasks = readTasks(document, at, problems);
  const checks = tasks.flatMap((t) => t.checks);
  if (files.solution === undefined) problems.push(`${files.path}: no solution.sh beside it; write the script that solves the lab`);
  const aims = document.decoys ?? {};
  const decoys: Decoy[] = files.decoys.map((d) => ({ ...d, fails: aims[d.name] ?? [] }));
  for (const d of files.decoys)
    if (!(d.name in aims))
      problems.push(`${at(['decoys'])}: decoys does not say which checks decoys/${d.name}.sh must fail; add "${d.name}: [check, …]"`);
  for (const [name, fails] of Object.entries(aims)) {
    if (!files.decoys.some((d) => d.name === name))
      problems.push(`${at(['decoys', name])}: decoys.${name} has no file decoys/${name}.sh; write it or drop the line`);
    for (const id of fails)
      if (!checks.some((c) => c.id === id))
        problems.push(`${at(['decoys', name])}: decoys.${name} names "${id}", which is no check of this lab`);
  }
  (document['holds-at-start'] ?? []).forEach((id, i) => {
    if (!checks.some((c) => c.id === id))
      problems.push(`${at(['holds-at-start', i])}: holds-at-start names "${id}", which is no check of this lab; correct or drop it`);
  });
  (document.place ?? []).forEach((p, i) => {
    if (!(p.from in files.files))
      problems.push(`${at(['place', i, 'from'])}: place.${i}.from names "${p.from}", which is not in files/; write it or correct the name`);
  });
  if (problems.length > 0) stop();

  const { decoys: _aims, tasks: _raw, setup, faults, place, parameters: _parameters, ...rest } = document;
  const body: Omit<LabSource, 'contentHash'> = {
    ...rest,
    id: files.id,
    parameters,
    setup: typeof setup === 'string' ? [{ on: document.hosts[0] as string, run: setup }] : (setup ?? []),
    faults: faults ?? [],
    place: place ?? [],
    tasks,
    files: files.files,
    solution: files.solution as string,
    alternatives: files.alternatives,
    decoys,
  };
  const source: LabSource = { ...body, contentHash: hashOf(body) };
  for (const seed of TRIED_SEEDS) findFaults(source, seed, at, problems);
  if (problems.length > 0) stop();
  return source;
}

function readTasks(document: Document, at: (path: Path) => string, problems: string[]): Task[] {
  const ids = new Set<string>();
  const disturbing = new Set<string>();
  const taskIds = new Set<string>();
  return document.tasks.map((task, t) => {
    for (const need of task.needs ?? [])
      if (!taskIds.has(need))
        problems.push(
          `${at(['tasks', t, 'needs'])}: tasks.${t}.needs names "${need}", which is no earlier task; move it below that task or correct the name`,
        );
    if (taskIds.has(task.id))
      problems.push(`${at(['tasks', t, 'id'])}: tasks.${t}.id "${task.id}" is taken by an earlier task; give it a name of its own`);
    taskIds.add(task.id);
    const checks = task.checks.flatMap((raw, c) => {
      const where = ['tasks', t, 'checks', c];
      const check = readCheck(raw, where, at, problems);
      if (!check) return [];
      const { id } = check;
      if (ids.has(id))
        problems.push(`${at([...where, 'id'])}: ${where.join('.')}.id "${id}" is taken by an earlier check; give it a name of its own`);
      const disturbs = kindOf(check).disturbs ?? false;
      for (const need of check.needs) {
        const place = `${at([...where, 'needs'])}: ${where.join('.')}.needs names "${need}"`;
        if (!ids.has(need)) problems.push(`${place}, which is no earlier check; move it below that check or correct the name`);
        else if (disturbing.has(need) && !disturbs) problems.push(`${place}, which changes the world and so runs later; drop the need`);
      }
      ids.add(id);
      if (disturbs) disturbing.add(id);
      return [check];
    });
    const hints = task.hints.map((h, level) => (typeof h === 'string' ? { text: h, cost: HINT_COSTS[level] ?? 0 } : h));
    return { id: task.id, title: task.title, text: task.text, weight: task.weight ?? 1, needs: task.needs ?? [], hints, checks };
  });
}

/** A check with its kind's defaults, and so the checks nested in it. */
function readCheck(raw: RawCheck, where: Path, at: (path: Path) => string, problems: string[]): Check | null {
  const kinds = KINDS.filter((k) => k.kind in raw);
  const [kind] = kinds;
  if (kind === undefined || kinds.length !== 1) {
    const known = KINDS.map((k) => k.kind).join(', ');
    problems.push(
      `${at(where)}: ${where.join('.')} must have exactly one of ${known}; it has ${kinds.map((k) => k.kind).join(' and ') || 'none'}`,
    );
    return null;
  }
  const own = { ...kind.defaults, ...(raw[kind.kind] as object) } as Record<string, unknown>;
  for (const field of kind.nested ?? []) {
    const list = own[field];
    if (Array.isArray(list))
      own[field] = list.map((inner, i) =>
        readCheck({ id: `${raw.id ?? 'part'}-${i + 1}`, title: '', ...inner }, [...where, kind.kind, field, i], at, problems),
      );
  }
  return {
    ...own,
    kind: kind.kind,
    id: raw.id as string,
    title: raw.title as string,
    weight: (raw.weight as number | undefined) ?? 1,
    needs: (raw.needs as string[] | undefined) ?? [],
    informational: raw.informational === true,
  };
}

/** What a kind finds wrong in a check, and parameters that texts outside the schema name in vain. */
function findFaults(source: LabSource, seed: number, at: (path: Path) => string, problems: string[]): void {
  let lab: Lab;
  try {
    lab = instantiate(source, seed);
  } catch (e) {
    if (!(e instanceof ParameterError)) throw e;
    problems.push(`${at(e.path)}: ${e.path.join('.')}: ${e.message}`);
    return;
  }
  lab.tasks.forEach((task, t) => {
    task.checks.forEach((check, c) => {
      for (const part of withNested(check))
        for (const { field, problem } of kindOf(part.check).faults?.(part.check, lab) ?? []) {
          const where = ['tasks', t, 'checks', c, ...part.where, ...field.split('.')];
          problems.push(`${at(where)}: ${where.join('.')} ${problem}`);
        }
    });
  });
}

/** Two hashes: over what decides how a log runs, and over what decides how it is judged; the first tells whether a log can be judged anew. */
function hashOf(lab: Omit<LabSource, 'contentHash'>): string {
  const { id, world, overrides, hosts, parameters, setup, faults, place, files, commands, limit, service } = lab;
  const tasks = lab.tasks.map(({ id, weight, needs, hints, checks }) => ({ id, weight, needs, costs: hints.map((h) => h.cost), checks }));
  const runs = { id, world, overrides, hosts, parameters, setup, faults, place, files, commands, limit, service };
  return [runs, tasks].map((part) => hex(sha256(JSON.stringify(part))).slice(0, 16)).join('-');
}

function lineOf(root: Node | null, lines: LineCounter, path: Path): number {
  let node = root;
  let line = 1;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((p) => isScalar(p.key) && String(p.key.value) === String(key));
      if (!pair) break;
      const range = (pair.key as { range?: [number, number, number] }).range;
      if (range) line = lines.linePos(range[0]).line;
      node = pair.value as Node | null;
    } else if (isSeq(node)) node = (node.items[Number(key)] as Node | undefined) ?? null;
    else break;
    if (node?.range) line = isScalar(node) ? line : Math.max(line, lines.linePos(node.range[0]).line);
  }
  return line;
}

function mend(e: ErrorObject): string {
  const p = e.params as Record<string, unknown>;
  if (e.keyword === 'additionalProperties') return `has no field "${p.additionalProperty}"; correct the name or remove it`;
  if (e.keyword === 'required') return `lacks the field "${p.missingProperty}"; add it`;
  if (e.keyword === 'enum') return `must be one of ${(p.allowedValues as unknown[]).join(', ')}`;
  if (e.keyword === 'type') return `must be of type ${p.type}`;
  return e.message ?? 'is wrong';
}
