/** Ways through a session's past: undo, redo, forks, and back to where a task began. */

import type { Moment } from '../../lab/timeline.ts';
import { words } from '../words/en.ts';
import type { Branch } from '../workspace/store.ts';
import type { World } from '../workspace/world.ts';

/** More lines of work than this are not kept. */
export const MAX_BRANCHES = 12;

export const isCommand = (m: Moment): boolean => m.kind === 'command' || m.kind === 'script';

/** Number of the last command that was not undone; -1 when there is none. */
export function lastCommand(world: World): number {
  return world.moments.value.slice(0, world.present.value).findLastIndex(isCommand);
}

/** Number of the first command that was undone; -1 when there is none. */
export function nextCommand(world: World): number {
  const { moments, present } = world;
  return moments.value.findIndex((m, i) => i >= present.value && isCommand(m));
}

export function undo(world: World): void {
  const moment = lastCommand(world);
  if (moment >= 0 && !world.travelling.value) world.travel({ to: 'before', moment, keep: true });
}

/** Does the next command again that was undone. */
export function redo(world: World): void {
  const moment = nextCommand(world);
  if (moment < 0 || world.travelling.value) return;
  world.travel(world.moments.value[moment]?.after ? { to: 'after', moment } : { to: 'end' });
}

const nameOf = (world: World): string => world.branch.value || words.timeline.main;

/** The present line of work, as one to be gone over to later. */
function present(world: World): Branch | null {
  const log = world.log();
  if (!log) return null;
  const commands = world.moments.value.filter(isCommand).length;
  return { name: nameOf(world), log, ahead: world.ahead(), ticks: world.ticks.value, commands, savedAt: Date.now() };
}

/** A name that no other line of work has. */
export function freeName(world: World, wanted: string): string {
  const taken = new Set([nameOf(world), ...world.branches.value.map((b) => b.name)]);
  let name = wanted;
  for (let n = 2; taken.has(name); n++) name = `${wanted} ${n}`;
  return name;
}

/** Goes on before a moment under another name; what was done there stays as it is. False when there are too many lines already. */
export function fork(world: World, moment: number, name: string): boolean {
  const now = present(world);
  if (!now || world.branches.value.length >= MAX_BRANCHES - 1) return false;
  world.branches.value = [...world.branches.value, now];
  world.branch.value = freeName(world, name);
  world.travel({ to: 'before', moment, keep: false });
  void world.save();
  return true;
}

/** Over to another line of work; the present one is kept. */
export function switchTo(world: World, name: string): void {
  const now = present(world);
  const next = world.branches.value.find((b) => b.name === name);
  if (!now || !next || world.travelling.value) return;
  world.branches.value = world.branches.value.map((b) => (b === next ? now : b));
  world.branch.value = next.name;
  world.ticks.value = next.ticks;
  world.travel({ to: 'log', log: next.log, ahead: next.ahead });
}

export function remove(world: World, name: string): void {
  world.branches.value = world.branches.value.filter((b) => b.name !== name);
  void world.save();
}

export function rename(world: World, from: string, to: string): void {
  if (to === '' || to === from) return;
  const name = freeName(world, to.slice(0, 60));
  if (from === nameOf(world)) world.branch.value = name;
  else world.branches.value = world.branches.value.map((b) => (b.name === from ? { ...b, name } : b));
  void world.save();
}

export interface TaskStart {
  /** How long the log was. */
  readonly entries: number;
  /** The task that was ticked last before. */
  readonly after: string | null;
  /** Numbers of the commands since. */
  readonly commands: readonly number[];
}

/** Where the work on a task began: where the last other task was ticked before this one was, or at the beginning. */
export function startOf(world: World, task: string): TaskStart {
  const own = world.ticks.value[task] ?? Number.POSITIVE_INFINITY;
  let entries = 0;
  let after: string | null = null;
  for (const [id, at] of Object.entries(world.ticks.value)) {
    if (id === task || at >= own || at <= entries) continue;
    entries = at;
    after = id;
  }
  const list = world.moments.value.slice(0, world.present.value);
  const commands = list.flatMap((m, i) => (isCommand(m) && m.at.entries > entries ? [i] : []));
  return { entries, after, commands };
}

export function resetTask(world: World, { entries, commands }: TaskStart): void {
  if (commands.length > 0 && !world.travelling.value) world.travel({ to: 'entries', entries });
}
