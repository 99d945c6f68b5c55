/** kubectl __complete: what may follow on a command line. Models spf13/cobra completions.go and kubectl/pkg/util/completion */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { Failure } from './errors.ts';
import { type Flag, FlagSet } from './flags.ts';
import { GLOBALS } from './globals.ts';
import { isObject, list, str } from './json.ts';
import { loadConfig, type Section } from './kubeconfig.ts';
import { groupResource, type Mapping, pathOf } from './rest.ts';
import { Ctx, type Verb } from './verb.ts';

/** cobra.ShellCompDirective */
const DEFAULT = 0;
const NO_SPACE = 2;
const NO_FILE = 4;
const FILTER_EXTENSION = 8;
const NAMES: readonly (readonly [number, string])[] = [
  [1, 'ShellCompDirectiveError'],
  [2, 'ShellCompDirectiveNoSpace'],
  [4, 'ShellCompDirectiveNoFileComp'],
  [8, 'ShellCompDirectiveFilterFileExt'],
  [16, 'ShellCompDirectiveFilterDirs'],
  [32, 'ShellCompDirectiveKeepOrder'],
];

interface Answer {
  /** `value`, or `value<tab>description`. */
  readonly candidates: readonly string[];
  readonly directive: number;
}

const none = (directive: number): Answer => ({ candidates: [], directive });

/** Commands whose operands are a type and names of it. */
const TYPE_AND_NAME: Readonly<Record<string, readonly string[] | null>> = {
  annotate: null,
  autoscale: ['deployment', 'replicaset', 'replicationcontroller', 'statefulset'],
  delete: null,
  describe: null,
  edit: null,
  expose: ['pod', 'service', 'replicationcontroller', 'deployment', 'replicaset'],
  get: null,
  label: null,
  patch: null,
  scale: ['deployment', 'replicaset', 'replicationcontroller', 'statefulset'],
  wait: null,
  history: ['deployment', 'daemonset', 'statefulset'],
  pause: ['deployment'],
  restart: ['deployment', 'daemonset', 'statefulset'],
  resume: ['deployment'],
  status: ['deployment', 'daemonset', 'statefulset'],
  undo: ['deployment', 'daemonset', 'statefulset'],
};

/** Commands whose operands are names of one resource. */
const ONE_RESOURCE: Readonly<Record<string, string>> = {
  cordon: 'nodes',
  drain: 'nodes',
  uncordon: 'nodes',
  node: 'nodes',
  pod: 'pods',
  token: 'serviceaccounts',
};
const POD_COMMANDS: ReadonlySet<string> = new Set(['attach', 'exec', 'logs', 'port-forward', 'debug']);
const POD_OWNERS: readonly string[] = [
  'daemonsets',
  'deployments',
  'pods',
  'jobs',
  'replicasets',
  'replicationcontrollers',
  'services',
  'statefulsets',
];

class Completion {
  private readonly ctx: Ctx;
  private readonly verb: Verb;

  constructor(ctx: Ctx, verb: Verb) {
    this.ctx = ctx;
    this.verb = verb;
  }

  private *objects(resource: string): Task<{ m: Mapping; names: string[] } | null> {
    const m = yield* this.ctx.mapper.find(resource);
    if (m instanceof Failure) return null;
    const ns = this.ctx.namespace();
    if (ns instanceof Failure) return null;
    const r = yield* this.ctx.rest.json('GET', pathOf(m, m.namespaced ? ns.name : ''));
    return r instanceof Failure
      ? null
      : {
          m,
          names: list(r, 'items')
            .filter(isObject)
            .map((o) => str(o, 'metadata', 'name')),
        };
  }

  private *names(resource: string, prefix: string, before = ''): Task<string[]> {
    const r = yield* this.objects(resource);
    return (r?.names ?? []).map((n) => before + n).filter((n) => n.startsWith(prefix));
  }

  private *types(prefix: string, allowed: readonly string[] | null): Task<string[]> {
    if (allowed) return allowed.filter((t) => t.startsWith(prefix));
    const groups = yield* this.ctx.mapper.groups();
    if (groups instanceof Failure) return [];
    const out = new Set<string>();
    for (const g of groups) for (const r of g.resources) if (this.fits(r.verbs)) out.add(groupResource(r));
    return [...out].filter((t) => t.startsWith(prefix)).sort();
  }

  /** Only types that the command can do something with. */
  private fits(verbs: readonly string[]): boolean {
    const wanted = this.verb.name === 'delete' ? 'delete' : this.verb.name === 'edit' || this.verb.name === 'patch' ? 'update' : 'get';
    return verbs.includes(wanted) || verbs.includes('list');
  }

  private *typeAndName(args: readonly string[], prefix: string, allowed: readonly string[] | null): Task<Answer> {
    const slash = prefix.indexOf('/');
    if (slash >= 0) {
      const type = prefix.slice(0, slash);
      return { candidates: yield* this.names(type, prefix, `${type}/`), directive: NO_FILE };
    }
    if (args.length === 0) {
      const types = yield* this.types(prefix, allowed);
      if (this.verb.name === 'wait' || types.length !== 1) return { candidates: types, directive: NO_FILE };
      return { candidates: types, directive: NO_FILE };
    }
    const type = args[0] as string;
    if (type.includes('/')) return none(NO_FILE);
    const used = new Set(args.slice(1));
    return { candidates: (yield* this.names(type, prefix)).filter((n) => !used.has(n)), directive: NO_FILE };
  }

  private *containers(pod: string, prefix: string): Task<string[]> {
    const ns = this.ctx.namespace();
    if (ns instanceof Failure) return [];
    const r = yield* this.ctx.rest.json(
      'GET',
      `/api/v1/namespaces/${encodeURIComponent(ns.name)}/pods/${encodeURIComponent(pod.replace(/^pods?\//, ''))}`,
    );
    if (r instanceof Failure) return [];
    return ['initContainers', 'containers', 'ephemeralContainers']
      .flatMap((g) => list(r, 'spec', g).map((c) => str(c, 'name')))
      .filter((n) => n.startsWith(prefix));
  }

  private *podCommand(args: readonly string[], prefix: string): Task<Answer> {
    if (args.length === 1 && this.verb.name === 'logs')
      return { candidates: yield* this.containers(args[0] as string, prefix), directive: NO_FILE };
    if (args.length > 0) return none(NO_FILE);
    const slash = prefix.indexOf('/');
    if (slash >= 0) {
      const type = prefix.slice(0, slash);
      return { candidates: yield* this.names(type, prefix, `${type}/`), directive: NO_FILE };
    }
    const pods = yield* this.names('pods', prefix);
    const owners = POD_OWNERS.map((t) => `${t}/`).filter((t) => t.startsWith(prefix));
    return { candidates: [...pods, ...owners], directive: owners.length > 0 ? NO_FILE | NO_SPACE : NO_FILE };
  }

  /** Operands of a command. */
  *operand(args: readonly string[], prefix: string): Task<Answer> {
    const { name } = this.verb;
    if (name in TYPE_AND_NAME) return yield* this.typeAndName(args, prefix, TYPE_AND_NAME[name] ?? null);
    if (POD_COMMANDS.has(name)) return yield* this.podCommand(args, prefix);
    const one = ONE_RESOURCE[name];
    if (one !== undefined) {
      const used = new Set(args);
      return { candidates: (yield* this.names(one, prefix)).filter((n) => !used.has(n)), directive: NO_FILE };
    }
    if (name === 'taint')
      return args.length === 0
        ? { candidates: ['node'].filter((n) => n.startsWith(prefix)), directive: NO_FILE }
        : { candidates: yield* this.names('nodes', prefix), directive: NO_FILE };
    if (name === 'explain' && args.length === 0) return { candidates: yield* this.types(prefix, null), directive: NO_FILE | NO_SPACE };
    if (['use-context', 'delete-context', 'rename-context'].includes(name) && args.length === 0)
      return { candidates: this.config('contexts', prefix), directive: NO_FILE };
    if (name === 'cp') return none(DEFAULT);
    return none(NO_FILE);
  }

  private config(section: Section, prefix: string): string[] {
    const c = loadConfig(this.ctx.p, this.ctx.flags);
    return c instanceof Failure
      ? []
      : c[section]
          .map((n) => n.name)
          .filter((n) => n.startsWith(prefix))
          .sort();
  }

  /** Values of a flag. */
  *value(flag: Flag, args: readonly string[], prefix: string): Task<Answer> {
    switch (flag.name) {
      case 'namespace':
        return { candidates: yield* this.names('namespaces', prefix), directive: NO_FILE };
      case 'context':
        return { candidates: this.config('contexts', prefix), directive: NO_FILE };
      case 'cluster':
        return { candidates: this.config('clusters', prefix), directive: NO_FILE };
      case 'user':
        return { candidates: this.config('users', prefix), directive: NO_FILE };
      case 'container':
        return args[0] === undefined ? none(NO_FILE) : { candidates: yield* this.containers(args[0], prefix), directive: NO_FILE };
      case 'output': {
        const formats = /One of: \(([^)]*)\)/.exec(flag.usage)?.[1]?.split(', ') ?? [];
        return { candidates: formats.filter((f) => f.startsWith(prefix)), directive: NO_FILE };
      }
      case 'filename':
        return { candidates: ['json', 'yaml', 'yml'], directive: FILTER_EXTENSION };
      default:
        return none(DEFAULT);
    }
  }
}

const described = (name: string, text: string): string => `${name}\t${text.split('\n')[0] ?? ''}`;

function flagNames(flags: readonly Flag[], prefix: string): Answer {
  const out: string[] = [];
  for (const f of flags) {
    if (f.hidden || f.deprecated) continue;
    if (`--${f.name}`.startsWith(prefix)) out.push(described(`--${f.name}`, f.usage));
    if (f.short && `-${f.short}`.startsWith(prefix)) out.push(described(`-${f.short}`, f.usage));
  }
  return { candidates: out.sort(), directive: NO_FILE };
}

/** Which command the words name, and what is left of them. */
function resolve(verbs: readonly Verb[], words: readonly string[]): { verb: Verb | null; path: string; rest: string[] } {
  let verb: Verb | null = null;
  let path = 'kubectl';
  const rest: string[] = [];
  let open = true;
  const globals = new FlagSet(GLOBALS);
  for (let i = 0; i < words.length; i++) {
    const w = words[i] as string;
    if (!open || w.startsWith('-')) {
      rest.push(w);
      if (w === '--') open = false;
      const f = w.startsWith('--') ? globals.flag(w.slice(2)) : GLOBALS.find((g) => g.short !== undefined && w === `-${g.short}`);
      if (open && f && f.type !== 'bool' && !w.includes('=') && i + 1 < words.length) rest.push(words[++i] as string);
      continue;
    }
    const found: Verb | undefined = (verb ? (verb.subcommands ?? []) : verbs).find((v) => v.name === w || v.aliases?.includes(w));
    if (!found) {
      rest.push(w);
      open = false;
      continue;
    }
    verb = found;
    path += ` ${found.name}`;
  }
  return { verb, path, rest };
}

function* answer(p: Process, verbs: readonly Verb[], args: readonly string[]): Task<Answer> {
  const prefix = args.at(-1) ?? '';
  const { verb, path, rest } = resolve(verbs, args.slice(0, -1));
  const known: readonly Flag[] = [
    ...(verb?.flags ?? []),
    ...GLOBALS,
    { name: 'help', short: 'h', type: 'bool', usage: `help for ${verb?.name ?? 'kubectl'}` },
  ];
  const flags = new FlagSet(known);
  const last = rest.at(-1) ?? '';
  const dash = rest.includes('--');
  // The word before may be a flag that waits for its value.
  const waiting =
    dash || !last.startsWith('-') || last.includes('=')
      ? undefined
      : known.find((f) => last === `--${f.name}` || (f.short !== undefined && last === `-${f.short}`));
  const needs = waiting !== undefined && waiting.type !== 'bool' && waiting.alone === undefined;
  flags.parse(needs ? rest.slice(0, -1) : rest);
  const target: Verb = verb ?? { name: 'kubectl', use: '', short: '', flags: [] };
  const c = new Completion(new Ctx(p, target, path, flags), target);
  if (needs) return yield* c.value(waiting, flags.args, prefix);
  const inline = dash ? null : /^--([^=]+)=(.*)$/s.exec(prefix);
  if (inline) {
    const f = known.find((x) => x.name === inline[1]);
    return f ? yield* c.value(f, flags.args, inline[2] as string) : none(NO_FILE);
  }
  if (prefix.startsWith('-') && !dash) return flagNames(known, prefix);
  if (verb === null && flags.args.length > 0) return none(NO_FILE);
  const subs = verb === null ? verbs : (verb.subcommands ?? []);
  const commands =
    flags.args.length > 0 ? [] : subs.filter((v) => !v.hidden && v.name.startsWith(prefix)).map((v) => described(v.name, v.short));
  if (verb === null || (subs.length > 0 && commands.length > 0)) return { candidates: commands.sort(), directive: NO_FILE };
  return yield* c.operand(flags.args, prefix);
}

/** The hidden command __complete (with descriptions) or __completeNoDesc. */
export function* complete(p: Process, verbs: readonly Verb[], args: readonly string[], descriptions: boolean): Task<number> {
  const { candidates, directive } = yield* answer(p, verbs, args);
  for (const c of candidates) yield* p.out(`${descriptions ? c : (c.split('\t')[0] as string)}\n`);
  yield* p.out(`:${directive}\n`);
  const names = NAMES.filter(([bit]) => (directive & bit) !== 0).map(([, name]) => name);
  yield* p.err(`Completion ended with directive: ${names.length === 0 ? 'ShellCompDirectiveDefault' : names.join(', ')}\n`);
  return 0;
}
