/** A submission: a log with a header and a chain of hashes, so that whatever was changed in it is told with its place. */

import { hex, sha256 } from '../cluster/sha256.ts';
import { utf8 } from '../wire/bytes.ts';
import type { LogEntry, SubmissionLog } from './log.ts';

export const FORMAT = 'hopwise-submission';
export const FORMAT_VERSION = 1;

/** Hex digits of each entry's hash that a file shows; the chain itself is over all 64. */
export const SHOWN = 16;

export interface Header {
  readonly lab: string;
  readonly contentHash: string;
  readonly seed: number;
  /** Whoever the seed was drawn for, as the course names them. */
  readonly learner?: string;
  readonly attempt?: number;
}

/** An entry and the chain's hash up to it; one without a hash is vouched for by the next one that has it. */
export type SealedEntry = LogEntry & { readonly hash?: string };

export interface Submission extends Header {
  readonly format: typeof FORMAT;
  readonly version: typeof FORMAT_VERSION;
  readonly entries: readonly SealedEntry[];
}

export type Trouble =
  /** The file is torn, or an entry is no entry. */
  | 'damaged'
  | 'edited'
  | 'reordered'
  | 'truncated'
  /** The chain holds, but what it says cannot have happened there. */
  | 'impossible'
  | 'other-lab'
  | 'other-content'
  /** Not the seed that was asked for, or not this learner's. */
  | 'other-seed';

/** What is wrong with a submission and where: `entry` counts from 1, 0 is the header. */
export interface Problem {
  readonly kind: Trouble;
  readonly entry: number;
  readonly text: string;
}

export interface Verdict {
  /** Entries from the start on whose hashes fit. */
  readonly honest: number;
  /** The first thing that is wrong. */
  readonly problem: Problem | null;
}

/** The form that is hashed: fields of each kind of entry in one order, as JSON, which also writes lone surrogates as text. */
function canonical(e: LogEntry): string {
  const at = [e.op, e.steps, e.time];
  switch (e.op) {
    case 'open':
      return JSON.stringify([...at, e.term, e.host, e.cols, e.rows]);
    case 'input':
      return JSON.stringify([...at, e.term, e.data]);
    case 'resize':
      return JSON.stringify([...at, e.term, e.cols, e.rows]);
    case 'close':
      return JSON.stringify([...at, e.term]);
    case 'script':
      return JSON.stringify([...at, e.host, e.script]);
    case 'answer':
      return JSON.stringify([...at, e.question, e.value]);
    case 'hint':
      return JSON.stringify([...at, e.task, e.level]);
    case 'back':
      return JSON.stringify([...at, e.spent, e.seen]);
    case 'end':
      return JSON.stringify(at);
  }
}

function first(h: Header): Uint8Array {
  return sha256(JSON.stringify([FORMAT, FORMAT_VERSION, h.lab, h.contentHash, h.seed, h.learner ?? null, h.attempt ?? null]));
}

function next(hash: Uint8Array, entry: LogEntry): Uint8Array {
  const text = utf8(canonical(entry));
  const all = new Uint8Array(hash.length + text.length);
  all.set(hash);
  all.set(text, hash.length);
  return sha256(all);
}

const shown = (hash: Uint8Array): string => hex(hash.subarray(0, SHOWN / 2));

/** Chains a log; nothing in it says who worked, so the learner's name and attempt come beside it. */
export function seal(log: SubmissionLog, who: { learner?: string | undefined; attempt?: number | undefined } = {}): Submission {
  const header: Header = {
    lab: log.lab,
    contentHash: log.contentHash,
    seed: log.seed,
    ...(who.learner === undefined ? {} : { learner: who.learner }),
    ...(who.attempt === undefined ? {} : { attempt: who.attempt }),
  };
  let hash = first(header);
  const entries = log.entries.map((entry): SealedEntry => {
    hash = next(hash, entry);
    return { ...entry, hash: shown(hash) };
  });
  return { format: FORMAT, version: FORMAT_VERSION, ...header, entries };
}

/** The file: a line for the header and one for each entry, so that what is left of a torn file can still be read. */
export function submissionText(s: Submission): string {
  const { entries, ...header } = s;
  return `${JSON.stringify(header).slice(0, -1)},"entries":[\n${entries.map((e) => JSON.stringify(e)).join(',\n')}\n]}\n`;
}

/** The log of the first `count` entries, without their hashes; `end` is kept only when it is among them. */
export function logOf(s: Submission, count = s.entries.length): SubmissionLog {
  const entries = s.entries.slice(0, count).map(({ hash: _, ...entry }) => entry as LogEntry);
  return { version: 2, lab: s.lab, contentHash: s.contentHash, seed: s.seed, entries };
}

/** Goes along the chain. Whether it was made for this lab, content and seed is asked by `fits`. */
export function verifyChain(s: Submission): Verdict {
  const { entries } = s;
  let hash = first(s);
  let vouched = hash;
  let honest = 0;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as SealedEntry;
    hash = next(hash, entry);
    if (entry.hash === undefined) continue;
    if (entry.hash !== shown(hash)) return { honest, problem: misfit(entries, honest, i, vouched) };
    vouched = hash;
    honest = i + 1;
    if (entry.op === 'end' && i < entries.length - 1)
      return { honest, problem: { kind: 'edited', entry: i + 2, text: `entry ${i + 2}: more comes after the end` } };
  }
  if (entries.at(-1)?.op === 'end' && honest === entries.length) return { honest, problem: null };
  const text = `the log breaks off after entry ${honest}: there is no end`;
  return { honest, problem: { kind: 'truncated', entry: honest + 1, text } };
}

/** Says what became of a chain that does not go on at entry `from` (entries up to `at` share a hash). */
function misfit(entries: readonly SealedEntry[], from: number, at: number, hash: Uint8Array): Problem {
  const place = from === at ? `entry ${at + 1} was` : `one of the entries ${from + 1} to ${at + 1} was`;
  const goesOn = (j: number): boolean => entries[j]?.hash === shown(next(hash, entries[j] as SealedEntry));
  const j = entries.findIndex((e, i) => i > from && e.hash !== undefined && goesOn(i));
  if (j > 0) {
    let h = hash;
    const whole = entries.slice(j).every((e) => {
      h = next(h, e);
      return e.hash === shown(h);
    });
    return whole
      ? { kind: 'edited', entry: from + 1, text: `${j - from === 1 ? `entry ${from + 1} was` : `entries ${from + 1} to ${j} were`} put in` }
      : { kind: 'reordered', entry: from + 1, text: `the order was changed at entry ${from + 1}: entry ${j + 1} belongs there` };
  }
  const header = from === 0 ? 'the header or ' : '';
  return { kind: 'edited', entry: from + 1, text: `${header}${place} changed: the hash does not fit what stands before it` };
}

/** What a submission has to be made for; a seed only where it is known. */
export interface Expected {
  readonly id: string;
  readonly contentHash: string;
  readonly seed?: number;
}

/** Whether it was made for this lab, content and seed. */
export function fits(s: Submission, lab: Expected): Problem | null {
  const wrong = (kind: Trouble, text: string): Problem => ({ kind, entry: 0, text });
  if (s.lab !== lab.id) return wrong('other-lab', `made for the lab ${quote(s.lab)}, not for ${quote(lab.id)}`);
  if (s.contentHash !== lab.contentHash)
    return wrong('other-content', `made for other content (${quote(s.contentHash)}) than this lab's (${quote(lab.contentHash)})`);
  if (lab.seed !== undefined && s.seed !== lab.seed)
    return wrong('other-seed', `made for another seed (${s.seed}) than this lab's (${lab.seed})`);
  return null;
}

/** Everything that can be told without a replay. */
export function verify(s: Submission, lab: Expected): Verdict {
  const other = fits(s, lab);
  return other ? { honest: 0, problem: other } : verifyChain(s);
}

/** Whether content differs in nothing that a log's run depends on: then a log made for one can be judged by the other's checks. */
export function sameWorld(a: string, b: string): boolean {
  const world = (hash: string): string => hash.slice(0, hash.indexOf('-') + 1);
  return world(a) !== '' && world(a) === world(b);
}

/** A stranger's text in quotes, short and without control characters. */
export function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(short).replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, '\ufffd');
}
