/** lab.yaml to a Lab: JSON Schema, cross references, defaults. Every error names file, line, field and the mend. */

import { Ajv, type ErrorObject } from 'ajv';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { hex, sha256 } from '../cluster/sha256.ts';
import type { Check, Decoy, Lab, Script, Task } from './lab.ts';

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
}

interface Document {
  title: string;
  level: Lab['level'];
  minutes: number;
  world: string;
  story: string;
  hosts: string[];
  setup?: string;
  tasks: { id: string; title: string; text: string; weight?: number; hints: string[]; checks: Record<string, unknown>[] }[];
  decoys?: Record<string, string[]>;
}

const KINDS = ['ping', 'http', 'unchanged', 'address'] as const;
const DEFAULTS: Record<(typeof KINDS)[number], Record<string, unknown>> = {
  ping: { size: 56, df: false, expect: 'reply' },
  http: { expect: 200 },
  unchanged: {},
  address: { expect: 'present' },
};

/** @throws LabError listing every fault found, one a line. */
export function readLab(files: LabFiles, schema: object): Lab {
  const lines = new LineCounter();
  const yaml = parseDocument(files.yaml, { lineCounter: lines });
  const problems: string[] = [];
  const at = (path: readonly (string | number)[]): string => {
    let node: Node | null = yaml.contents as Node | null;
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
    return `${files.path}:${line}`;
  };
  for (const e of yaml.errors) problems.push(`${files.path}:${e.linePos?.[0].line ?? 1}: ${e.message.split('\n')[0]}`);
  if (problems.length > 0) throw new LabError(problems.join('\n'));
  const value = yaml.toJS() as Document;
  const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(schema);
  if (!validate(value)) {
    for (const e of validate.errors ?? []) {
      const path = e.instancePath.split('/').slice(1).map(decodeURIComponent);
      problems.push(`${at(path)}: ${path.join('.') || 'the lab'} ${mend(e)}`);
    }
    throw new LabError([...new Set(problems)].join('\n'));
  }

  const ids = new Set<string>();
  const tasks: Task[] = value.tasks.map((task, t) => ({
    id: task.id,
    title: task.title,
    text: task.text,
    weight: task.weight ?? 1,
    hints: task.hints,
    checks: task.checks.map((check, c) => {
      const where = ['tasks', t, 'checks', c];
      const kinds = KINDS.filter((k) => k in check);
      const [kind] = kinds;
      if (kind === undefined || kinds.length !== 1) {
        problems.push(
          `${at(where)}: ${where.join('.')} must have exactly one of ${KINDS.join(', ')}; it has ${kinds.join(' and ') || 'none'}`,
        );
        return {} as Check;
      }
      const id = check.id as string;
      if (ids.has(id))
        problems.push(`${at([...where, 'id'])}: ${where.join('.')}.id "${id}" is taken by an earlier check; give it a name of its own`);
      const needs = (check.needs as string[] | undefined) ?? [];
      for (const need of needs)
        if (!ids.has(need))
          problems.push(
            `${at([...where, 'needs'])}: ${where.join('.')}.needs names "${need}", which is no earlier check; move it below that check or correct the name`,
          );
      ids.add(id);
      return { id, title: check.title, needs, kind, ...DEFAULTS[kind], ...(check[kind] as object) } as unknown as Check;
    }),
  }));
  if (files.solution === undefined) problems.push(`${files.path}: no solution.sh beside it; write the script that solves the lab`);
  const aims = value.decoys ?? {};
  const decoys: Decoy[] = files.decoys.map((d) => ({ ...d, fails: aims[d.name] ?? [] }));
  for (const d of files.decoys)
    if (!(d.name in aims))
      problems.push(`${at(['decoys'])}: decoys does not say which checks decoys/${d.name}.sh must fail; add "${d.name}: [check, …]"`);
  for (const [name, fails] of Object.entries(aims)) {
    if (!files.decoys.some((d) => d.name === name))
      problems.push(`${at(['decoys', name])}: decoys.${name} has no file decoys/${name}.sh; write it or drop the line`);
    for (const id of fails)
      if (!ids.has(id)) problems.push(`${at(['decoys', name])}: decoys.${name} names "${id}", which is no check of this lab`);
  }
  if (problems.length > 0) throw new LabError(problems.join('\n'));

  const body = {
    id: files.id,
    title: value.title,
    level: value.level,
    minutes: value.minutes,
    world: value.world,
    story: value.story,
    hosts: value.hosts,
    setup: value.setup ?? '',
    tasks,
    solution: files.solution as string,
    alternatives: files.alternatives,
    decoys,
  };
  const graded = {
    id: body.id,
    world: body.world,
    setup: body.setup,
    tasks: tasks.map(({ id, weight, checks }) => ({ id, weight, checks })),
  };
  return { ...body, contentHash: hex(sha256(JSON.stringify(graded))).slice(0, 16) };
}

function mend(e: ErrorObject): string {
  const p = e.params as Record<string, unknown>;
  if (e.keyword === 'additionalProperties') return `has no field "${p.additionalProperty}"; correct the name or remove it`;
  if (e.keyword === 'required') return `lacks the field "${p.missingProperty}"; add it`;
  if (e.keyword === 'enum') return `must be one of ${(p.allowedValues as unknown[]).join(', ')}`;
  if (e.keyword === 'type') return `must be of type ${p.type}`;
  return e.message ?? 'is wrong';
}
