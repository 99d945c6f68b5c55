/** ipset: creates, fills, lists and destroys IP sets. Models ipset 7.17 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { strerror, type xt } from '../../os/uapi.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import { create, Failure, number } from './create.ts';
import { covered, elementOptions, elementText, headerOptions, headerText, parseElements, partsText, SyntaxProblem } from './elements.ts';
import { HELP, HELP_HEAD, typeHelp } from './help.ts';

interface Flags {
  exist: boolean;
  quiet: boolean;
  names: boolean;
  terse: boolean;
  sorted: boolean;
  output: 'plain' | 'save' | 'xml';
  /** -f: read from, or written to, instead of the standard streams. */
  file: string | null;
}

interface Io {
  out: string;
  err: string;
  quiet: boolean;
  file: string | null;
}

const COMMANDS: readonly (readonly [string, readonly string[]])[] = [
  ['create', ['-N', '--create', 'n']],
  ['add', ['-A', '--add']],
  ['del', ['-D', '--del']],
  ['test', ['-T', '--test']],
  ['destroy', ['-X', '--destroy', 'x']],
  ['list', ['-L', '--list']],
  ['save', ['-S', '--save']],
  ['restore', ['-R', '--restore']],
  ['flush', ['-F', '--flush']],
  ['rename', ['-E', '--rename']],
  ['swap', ['-W', '--swap']],
  ['help', ['-H', '--help', '-h']],
  ['version', ['-V', '--version', '-v']],
];

function commandOf(word: string): string | null {
  for (const [name, aliases] of COMMANDS) if (name === word || aliases.includes(word)) return name;
  const hits = COMMANDS.filter(([name]) => name.startsWith(word) && /^[a-z]/.test(word));
  return hits[0]?.[0] ?? null;
}

function need(sets: xt.IpSets, name: string): xt.IpSet {
  const set = sets.get(name);
  if (!set) throw new Failure('The set with the given name does not exist');
  return set;
}

const SET_MISSING = 'Set to be added/deleted/tested as element does not exist.';

/** Options after an element, as a type of set takes them. */
function optionsOf(set: xt.IpSet, rest: readonly string[], f: Flags): Wish {
  const o = set.options;
  const w: Wish = {
    seconds: o.timeout,
    packets: 0,
    bytes: 0,
    comment: null,
    nomatch: false,
    wildcard: false,
    mark: null,
    prio: null,
    queue: null,
    anchor: null,
  };
  const nets = set.type.dimensions.includes('net');
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] as string;
    const value = (): string => {
      const v = rest[++i];
      if (v === undefined) throw new Failure(`Missing mandatory argument of option \`${word}'`, true);
      return v;
    };
    const support = (there: boolean, what: string, kind: string): void => {
      if (!there) throw new Failure(`${what} cannot be used: set was created without ${kind} support`);
    };
    if (word === 'timeout') {
      w.seconds = number(value(), 0, 2147483);
      support(o.timeout !== null, 'Timeout', 'timeout');
    } else if (word === 'comment') {
      w.comment = value();
      support(o.comment, 'Comment', 'comment');
    } else if (word === 'packets' || word === 'bytes') {
      w[word] = number(value(), 0, Number.MAX_SAFE_INTEGER);
      support(o.counters, 'Packet/byte counters', 'counter');
    } else if (word === 'skbmark') {
      const m = /^(0x[\da-f]+)(?:\/(0x[\da-f]+))?$/i.exec(value());
      if (!m) throw new SyntaxProblem('Syntax error: Invalid skbmark format, it should be:  MARK/MASK or MARK (see manpage)');
      w.mark = { value: Number(m[1]), mask: m[2] === undefined ? 0xffffffff : Number(m[2]) };
      support(o.skbinfo, 'Skbinfo mapping', 'skbinfo');
    } else if (word === 'skbprio') {
      const prio = value();
      if (!/^[\da-f]+:[\da-f]+$/i.test(prio))
        throw new SyntaxProblem('Syntax error: Invalid skbprio format, it should be:MAJOR:MINOR (see manpage)');
      w.prio = prio;
      support(o.skbinfo, 'Skbinfo mapping', 'skbinfo');
    } else if (word === 'skbqueue') {
      w.queue = number(value(), 0, 65535);
      support(o.skbinfo, 'Skbinfo mapping', 'skbinfo');
    } else if (word === 'nomatch' && nets) w.nomatch = true;
    else if (word === 'wildcard' && set.type.dimensions.includes('iface')) w.wildcard = true;
    else if ((word === 'before' || word === 'after') && set.type.name === 'list:set') w.anchor = { where: word, name: value() };
    else if (word === '-exist' || word === '-!') f.exist = true;
    else throw new Failure(`Unknown argument: \`${word}'`, true);
  }
  return w;
}

interface Wish {
  seconds: number | null;
  packets: number;
  bytes: number;
  comment: string | null;
  nomatch: boolean;
  wildcard: boolean;
  mark: xt.SetElement['mark'];
  prio: string | null;
  queue: number | null;
  anchor: { where: 'before' | 'after'; name: string } | null;
}

const ERRORS: Readonly<Record<xt.SetError, string>> = {
  exists: "Element cannot be added to the set: it's already added",
  missing: "Element cannot be deleted from the set: it's not added",
  full: 'Hash is full, cannot add more elements',
  range: 'Element is out of the range of the set',
  noset: SET_MISSING,
  noanchor: "The set to which you referred with 'before' or 'after' does not exist.",
};

function change(p: Process, command: 'add' | 'del' | 'test', words: string[], f: Flags, io: Io): number {
  const sets = p.ns.nf.sets;
  const [name, elem, ...rest] = words;
  if (name === undefined) throw new Failure(`Missing mandatory argument to command ${command}`, true);
  if (elem === undefined) throw new Failure(`Missing second mandatory argument to command ${command}`, true);
  const set = need(sets, name);
  const wish = optionsOf(set, rest, f);
  if (command === 'test') return test(sets, set, elem, wish, f, io);
  for (const parsed of parseElements(elem, set)) {
    for (const part of parsed) {
      if (part.kind !== 'set') continue;
      const member = sets.get(part.name);
      if (!member) throw new Failure(SET_MISSING);
      if (member.type.name === 'list:set') throw new Failure('Sets with list:set type cannot be added to the set.');
    }
    const parts = parsed.map((part) => (part.kind === 'iface' && wish.wildcard ? { ...part, wildcard: true } : part));
    if (set.options.range && !inRange(set, parts)) throw new Failure(ERRORS.range);
    if (command === 'del') {
      if (set.del(parts, f.exist)) throw new Failure(ERRORS.missing);
      continue;
    }
    const seconds = wish.seconds ?? 0;
    const expires = set.options.timeout === null || seconds === 0 ? 0 : p.ns.kernel.sim.now + seconds * 1_000_000;
    const { packets, bytes, comment, nomatch, mark, prio, queue, anchor } = wish;
    const element = { parts, expires, packets, bytes, comment, nomatch, mark, prio, queue };
    const error = anchor ? set.place(element, anchor.name, anchor.where, f.exist) : set.add(element, f.exist);
    if (error === 'full' && set.type.name === 'list:set') throw new Failure('Set is full, more elements cannot be added.');
    if (error) throw new Failure(ERRORS[error]);
  }
  return 0;
}

/** What is asked about stands in the answer as it was typed, with ports in full. */
function test(sets: xt.IpSets, set: xt.IpSet, elem: string, wish: Wish, f: Flags, io: Io): number {
  const parts = parseElements(elem, set)[0] as xt.SetPart[];
  for (const part of parts) if (part.kind === 'set' && !sets.get(part.name)) throw new Failure(SET_MISSING);
  let yes: boolean;
  const plain = set.type.name === 'hash:ip' && elem.includes('/') ? null : parts;
  if (wish.anchor) {
    const names = set.list().map((e) => (e.parts[0]?.kind === 'set' ? e.parts[0].name : ''));
    const at = names.indexOf(elem);
    yes = at >= 0 && names[wish.anchor.where === 'before' ? at + 1 : at - 1] === wish.anchor.name;
  } else yes = plain !== null && covered(set, plain);
  const label = elem
    .split(',')
    .map((word, i) =>
      set.type.dimensions[i] === 'port' && set.type.name !== 'bitmap:port' ? partsText([parts[i] as xt.SetPart], set) : word,
    )
    .join(',');
  const where = wish.anchor ? ` ${wish.anchor.where} ${wish.anchor.name}` : '';
  if (!f.quiet) io.err += yes ? `Warning: ${label}${where} is in set ${set.name}.\n` : `${label}${where} is NOT in set ${set.name}.\n`;
  return yes ? 0 : 1;
}

function inRange(set: xt.IpSet, parts: readonly xt.SetPart[]): boolean {
  const [low, high] = set.options.range as readonly [number, number];
  const part = parts[0];
  const value = part?.kind === 'ip' ? Number(part.addr) : part?.kind === 'port' ? part.port : 0;
  return value >= low && value <= high;
}

/** What the elements and the head take in the kernel, roughly as it counts: 200 bytes and 72 for each. */
function memory(set: xt.IpSet): number {
  const n = set.list().length;
  return 200 + n * 72;
}

/** By address, port and name, as -s has them. */
function byParts(a: xt.SetElement, b: xt.SetElement): number {
  for (const [i, x] of a.parts.entries()) {
    const y = b.parts[i];
    const value = (part: xt.SetPart | undefined): number | bigint | string => {
      if (!part) return 0;
      if (part.kind === 'ip' || part.kind === 'net') return part.addr;
      if (part.kind === 'port') return part.proto * 65536 + part.port;
      return part.kind === 'mac' ? (part.mac ?? '') : part.name;
    };
    const [v, w] = [value(x), value(y)];
    if (v !== w) return v < w ? -1 : 1;
  }
  return 0;
}

function members(s: xt.IpSet, f: Flags): xt.SetElement[] {
  const all = s.list();
  return f.sorted ? [...all].sort(byParts) : all;
}

function list(sets: xt.IpSets, words: string[], f: Flags): string {
  const chosen = words[0] === undefined ? sets.all() : [need(sets, words[0])];
  if (f.output === 'xml') return `<ipsets>\n${chosen.map((s) => xml(sets, s, f)).join('')}</ipsets>\n`;
  if (f.names) return chosen.map((s) => `${s.name}\n`).join('');
  return chosen
    .map((s) => {
      const lines = members(s, f).map((e) => `${elementText(s, e)}\n`);
      return (
        `Name: ${s.name}\nType: ${s.type.name}\nRevision: ${s.type.revision}\nHeader: ${headerText(s)}\nSize in memory: ${memory(s)}\n` +
        `References: ${sets.references(s.name)}\nNumber of entries: ${lines.length}\n${f.terse ? '' : `Members:\n${lines.join('')}`}`
      );
    })
    .join('\n');
}

function xml(sets: xt.IpSets, s: xt.IpSet, f: Flags): string {
  if (f.names) return `<ipset name="${s.name}"/>\n`;
  const tag = ([name, value]: readonly [string, string]): string => (value === '' ? `<${name}/>` : `<${name}>${value}</${name}>`);
  const head = headerOptions(s).map(tag).join('');
  const entries = members(s, f);
  const rows = entries.map((e) => `<member><elem>${partsText(e.parts, s)}</elem>${elementOptions(s, e).map(tag).join('')}</member>\n`);
  return (
    `<ipset name="${s.name}">\n<type>${s.type.name}</type>\n<revision>${s.type.revision}</revision>\n<header>${head}\n` +
    `<memsize>${memory(s)}</memsize>\n<references>${sets.references(s.name)}</references>\n<numentries>${entries.length}</numentries>\n</header>\n` +
    `${f.terse ? '' : `<members>\n${rows.join('')}</members>\n`}</ipset>\n`
  );
}

function save(sets: xt.IpSets, words: string[], f: Flags): string {
  if (f.output === 'xml') return list(sets, words, f);
  const chosen = words[0] === undefined ? sets.all() : [need(sets, words[0])];
  return chosen
    .map(
      (s) =>
        `create ${s.name} ${s.type.name} ${headerText(s)}\n${members(s, f)
          .map((e) => `add ${s.name} ${elementText(s, e)}\n`)
          .join('')}`,
    )
    .join('');
}

const IN_USE = 'Set cannot be destroyed: it is in use by a kernel component';

function destroy(sets: xt.IpSets, name: string | undefined): void {
  if (name !== undefined) {
    need(sets, name);
    if (sets.references(name) > 0) throw new Failure(IN_USE);
    sets.destroy(name);
    return;
  }
  if (sets.all().some((s) => sets.references(s.name) > 0)) throw new Failure(IN_USE);
  for (const s of sets.all()) sets.destroy(s.name);
}

function two(words: string[], command: string): [string, string] {
  const [a, b] = words;
  if (a === undefined) throw new Failure(`Missing mandatory argument to command ${command}`, true);
  if (b === undefined) throw new Failure(`Missing second mandatory argument to command ${command}`, true);
  return [a, b];
}

function help(type: string | undefined, io: Io): number {
  if (type === undefined) {
    io.out += HELP;
    return 0;
  }
  const own = typeHelp(type);
  io.out += own ?? HELP_HEAD;
  if (own === null) throw new Failure(`Unknown settype: \`${type}'`, true);
  return 0;
}

/** How many words follow a command. */
const WORDS: Readonly<Record<string, number>> = { list: 1, save: 1, destroy: 1, flush: 1, rename: 2, swap: 2, restore: 0, version: 0 };

/** One command line, from the shell or from a restore file. */
function run(p: Process, argv: readonly string[], io: Io): number | 'restore' {
  const sets = p.ns.nf.sets;
  const f: Flags = { exist: false, quiet: false, names: false, terse: false, sorted: false, output: 'plain', file: null };
  const words: string[] = [];
  let command: string | null = null;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '-exist' || word === '-!' || word === '--exist') f.exist = true;
    else if (word === '-q' || word === '-quiet') f.quiet = true;
    else if (word === '-n' || word === '-name') f.names = true;
    else if (word === '-t' || word === '-terse') f.terse = true;
    else if (word === '-s' || word === '-sorted') f.sorted = true;
    else if (word === '-r' || word === '-resolve') continue;
    else if (word === '-f' || word === '-file') f.file = argv[++i] ?? '';
    else if (word === '-o' || word === '-output') {
      const format = argv[++i];
      if (format === undefined) throw new Failure(`Missing mandatory argument of option \`${word}'`, true);
      if (format !== 'plain' && format !== 'save' && format !== 'xml')
        throw new SyntaxProblem(`Syntax error: unknown output mode '${format}'`);
      f.output = format;
    } else if (command === null) {
      command = commandOf(word);
      if (command === null) throw new Failure(`No command specified: unknown argument ${word}`, true);
    } else words.push(word);
  }
  io.quiet ||= f.quiet;
  io.file = f.file;
  const most = command === null ? undefined : WORDS[command];
  const extra = most === undefined ? undefined : words[most];
  if (extra !== undefined) throw new Failure(`Unknown argument ${extra}`, true);
  switch (command) {
    case 'create':
      create(sets, words, f.exist);
      return 0;
    case 'add':
    case 'del':
    case 'test':
      return change(p, command, words, f, io);
    case 'list':
      io.out += f.output === 'save' ? save(sets, words, f) : list(sets, words, f);
      return 0;
    case 'save':
      io.out += save(sets, words, f);
      return 0;
    case 'destroy':
      destroy(sets, words[0]);
      return 0;
    case 'flush':
      for (const s of words[0] === undefined ? sets.all() : [need(sets, words[0])]) s.flush();
      return 0;
    case 'rename': {
      const [from, to] = two(words, command);
      need(sets, from);
      if (sets.get(to)) throw new Failure('Set cannot be renamed: a set with the new name already exists');
      if (sets.references(from) > 0) throw new Failure('Set cannot be renamed: it is in use by another system');
      sets.rename(from, to);
      return 0;
    }
    case 'swap': {
      const [a, b] = two(words, command);
      const first = need(sets, a);
      const second = sets.get(b);
      if (!second) throw new Failure('Sets cannot be swapped: the second set does not exist');
      if (first.type !== second.type) throw new Failure('The sets cannot be swapped: their type does not match');
      sets.swap(a, b);
      return 0;
    }
    case 'restore':
      return 'restore';
    case 'version':
      io.out += 'ipset v7.17, protocol version: 7\n';
      return 0;
    case 'help':
      return help(words[0], io);
    default:
      throw new Failure('No command specified.', true);
  }
}

/** Runs and turns refusals into the tool's words; `line` is that of a restore file. */
function guarded(p: Process, argv: readonly string[], io: Io, line: number | null): number | 'restore' {
  try {
    return run(p, argv, io);
  } catch (e) {
    if (!(e instanceof Failure) && !(e instanceof SyntaxProblem)) throw e;
    if (argv.includes('-q') || argv.includes('-quiet')) return e instanceof Failure ? e.status : 1;
    const hint = e instanceof Failure && e.hint;
    const where = line === null || hint ? '' : `Error in line ${line}: `;
    io.err += `ipset v7.17: ${where}${e.message}\n`;
    if (hint) io.err += "Try `ipset help' for more information.\n";
    return e instanceof Failure ? e.status : 1;
  }
}

function splitWords(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');
}

export const ipset: Command = {
  name: 'ipset',
  path: '/usr/sbin/ipset',
  *main(p): Task<number> {
    const io: Io = { out: '', err: '', quiet: false, file: null };
    let status = p.uid === 0 ? guarded(p, p.argv.slice(1), io, null) : 1;
    if (p.uid !== 0) io.err += 'ipset v7.17: Kernel error received: Operation not permitted\n';
    if (status === 'restore') {
      const input = io.file === null ? yield* p.readAll(0) : p.readFile(io.file);
      if (!input.ok && io.file !== null) {
        yield* p.err(`ipset v7.17: Cannot open ${io.file} for reading: ${strerror(input.errno)}\n`);
        return 1;
      }
      status = 0;
      const exist = p.argv.some((a) => a === '-exist' || a === '-!');
      for (const [i, line] of (input.ok ? text(input.value) : '').split('\n').entries()) {
        if (line.trim() === '' || line.startsWith('#') || line.trim() === 'COMMIT') continue;
        const r = guarded(p, [...splitWords(line), ...(exist ? ['-exist'] : [])], io, i + 1);
        if (r !== 0) {
          status = r === 'restore' ? 1 : r;
          break;
        }
      }
    }
    if (io.file !== null && io.out !== '') {
      p.writeFile(io.file, utf8(io.out));
      io.out = '';
    }
    if (io.out !== '') yield* p.out(io.out);
    if (io.err !== '') yield* p.err(io.err);
    return status as number;
  },
};
