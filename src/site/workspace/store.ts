/** Progress on this device: IndexedDB where the browser allows it, else memory until the page closes. Preferences: localStorage. */

import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { Ahead } from '../../host/protocol.ts';
import type { GradeReport, SubmissionLog } from '../../lab/session.ts';

export interface SavedWorld {
  readonly version: 2;
  readonly seed: number;
  readonly attempt: number;
  readonly log?: SubmissionLog;
  /** What was gone back from. */
  readonly ahead?: Ahead | undefined;
  /** How long the log was when a task was ticked. */
  readonly ticks?: Readonly<Record<string, number>>;
  /** Name of the line of work that `log` is, and the others. */
  readonly branch?: string;
  readonly branches?: readonly Branch[];
  readonly savedAt: number;
}

/** A line of work that is not the present one. */
export interface Branch {
  readonly name: string;
  readonly log: SubmissionLog;
  readonly ahead?: Ahead | undefined;
  readonly ticks: Readonly<Record<string, number>>;
  /** How many commands it has. */
  readonly commands: number;
  readonly savedAt: number;
}

interface Schema extends DBSchema {
  worlds: { key: string; value: SavedWorld };
  answers: { key: string; value: string };
}

const memory = { worlds: new Map<string, SavedWorld>(), answers: new Map<string, string>() };
let database: Promise<IDBPDatabase<Schema> | null> | undefined;

function connect(): Promise<IDBPDatabase<Schema> | null> {
  database ??= openDB<Schema>('hopwise', 1, {
    upgrade(db) {
      db.createObjectStore('worlds');
      db.createObjectStore('answers');
    },
  }).catch(() => null);
  return database;
}

/** False when the browser refuses storage. */
export async function isLasting(): Promise<boolean> {
  return (await connect()) !== null;
}

export async function loadWorld(lab: string): Promise<SavedWorld | undefined> {
  const db = await connect();
  const saved = db ? await db.get('worlds', lab).catch(() => undefined) : memory.worlds.get(lab);
  return saved?.version === 2 ? saved : undefined;
}

let asked = false;

/** There is work now that the browser should not throw away when it wants space. */
async function keepForGood(): Promise<void> {
  if (asked) return;
  asked = true;
  const { storage } = navigator;
  if (storage?.persist && !(await storage.persisted())) await storage.persist();
}

export async function saveWorld(lab: string, world: SavedWorld): Promise<void> {
  memory.worlds.set(lab, world);
  if (world.log?.entries.some((e) => e.op === 'input')) void keepForGood().catch(() => undefined);
  const db = await connect();
  await db?.put('worlds', world, lab).catch(() => undefined);
}

export async function loadAnswer(key: string): Promise<string | undefined> {
  const db = await connect();
  return db ? db.get('answers', key).catch(() => undefined) : memory.answers.get(key);
}

const ANSWER = 'hopwise:answer';

export async function saveAnswer(key: string, value: string): Promise<void> {
  memory.answers.set(key, value);
  const db = await connect();
  await db?.put('answers', value, key).catch(() => undefined);
  window.dispatchEvent(new CustomEvent(ANSWER));
}

/** Tells when an answer, a prediction or a lab's result was kept on this page. */
export function onAnswer(listener: () => unknown): () => void {
  window.addEventListener(ANSWER, listener);
  return () => window.removeEventListener(ANSWER, listener);
}

/** The best that was reached in a lab on this device. */
export interface Result {
  readonly best: number;
  readonly passed: boolean;
}

export async function loadResult(lab: string): Promise<Result | undefined> {
  const text = await loadAnswer(`lab/${lab}`);
  return text === undefined ? undefined : (JSON.parse(text) as Result);
}

export async function saveResult(lab: string, report: GradeReport): Promise<void> {
  const before = await loadResult(lab);
  if (before && before.best >= report.score && (before.passed || !report.passed)) return;
  const result: Result = { best: Math.max(report.score, before?.best ?? 0), passed: report.passed || before?.passed === true };
  await saveAnswer(`lab/${lab}`, JSON.stringify(result));
}

export function preference(key: string): string | null {
  try {
    return localStorage.getItem(`hopwise.${key}`);
  } catch {
    return null;
  }
}

export function setPreference(key: string, value: string): void {
  try {
    localStorage.setItem(`hopwise.${key}`, value);
  } catch {
    // A browser without storage: the preference holds for this page.
  }
}
