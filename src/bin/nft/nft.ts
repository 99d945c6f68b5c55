/** nft: the tool of nftables. Models nftables 1.0.6, src/main.c */

import type { Process } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { strerror, type xt } from '../../os/uapi.ts';
import { text } from '../../wire/bytes.ts';
import { Cursor, errorText, NftError, sourceOf, type Token } from './lexer.ts';
import { namesOf } from './names.ts';
import { parseInput } from './parse/command.ts';
import { type Files, preprocess, Variables } from './parse/preprocess.ts';
import type { Format } from './print/expr.ts';
import { Executor } from './run/executor.ts';
import { echoText, monitor } from './run/monitor.ts';

const VERSION = 'nftables v1.0.6 (Lester Gooch #5)\n';

const HELP = `Usage: nft [ options ] [ cmds... ]

Options (general):
  -h, --help                      Show this help
  -v, --version                   Show version information
  -V                              Show extended version information

Options (ruleset input handling):
  -f, --file <filename>           Read input from <filename>
  -D, --define <name=value>       Define variable, e.g. --define foo=1.2.3.4
  -i, --interactive               Read input from interactive CLI
  -I, --includepath <directory>   Add <directory> to the paths searched for include files. Default is: /etc
  -c, --check                     Check commands validity without actually applying the changes.
  -o, --optimize                  Optimize ruleset

Options (ruleset list formatting):
  -a, --handle                    Output rule handle.
  -s, --stateless                 Omit stateful information of ruleset.
  -t, --terse                     Omit contents of sets.
  -S, --service                   Translate ports to service names as described in /etc/services.
  -N, --reversedns                Translate IP addresses to names.
  -u, --guid                      Print UID/GID as defined in /etc/passwd and /etc/group.
  -n, --numeric                   Print fully numerical output.
  -y, --numeric-priority          Print chain priority numerically.
  -p, --numeric-protocol          Print layer 4 protocols numerically.
  -T, --numeric-time              Print time values numerically.

Options (command output formatting):
  -e, --echo                      Echo what has been added, inserted or replaced.
  -j, --json                      Format output in JSON
  -d, --debug <level [,level...]> Specify debugging level (scanner, parser, eval, netlink, mnl, proto-ctx, segtree, all)

`;

const EXTENDED = `${VERSION}  cli:\t\teditline\n  json:\t\tyes\n  minigmp:\tno\n  libxtables:\tyes\n`;

interface Options {
  file: string | null;
  json: boolean;
  echo: boolean;
  check: boolean;
  handles: boolean;
  stateless: boolean;
  terse: boolean;
  numeric: boolean;
  numericProto: boolean;
  numericPriority: boolean;
  numericTime: boolean;
  services: boolean;
  guid: boolean;
  readonly defines: string[];
  readonly include: string[];
  readonly words: string[];
}

type Letter = readonly [short: string, long: string | null, arg: boolean];

const LETTERS: readonly Letter[] = [
  ['h', 'help', false],
  ['v', 'version', false],
  ['V', null, false],
  ['f', 'file', true],
  ['D', 'define', true],
  ['i', 'interactive', false],
  ['I', 'includepath', true],
  ['c', 'check', false],
  ['o', 'optimize', false],
  ['a', 'handle', false],
  ['s', 'stateless', false],
  ['t', 'terse', false],
  ['S', 'service', false],
  ['N', 'reversedns', false],
  ['u', 'guid', false],
  ['n', 'numeric', false],
  ['y', 'numeric-priority', false],
  ['p', 'numeric-protocol', false],
  ['T', 'numeric-time', false],
  ['e', 'echo', false],
  ['j', 'json', false],
  ['d', 'debug', true],
];

function apply(o: Options, letter: string, value: string): void {
  switch (letter) {
    case 'f':
      o.file = value;
      return;
    case 'D':
      o.defines.push(value);
      return;
    case 'I':
      o.include.push(value);
      return;
    case 'c':
      o.check = true;
      return;
    case 'a':
      o.handles = true;
      return;
    case 's':
      o.stateless = true;
      return;
    case 't':
      o.terse = true;
      return;
    case 'S':
      o.services = true;
      return;
    case 'u':
      o.guid = true;
      return;
    case 'n':
      o.numeric = true;
      o.numericProto = true;
      o.numericPriority = true;
      return;
    case 'y':
      o.numericPriority = true;
      return;
    case 'p':
      o.numericProto = true;
      return;
    case 'T':
      o.numericTime = true;
      return;
    case 'e':
      o.echo = true;
      return;
    case 'j':
      o.json = true;
      return;
    default:
  }
}

/** A text ends the program, with its status. */
type Early = { readonly out: string; readonly err: string; readonly status: number };

function options(argv: readonly string[]): Options | Early {
  const o: Options = {
    file: null,
    json: false,
    echo: false,
    check: false,
    handles: false,
    stateless: false,
    terse: false,
    numeric: false,
    numericProto: false,
    numericPriority: false,
    numericTime: false,
    services: false,
    guid: false,
    defines: [],
    include: [],
    words: [],
  };
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] as string;
    if (o.words.length > 0 || !arg.startsWith('-') || arg === '-') {
      o.words.push(arg);
      continue;
    }
    if (arg === '--') continue;
    const keys: { letter: Letter; value: string | null }[] = [];
    if (arg.startsWith('--')) {
      const [name, value] = arg.slice(2).split(/=(.*)/s) as [string, string | undefined];
      const exact = LETTERS.filter(([, long]) => long === name);
      const hits = exact.length > 0 ? exact : LETTERS.filter(([, long]) => long?.startsWith(name));
      if (hits.length === 0) return { out: '', err: `nft: unrecognized option '${arg}'\n`, status: 1 };
      keys.push({ letter: hits[0] as Letter, value: value ?? null });
    } else {
      for (let k = 1; k < arg.length; k++) {
        const letter = LETTERS.find(([short]) => short === arg[k]);
        if (!letter) return { out: '', err: `nft: invalid option -- '${arg[k]}'\n`, status: 1 };
        const rest = arg.slice(k + 1);
        if (letter[2] && rest !== '') {
          keys.push({ letter, value: rest });
          break;
        }
        keys.push({ letter, value: null });
      }
    }
    for (const { letter, value } of keys) {
      const [short, long, wants] = letter;
      let given = value;
      if (wants && given === null) {
        given = argv[++i] ?? null;
        if (given === null) {
          return {
            out: '',
            err: `nft: option ${arg.startsWith('--') ? `'--${long}' requires an argument` : `requires an argument -- '${short}'`}\n`,
            status: 1,
          };
        }
      }
      if (short === 'h') return { out: HELP, err: '', status: 0 };
      if (short === 'v') return { out: VERSION, err: '', status: 0 };
      if (short === 'V') return { out: EXTENDED, err: '', status: 0 };
      if (short === 'i' || short === 'o' || short === 'd') return { out: '', err: `nft: option -${short} is not emulated\n`, status: 1 };
      apply(o, short, given ?? '');
    }
  }
  return o;
}

function filesOf(p: Process, o: Options): Files {
  return {
    read: (path) => {
      const r = p.readFile(path);
      return r.ok ? text(r.value) : null;
    },
    list: (path) => {
      const r = p.readdir(path);
      return r.ok ? [...r.value].sort() : [];
    },
    include: [...o.include, '/etc'],
  };
}

function format(p: Process, o: Options): Format {
  return {
    handles: o.handles,
    stateless: o.stateless,
    terse: o.terse,
    numeric: o.numeric,
    numericProto: o.numericProto,
    numericPriority: o.numericPriority,
    numericTime: o.numericTime,
    services: o.services,
    guid: o.guid,
    names: namesOf(p),
  };
}

/** Carries an input out, whole or not at all; returns what goes to stderr. */
function carryOut(ex: Executor, source: ReturnType<typeof sourceOf>, files: Files, vars: Variables, check: boolean): string {
  const tell = (errors: readonly NftError[]): string => errors.map((e) => errorText(e, source)).join('');
  let tokens: Token[];
  try {
    tokens = preprocess(source, files, vars);
  } catch (e) {
    if (!(e instanceof NftError)) throw e;
    return tell([e]);
  }
  const { commands, errors } = parseInput(new Cursor(tokens));
  ex.nft.begin(ex.p.pid, 'nft');
  for (const run of commands) ex.attempt(() => run(ex));
  const wrong = errors.length + ex.evalErrors.length > 0 ? [...errors, ...ex.evalErrors] : ex.refusals;
  if (wrong.length > 0 || check) ex.nft.rollback(wrong.length > 0 && wrong !== ex.refusals);
  else {
    const commit = ex.nft.commit();
    if (commit && ex.echo) ex.out += echoText(commit, ex.format, ex.json);
  }
  if (wrong.length > 0) ex.out = '';
  return tell(wrong);
}

/** Options behind the first command are refused: all words on stderr, marks under the odd one on stdout. */
function* lateOption(p: Process, odd: string) {
  const line = p.argv.join(' ');
  yield* p.err(`Error: syntax error, options must be specified before commands\n${line} `);
  const at = line.indexOf(` ${odd}`, 4) + 1;
  yield* p.out(`\n   ^${' '.repeat(Math.max(0, at - 4))}${'~'.repeat(odd.length)}\n`);
}

export const nft: Command = {
  name: 'nft',
  *main(p) {
    const o = options(p.argv.slice(1));
    if ('status' in o) {
      if (o.out !== '') yield* p.out(o.out);
      if (o.err !== '') yield* p.err(o.err);
      return o.status;
    }
    if (p.uid !== 0) {
      yield* p.err('Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n');
      return 1;
    }
    const late = o.words.findIndex((w) => /^-./.test(w));
    if (late > 0) {
      yield* lateOption(p, o.words[late] as string);
      return 1;
    }
    let input = `${o.words.join(' ')}\n`;
    let name: string | null = null;
    if (o.file !== null) {
      name = o.file === '-' ? '/dev/stdin' : o.file;
      const r = o.file === '-' ? yield* p.readAll(0) : p.readFile(o.file);
      if (!r.ok) {
        yield* p.err(`internal:0:0-0: Error: Could not open file "${o.file}": ${strerror(r.errno)}\n\n\n`);
        return 1;
      }
      input = text(r.value);
    } else if (o.words.length === 0) {
      yield* p.err('nft: no command specified\n');
      return 1;
    }
    if (o.defines.length > 0 && o.file === null) {
      yield* p.err('Error: -D/--define can only be used with -f/--filename\n');
      return 1;
    }
    const vars = new Variables();
    const files = filesOf(p, o);
    for (const d of o.defines) {
      const [key, value] = d.split(/=(.*)/s) as [string, string | undefined];
      if (value === undefined) {
        yield* p.err(`internal:0:0-0: Error: Invalid define\n`);
        return 1;
      }
      const tokens = preprocess(sourceOf(value, null), files);
      vars.set(
        key,
        tokens.filter((t) => t.kind !== 'end' && t.kind !== 'newline'),
      );
    }
    const ex = new Executor(p, format(p, o), o.json, o.echo);
    const errors = carryOut(ex, sourceOf(input, name), files, vars, o.check);
    let said = 0;
    for (const { at, text } of ex.warnings) {
      if (at > said && ex.out.length > said) yield* p.out(ex.out.slice(said, at));
      said = at;
      yield* p.err(text);
    }
    if (ex.out.length > said) yield* p.out(ex.out.slice(said));
    if (errors !== '') yield* p.err(errors);
    if (errors !== '') return 1;
    if (ex.monitor) return yield* monitor(p, ex.monitor, ex.format, ex.json);
    return 0;
  },
};

export type { xt };
