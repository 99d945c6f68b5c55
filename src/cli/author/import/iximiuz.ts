/** iximiuz Labs challenges and tutorials (index.md with tasks in its front matter) as lab drafts. Format: iximiuz/labs-content-samples */

import { parse } from 'yaml';
import { commonLosses, type Draft, type DraftTask, type Folder, ImportError, inert, slug } from './draft.ts';

interface Task {
  init?: boolean;
  machine?: string;
  user?: string;
  needs?: string[];
  env?: string[];
  run?: string;
  hintcheck?: string;
  failcheck?: string | { run?: string };
  timeout_seconds?: number;
}

interface Front {
  kind?: string;
  title?: string;
  description?: string;
  difficulty?: string;
  playground?: { name?: string; machines?: { name?: string }[] };
  tasks?: Record<string, Task>;
}

const LEVELS: Readonly<Record<string, Draft['level']>> = { easy: 'beginner', medium: 'intermediate', hard: 'advanced' };
/** Their machines' names and ours, on a cluster. */
const MACHINES: Readonly<Record<string, string>> = {
  'dev-machine': 'cp-1',
  cplane: 'cp-1',
  'cplane-01': 'cp-1',
  'control-plane': 'cp-1',
  'node-01': 'node-1',
  'node-02': 'node-2',
};

/** @throws ImportError naming the file and what is wrong with it. */
export function importIximiuz(id: string, folder: Folder): Draft {
  const losses: string[] = [];
  const source = folder.get('index.md');
  if (source === undefined) throw new ImportError('there is no index.md in this folder; give the folder of one challenge or tutorial');
  const split = /^---\r?\n([\s\S]*?)\r?\n---\r?\n?([\s\S]*)$/.exec(source);
  if (!split) throw new ImportError('index.md: begins without front matter (a block between two lines of ---)');
  let front: Front;
  try {
    front = parse(split[1] as string, { maxAliasCount: 50 }) as Front;
  } catch (e) {
    throw new ImportError(`index.md: ${(e as Error).message.split('\n')[0]}`);
  }
  const playground = front.playground?.name ?? 'ubuntu';
  const cluster = /^k3s|^k8s|kube|^flexbox-k/i.test(playground);
  if (!cluster && !/ubuntu|debian|alpine|linux/i.test(playground))
    losses.push(`index.md playground.name: there is no "${playground}" here; the lab starts on a bare Linux node`);
  const hosts = cluster ? ['cp-1', 'node-1', 'node-2', 'client-pod'] : ['node-1'];
  const hostOf = (task: string, machine: string | undefined): string => {
    if (machine === undefined) return hosts[0] as string;
    const known = hosts.includes(machine) ? machine : MACHINES[machine];
    if (known !== undefined && hosts.includes(known)) return known;
    losses.push(`index.md tasks.${task}.machine: there is no "${machine}"; it runs on ${hosts[0]}`);
    return hosts[0] as string;
  };

  const setup: Draft['setup'][number][] = [];
  const tasks: DraftTask[] = [];
  const ids = new Map<string, string>();
  const body = pieces(split[2] as string, losses);
  for (const [name, task] of Object.entries(front.tasks ?? {})) {
    const at = `index.md tasks.${name}`;
    if (typeof task !== 'object' || task === null || typeof task.run !== 'string') {
      losses.push(`${at}: has no run script`);
      continue;
    }
    const on = hostOf(name, task.machine);
    if (task.user !== undefined && task.user !== 'root') losses.push(`${at}.user: "${task.user}"; scripts run as root`);
    if (task.init) {
      setup.push({ on, run: inert(task.run) });
      continue;
    }
    if ((task.env ?? []).some((e) => /x\(\.needs\./.test(e)))
      losses.push(`${at}.env: the output of another task cannot be passed on; ask for the value anew in the script`);
    if (task.failcheck !== undefined) losses.push(`${at}.failcheck: a lab does not end early; it was left out`);
    if (task.hintcheck !== undefined)
      losses.push(`${at}.hintcheck: hints are computed from the failing check's own evidence; its texts are in the teacher's notes`);
    const input = body.inputs.get(name);
    if (input !== undefined) losses.push(`${at}: the learner types an answer into a field (${input}); write it as a question check`);
    const id = slug(name.replaceAll('_', '-'), new Set(ids.values()));
    ids.set(name, id);
    const env = (task.env ?? [])
      .filter((e) => !/x\(\./.test(e))
      .map((e) => `export ${e.replace(/=(.*)$/s, (_, v: string) => `=${JSON.stringify(v)}`)}\n`);
    tasks.push({
      id,
      title: name.replace(/^verify[_-]/, '').replaceAll(/[_-]/g, ' '),
      text: body.texts.get(name) ?? name.replaceAll('_', ' '),
      needs: (task.needs ?? []).flatMap((n) => ids.get(n) ?? []),
      hints: body.hints.splice(0, 3),
      verify: { on, run: inert(`${env.join('')}${task.run}`) },
    });
  }
  const solution = [...folder].filter(([name]) => /^solution[\w-]*\.md$/.test(name)).sort()[0]?.[1] ?? '';
  const commands = [...solution.matchAll(/```(?:sh|bash|shell)[^\n]*\n([\s\S]*?)```/g)].map((m) => m[1] as string);
  const hintTexts = Object.entries(front.tasks ?? {}).flatMap(([name, t]) => (t?.hintcheck ? [`${name}:\n${t.hintcheck}`] : []));
  const draft: Omit<Draft, 'losses'> = {
    id,
    title: front.title ?? id,
    level: LEVELS[front.difficulty ?? ''] ?? 'beginner',
    minutes: 20,
    world: cluster ? 'cluster-w1' : 'w-lin',
    story: inert([front.description, body.prose].filter((t) => t !== undefined && t.trim() !== '').join('\n\n')) || id,
    hosts,
    setup,
    place: [],
    files: {},
    tasks,
    solution: inert(commands.join('')),
    notes: inert(hintTexts.join('\n\n')),
  };
  if (tasks.length === 0) losses.push('index.md tasks: there is no task with a run script; a lab needs at least one');
  return { ...draft, losses: [...losses, ...commonLosses(draft)] };
}

/** The text without its components: hints, the texts that stand before a task's box, and fields for typed answers. */
function pieces(
  markdown: string,
  losses: string[],
): { prose: string; hints: string[]; texts: Map<string, string>; inputs: Map<string, string> } {
  const hints: string[] = [];
  const texts = new Map<string, string>();
  const inputs = new Map<string, string>();
  const unknown = new Set<string>();
  let prose = '';
  let since = '';
  const component = /^::([a-z-]+)[^\n]*\n---\n([\s\S]*?)\n---\n?([\s\S]*?)^::[ \t]*$/gm;
  let end = 0;
  for (const m of markdown.matchAll(component)) {
    since += markdown.slice(end, m.index);
    end = m.index + m[0].length;
    const [, kind = '', props = '', inner = ''] = m;
    const name = /^:name:\s*(\S+)/m.exec(props)?.[1];
    if (kind === 'hint-box') hints.push(inner.trim());
    else if (/task$/.test(kind) && name !== undefined) {
      texts.set(name, inert(since.trim()) || name);
      if (kind === 'user-input-task') inputs.set(name, /^:destination:\s*(\S+)/m.exec(props)?.[1] ?? 'a field');
      prose += since;
      since = '';
    } else unknown.add(kind);
  }
  prose += since + markdown.slice(end);
  if (unknown.size > 0) losses.push(`index.md: components are not carried over: ${[...unknown].sort().join(', ')}`);
  if (/__static__\//.test(markdown)) losses.push('index.md: pictures of __static__ are not carried over');
  const first = texts.size > 0 ? '' : prose;
  return { prose: first.trim(), hints: hints.map(inert), texts, inputs };
}
