/** History expansion: events, words, modifiers, quick substitution. Models histexpand.c */

export type Expanded =
  | { readonly kind: 'same'; readonly text: string }
  /** `shown` is printed before the text runs. */
  | { readonly kind: 'text' | 'print' | 'error'; readonly text: string; readonly shown: string };

export interface Events {
  readonly lines: readonly string[];
  /** The number of the first line. */
  readonly base: number;
  /** What :& repeats; kept from one expansion to the next. */
  readonly substitution: { from: string; to: string };
}

class Failed extends Error {}

const fail = (what: string, why: string): never => {
  throw new Failed(`${what}: ${why}`);
};

/** The words that designators count: quoted strings are one, operators stand alone. Models history_tokenize(). */
export function eventWords(line: string): string[] {
  return (
    line.match(/(?:\\.|"(?:\\.|[^"\\])*"?|'[^']*'?|[^\s;&|<>()"'\\])+|&&|\|\||;;|<<-|<<<|<<|>>|<&|>&|&>|>\||<>|[;&|<>()]/g) ?? []
  ).filter((w) => w !== '');
}

interface Cursor {
  readonly text: string;
  at: number;
}

/** The event behind a `!`. */
function eventOf(c: Cursor, ev: Events, before: string, inDouble: boolean): string | null {
  const rest = c.text.slice(c.at);
  const found = (name: string, line: string | undefined): string => line ?? (fail(`!${name}`, 'event not found') as never);
  const recent = (test: (line: string) => boolean): string | undefined => ev.lines.findLast(test);
  if (rest.startsWith('!')) {
    c.at++;
    return found('!', ev.lines[ev.lines.length - 1]);
  }
  if (rest.startsWith('#')) {
    c.at++;
    return before;
  }
  if (/^[$^*:%]/.test(rest)) return found(rest.slice(0, 1), ev.lines[ev.lines.length - 1]);
  const number = /^-?\d+/.exec(rest)?.[0];
  if (number) {
    c.at += number.length;
    const n = Number(number);
    return found(number, n < 0 ? ev.lines[ev.lines.length + n] : ev.lines[n - ev.base]);
  }
  const inside = /^\?([^?\n]*)\??/.exec(rest);
  if (inside) {
    c.at += inside[0].length;
    return found(
      inside[0],
      recent((l) => l.includes(inside[1] as string)),
    );
  }
  const name = (inDouble ? /^[^\s:;&()|<>"$^*%-][^\s:;&()|<>"$^*%]*/ : /^[^\s:;&()|<>$^*%-][^\s:;&()|<>$^*%]*/).exec(rest)?.[0];
  if (!name) return null;
  c.at += name.length;
  return found(
    name,
    recent((l) => l.startsWith(name)),
  );
}

/** Word designators behind an event; null when there are none. */
function wordsOf(c: Cursor, event: string): string {
  const m = /^(?::(?=[\d$^*%-])|(?=[$^*%-]))(?:(\*)|(\d+|[$^%])?(?:(-)(\d+|[$^])?|(\*))?)/.exec(c.text.slice(c.at));
  if (!m || m[0] === '' || m[0] === ':') return event;
  const all = eventWords(event);
  const last = all.length - 1;
  const place = (w: string): number => (w === '$' ? last : w === '^' ? 1 : Number(w));
  c.at += m[0].length;
  const bad = (): never => fail(m[0].startsWith(':') ? m[0] : `:${m[0]}`, 'bad word specifier');
  let [from, to] = [0, last];
  if (m[1]) [from, to] = [1, last];
  else {
    from = m[2] === undefined ? 0 : place(m[2]);
    if (m[5]) to = last;
    else if (m[3]) to = m[4] === undefined ? last - 1 : place(m[4]);
    else to = from;
  }
  if ((m[1] || m[5]) && from > last) return '';
  if (from > last || to > last || from < 0 || to < from) bad();
  return all.slice(from, to + 1).join(' ');
}

const quoted = (text: string): string => `'${text.replace(/'/g, "'\\''")}'`;

function modify(c: Cursor, given: string, ev: Events): { text: string; print: boolean } {
  let text = given;
  let print = false;
  for (;;) {
    const m = /^:(g|a|G)?([htreqxp&]|s)/.exec(c.text.slice(c.at));
    if (!m) return { text, print };
    c.at += m[0].length;
    const slash = text.lastIndexOf('/');
    const dot = text.lastIndexOf('.');
    switch (m[2]) {
      case 'h':
        if (slash >= 0) text = text.slice(0, slash);
        break;
      case 't':
        if (slash >= 0) text = text.slice(slash + 1);
        break;
      case 'r':
        if (dot >= 0) text = text.slice(0, dot);
        break;
      case 'e':
        if (dot >= 0) text = text.slice(dot);
        break;
      case 'q':
        text = quoted(text);
        break;
      case 'x':
        text = text.split(/\s+/).map(quoted).join(' ');
        break;
      case 'p':
        print = true;
        break;
      case 's':
      case '&': {
        let shown = m[0];
        if (m[2] === 's') {
          const mark = c.text[c.at] ?? '/';
          const [from, to, used] = splitBy(c.text.slice(c.at + 1), mark);
          shown += c.text.slice(c.at, c.at + 1 + used);
          c.at += 1 + used;
          if (from !== '') ev.substitution.from = from;
          ev.substitution.to = to.replace(/\\.|&/g, (w) => (w === '&' ? ev.substitution.from : w[1] === '&' ? '&' : w));
        }
        const { from, to } = ev.substitution;
        if (from === '' || !text.includes(from)) fail(shown.replace(/^:[gaG]?/, ':'), 'substitution failed');
        if (m[1] === 'G')
          text = text
            .split(' ')
            .map((w) => w.replace(from, () => to))
            .join(' ');
        else text = m[1] ? text.replaceAll(from, to) : text.replace(from, () => to);
        break;
      }
    }
  }
}

/** old/new/ up to the mark: both parts and how much was used. */
function splitBy(text: string, mark: string): [string, string, number] {
  const parts: [string, string] = ['', ''];
  let which: 0 | 1 = 0;
  let i = 0;
  for (; i < text.length; i++) {
    const c = text[i] as string;
    if (c === '\\' && text[i + 1] === mark) parts[which] += text[++i];
    else if (c === mark) {
      if (which === 1) {
        i++;
        break;
      }
      which = 1;
    } else parts[which] += c;
  }
  return [parts[0], parts[1], i];
}

export function expandEvents(line: string, inDouble: boolean, ev: Events): Expanded {
  if (!line.includes('!') && !line.startsWith('^')) return { kind: 'same', text: line };
  try {
    if (line.startsWith('^')) {
      const [, , used] = splitBy(line.slice(1), '^');
      const shown = `:s${line.slice(0, 1 + used)}`;
      const c: Cursor = { text: `${shown}${line.slice(1 + used)}`, at: 0 };
      const last = ev.lines[ev.lines.length - 1] ?? (fail(line, 'event not found') as never);
      const { text } = modify(c, last, ev);
      const all = text + c.text.slice(c.at);
      return { kind: 'text', text: all, shown: `${all}\n` };
    }
    return scan(line, inDouble, ev);
  } catch (e) {
    if (!(e instanceof Failed)) throw e;
    return { kind: 'error', text: line, shown: `bash: ${e.message}\n` };
  }
}

function scan(line: string, open: boolean, ev: Events): Expanded {
  const c: Cursor = { text: line, at: 0 };
  let out = '';
  let changed = false;
  let print = false;
  let inDouble = open;
  while (c.at < line.length) {
    const ch = line[c.at] as string;
    if (ch === '\\') {
      out += line.slice(c.at, c.at + 2);
      c.at += 2;
      continue;
    }
    if (ch === '"') inDouble = !inDouble;
    if (ch === "'" && !inDouble) {
      const end = line.indexOf("'", c.at + 1);
      const to = end < 0 ? line.length : end + 1;
      out += line.slice(c.at, to);
      c.at = to;
      continue;
    }
    const next = line[c.at + 1];
    const event = ch === '!' && next !== undefined && !/[\s=(]/.test(next) && !(inDouble && next === '"') && !/[$[{]$/.test(out);
    if (!event) {
      out += ch;
      c.at++;
      continue;
    }
    const start = c.at++;
    const found = eventOf(c, ev, out, inDouble);
    if (found === null) {
      out += line.slice(start, ++c.at);
      continue;
    }
    const made = modify(c, wordsOf(c, found), ev);
    changed = true;
    print ||= made.print;
    out += made.text;
  }
  if (!changed) return { kind: 'same', text: line };
  return { kind: print ? 'print' : 'text', text: out, shown: `${out}\n` };
}
