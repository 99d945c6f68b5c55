/** Reads a submission from bytes that anybody may have written: sizes are bounded, every field is looked at, the rest is refused. */

import type { LogEntry } from './log.ts';
import { FORMAT, FORMAT_VERSION, type Problem, quote, type SealedEntry, SHOWN, type Submission } from './submission.ts';

/** Bytes of a file. */
export const MAX_BYTES = 16 << 20;
/** A person's day of typing is about a tenth of this. */
export const MAX_ENTRIES = 200_000;
/** Brackets within brackets: header, list, entry. */
const MAX_DEPTH = 4;
/** Questions that one entry may name. */
const MAX_SEEN = 200;
const MAX_NAME = 200;
/** `pod NAMESPACE/NAME:CONTAINER` with the longest names that there are. */
const MAX_PLACE = 4 + 63 + 1 + 253 + 1 + 63;
/** Terminals that a log opens, and has open at the same time: each is a process in the emulator. */
const MAX_OPENED = 2000;
const MAX_OPEN = 64;
const MAX_SIZE = 4096;

export class SubmissionError extends Error {
  override readonly name = 'SubmissionError';
}

export interface Parsed {
  readonly submission: Submission;
  /** Where the file is torn or an entry is no entry: those before it were read. */
  readonly damage: Problem | null;
}

type Rule = (value: unknown) => string | null;
type Fields = Readonly<Record<string, Rule>>;

const text =
  (max: number): Rule =>
  (v) =>
    typeof v !== 'string' ? 'must be text' : v.length > max ? `is longer than ${max} characters` : null;
const whole =
  (max: number): Rule =>
  (v) =>
    Number.isInteger(v) && (v as number) >= 0 && (v as number) <= max && !Object.is(v, -0)
      ? null
      : `must be a whole number from 0 to ${max}`;
const exactly =
  (wanted: string | number): Rule =>
  (v) =>
    v === wanted ? null : `must be ${JSON.stringify(wanted)}`;
const texts =
  (most: number, max: number): Rule =>
  (v) =>
    Array.isArray(v) && v.length <= most && v.every((t) => typeof t === 'string' && t.length <= max)
      ? null
      : `must be a list of at most ${most} texts`;
const optional =
  (rule: Rule): Rule =>
  (v) =>
    v === undefined ? null : rule(v);

const TIME = whole(Number.MAX_SAFE_INTEGER);
const AT: Fields = {
  steps: TIME,
  time: TIME,
  hash: optional((v) => (typeof v === 'string' && v.length === SHOWN && /^[0-9a-f]*$/.test(v) ? null : `must be ${SHOWN} hex digits`)),
};
const TERM = whole(1_000_000);
const SIZE: Fields = { cols: whole(MAX_SIZE), rows: whole(MAX_SIZE) };

const OPS: Readonly<Record<LogEntry['op'], Fields>> = {
  open: { term: TERM, host: text(MAX_PLACE), ...SIZE },
  input: { term: TERM, data: text(MAX_BYTES) },
  resize: { term: TERM, ...SIZE },
  close: { term: TERM },
  script: { host: text(MAX_NAME), script: text(MAX_BYTES) },
  answer: { question: text(MAX_NAME), value: text(10_000) },
  hint: { task: text(MAX_NAME), level: whole(9) },
  back: { spent: TIME, seen: texts(MAX_SEEN, MAX_NAME) },
  end: {},
};

const HEADER: Fields = {
  format: exactly(FORMAT),
  version: exactly(FORMAT_VERSION),
  lab: text(MAX_NAME),
  contentHash: text(MAX_NAME),
  seed: whole(0xffff_ffff),
  learner: optional(text(MAX_NAME)),
  attempt: optional(whole(1_000_000)),
};

type Raw = Record<string, unknown>;
const isRecord = (v: unknown): v is Raw => typeof v === 'object' && v !== null && !Array.isArray(v);
const own = (raw: Raw, key: string): unknown => (Object.hasOwn(raw, key) ? raw[key] : undefined);

/** The fields named by the rules, in their order; a text says what is wrong. */
function take(raw: Raw, rules: Fields): Raw | string {
  for (const key of Object.keys(raw)) if (!Object.hasOwn(rules, key)) return `has no field ${quote(key)}; remove it`;
  const out: Raw = {};
  for (const [key, rule] of Object.entries(rules)) {
    const value = own(raw, key);
    const fault = rule(value);
    if (fault !== null) return `${key} ${value === undefined ? 'is missing' : fault}`;
    if (value !== undefined) out[key] = value;
  }
  return out;
}

function entryOf(raw: unknown): SealedEntry | string {
  if (!isRecord(raw)) return 'is no entry';
  const op = own(raw, 'op');
  if (typeof op !== 'string' || !Object.hasOwn(OPS, op))
    return `op must be one of ${Object.keys(OPS).join(', ')}, not ${typeof op === 'string' ? quote(op) : typeof op}`;
  const taken = take(raw, { op: exactly(op), ...OPS[op as LogEntry['op']], ...AT });
  return typeof taken === 'string' ? taken : (taken as unknown as SealedEntry);
}

/** Counts brackets outside of strings: no tree deeper than a submission's is ever built. */
function tooDeep(json: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < json.length; i++) {
    const c = json.charCodeAt(i);
    if (quoted) {
      if (c === 0x5c) i++;
      else if (c === 0x22) quoted = false;
    } else if (c === 0x22) quoted = true;
    else if (c === 0x7b || c === 0x5b) {
      if (++depth > MAX_DEPTH) return true;
    } else if (c === 0x7d || c === 0x5d) depth--;
  }
  return false;
}

function json(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return undefined;
  }
}

/** What is left of a torn file: its header line, and lines of entries up to the first that is none. */
function salvage(source: string): { raw: Raw; entries: unknown[] } | null {
  const lines = source.split('\n', MAX_ENTRIES + 2);
  const raw = json(`${lines[0]}]}`);
  if (!isRecord(raw)) return null;
  const entries: unknown[] = [];
  for (const line of lines.slice(1)) {
    const entry = json(line.replace(/,\s*$/, ''));
    if (!isRecord(entry)) break;
    entries.push(entry);
  }
  return { raw, entries };
}

/** @throws SubmissionError when not even its header can be read, naming the place. */
export function parseSubmission(file: string | Uint8Array): Parsed {
  if (file.length > MAX_BYTES) throw new SubmissionError(`the file has more than ${MAX_BYTES >> 20} MiB; a submission is far smaller`);
  let source: string;
  try {
    source = (typeof file === 'string' ? file : new TextDecoder('utf-8', { fatal: true }).decode(file)).replace(/^\ufeff/, '');
  } catch {
    source = new TextDecoder().decode(file as Uint8Array);
  }
  if (tooDeep(source)) throw new SubmissionError(`the file holds brackets more than ${MAX_DEPTH} deep; a submission has none`);
  const document = json(source);
  let list: readonly unknown[];
  let raw: Raw;
  if (document === undefined) {
    const left = salvage(source);
    if (!left) throw new SubmissionError('the file is no JSON; hand in the file as the page exported it');
    ({ raw, entries: list } = left);
  } else {
    if (!isRecord(document)) throw new SubmissionError('the file is no submission; hand in the file as the page exported it');
    raw = document;
    const entries = own(document, 'entries');
    if (own(raw, 'format') === FORMAT && !Array.isArray(entries)) throw new SubmissionError('entries must be a list');
    list = Array.isArray(entries) ? entries : [];
  }
  const { entries: _, ...top } = raw;
  if (own(top, 'format') !== FORMAT) throw new SubmissionError(`format must be "${FORMAT}"; hand in the file as the page exported it`);
  const header = take(top, HEADER);
  if (typeof header === 'string') throw new SubmissionError(`the header: ${header}`);
  if (list.length > MAX_ENTRIES) throw new SubmissionError(`entries: there are more than ${MAX_ENTRIES}`);
  const { entries, problem } = readEntries(list);
  const torn: Problem | null =
    document === undefined
      ? { kind: 'damaged', entry: entries.length + 1, text: `the file is torn or damaged after entry ${entries.length}` }
      : null;
  return { submission: { ...(header as unknown as Omit<Submission, 'entries'>), entries }, damage: problem ?? torn };
}

function readEntries(list: readonly unknown[]): { entries: SealedEntry[]; problem: Problem | null } {
  const entries: SealedEntry[] = [];
  const open = new Set<number>();
  let opened = 0;
  for (const [i, raw] of list.entries()) {
    const entry = entryOf(raw);
    let fault = typeof entry === 'string' ? entry : null;
    if (typeof entry !== 'string') {
      if (entry.op === 'open') {
        open.add(entry.term);
        if (++opened > MAX_OPENED) fault = `more than ${MAX_OPENED} terminals are opened`;
        else if (open.size > MAX_OPEN) fault = `more than ${MAX_OPEN} terminals are open at once`;
      } else if (entry.op === 'close') open.delete(entry.term);
      if (fault === null) {
        entries.push(entry);
        continue;
      }
    }
    return { entries, problem: { kind: 'damaged', entry: i + 1, text: `entry ${i + 1}: ${fault}` } };
  }
  return { entries, problem: null };
}
