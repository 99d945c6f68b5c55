/** nginx's configuration language: words, blocks, includes, read in order. Models src/core/ngx_conf_file.c */

import type { Process } from '../../os/process.ts';
import { errnoNumber, strerror } from '../../sim/errno.ts';
import { DIRECTIVES, type Place } from './directives.ts';

/** `[emerg]` text: nginx does not start. */
export class Emerg extends Error {}

export interface Directive {
  name: string;
  args: string[];
  file: string;
  line: number;
}

/** Who takes the directives of a block; the parser has checked place and number of arguments. */
export interface Context {
  readonly place: Place;
  simple(d: Directive): void;
  /** The context of its block. */
  block(d: Directive): Context;
  end?(): void;
}

interface Token {
  text: string;
  quoted: boolean;
  line: number;
}

function* tokens(text: string, file: string): Generator<Token> {
  let line = 1;
  for (let i = 0; i < text.length; ) {
    const c = text[i] as string;
    if (c === '\n') line++;
    if (/\s/.test(c)) {
      i++;
    } else if (c === '#') {
      while (i < text.length && text[i] !== '\n') i++;
    } else if (c === '{' || c === '}' || c === ';') {
      yield { text: c, quoted: false, line };
      i++;
    } else if (c === '"' || c === "'") {
      let word = '';
      const from = line;
      i++;
      for (; i < text.length && text[i] !== c; i++) {
        if (text[i] === '\\' && /["'\\ntr]/.test(text[i + 1] ?? '')) {
          const next = text[++i] as string;
          word += next === 'n' ? '\n' : next === 't' ? '\t' : next === 'r' ? '\r' : next;
          continue;
        }
        if (text[i] === '\n') line++;
        word += text[i];
      }
      if (i >= text.length) throw new Emerg(`unexpected end of file, expecting ";" or "}" in ${file}:${from}`);
      i++;
      yield { text: word, quoted: true, line: from };
    } else {
      let word = '';
      for (; i < text.length && !/[\s;]/.test(text[i] as string) && !(text[i] === '{' && text[i - 1] !== '$'); i++) {
        // `${name}` is one word.
        if (text[i] === '$' && text[i + 1] === '{') {
          const close = text.indexOf('}', i);
          if (close < 0) throw new Emerg(`unexpected end of file, expecting ";" or "}" in ${file}:${line}`);
          word += text.slice(i, close + 1);
          i = close;
        } else if (text[i] === '\\' && /["'\\]/.test(text[i + 1] ?? '')) word += text[++i];
        else if (text[i] === '}' && word === '') break;
        else word += text[i];
      }
      yield { text: word, quoted: false, line };
    }
  }
}

const MAX_DEPTH = 32;

export class ConfigParser {
  private readonly p: Process;
  /** Every file read, for -T. */
  readonly files: { path: string; text: string }[] = [];
  readonly prefix: string;
  private depth = 0;

  constructor(p: Process, prefix = '/etc/nginx') {
    this.p = p;
    this.prefix = prefix;
  }

  load(path: string, root: Context, from: string | null): void {
    const r = this.p.readFile(path);
    if (!r.ok)
      throw new Emerg(`open() "${path}" failed (${errnoNumber(r.errno)}: ${strerror(r.errno)})${from === null ? '' : ` in ${from}`}`);
    const text = new TextDecoder().decode(r.value);
    this.files.push({ path, text });
    this.parse(text, path, root);
  }

  parse(text: string, file: string, root: Context): void {
    if (++this.depth > MAX_DEPTH) throw new Emerg(`too many nested includes in ${file}`);
    const stack: Context[] = [root];
    let words: string[] = [];
    let start = 1;
    let last = 1;
    for (const t of tokens(text, file)) {
      last = t.line;
      const top = stack.at(-1) as Context;
      if (!t.quoted && (t.text === ';' || t.text === '{')) {
        const [name, ...args] = words;
        if (name === undefined) throw new Emerg(`unexpected "${t.text}" in ${file}:${t.line}`);
        words = [];
        const d: Directive = { name, args, file, line: start };
        if (t.text === ';' && name === 'include' && top.place !== 'T') this.include(args[0] ?? '', d, top);
        else {
          check(d, t.text === '{', top.place);
          if (t.text === ';') top.simple(d);
          else stack.push(top.block(d));
        }
      } else if (!t.quoted && t.text === '}') {
        if (words.length > 0 || stack.length === 1) throw new Emerg(`unexpected "}" in ${file}:${t.line}`);
        stack.pop()?.end?.();
      } else {
        if (words.length === 0) start = t.line;
        words.push(t.text);
      }
    }
    if (stack.length > 1 || words.length > 0) {
      const missing = stack.length > 1 && words.length === 0 ? '"}"' : '";" or "}"';
      throw new Emerg(`unexpected end of file, expecting ${missing} in ${file}:${last + (text.endsWith('\n') ? 1 : 0)}`);
    }
    this.depth--;
  }

  private include(pattern: string, d: Directive, context: Context): void {
    if (d.args.length !== 1) throw new Emerg(`invalid number of arguments in "include" directive in ${d.file}:${d.line}`);
    const path = pattern.startsWith('/') ? pattern : `${this.prefix}/${pattern}`;
    if (!/[*?[]/.test(path)) {
      this.load(path, context, `${d.file}:${d.line}`);
      return;
    }
    const dir = path.slice(0, path.lastIndexOf('/'));
    const glob = new RegExp(
      `^${path
        .slice(dir.length + 1)
        .replace(/[.+^${}()|\\]/g, '\\$&')
        .replace(/\*/g, '.*')
        .replace(/\?/g, '.')}$`,
    );
    const names = this.p.readdir(dir);
    if (!names.ok) return;
    for (const n of [...names.value].sort())
      if (!n.startsWith('.') && glob.test(n)) this.load(`${dir}/${n}`, context, `${d.file}:${d.line}`);
  }
}

/** Whether the directive exists, may stand here, and has as many arguments as it takes. Models ngx_conf_handler() */
function check(d: Directive, block: boolean, place: Place): void {
  const where = ` in ${d.file}:${d.line}`;
  // Blocks like types and map hold words of one's own.
  if (place === 'T') return;
  const spec = DIRECTIVES.at(d.name, place);
  if (!spec) throw new Emerg(`unknown directive "${d.name}"${where}`);
  if (!spec.places.includes(place)) throw new Emerg(`"${d.name}" directive is not allowed here${where}`);
  if (block && !spec.block) throw new Emerg(`directive "${d.name}" is not terminated by ";"${where}`);
  if (!block && spec.block) throw new Emerg(`directive "${d.name}" has no opening "{"${where}`);
  if (d.args.length < spec.min || d.args.length > spec.max) throw new Emerg(`invalid number of arguments in "${d.name}" directive${where}`);
  if (spec.flag && !/^(on|off)$/i.test(d.args[0] as string))
    throw new Emerg(`invalid value "${d.args[0]}" in "${d.name}" directive, it must be "on" or "off"${where}`);
  if (!spec.emulated) throw new Emerg(`"${d.name}" directive is not emulated${where}`);
}
