/** The command line: commands, rule parts, extensions' options merged in as they are loaded. Models do_parse() of iptables/xshared.c */

import { xt } from '../../os/uapi.ts';
import { parseAddresses, parseInterface } from './address.ts';
import { type Env, Exit, flavourText, Ignored, idOf } from './env.ts';
import { ALLOWED, type CommandKey, GLOBALS, MAX_CHAIN, ORDER } from './globals.ts';
import { helpText } from './help.ts';

export interface Parsed {
  command: CommandKey;
  chain: string | null;
  rulenum: number;
  byNumber: boolean;
  newname: string;
  policy: string;
  table: string;
  options: Set<string>;
  rule: xt.RuleSpec;
  sources: xt.AddrMatch[];
  destinations: xt.AddrMatch[];
}

interface Loaded {
  readonly ext: xt.Ext;
  readonly opt: unknown;
  readonly given: Set<string>;
}

interface State {
  command: CommandKey | null;
  chain: string | null;
  rulenum: number;
  byNumber: boolean;
  newname: string;
  policy: string;
  table: string;
  options: Set<string>;
  rule: xt.RuleSpec;
  src: string | null;
  dst: string | null;
  srcInvert: boolean;
  dstInvert: boolean;
  jump: string;
  loaded: Loaded[];
  target: Loaded | null;
  goto: boolean;
  protoMatch: boolean;
}

/** Options that `!` may stand before. */
const INVERTIBLE = 'sdpiof';

const bad = (text: string): never => {
  throw new xt.Problem(text);
};

/** `out` receives -V and -h text, `warn` what goes to standard error before the verdict. `restore` refuses -t as iptables-restore does. */
export function parseCommand(
  env: Env,
  argv: readonly string[],
  out: (text: string) => void,
  warn: (text: string) => void,
  restoreTable: string | null = null,
): Parsed {
  const s: State = {
    command: null,
    chain: null,
    rulenum: 0,
    byNumber: false,
    newname: '',
    policy: '',
    table: restoreTable ?? 'filter',
    options: new Set(),
    rule: xt.emptyRule(),
    src: null,
    dst: null,
    srcInvert: false,
    dstInvert: false,
    jump: '',
    loaded: [],
    target: null,
    goto: false,
    protoMatch: false,
  };
  let at = 0;
  let invert = false;
  let rest = '';
  const hasArg = (): boolean => at < argv.length && !(argv[at] as string).startsWith('-') && argv[at] !== '!';
  const take = (): string => argv[at++] as string;
  const cx: xt.ParseCx = {
    family: env.family,
    legacy: env.legacy,
    get proto() {
      return s.rule.proto;
    },
    get protoInvert() {
      return s.rule.protoInvert;
    },
    next: () => (at < argv.length && !(argv[at] as string).startsWith('-') ? take() : null),
    setExists: (name) => env.ns.nf.sets.get(name) !== null,
    user: (name) => idOf(env, '/etc/passwd', name),
    group: (name) => idOf(env, '/etc/group', name),
    warn,
  };

  const global = (key: string, arg: string): void => {
    const set = (option = key): void => {
      if (s.options.has(option)) bad(`multiple -${option} flags not allowed`);
      if (invert && !INVERTIBLE.includes(option)) bad(`cannot have ! before -${option}`);
      s.options.add(option);
    };
    // These take the whole word where the argument is joined to the option (-ptcp, --source=…).
    const word = (): string => argv[at - 1] as string;
    const command = (cmd: CommandKey, other: CommandKey | '' = ''): void => {
      if (invert) bad("unexpected '!' flag");
      if (s.command !== null && s.command !== other) bad(`Cannot use -${cmd} with -${s.command}`);
      if (s.command === null || cmd !== 'Z') s.command = cmd;
      else s.options.add('zero');
    };
    switch (key) {
      case 'A':
      case 'C':
        command(key);
        s.chain = arg;
        break;
      case 'D':
        command('D');
        s.chain = arg;
        if (hasArg()) {
          s.rulenum = ruleNumber(take());
          s.byNumber = true;
        }
        break;
      case 'R':
        command('R');
        s.chain = arg;
        if (!hasArg()) bad('-R requires a rule number');
        s.rulenum = ruleNumber(take());
        break;
      case 'I':
        command('I');
        s.chain = arg;
        s.rulenum = hasArg() ? ruleNumber(take()) : 1;
        break;
      case 'L':
      case 'S':
        if (s.command === 'Z') {
          s.options.add('zero');
          s.command = null;
        }
        command(key);
        if (arg !== '') s.chain = arg;
        else if (hasArg()) s.chain = take();
        if (hasArg()) s.rulenum = ruleNumber(take());
        break;
      case 'F':
      case 'X':
        command(key);
        if (arg !== '') s.chain = arg;
        else if (hasArg()) s.chain = take();
        break;
      case 'Z':
        command('Z', s.command === 'L' || s.command === 'S' ? s.command : '');
        if (arg !== '') s.chain = arg;
        else if (hasArg()) s.chain = take();
        if (hasArg()) {
          s.rulenum = ruleNumber(take());
          s.byNumber = true;
        }
        break;
      case 'N':
        checkNewName(env, arg);
        command('N');
        s.chain = arg;
        break;
      case 'E':
        command('E');
        s.chain = arg;
        if (!hasArg()) bad('-E requires old-chain-name and new-chain-name');
        s.newname = take();
        break;
      case 'P':
        command('P');
        s.chain = arg;
        if (!hasArg()) bad('-P requires a chain and a policy');
        s.policy = take();
        break;
      case 'p': {
        set();
        const name = word().toLowerCase();
        const number = xt.parseNumber(name, 0, 255) ?? xt.protocolNumber(name);
        if (number === null) bad(`unknown protocol "${name}" specified`);
        s.rule.proto = number as number;
        s.rule.protoInvert = invert;
        if (number === 0 && invert) bad('rule would never match protocol');
        break;
      }
      case 's':
        set();
        s.src = word();
        s.srcInvert = invert;
        break;
      case 'd':
        set();
        s.dst = word();
        s.dstInvert = invert;
        break;
      case 'i':
        if (arg === '') bad('Empty interface is likely to be undesired');
        set();
        s.rule.in = parseInterface(arg, invert, warn);
        break;
      case 'o':
        if (arg === '') bad('Empty interface is likely to be undesired');
        set();
        s.rule.out = parseInterface(arg, invert, warn);
        break;
      case 'j':
        set();
        s.jump = word();
        if (s.jump === '') bad('Invalid target name (too short)');
        loadTarget(s.jump);
        break;
      case 'g':
        set('j');
        s.jump = word();
        s.goto = true;
        break;
      case 'f':
        if (env.family === 6) bad('unknown option "-f"');
        set();
        s.rule.frag = { invert };
        break;
      case 'm':
        if (invert) bad('unexpected ! flag before --match');
        loadMatch(arg);
        break;
      case 't':
        if (invert) bad('unexpected ! flag before --table');
        if (restoreTable !== null) bad(`The -t option cannot be used in ${env.prog}.\n`);
        s.table = arg;
        break;
      case 'v':
        if (!s.options.has('v')) set();
        break;
      case 'n':
      case 'x':
      case '0':
        set();
        break;
      case 'w': {
        const seconds = arg === '' && hasArg() ? take() : arg;
        if (seconds !== '' && !/^\s*[-+]?\d/.test(seconds)) bad('wait seconds not numeric');
        s.options.add('w');
        break;
      }
      case 'W': {
        const interval = arg === '' && hasArg() ? take() : arg;
        if (interval === '') bad('wait interval value required');
        warn('Ignoring deprecated --wait-interval option.\n');
        s.options.add('W');
        break;
      }
      case 'V':
        if (invert) {
          out(`Not ${flavourText(env).slice(1)} ;-)\n`);
          throw new Exit(0);
        }
        out(`${env.prog} ${flavourText(env)}\n`);
        throw new Exit(0);
      case 'h':
        if (s.loaded.length === 0 && s.rule.proto !== 0) {
          const named = xt.protocolName(s.rule.proto);
          if (named !== null && xt.findMatch(named, env.family)) loadMatch(named);
        }
        out(helpText(env, [...(s.target ? [s.target.ext.name] : s.jump !== '' ? ['standard'] : []), ...s.loaded.map((l) => l.ext.name)]));
        throw new Exit(0);
      case 'c': {
        set();
        let [packets, bytes] = arg.includes(',') ? [arg.slice(0, arg.indexOf(',')), arg.slice(arg.indexOf(',') + 1)] : [arg, null];
        if (bytes === null && hasArg()) bytes = take();
        if (bytes === null || (arg.startsWith(',') && packets === '') || arg === '') bad('-c requires packet and byte counter');
        if (!/^\d/.test(packets as string)) bad('-c packet counter not numeric');
        if (!/^\d/.test(bytes as string)) bad('-c byte counter not numeric');
        s.rule.packets = Number.parseInt(packets as string, 10);
        s.rule.bytes = Number.parseInt(bytes as string, 10);
        break;
      }
      case '4':
        if (env.family === 6 && restoreTable === null) throw new xt.Problem('', 2, false);
        if (env.family === 6) throw new Ignored();
        break;
      case '6':
        if (env.family === 4 && restoreTable === null) throw new xt.Problem('', 2, false);
        if (env.family === 4) throw new Ignored();
        break;
      default:
    }
    invert = false;
  };

  const missing = (ext: xt.Ext): void => {
    if (ext.missing) warn(`Warning: Extension ${ext.name} revision 0 not supported, missing kernel module?\n`);
  };
  const loadMatch = (name: string): void => {
    const ext = xt.findMatch(name, env.family);
    if (!ext) bad(`Couldn't load match \`${name}':No such file or directory\n`);
    const found = ext as xt.MatchExt;
    missing(found);
    s.loaded.push({ ext: found, opt: found.init({ family: env.family }), given: new Set() });
    s.rule.matches.push({ ext: found, opt: (s.loaded[s.loaded.length - 1] as Loaded).opt });
  };
  const loadTarget = (name: string): void => {
    const ext = xt.findTarget(name, env.family);
    if (!ext) return;
    missing(ext);
    s.target = { ext, opt: ext.init({ family: env.family }), given: new Set() };
  };

  /** Options of the extensions, the last loaded first; then the program's own. */
  const extOption = (long: string): { owner: Loaded; spec: xt.OptionSpec<unknown> } | null => {
    const owners = [...(s.target ? [s.target] : []), ...[...s.loaded].reverse()];
    const names = (spec: xt.OptionSpec<unknown>): string[] => [spec.name, ...(spec.aliases ?? [])];
    for (const owner of owners) {
      for (const spec of owner.ext.options) if (names(spec).includes(long)) return { owner, spec };
    }
    if (GLOBALS.some((g) => g.long === long)) return null;
    const partial = new Map<xt.OptionSpec<unknown>, Loaded>();
    for (const owner of owners) {
      for (const spec of owner.ext.options) if (names(spec).some((n) => n.startsWith(long))) partial.set(spec, owner);
    }
    const globals = new Set(GLOBALS.filter((g) => g.long.startsWith(long)).map((g) => g.key));
    if (partial.size + globals.size > 1) bad(`unknown option "--${long}"`);
    for (const [spec, owner] of partial) return { owner, spec };
    return null;
  };

  const longOption = (text: string): void => {
    const eq = text.indexOf('=');
    const name = eq < 0 ? text : text.slice(0, eq);
    const inline = eq < 0 ? null : text.slice(eq + 1);
    let found = extOption(name);
    if (!found) {
      const exact = GLOBALS.find((g) => g.long === name);
      const hits = exact ? [exact] : GLOBALS.filter((g) => g.long.startsWith(name));
      const keys = new Set(hits.map((h) => h.key));
      const hit = hits[0];
      if (hit && keys.size === 1) {
        let arg = inline ?? '';
        if (hit.arg === 'required' && inline === null) {
          if (at >= argv.length) bad(`option "--${name}" requires an argument`);
          arg = take();
        }
        global(hit.key, arg);
        return;
      }
      if (s.rule.proto !== 0 && !s.protoMatch) {
        const proto = xt.protocolName(s.rule.proto);
        const ext = proto === null ? null : xt.findMatch(proto, env.family);
        s.protoMatch = true;
        if (ext && !s.loaded.some((l) => l.ext === ext)) {
          loadMatch(ext.name);
          found = extOption(name);
        }
      }
      if (!found) bad(`unknown option "--${name}"`);
    }
    const { owner, spec } = found as { owner: Loaded; spec: xt.OptionSpec<unknown> };
    let arg = inline ?? '';
    if ((spec.arg ?? 'required') === 'required' && inline === null) {
      if (at >= argv.length) bad(`option "--${name}" requires an argument`);
      arg = take();
    }
    const ext = owner.ext.name;
    if (owner.given.has(spec.name) && !spec.multi) bad(`${ext}: option "--${spec.name}" can only be used once.\n`);
    if (invert && !spec.invert) bad(`${ext}: option "--${spec.name}" cannot be inverted.\n`);
    owner.given.add(spec.name);
    spec.set?.(owner.opt, arg, invert, cx);
    invert = false;
  };

  while (at < argv.length || rest !== '') {
    if (rest === '') {
      const word = take();
      if (word === '!') {
        if (invert) bad('multiple consecutive ! not allowed');
        invert = true;
        continue;
      }
      if (word === '--') {
        if (at < argv.length) bad('unknown arguments found on commandline');
        break;
      }
      if (!word.startsWith('-') || word === '-') throw new xt.Problem(`Bad argument \`${word}'`, 2, false);
      if (word.startsWith('--')) {
        longOption(word.slice(2));
        continue;
      }
      rest = word.slice(1);
    }
    const key = rest[0] as string;
    rest = rest.slice(1);
    const spec = key === '0' ? undefined : GLOBALS.find((g) => g.key === key);
    if (!spec) throw new xt.Problem(`unknown option "-${key}"`);
    let arg = '';
    if (spec.arg === 'required') {
      if (rest === '' && at >= argv.length) bad(`option "-${key}" requires an argument`);
      arg = rest !== '' ? rest : take();
      rest = '';
    } else if (spec.arg === 'optional') {
      arg = rest;
      rest = '';
    }
    global(key, arg);
  }
  return finish(env, s, invert, cx);
}

function ruleNumber(text: string): number {
  const n = xt.parseNumber(text, 1, 0x7fffffff);
  if (n === null) throw new xt.Problem(`Invalid rule number \`${text}'`);
  return n;
}

function checkNewName(env: Env, name: string): void {
  if (name.length >= MAX_CHAIN) bad(`chain name \`${name}' too long (must be under ${MAX_CHAIN} chars)`);
  if (name.startsWith('-') || name.startsWith('!')) bad(`chain name not allowed to start with \`${name[0]}'`);
  if (name === '' || ['ACCEPT', 'DROP', 'RETURN', 'QUEUE'].includes(name) || xt.findTarget(name, env.family))
    bad('chain name may not clash with target name');
  if (/\s/.test(name)) bad(`Invalid chain name \`${name}'`);
}

/** Everything that is checked when the whole line has been read. */
function finish(env: Env, s: State, invert: boolean, cx: xt.ParseCx): Parsed {
  if (s.table === 'nat' && (s.policy === 'DROP' || s.jump === 'DROP')) {
    bad('\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n');
  }
  for (const one of [...s.loaded, ...(s.target ? [s.target] : [])]) {
    one.ext.check?.(one.opt, one.given, cx);
    for (const spec of one.ext.options) {
      if (spec.mandatory && !one.given.has(spec.name)) bad(`${one.ext.name}: option "--${spec.name}" must be specified\n`);
      if (!one.given.has(spec.name)) continue;
      for (const other of spec.requires ?? []) {
        if (!one.given.has(other)) bad(`${one.ext.name}: option "--${spec.name}" also requires "--${other}".\n`);
      }
      for (const other of spec.excludes ?? []) {
        if (one.given.has(other)) bad(`${one.ext.name}: option "--${spec.name}" cannot be used together with "--${other}".\n`);
      }
    }
  }
  if (s.command === null) throw new xt.Problem('no command specified');
  if (invert) bad('nothing appropriate following !');
  const { command } = s;
  const ruleCommand = 'ACDIR'.includes(command);
  const sources = s.src === null ? [] : parseAddresses(env, s.src, s.srcInvert);
  const destinations = s.dst === null ? [] : parseAddresses(env, s.dst, s.dstInvert);
  if (
    (sources.length > 1 && s.srcInvert) ||
    (destinations.length > 1 && s.dstInvert) ||
    (sources.length + destinations.length > 2 && (s.srcInvert || s.dstInvert))
  ) {
    bad('! not allowed with multiple source or destination IP addresses');
  }
  if (command === 'R' && (sources.length > 1 || destinations.length > 1)) bad('Replacement rule does not specify a unique address');
  if (s.options.has('W') && !s.options.has('w')) bad('--wait-interval only makes sense with --wait\n');
  const allowed = command === 'D' && s.byNumber ? 'v' : ALLOWED[command];
  for (const key of ORDER) {
    if (s.options.has(key) && !allowed.includes(key)) bad(`Illegal option \`-${key}' with this command`);
  }
  if (s.chain !== null && s.chain.length >= MAX_CHAIN) bad(`chain name \`${s.chain}' too long (must be under ${MAX_CHAIN} chars)`);
  if (ruleCommand && s.chain !== null) {
    if ((s.chain === 'PREROUTING' || s.chain === 'INPUT') && s.rule.out) bad(`Can't use -o with ${s.chain}\n`);
    if ((s.chain === 'POSTROUTING' || s.chain === 'OUTPUT') && s.rule.in) bad(`Can't use -i with ${s.chain}\n`);
  }
  for (const side of ['in', 'out'] as const) {
    const i = s.rule[side];
    if (i && i.name === '+' && !i.invert) s.rule[side] = null;
  }
  s.rule.target = targetOf(env, s);
  if (!xt.isTableName(s.table)) {
    throw new xt.Problem(
      env.legacy
        ? `can't initialize iptables table \`${s.table}': Table does not exist (do you need to insmod?)`
        : `table '${s.table}' does not exist`,
      3,
    );
  }
  return {
    command,
    chain: s.chain,
    rulenum: s.rulenum,
    byNumber: s.byNumber,
    newname: s.newname,
    policy: s.policy,
    table: s.table,
    options: s.options,
    rule: s.rule,
    sources,
    destinations,
  };
}

function targetOf(env: Env, s: State): xt.RuleTarget {
  if (s.jump === '') return { kind: 'none' };
  if (s.goto) return { kind: 'jump', chain: s.jump, goto: true };
  if (s.jump === 'ACCEPT' || s.jump === 'DROP' || s.jump === 'RETURN' || s.jump === 'QUEUE') return { kind: 'verdict', verdict: s.jump };
  if (s.target) return { kind: 'ext', ext: s.target.ext as xt.TargetExt, opt: s.target.opt };
  void env;
  return { kind: 'jump', chain: s.jump, goto: false };
}
