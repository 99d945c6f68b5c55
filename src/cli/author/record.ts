/** `hopwise lab record ID`: play in the shell, and get a draft: what was typed as the solution, what it changed as checks. */

import { createInterface } from 'node:readline/promises';
import { stringify } from 'yaml';
import { Grading } from '../../lab/grade.ts';
import type { Check, LabSource } from '../../lab/lab.ts';
import type { SubmissionLog } from '../../lab/log.ts';
import { instantiate } from '../../lab/parameters.ts';
import { createSession, type Session } from '../../lab/session.ts';
import { loadWorld, WORLDS, type World } from '../../lab/world.ts';
import { integer, parseArgs } from '../commands/args.ts';
import { attach } from '../terminal.ts';
import { newFolder, writeFolder } from './folder.ts';

/** Lines of a shell's history on a host. */
export interface Played {
  readonly host: string;
  readonly lines: readonly string[];
}

/** Must-not checks that a draft gets at most: the first few of those that held before and after. */
const KEPT = 4;
/** What only looks is no part of a solution. */
const LOOKING =
  /^\s*(?:ping|curl|tcpdump|ss|nstat|dig|nslookup|traceroute|tracepath|cat|ls|less|history|exit|clear|man|watch|conntrack -L|ip (?:-\S+ )*(?:\S+ )?(?:show|get|ls|list)?\s*$|ip (?:-\S+ )*(?:a|addr|r|route|l|link|n|neigh|rule)\s*$|ip route get|bridge \S+\s*(?:show)?$|iptables(?:-save| .*-[LS])|kubectl (?:get|describe|logs|explain|top|version))/;

/** The world that a recording starts from, as a lab without tasks. */
export function blankLab(id: string, world: string, hosts: readonly string[]): LabSource {
  return {
    id,
    title: id,
    level: 'beginner',
    minutes: 15,
    world,
    story: '',
    hosts,
    parameters: {},
    setup: [],
    faults: [],
    place: [],
    files: {},
    tasks: [],
    solution: '',
    alternatives: [],
    decoys: [],
    contentHash: id,
  };
}

/** Flows between everybody: what may have changed. */
function flows(world: World): Check[] {
  const places = [...world.hosts.values()].flatMap((h) => {
    const address = [...h.ns.devices.values()].find((d) => d.name === 'eth0')?.addrs4[0]?.local;
    return typeof address === 'number'
      ? [{ id: h.id, pod: h.kind === 'pod', address: [24, 16, 8, 0].map((n) => (address >>> n) & 255).join('.') }]
      : [];
  });
  const base = { weight: 1, needs: [], informational: false };
  return places.flatMap((from) =>
    places.flatMap((to): Check[] => {
      if (from === to) return [];
      const ping = {
        ...base,
        kind: 'ping',
        id: `${from.id}-to-${to.id}`.toLowerCase().replace(/[^a-z0-9-]/g, '-'),
        title: `${from.id} reaches ${to.id}`,
        from: from.id,
        to: to.address,
        size: 56,
        df: false,
        expect: 'reply',
      };
      return [ping];
    }),
  );
}

/** What the acts changed: flows that came, flows that went, flows that stayed. */
export function compare(blank: LabSource, log: SubmissionLog): { came: Check[]; went: Check[]; stayed: Check[] } {
  const build = WORLDS[blank.world];
  if (!build) throw new Error(`there is no world "${blank.world}"`);
  const checks = flows(build(log.seed));
  const task = { id: 'flows', title: '', text: '', weight: 1, needs: [], hints: [], checks };
  const lab = { ...instantiate(blank, log.seed), tasks: [task] };
  const statuses = (entries: SubmissionLog['entries']): Map<string, string> => {
    const report = new Grading(lab).follow({ ...log, entries }).verdict();
    return new Map(report.tasks.flatMap((t) => t.checks.map((c): [string, string] => [c.name, c.status])));
  };
  const before = statuses([]);
  const after = statuses(log.entries);
  const those = (a: string, b: string): Check[] => checks.filter((c) => before.get(c.id) === a && after.get(c.id) === b);
  return { came: those('failed', 'passed'), went: those('passed', 'failed'), stayed: those('passed', 'passed') };
}

/** The files of the draft, by path, and what its author has still to do. */
export function draftOf(blank: LabSource, log: SubmissionLog, played: readonly Played[]): { files: Map<string, string>; todo: string[] } {
  const { came, went, stayed } = compare(blank, log);
  const inYaml = (check: Check, expect?: string): unknown => {
    const { from, to } = check as Check & { from: string; to: string };
    return {
      id: check.id,
      title: expect ? check.title.replace(' reaches ', ' no longer reaches ') : check.title,
      ping: { from, to, ...(expect ? { expect } : {}) },
    };
  };
  const goals = [...came.map((c) => inYaml(c)), ...went.map((c) => inYaml(c, 'silence'))];
  const kept = stayed.slice(0, KEPT);
  const solution = played.flatMap(({ host, lines }, i) => {
    const acts = lines.filter((line) => !LOOKING.test(line));
    return acts.length > 0 ? [...(i > 0 || host !== blank.hosts[0] ? [`#@ host ${host}`] : []), ...acts] : [];
  });
  const todo: string[] = [];
  if (goals.length === 0) todo.push('nothing that a ping between hosts could tell has changed: write the checks of task "change" yourself');
  if (solution.length === 0) todo.push('nothing was typed that changes anything: solution.sh is empty');
  todo.push('story, titles and texts; three hints for each task; decoys: wrong solutions that people really try');
  const document = {
    title: blank.title,
    level: blank.level,
    minutes: blank.minutes,
    world: blank.world,
    story: `Recorded on ${blank.hosts[0]}.`,
    hosts: blank.hosts,
    tasks: [
      {
        id: 'change',
        title: 'Make the change',
        text: 'What is to be reached.',
        hints: [],
        checks: goals.length > 0 ? goals : [{ id: 'changed', title: 'The change is there', script: { on: blank.hosts[0], run: 'exit 1' } }],
      },
      ...(kept.length > 0
        ? [
            {
              id: 'others',
              title: 'Nobody else notices',
              text: 'What worked goes on working.',
              needs: ['change'],
              hints: [],
              checks: kept.map((c) => inYaml(c)),
            },
          ]
        : []),
    ],
  };
  return {
    files: new Map([
      ['lab.yaml', `# yaml-language-server: $schema=../lab.schema.json\n${stringify(document, { lineWidth: 120 })}`],
      ['solution.sh', solution.length > 0 ? `${solution.join('\n')}\n` : '\n'],
      ['recording.json', `${JSON.stringify(log)}\n`],
    ]),
    todo,
  };
}

function historyOf(session: Session, host: string): string[] {
  return (session.readText(host, '/root/.bash_history') ?? '').split('\n').filter((line) => line.trim() !== '');
}

export async function recordCommand(argv: string[]): Promise<number> {
  const args = parseArgs(argv, { values: ['world', 'host', 'seed'] });
  const [id] = args.operands;
  if (id === undefined) throw new Error('usage: hopwise lab record ID [--world NAME] [--host NAME] [--seed N]');
  const folder = newFolder(id);
  const world = args.values.get('world') ?? 'w1';
  await loadWorld(world);
  const build = WORLDS[world];
  if (!build) throw new Error(`there is no world "${world}"; there are: ${Object.keys(WORLDS).join(', ')}`);
  const seed = integer(args, 'seed', 1);
  const known = [...build(seed).hosts.keys()];
  let host: string | undefined = args.values.get('host') ?? known[0];
  const blank = blankLab(id, world, [host as string, ...known.filter((h) => h !== host)]);
  const session = createSession({ lab: blank, seed });
  const played: Played[] = [];
  const seen = new Map<string, number>();
  while (host) {
    if (!known.includes(host)) process.stdout.write(`there is no host "${host}"\n`);
    else {
      process.stdout.write(`recording on ${host}; "exit" ends it\n`);
      await attach(session, host);
      const lines = historyOf(session, host);
      played.push({ host, lines: lines.slice(seen.get(host) ?? 0) });
      seen.set(host, lines.length);
    }
    const ask = createInterface({ input: process.stdin, output: process.stdout });
    host = process.stdin.isTTY ? (await ask.question(`next host (${known.join(', ')}), or Enter to end: `)).trim() : '';
    ask.close();
  }
  const { files, todo } = draftOf(blank, session.exportLog(), played);
  writeFolder(folder, files);
  process.stdout.write(`still to do:\n${todo.map((t) => `  - ${t}\n`).join('')}`);
  return 0;
}
