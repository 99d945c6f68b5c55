/** Grades one file and writes its result; what a worker does. */

import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LabSource } from '../../lab/lab.ts';
import { LabError } from '../../lab/read.ts';
import { type JudgeOptions, judge } from '../../lab/result/judge.ts';
import { type Result, resultText, ungraded } from '../../lab/result/result.ts';
import { quote } from '../../lab/submission.ts';
import { MAX_BYTES, type Parsed, parseSubmission, SubmissionError } from '../../lab/submission-file.ts';
import { LINK, MAX_LINK, parseLink } from '../../lab/submission-link.ts';
import { fingerprint } from '../../lab/ticket.ts';
import { loadWorld } from '../../lab/world.ts';
import { labIds, loadLab } from '../labs.ts';

/** One file to grade. */
export interface Item {
  /** How results name it. */
  readonly name: string;
  readonly path: string;
  /** Where its result goes. */
  readonly out: string;
}

export interface GradeSettings extends JudgeOptions {
  /** Folder with the labs, when they are others than the project's. */
  readonly labs?: string | undefined;
  /** Keeps a result that is there already when it is of the same submission and content. */
  readonly resume: boolean;
}

/** What the bulk run shows; all else is in the result's file. */
export interface Brief {
  readonly status: Result['status'];
  readonly score: number;
  readonly passed: boolean;
  readonly intact: boolean;
  readonly kept: boolean;
}

export const briefOf = (r: Result, kept = false): Brief => ({
  status: r.status,
  score: r.score,
  passed: r.passed,
  intact: r.integrity.intact,
  kept,
});

const sources = new Map<string, LabSource | null>();

/** Null when there is no such lab. @throws LabError for a lab that is faulty. */
export async function sourceOf(id: string, root?: string): Promise<LabSource | null> {
  const key = `${root ?? ''}/${id}`;
  let source = sources.get(key);
  if (source === undefined) {
    source = labIds(root).includes(id) ? loadLab(id, root) : null;
    if (source) await loadWorld(source);
    sources.set(key, source);
  }
  return source;
}

export function readResult(path: string): Result | null {
  if (!existsSync(path)) return null;
  try {
    const result = JSON.parse(readFileSync(path, 'utf8')) as Result;
    return result.format === 'hopwise-result' && result.version === 1 ? result : null;
  } catch {
    return null;
  }
}

/** Whole or not at all, so that what stands there after a crash can be relied on. */
export function writeResult(path: string, result: Result): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.part`, resultText(result));
  renameSync(`${path}.part`, path);
}

/** A file's bytes, and no more of it than can be a submission and one byte. */
export function readBytes(path: string): Uint8Array {
  const bytes = Buffer.alloc(Math.min(statSync(path).size, MAX_BYTES + 1));
  const fd = openSync(path, 'r');
  try {
    let at = 0;
    for (let n = -1; n !== 0 && at < bytes.length; at += n) n = readSync(fd, bytes, at, bytes.length - at, at);
    return bytes.subarray(0, at);
  } finally {
    closeSync(fd);
  }
}

/** SHA-256 in hex. */
export function fileHash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function parse(bytes: Uint8Array): Promise<Parsed> {
  if (bytes.length > MAX_LINK * 2 || bytes.length === 0 || bytes[0] === 0x7b) return parseSubmission(bytes);
  const text = new TextDecoder().decode(bytes);
  return text.includes(LINK) ? parseLink(text) : parseSubmission(bytes);
}

export async function resultOf(bytes: Uint8Array, settings: GradeSettings): Promise<Result> {
  const submission = fileHash(bytes);
  let parsed: Parsed;
  try {
    parsed = await parse(bytes);
  } catch (e) {
    if (!(e instanceof SubmissionError)) throw e;
    return ungraded({ submission }, 'refused', e.message);
  }
  const { lab } = parsed.submission;
  try {
    const source = await sourceOf(lab, settings.labs);
    if (!source) return ungraded({ submission, parsed }, 'refused', `there is no lab ${quote(lab)} here`);
    return judge(parsed, source, submission, settings);
  } catch (e) {
    const why = e instanceof LabError ? `the lab is faulty: ${e.message}` : `the grader broke down: ${e instanceof Error ? e.message : e}`;
    return ungraded({ submission, parsed }, 'failed', why);
  }
}

async function isKept(old: Result | null, bytes: Uint8Array, settings: GradeSettings): Promise<boolean> {
  // What was cut off at a bound, or made for other content, may come out differently with other settings.
  if (!old || !settings.resume || old.status === 'failed' || old.remarks.length > 0 || old.contentHash === '') return false;
  if (old.integrity.ticket !== (settings.secret === undefined ? null : fingerprint(settings.secret))) return false;
  if (old.problem !== null && settings.contentChanged) return false;
  return old.submission === fileHash(bytes) && old.contentHash === (await sourceOf(old.lab, settings.labs))?.contentHash;
}

export async function gradeFile({ path, out }: Item, settings: GradeSettings): Promise<Brief> {
  const bytes = readBytes(path);
  const old = readResult(out);
  if (old && (await isKept(old, bytes, settings))) return briefOf(old, true);
  const result = await resultOf(bytes, settings);
  writeResult(out, result);
  return briefOf(result);
}
