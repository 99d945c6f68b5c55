/** Killercoda scenarios (index.json, step texts, verify.sh) as lab drafts. Format: https://killercoda.com/creators and killercoda/scenario-examples */

import { commonLosses, type Draft, type DraftTask, type Folder, ImportError, inert, slug } from './draft.ts';

interface Page {
  title?: string;
  text?: string;
  foreground?: string;
  background?: string;
  verify?: string;
  code?: string;
}

interface Index {
  title?: string;
  description?: string;
  difficulty?: string;
  time?: string;
  details?: { intro?: Page; steps?: Page[]; finish?: Page; assets?: Record<string, { file: string; target: string; chmod?: string }[]> };
  backend?: { imageid?: string };
  interface?: { layout?: string };
}

/** A machine of theirs and ours. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/\bcontrolplane\b/g, 'cp-1'],
  [/\bnode01\b/g, 'node-1'],
];

interface World {
  readonly world: string;
  readonly hosts: readonly string[];
}

function worldOf(image: string, losses: string[]): World {
  const kubernetes = /^kubernetes/.test(image);
  if (!kubernetes && image !== 'ubuntu')
    losses.push(`index.json backend.imageid: there is no "${image}" here; the lab starts on a bare Linux node`);
  if (/1node/.test(image)) losses.push(`index.json backend.imageid: "${image}" has one node, the lab's cluster has three`);
  return kubernetes ? { world: 'cluster-w1', hosts: ['cp-1', 'node-1', 'node-2', 'client-pod'] } : { world: 'w-lin', hosts: ['node-1'] };
}

/** @throws ImportError naming the file and what is wrong with it. */
export function importKillercoda(id: string, folder: Folder): Draft {
  const losses: string[] = [];
  const source = folder.get('index.json');
  if (source === undefined)
    throw new ImportError(
      folder.has('structure.json')
        ? 'structure.json lists several scenarios; import their folders one by one'
        : 'there is no index.json in this folder; give the folder of one scenario',
    );
  let index: Index;
  try {
    index = JSON.parse(source) as Index;
  } catch (e) {
    throw new ImportError(`index.json: ${(e as Error).message}`);
  }
  const details = index.details ?? {};
  const rename = (text: string): string => NAMES.reduce((t, [theirs, ours]) => t.replace(theirs, ours), text);
  const file = (place: string, name: string | undefined): string | undefined => {
    if (name === undefined) return undefined;
    const text = folder.get(name.replace(/^\.?\//, ''));
    if (text === undefined) losses.push(`index.json ${place}: "${name}" is not in the folder`);
    return text === undefined ? undefined : rename(text);
  };

  const { world, hosts } = worldOf(index.backend?.imageid ?? 'ubuntu', losses);
  const on = hosts[0] as string;
  const intro = details.intro ?? {};
  const introText = page(file('details.intro.text', intro.text) ?? '', 'details.intro.text', losses);
  const setup = [intro.background, intro.foreground].flatMap((name, i) => {
    const run = file(`details.intro.${i === 0 ? 'background' : 'foreground'}`, name);
    return run === undefined ? [] : [{ on, run: inert(run) }];
  });
  if (intro.foreground !== undefined)
    losses.push('index.json details.intro.foreground: runs before the learner comes, who does not see it typed');

  const taken = new Set<string>();
  const told: string[] = [];
  const tasks: DraftTask[] = [];
  const typed: string[] = [...introText.commands];
  (details.steps ?? []).forEach((step, i) => {
    const place = `details.steps.${i}`;
    const text = page(file(`${place}.text`, step.text) ?? '', `${place}.text`, losses);
    typed.push(...text.commands);
    for (const field of ['background', 'foreground'] as const)
      if (step[field] !== undefined)
        losses.push(
          `index.json ${place}.${field}: "${step[field]}" runs when the step is reached; a lab is set up once: move what is needed to setup`,
        );
    const verify = file(`${place}.verify`, step.verify);
    const title = step.title ?? /^#+\s+(.+)$/m.exec(text.prose)?.[1] ?? `Step ${i + 1}`;
    if (verify === undefined) {
      told.push(`**${title}.** ${text.prose}`);
      losses.push(`index.json ${place}: nothing verifies it; its text stands before the next task`);
      return;
    }
    const task = slug(title, taken);
    taken.add(task);
    tasks.push({
      id: task,
      title,
      text: [...told.splice(0), text.prose].join('\n\n') || title,
      hints: text.hints,
      verify: { on, run: inert(verify) },
    });
  });
  const finish = page(file('details.finish.text', details.finish?.text) ?? '', 'details.finish.text', losses);
  for (const field of ['background', 'foreground'] as const)
    if (details.finish?.[field] !== undefined) losses.push(`index.json details.finish.${field}: a lab has no script at its end`);

  const files: Record<string, string> = {};
  const place = Object.entries(details.assets ?? {}).flatMap(([host, list]) =>
    list.flatMap(({ file: name, target, chmod }) => {
      const text = folder.get(`assets/${name}`);
      if (text === undefined) {
        losses.push(`index.json details.assets.${host}: "${name}" is not in assets/ (patterns are not carried over)`);
        return [];
      }
      if (chmod !== undefined && /x/.test(chmod))
        losses.push(`index.json details.assets.${host}: "${name}" is not made executable; run it with bash`);
      const base = name.split('/').pop() as string;
      files[base] = inert(text);
      return [
        { from: base, on: host === 'host02' ? (hosts[1] ?? on) : on, to: `${target.replace(/^~/, '/root').replace(/\/$/, '')}/${base}` },
      ];
    }),
  );
  if (index.interface?.layout !== undefined && index.interface.layout !== 'terminal')
    losses.push(`index.json interface.layout: "${index.interface.layout}" is not here; learners edit in the shell`);
  const story = [index.description, introText.prose, ...told].filter((t) => t !== undefined && t.trim() !== '').join('\n\n');
  const draft: Omit<Draft, 'losses'> = {
    id,
    title: index.title ?? id,
    level: 'beginner',
    minutes: Number(/\d+/.exec(index.time ?? '')?.[0] ?? 15),
    world,
    story: story || id,
    hosts,
    setup,
    place,
    files,
    tasks,
    solution: typed.length > 0 ? `${typed.join('\n')}\n` : '',
    notes: finish.prose,
  };
  if (tasks.length === 0) losses.push('index.json details.steps: no step has a verify script; a lab needs at least one task with a check');
  return { ...draft, losses: [...losses, ...commonLosses(draft)] };
}

/** A step's text without Killercoda's own marks: what may be clicked to run, and what was folded away as a tip. */
function page(source: string, place: string, losses: string[]): { prose: string; commands: string[]; hints: string[] } {
  const commands: string[] = [];
  const hints: string[] = [];
  const clicked = /```[\w]*\n([\s\S]*?)\n```\{\{exec[^}]*\}\}|`([^`\n]+)`\{\{exec[^}]*\}\}/g;
  for (const m of source.matchAll(clicked)) commands.push((m[1] ?? m[2]) as string);
  let prose = source.replace(/<details>\s*(?:<summary>([\s\S]*?)<\/summary>)?([\s\S]*?)<\/details>/g, (_, _title: string, body: string) => {
    hints.push(clean(body).trim());
    return '';
  });
  prose = clean(prose).replace(/^#+[ \t]*(?:solution|hint|tip)s?\b[^\n]*\n((?:(?!^#)[^\n]*\n?)*)/gim, (_, body: string) => {
    hints.push(body.trim());
    return '';
  });
  const traffic = [...prose.matchAll(/\{\{TRAFFIC_[A-Z0-9_]+\}\}/g)].map((m) => m[0]);
  if (traffic.length > 0)
    losses.push(`${place}: ${[...new Set(traffic)].join(', ')} opens a page of the machine in a browser; say curl instead`);
  if (/!\[[^\]]*\]\(/.test(prose)) losses.push(`${place}: pictures are not carried over`);
  prose = prose
    .replace(/\{\{TRAFFIC_(?:HOST\d+_(\d+)|[A-Z_]+)\}\}/g, (_, port?: string) => (port ? `http://localhost:${port}/` : 'localhost'))
    .replace(/!\[([^\]]*)\]\([^)]*\)/g, '$1');
  return {
    prose: inert(prose)
      .replace(/\n{3,}/g, '\n\n')
      .trim(),
    commands: commands.map(inert),
    hints: hints
      .map(inert)
      .filter((h) => h !== '')
      .slice(0, 3),
  };
}

const clean = (text: string): string => text.replace(/\{\{(?:exec|copy)?[^}A-Z]*\}\}/g, '').replace(/<br\s*\/?>/g, '\n');
