/** What an importer makes of a foreign scenario: the files of a lab folder, and what it could not carry over. */

import { forEachChild, parse, type SyntaxNode } from 'unbash';
import { stringify } from 'yaml';
import { commands } from '../../../bin/index.ts';
import { SYNOPSES } from '../../../bin/sh/builtins/synopses.ts';

export class ImportError extends Error {
  override readonly name = 'ImportError';
}

/** A foreign scenario's folder: text by path. */
export type Folder = ReadonlyMap<string, string>;

export interface DraftTask {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly needs?: readonly string[];
  readonly hints: readonly string[];
  /** bash whose exit code says whether the task is done. */
  readonly verify: { readonly on: string; readonly run: string };
}

export interface Draft {
  readonly id: string;
  readonly title: string;
  readonly level: 'beginner' | 'intermediate' | 'advanced';
  readonly minutes: number;
  readonly world: string;
  readonly story: string;
  readonly hosts: readonly string[];
  readonly setup: readonly { readonly on: string; readonly run: string }[];
  readonly place: readonly { readonly from: string; readonly on: string; readonly to: string }[];
  readonly files: Readonly<Record<string, string>>;
  readonly tasks: readonly DraftTask[];
  readonly solution: string;
  readonly notes: string;
  /** What could not be carried over, a sentence each that begins with the place. */
  readonly losses: readonly string[];
}

/** `Deploy a Pod!` -> `deploy-a-pod`, unlike any of `taken`. */
export function slug(text: string, taken: ReadonlySet<string> = new Set()): string {
  const base =
    text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^[^a-z]+|-+$/g, '')
      .slice(0, 40) || 'task';
  for (let i = 1; ; i++) {
    const name = i === 1 ? base : `${base}-${i}`;
    if (!taken.has(name)) return name;
  }
}

/** Braces that a lab would take for a parameter. */
export const inert = (text: string): string => text.replace(/\{\{(?=\s*[a-z])/g, '{ {');

/** Programs that a script starts and the emulator does not have. */
export function missingPrograms(script: string): string[] {
  const known = new Set([...commands.map((c) => c.name), ...SYNOPSES.map(([name]) => name)]);
  const named = new Set<string>();
  const defined = new Set<string>();
  let budget = 100_000;
  const walk = (node: SyntaxNode): void => {
    if (budget-- <= 0) return;
    if (node.type === 'Function') defined.add((node as { name?: { value?: string } }).name?.value ?? '');
    if (node.type === 'Command') {
      const name = (node as { name?: { value?: string } }).name?.value;
      if (name !== undefined && /^[\w./-]+$/.test(name)) named.add(name.split('/').pop() as string);
    }
    forEachChild(node, walk);
  };
  try {
    walk(parse(script) as unknown as SyntaxNode);
  } catch {
    return [];
  }
  return [...named].filter((n) => !known.has(n) && !defined.has(n)).sort();
}

/** The files of the lab's folder, by path. */
export function draftFiles(draft: Draft): Map<string, string> {
  const { id: _, files, solution, losses: _losses, tasks, ...rest } = draft;
  const document = {
    ...rest,
    setup: draft.setup.length > 0 ? draft.setup : undefined,
    place: draft.place.length > 0 ? draft.place : undefined,
    notes: draft.notes || undefined,
    tasks: tasks.map((task) => ({
      id: task.id,
      title: task.title,
      text: task.text,
      ...(task.needs && task.needs.length > 0 ? { needs: task.needs } : {}),
      hints: task.hints.slice(0, 3),
      checks: [{ id: `${task.id}-verified`, title: task.title, script: task.verify }],
    })),
  };
  const out = new Map<string, string>();
  const yaml = stringify(document, { lineWidth: 120, blockQuote: 'literal' });
  out.set('lab.yaml', `# yaml-language-server: $schema=../lab.schema.json\n${yaml}`);
  out.set('solution.sh', solution);
  for (const [name, text] of Object.entries(files)) out.set(`files/${name}`, text);
  return out;
}

/** Losses that every importer has in common: programs that are not emulated, hints and a solution that are missing. */
export function commonLosses(draft: Omit<Draft, 'losses'>): string[] {
  const losses: string[] = [];
  const look = (place: string, script: string): void => {
    const missing = missingPrograms(script);
    if (missing.length > 0) losses.push(`${place}: not emulated: ${missing.join(', ')}; find another way or drop the step`);
  };
  draft.setup.forEach((s, i) => {
    look(`setup ${i + 1}`, s.run);
  });
  for (const task of draft.tasks) {
    look(`task ${task.id}`, task.verify.run);
    if (task.hints.length < 3) losses.push(`task ${task.id}: has ${task.hints.length} of three hints; write the others`);
  }
  look('solution.sh', draft.solution);
  if (draft.solution.trim() === '') losses.push('solution.sh: the scenario shows no commands that solve it; write them');
  return losses;
}
