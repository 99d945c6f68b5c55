/** ipset: creates, fills, lists and destroys IP sets. Models ipset 7.17 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { xt } from '../../os/uapi.ts';
import { type Family, parseIp4 } from '../../wire/addr.ts';
import { text } from '../../wire/bytes.ts';
import { covered, elementText, headerText, parseElements, partsText, SyntaxProblem } from './elements.ts';

/** What ends a command: exit status, and whether the hint about help follows. */
class Failure extends Error {
  readonly hint: boolean;
  readonly status: number;

  constructor(message: string, hint = false) {
    super(message);
    this.hint = hint;
    this.status = hint ? 2 : 1;
  }
}

interface Flags {
  exist: boolean;
  quiet: boolean;
  names: boolean;
  terse: boolean;
  sorted: boolean;
  output: 'plain' | 'save';
}

interface Io {
  out: string;
  err: string;
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

function number(word: string, name: string, max = 0xffffffff): number {
  const n = xt.parseNumber(word, 0, max);
  if (n === null) {
    throw new SyntaxProblem(
      /^\d+$/.test(word) ? `Syntax error: '${word}' is out of range 0-${max}` : `Syntax error: '${word}' is invalid as number`,
    );
  }
  void name;
  return n;
}

function create(sets: xt.IpSets, words: string[], f: Flags): void {
  const [name, typeName, ...rest] = words;
  if (name === undefined) throw new Failure('Missing mandatory argument to command create', true);
  if (typeName === undefined) throw new Failure('Missing second mandatory argument to command create', true);
  const type = xt.SET_TYPES.find((t) => t.name === typeName);
  if (!type) throw new SyntaxProblem(`Syntax error: typename '${typeName}' is unknown`);
  if (name.length > 31) throw new SyntaxProblem(`Syntax error: setname '${name}' is longer than 31 characters`);
  const o: xt.SetOptions = {
    family: 4,
    hashsize: 1024,
    maxelem: 65536,
    timeout: null,
    counters: false,
    comment: false,
    forceadd: false,
    netmask: null,
    range: null,
    size: 8,
  };
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] as string;
    const value = (): string => {
      const v = rest[++i];
      if (v === undefined) throw new Failure(`Missing mandatory argument of option \`${word}'`, true);
      return v;
    };
    if (word === 'family') o.family = familyOf(value());
    else if (word === '-4' || word === 'inet') o.family = 4;
    else if (word === '-6' || word === 'inet6') o.family = 6;
    else if (word === 'hashsize') o.hashsize = Math.max(64, number(value(), word));
    else if (word === 'maxelem') o.maxelem = number(value(), word);
    else if (word === 'timeout') o.timeout = number(value(), word, 2147483);
    else if (word === 'counters') o.counters = true;
    else if (word === 'comment') o.comment = true;
    else if (word === 'forceadd') o.forceadd = true;
    else if (word === 'netmask') o.netmask = number(value(), word, o.family === 4 ? 32 : 128);
    else if (word === 'size') o.size = number(value(), word);
    else if (word === 'range') o.range = range(value(), type.name);
    else if (word === 'bucketsize' || word === 'initval') value();
    else throw new Failure(`Unknown argument: \`${word}'`, true);
  }
  if (type.name.startsWith('bitmap') && !o.range) throw new Failure(`Mandatory option \`range' is missing`, true);
  const old = sets.get(name);
  if (old) {
    if (f.exist && old.type === type) return;
    throw new Failure('Set cannot be created: set with the same name already exists');
  }
  sets.create(name, type, o);
}

function familyOf(word: string): Family {
  if (word === 'inet' || word === 'ipv4') return 4;
  if (word === 'inet6' || word === 'ipv6') return 6;
  throw new SyntaxProblem(`Syntax error: unknown INET family ${word}`);
}

function range(word: string, type: string): [number, number] {
  const one = (t: string): number => (type === 'bitmap:ip' ? parseIp4(t) : xt.parseNumber(t, 0, 65535)) ?? 0;
  const slash = word.indexOf('/');
  if (slash >= 0) {
    const len = Number(word.slice(slash + 1));
    const size = 2 ** (32 - len);
    const base = Math.floor(one(word.slice(0, slash)) / size) * size;
    return [base, base + size - 1];
  }
  const [low, high] = word.split('-');
  return [one(low as string), one(high ?? (low as string))];
}

function need(sets: xt.IpSets, name: string): xt.IpSet {
  const set = sets.get(name);
  if (!set) throw new Failure('The set with the given name does not exist');
  return set;
}

const SET_MISSING = 'Set to be added/deleted/tested as element does not exist.';

function change(p: Process, command: 'add' | 'del' | 'test', words: string[], f: Flags, io: Io): number {
  const sets = p.ns.nf.sets;
  const [name, elem, ...rest] = words;
  if (name === undefined) throw new Failure(`Missing mandatory argument to command ${command}`, true);
  if (elem === undefined) throw new Failure(`Missing second mandatory argument to command ${command}`, true);
  const set = need(sets, name);
  const element = { seconds: set.options.timeout, packets: 0, bytes: 0, comment: null as string | null, nomatch: false };
  let exist = f.exist;
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] as string;
    const value = (): string => {
      const v = rest[++i];
      if (v === undefined) throw new Failure(`Missing mandatory argument of option \`${word}'`, true);
      return v;
    };
    if (word === 'timeout') {
      element.seconds = number(value(), word, 2147483);
      if (set.options.timeout === null) throw new Failure('Timeout cannot be used: set was created without timeout support');
    } else if (word === 'comment') {
      element.comment = value();
      if (!set.options.comment) throw new Failure('Comment cannot be used: set was created without comment support');
    } else if (word === 'packets') element.packets = number(value(), word);
    else if (word === 'bytes') element.bytes = number(value(), word);
    else if (word === 'nomatch') element.nomatch = true;
    else if (word === '-exist' || word === '-!') exist = true;
    else throw new Failure(`Unknown argument: \`${word}'`, true);
  }
  for (const parts of parseElements(elem, set)) {
    for (const part of parts) if (part.kind === 'set' && !sets.get(part.name)) throw new Failure(SET_MISSING);
    if (command === 'test') {
      const yes = covered(set, parts);
      const label = partsText(parts, set);
      if (!f.quiet) io.err += yes ? `Warning: ${label} is in set ${name}.\n` : `${label} is NOT in set ${name}.\n`;
      return yes ? 0 : 1;
    }
    if (command === 'del') {
      if (set.del(parts, exist)) throw new Failure("Element cannot be deleted from the set: it's not added");
      continue;
    }
    if (set.options.range && !inRange(set, parts)) throw new Failure('Element is out of the range of the set');
    const seconds = element.seconds ?? 0;
    const expires = set.options.timeout === null || seconds === 0 ? 0 : p.ns.kernel.sim.now + seconds * 1_000_000;
    const error = set.add(
      { parts, expires, packets: element.packets, bytes: element.bytes, comment: element.comment, nomatch: element.nomatch },
      exist,
    );
    if (error === 'exists') throw new Failure("Element cannot be added to the set: it's already added");
    if (error === 'full')
      throw new Failure(
        set.type.name === 'list:set' ? 'Set is full, more elements cannot be added.' : 'Hash is full, cannot add more elements',
      );
  }
  return 0;
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

function list(sets: xt.IpSets, words: string[], f: Flags): string {
  const chosen = words[0] === undefined ? sets.all() : [need(sets, words[0])];
  if (f.names) return chosen.map((s) => `${s.name}\n`).join('');
  return chosen
    .map((s) => {
      const members = s.list().map((e) => `${elementText(s, e)}\n`);
      if (f.sorted) members.sort();
      return (
        `Name: ${s.name}\nType: ${s.type.name}\nRevision: ${s.type.revision}\nHeader: ${headerText(s)}\nSize in memory: ${memory(s)}\n` +
        `References: ${sets.references(s.name)}\nNumber of entries: ${members.length}\n${f.terse ? '' : `Members:\n${members.join('')}`}`
      );
    })
    .join('\n');
}

function save(sets: xt.IpSets, words: string[]): string {
  const chosen = words[0] === undefined ? sets.all() : [need(sets, words[0])];
  return chosen
    .map(
      (s) =>
        `create ${s.name} ${s.type.name} ${headerText(s)}\n${s
          .list()
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

/** One command line, from the shell or from a restore file. */
function run(p: Process, argv: readonly string[], io: Io): number | 'restore' {
  const sets = p.ns.nf.sets;
  const f: Flags = { exist: false, quiet: false, names: false, terse: false, sorted: false, output: 'plain' };
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
    else if (word === '-o' || word === '-output') {
      const format = argv[++i];
      if (format !== 'plain' && format !== 'save') throw new Failure(`Couldn't parse output type: \`${format ?? ''}'`, true);
      f.output = format;
    } else if (command === null) {
      command = commandOf(word);
      if (command === null) throw new Failure(`No command specified: unknown argument ${word}`, true);
    } else words.push(word);
  }
  switch (command) {
    case 'create':
      create(sets, words, f);
      return 0;
    case 'add':
    case 'del':
    case 'test':
      return change(p, command, words, f, io);
    case 'list':
      io.out += f.output === 'save' ? save(sets, words) : list(sets, words, f);
      return 0;
    case 'save':
      io.out += save(sets, words);
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
      io.out += 'ipset v7.17\n\nUsage: ipset [options] COMMAND\n\nThe full help text is not emulated.\n';
      return 0;
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
    const where = line === null ? '' : `Error in line ${line}: `;
    io.err += `ipset v7.17: ${where}${e.message}\n`;
    if (e instanceof Failure && e.hint && line === null) io.err += "Try `ipset help' for more information.\n";
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
    const io: Io = { out: '', err: '' };
    let status = p.uid === 0 ? guarded(p, p.argv.slice(1), io, null) : 1;
    if (p.uid !== 0) io.err += 'ipset v7.17: Kernel error received: Operation not permitted\n';
    if (status === 'restore') {
      const input = yield* p.readAll(0);
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
    if (io.out !== '') yield* p.out(io.out);
    if (io.err !== '') yield* p.err(io.err);
    return status as number;
  },
};
