/** The command line: commands, rule parts, extensions' options merged in as they are loaded. Models do_parse() of iptables/xshared.c */

import { xt } from '../../os/uapi.ts';
import { parseInterface } from './address.ts';
import { type Env, Exit, flavourText, Ignored, idOf } from './env.ts';
import { finish } from './finish.ts';
import { type CommandKey, GLOBALS, type GlobalOption } from './globals.ts';
import { helpText } from './help.ts';
import { bad, checkNewName, type Loaded, newState, type Parsed, ruleNumber, type State } from './state.ts';

/** Options that `!` may stand before. */
const INVERTIBLE = 'sdpiof';

/** Headers of IPv6 that are never the last one. */
const EXTENSION_HEADERS: readonly number[] = [43, 44, 51, 60];

const BY_KEY: ReadonlyMap<string, GlobalOption> = new Map(GLOBALS.map((g) => [g.key, g] as const).reverse());
const BY_LONG: ReadonlyMap<string, GlobalOption> = new Map(GLOBALS.map((g) => [g.long, g] as const));

function named(spec: xt.OptionSpec<unknown>, long: string): boolean {
  return spec.name === long || spec.aliases?.includes(long) === true;
}

/** Reads lines one after the other; what `parse` returns is good until the next. `out` receives -V and -h text, `warn` what goes to standard error before the verdict. `restoreTable` refuses -t as iptables-restore does. */
export class CommandParser implements xt.ParseCx {
  private readonly env: Env;
  private readonly out: (text: string) => void;
  readonly warn: (text: string) => void;
  private readonly restoreTable: string | null;
  private readonly s: State;
  /** Used again line after line. */
  private readonly pool: Loaded[] = [];
  private argv: readonly string[] = [];
  private at = 0;
  private invert = false;

  constructor(env: Env, out: (text: string) => void, warn: (text: string) => void, restoreTable: string | null = null) {
    this.env = env;
    this.out = out;
    this.warn = warn;
    this.restoreTable = restoreTable;
    this.s = newState(restoreTable ?? 'filter');
  }

  get family(): 4 | 6 {
    return this.env.family;
  }

  get legacy(): boolean {
    return this.env.legacy;
  }

  get proto(): number {
    return this.s.rule.proto;
  }

  get protoInvert(): boolean {
    return this.s.rule.protoInvert;
  }

  next(): string | null {
    return this.at < this.argv.length && !(this.argv[this.at] as string).startsWith('-') ? this.take() : null;
  }

  setExists(name: string): boolean {
    return this.env.ns.nf.sets.get(name) !== null;
  }

  user(name: string): number | null {
    return idOf(this.env, '/etc/passwd', name);
  }

  group(name: string): number | null {
    return idOf(this.env, '/etc/group', name);
  }

  parse(argv: readonly string[]): Parsed {
    this.reset(argv);
    while (this.at < argv.length) {
      const word = this.take();
      if (word === '!') {
        if (this.invert) bad('multiple consecutive ! not allowed');
        this.invert = true;
        continue;
      }
      if (word === '--') {
        if (this.at < argv.length) bad('unknown arguments found on commandline');
        break;
      }
      if (!word.startsWith('-') || word === '-') throw new xt.Problem(`Bad argument \`${word}'`, 2, false);
      if (word.startsWith('--')) this.longOption(word.slice(2));
      else this.shortOptions(word);
    }
    return finish(this.env, this.s, this.invert, this);
  }

  private reset(argv: readonly string[]): void {
    const { s } = this;
    this.argv = argv;
    this.at = 0;
    this.invert = false;
    if (s.target) this.pool.push(s.target);
    this.pool.push(...s.loaded);
    s.command = null;
    s.chain = null;
    s.rulenum = 0;
    s.byNumber = false;
    s.newname = '';
    s.policy = '';
    s.table = this.restoreTable ?? 'filter';
    if (s.options.size > 0) s.options.clear();
    s.rule = xt.emptyRule();
    s.src = null;
    s.dst = null;
    s.srcInvert = false;
    s.dstInvert = false;
    s.jump = '';
    s.loaded.length = 0;
    s.target = null;
    s.goto = false;
    s.protoMatch = false;
  }

  private hasArg(): boolean {
    if (this.at >= this.argv.length) return false;
    const word = this.argv[this.at] as string;
    return word !== '!' && !word.startsWith('-');
  }

  private take(): string {
    return this.argv[this.at++] as string;
  }

  /** These take the whole word where the argument is joined to the option (-ptcp, --source=…). */
  private word(): string {
    return this.argv[this.at - 1] as string;
  }

  private shortOptions(word: string): void {
    for (let k = 1; k < word.length; k++) {
      const key = word[k] as string;
      const spec = key === '0' ? undefined : BY_KEY.get(key);
      if (!spec) throw new xt.Problem(`unknown option "-${key}"`);
      if (spec.arg === 'none') {
        this.global(key, '');
        continue;
      }
      let arg = word.slice(k + 1);
      if (arg === '' && spec.arg === 'required') {
        if (this.at >= this.argv.length) bad(`option "-${key}" requires an argument`);
        arg = this.take();
      }
      this.global(key, arg);
      return;
    }
  }

  private set(option: string): void {
    const { options } = this.s;
    if (options.has(option)) bad(`multiple -${option} flags not allowed`);
    if (this.invert && !INVERTIBLE.includes(option)) bad(`cannot have ! before -${option}`);
    options.add(option);
  }

  private command(cmd: CommandKey, other: CommandKey | '' = ''): void {
    const { s } = this;
    if (this.invert) bad("unexpected '!' flag");
    if (s.command !== null && s.command !== other) bad(`Cannot use -${cmd} with -${s.command}`);
    if (s.command === null || cmd !== 'Z') s.command = cmd;
    else s.options.add('zero');
  }

  private global(key: string, arg: string): void {
    const { s, env, restoreTable } = this;
    switch (key) {
      case 'A':
      case 'C':
        this.command(key);
        s.chain = arg;
        break;
      case 'D':
        this.command('D');
        s.chain = arg;
        if (this.hasArg()) {
          s.rulenum = ruleNumber(this.take());
          s.byNumber = true;
        }
        break;
      case 'R':
        this.command('R');
        s.chain = arg;
        if (!this.hasArg()) bad('-R requires a rule number');
        s.rulenum = ruleNumber(this.take());
        break;
      case 'I':
        this.command('I');
        s.chain = arg;
        s.rulenum = this.hasArg() ? ruleNumber(this.take()) : 1;
        break;
      case 'L':
      case 'S':
        if (s.command === 'Z') {
          s.options.add('zero');
          s.command = null;
        }
        this.command(key);
        if (arg !== '') s.chain = arg;
        else if (this.hasArg()) s.chain = this.take();
        if (this.hasArg()) s.rulenum = ruleNumber(this.take());
        break;
      case 'F':
      case 'X':
        this.command(key);
        if (arg !== '') s.chain = arg;
        else if (this.hasArg()) s.chain = this.take();
        break;
      case 'Z':
        this.command('Z', s.command === 'L' || s.command === 'S' ? s.command : '');
        if (arg !== '') s.chain = arg;
        else if (this.hasArg()) s.chain = this.take();
        if (this.hasArg()) {
          s.rulenum = ruleNumber(this.take());
          s.byNumber = true;
        }
        break;
      case 'N':
        checkNewName(env, arg);
        this.command('N');
        s.chain = arg;
        break;
      case 'E':
        this.command('E');
        s.chain = arg;
        if (!this.hasArg()) bad('-E requires old-chain-name and new-chain-name');
        s.newname = this.take();
        break;
      case 'P':
        this.command('P');
        s.chain = arg;
        if (!this.hasArg()) bad('-P requires a chain and a policy');
        s.policy = this.take();
        break;
      case 'p': {
        this.set(key);
        const name = this.word().toLowerCase();
        const number = xt.parseNumber(name, 0, 255) ?? xt.protocolNumber(name);
        if (number === null) bad(`unknown protocol "${name}" specified`);
        s.rule.proto = number as number;
        s.rule.protoInvert = this.invert;
        if (number === 0 && this.invert) bad('rule would never match protocol');
        if (env.family === 6 && !this.invert && EXTENSION_HEADERS.includes(number as number))
          this.warn(`Warning: never matched protocol: ${name}. use extension match instead.\n`);
        break;
      }
      case 's':
        this.set(key);
        s.src = this.word();
        s.srcInvert = this.invert;
        break;
      case 'd':
        this.set(key);
        s.dst = this.word();
        s.dstInvert = this.invert;
        break;
      case 'i':
        if (arg === '') bad('Empty interface is likely to be undesired');
        this.set(key);
        s.rule.in = parseInterface(arg, this.invert, this.warn);
        break;
      case 'o':
        if (arg === '') bad('Empty interface is likely to be undesired');
        this.set(key);
        s.rule.out = parseInterface(arg, this.invert, this.warn);
        break;
      case 'j':
        this.set(key);
        s.jump = this.word();
        if (s.jump === '') bad('Invalid target name (too short)');
        this.loadTarget(s.jump);
        break;
      case 'g':
        this.set('j');
        s.jump = this.word();
        s.goto = true;
        break;
      case 'f':
        if (env.family === 6) bad("`-f' is not supported in IPv6, use -m frag instead");
        this.set(key);
        s.rule.frag = { invert: this.invert };
        break;
      case 'm':
        if (this.invert) bad('unexpected ! flag before --match');
        this.loadMatch(arg);
        break;
      case 't':
        if (this.invert) bad('unexpected ! flag before --table');
        if (restoreTable !== null) bad(`The -t option cannot be used in ${env.prog}.\n`);
        s.table = arg;
        break;
      case 'v':
        if (!s.options.has('v')) this.set(key);
        break;
      case 'n':
      case 'x':
      case '0':
        this.set(key);
        break;
      case 'w': {
        const seconds = arg === '' && this.hasArg() ? this.take() : arg;
        if (seconds !== '' && !/^\s*[-+]?\d/.test(seconds)) bad('wait seconds not numeric');
        s.options.add('w');
        break;
      }
      case 'W': {
        const interval = arg === '' && this.hasArg() ? this.take() : arg;
        if (interval === '') bad('wait interval value required');
        this.warn('Ignoring deprecated --wait-interval option.\n');
        s.options.add('W');
        break;
      }
      case 'V':
        if (this.invert) {
          this.out(`Not ${flavourText(env).slice(1)} ;-)\n`);
          throw new Exit(0);
        }
        this.out(`${env.prog} ${flavourText(env)}\n`);
        throw new Exit(0);
      case 'h':
        if (s.loaded.length === 0 && s.rule.proto !== 0) {
          const named = xt.protocolName(s.rule.proto);
          if (named !== null && xt.findMatch(named, env.family)) this.loadMatch(named);
        }
        this.out(
          helpText(env, [...(s.target ? [s.target.ext.name] : s.jump !== '' ? ['standard'] : []), ...s.loaded.map((l) => l.ext.name)]),
        );
        throw new Exit(0);
      case 'c': {
        this.set(key);
        let [packets, bytes] = arg.includes(',') ? [arg.slice(0, arg.indexOf(',')), arg.slice(arg.indexOf(',') + 1)] : [arg, null];
        if (bytes === null && this.hasArg()) bytes = this.take();
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
    this.invert = false;
  }

  private load(ext: xt.Ext): Loaded {
    if (xt.isMissing(ext, this.env.ns)) this.warn(`Warning: Extension ${ext.name} revision 0 not supported, missing kernel module?\n`);
    const one = this.pool.pop() ?? { ext, opt: null, given: new Set() };
    one.ext = ext;
    one.opt = ext.init(this);
    if (one.given.size > 0) one.given.clear();
    return one;
  }

  private loadMatch(name: string): void {
    const ext = xt.findMatch(name, this.env.family);
    if (!ext) throw new xt.Problem(`Couldn't load match \`${name}':No such file or directory\n`);
    const one = this.load(ext);
    this.s.loaded.push(one);
    this.s.rule.matches.push({ ext, opt: one.opt });
  }

  private loadTarget(name: string): void {
    const ext = xt.findTarget(name, this.env.family);
    if (ext) this.s.target = this.load(ext);
  }

  /** Options of the extensions, the last loaded first; then the program's own. */
  private extOption(long: string): Loaded | null {
    const { loaded, target } = this.s;
    if (target) for (const spec of target.ext.options) if (named(spec, long)) return this.owned(target, spec);
    for (let i = loaded.length - 1; i >= 0; i--) {
      const owner = loaded[i] as Loaded;
      for (const spec of owner.ext.options) if (named(spec, long)) return this.owned(owner, spec);
    }
    if (BY_LONG.has(long)) return null;
    const partial = new Map<xt.OptionSpec<unknown>, Loaded>();
    for (const owner of [...(target ? [target] : []), ...[...loaded].reverse()]) {
      for (const spec of owner.ext.options)
        if ([spec.name, ...(spec.aliases ?? [])].some((n) => n.startsWith(long))) partial.set(spec, owner);
    }
    const globals = new Set(GLOBALS.filter((g) => g.long.startsWith(long)).map((g) => g.key));
    if (partial.size + globals.size > 1) bad(`unknown option "--${long}"`);
    for (const [spec, owner] of partial) return this.owned(owner, spec);
    return null;
  }

  private found: xt.OptionSpec<unknown> | null = null;

  private owned(owner: Loaded, spec: xt.OptionSpec<unknown>): Loaded {
    this.found = spec;
    return owner;
  }

  private longOption(text: string): void {
    const { s } = this;
    const eq = text.indexOf('=');
    const name = eq < 0 ? text : text.slice(0, eq);
    const inline = eq < 0 ? null : text.slice(eq + 1);
    let owner = this.extOption(name);
    if (!owner) {
      const exact = BY_LONG.get(name);
      const hits = exact ? [exact] : GLOBALS.filter((g) => g.long.startsWith(name));
      const hit = hits[0];
      if (hit && hits.every((h) => h.key === hit.key)) {
        this.global(hit.key, this.argument(name, inline, hit.arg));
        return;
      }
      if (s.rule.proto !== 0 && !s.protoMatch) {
        const proto = xt.protocolName(s.rule.proto);
        const ext = proto === null ? null : xt.findMatch(proto, this.env.family);
        s.protoMatch = true;
        if (ext && !s.loaded.some((l) => l.ext === ext)) {
          this.loadMatch(ext.name);
          owner = this.extOption(name);
        }
      }
      if (!owner) throw new xt.Problem(`unknown option "--${name}"`);
    }
    const spec = this.found as xt.OptionSpec<unknown>;
    const arg = this.argument(name, inline, spec.arg ?? 'required');
    const ext = owner.ext.name;
    if (!spec.multi && owner.given.has(spec.name)) bad(`${ext}: option "--${spec.name}" can only be used once.\n`);
    if (this.invert && !spec.invert) bad(`${ext}: option "--${spec.name}" cannot be inverted.\n`);
    owner.given.add(spec.name);
    spec.set?.(owner.opt, arg, this.invert, this);
    this.invert = false;
  }

  private argument(name: string, inline: string | null, kind: 'none' | 'required' | 'optional'): string {
    if (kind !== 'required' || inline !== null) return inline ?? '';
    if (this.at >= this.argv.length) bad(`option "--${name}" requires an argument`);
    return this.take();
  }
}
