/** What less's keys do. Models command.c, search.c, jump.c and option.c */

import type { Task } from '../../os/process.ts';
import { SEC } from '../../sim/sim.ts';
import { translate } from '../grep/regex.ts';
import type { Pager, Search } from './pager.ts';
import { EQUALS } from './prompt.ts';
import { plainText } from './rows.ts';
import { HELP, MESSAGES } from './tables.ts';
import { Text } from './text.ts';
import { View } from './view.ts';

type Run = (l: Pager, n: number | null, text?: string, back?: boolean) => Task<void>;

function page(l: Pager): number {
  return l.window ?? Math.max(1, Number(l.flags.get('z') ?? 0) || l.view.height);
}

const halfOf = (l: Pager, n: number | null): number => {
  if (n !== null) l.half = n;
  return l.half ?? Math.max(1, Math.floor(l.view.rows / 2));
};

/** An extended regular expression; null when it is none. */
function compiled(l: Pager, text: string): RegExp | null {
  const fold = l.on('I') || (l.on('i') && !/[A-Z]/.test(text));
  try {
    return new RegExp(translate(text, false), fold ? 'iu' : 'u');
  } catch {
    return null;
  }
}

const fits = (l: Pager, s: Search, line: string): boolean => s.re.test(plainText(line, l.view.options.raw)) !== s.inverted;

/** The line of the nth match behind or before the top one. */
function* matching(l: Pager, s: Search, back: boolean, count: number): Task<number | null> {
  const { view } = l;
  const skipped = l.on('a') && !back ? Math.max(view.top.line, view.next.line - 1) : view.top.line;
  let left = count;
  for (let at = back ? view.top.line - 1 : skipped + (l.fromTop && !l.on('a') ? 0 : 1); at >= 0; at = at + (back ? -1 : 1)) {
    if (l.interrupted) return null;
    yield* view.text.need(at + 1, () => l.interrupted);
    const line = view.text.lines[at];
    if (line === undefined) return null;
    if (view.matchesFilter(line) && fits(l, s, line) && --left === 0) return at;
  }
  return null;
}

function* look(l: Pager, s: Search, back: boolean, count: number): Task<void> {
  l.view.found = s.inverted ? null : s.re;
  l.view.highlight = !l.on('G');
  const at = yield* matching(l, s, back, count);
  if (at === null) {
    if (s.allFiles && !back && l.index + 1 < l.files.length) {
      yield* l.open(l.index + 1, 1);
      l.fromTop = true;
      yield* look(l, s, back, 1);
      l.fromTop = false;
      return;
    }
    yield* l.view.fill(l.view.top);
    yield* l.paint();
    if (!l.interrupted) yield* l.message('Pattern not found');
    return;
  }
  if (l.on('g')) l.view.only = at;
  const target = Math.max(1, Number(l.flags.get('j') ?? 1) || 1);
  yield* l.jump({ line: Math.max(0, at - target + 1), row: 0 });
}

/** Asks for a pattern; null when it was given up or is none. */
function* pattern(l: Pager, mark: string): Task<{ text: string; inverted: boolean; plain: boolean; all: boolean; keep: boolean } | null> {
  const on = { inverted: false, plain: false, all: false, keep: false };
  const label = (): string =>
    `${on.keep ? 'Keep-pos ' : ''}${on.inverted ? 'Non-match ' : ''}${on.all ? 'EOF-ignore ' : ''}${on.plain ? 'Regex-off ' : ''}${mark}`;
  const text = yield* l.ask(label(), 'search', (typed, key) => {
    if (typed !== '') return null;
    if (key === '!' || key === '\x0e') on.inverted = !on.inverted;
    else if ((key === '*' || key === '\x05') && mark !== '&/') on.all = !on.all;
    else if (key === '\x12') on.plain = !on.plain;
    else if (key === '\x0b' && mark !== '&/') on.keep = !on.keep;
    else return null;
    return label();
  });
  return text === null ? null : { text, ...on };
}

function* search(l: Pager, n: number | null, back: boolean): Task<void> {
  const asked = yield* pattern(l, back ? '?' : '/');
  if (!asked) return;
  if (asked.text === '') {
    if (!l.search) yield* l.message('No previous regular expression');
    else yield* look(l, { ...l.search, back }, back, n ?? 1);
    return;
  }
  const re = compiled(l, asked.plain ? asked.text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : asked.text);
  if (!re) {
    yield* l.message('Invalid pattern');
    return;
  }
  // The very first search of an untouched text begins with its first line.
  l.fromTop = !l.search && !back && l.view.top.line === 0 && l.view.top.row === 0;
  l.search = { re, inverted: asked.inverted, back, allFiles: asked.all };
  if (asked.keep) {
    l.view.found = re;
    yield* l.refill();
    return;
  }
  yield* look(l, l.search, back, n ?? 1);
  l.fromTop = false;
}

function* again(l: Pager, n: number | null, turned: boolean): Task<void> {
  if (!l.search) {
    yield* l.message('No previous regular expression');
    return;
  }
  yield* look(l, l.search, l.search.back !== turned, n ?? 1);
}

function* follow(l: Pager): Task<void> {
  const { view } = l;
  yield* view.fill(yield* view.lastPage());
  yield* l.paint();
  for (;;) {
    yield* l.out('\r\x1b[K\x1b[7mWaiting for data... (interrupt to abort)\x1b[27m');
    while (!l.interrupted && !(yield* view.text.follow())) yield* l.p.sleep(SEC / 4);
    if (l.interrupted) break;
    yield* view.fill(view.top);
    while (!(yield* view.atEnd())) yield* l.forward(view.height);
    yield* view.fill(yield* view.lastPage());
    yield* l.paint();
  }
  l.interrupted = false;
}

/** Another program has the screen meanwhile. */
function* outside(l: Pager, command: string): Task<void> {
  const { p } = l;
  yield* l.leave();
  const raw = p.tty ? { ...p.tty.termios } : null;
  if (p.tty) p.tty.termios = { ...p.tty.termios, icanon: true, echo: true };
  const child = p.spawn(['sh', '-c', command]);
  if (child.ok) yield* p.waitPid(child.value);
  if (p.tty && raw) p.tty.termios = raw;
  l.interrupted = false;
}

function* help(l: Pager): Task<void> {
  if (l.helping) return;
  l.helping = { view: l.view, index: l.index };
  const old = l.view;
  l.view = new View(Text.of(l.p, 'HELP', HELP), { ...old.options, shift: 0 }, () => l.interrupted);
  l.view.rows = old.rows;
  yield* l.view.fill({ line: 0, row: 0 });
  yield* l.paint();
}

function* option(l: Pager, tell: boolean): Task<void> {
  const mark = tell ? '_' : '-';
  yield* l.out(`\r\x1b[K${mark}`);
  const key = yield* l.answer();
  if (key === null || key.length !== 1 || key < ' ' || key === '\x7f') return;
  if (key === '-' || key === '_') {
    yield* l.ask(`${mark}${key}`, 'option');
    yield* l.message('Long names of options are not emulated here');
    return;
  }
  const said = MESSAGES[key];
  if (!said) {
    yield* l.message(`There is no -${key} option`);
    return;
  }
  const was = l.on(key);
  if (tell) {
    yield* l.message(said[was ? 0 : 1]);
    return;
  }
  for (const other of { i: 'I', I: 'i', m: 'M', M: 'm', r: 'R', R: 'r', e: 'E', E: 'e', g: 'G', G: 'g', n: 'N', N: 'n' }[key] ?? '')
    l.flags.delete(other);
  if (was) l.flags.delete(key);
  else l.flags.set(key, '');
  yield* l.message(said[was ? 1 : 0]);
  yield* l.refill();
}

export const COMMANDS: Readonly<Record<string, Run>> = {
  page: (l, n) => l.forward(n ?? page(l)),
  *window(l, n) {
    if (n !== null) l.window = n;
    yield* l.forward(page(l));
  },
  pageBack: (l, n) => l.backward(n ?? page(l)),
  *windowBack(l, n) {
    if (n !== null) l.window = n;
    yield* l.backward(page(l));
  },
  half: (l, n) => l.forward(halfOf(l, n)),
  halfBack: (l, n) => l.backward(halfOf(l, n)),
  line: (l, n) => l.forward(n ?? 1),
  lineBack: (l, n) => l.backward(n ?? 1),
  *start(l, n) {
    yield* l.view.text.need(n ?? 1, () => l.interrupted);
    if (n !== null && n > l.view.text.lines.length) {
      yield* l.message(`Cannot seek to line number ${n}`);
      return;
    }
    yield* l.jump({ line: Math.max(0, (n ?? 1) - 1), row: 0 });
  },
  *end(l, n) {
    if (n !== null) yield* l.does('start', n);
    else yield* l.jump(yield* l.view.lastPage());
  },
  *percent(l, n) {
    const { text } = l.view;
    yield* text.need(Number.POSITIVE_INFINITY, () => l.interrupted);
    const byte = Math.floor((text.bytes * Math.min(100, n ?? 0)) / 100);
    const line = text.starts.findLastIndex((s) => s <= byte);
    if ((n ?? 0) >= 100) yield* l.jump(yield* l.view.lastPage());
    else yield* l.jump({ line: Math.max(0, line), row: 0 });
  },
  *right(l, n) {
    if (n !== null) l.side = n;
    l.view.options = { ...l.view.options, shift: l.view.options.shift + (l.side ?? Math.floor(l.view.options.cols / 2)) };
    yield* l.view.fill({ line: l.view.top.line, row: 0 });
    yield* l.paint();
  },
  *left(l, n) {
    if (n !== null) l.side = n;
    l.view.options = { ...l.view.options, shift: Math.max(0, l.view.options.shift - (l.side ?? Math.floor(l.view.options.cols / 2))) };
    yield* l.view.fill({ line: l.view.top.line, row: 0 });
    yield* l.paint();
  },
  follow,
  search: (l, n) => search(l, n, false),
  searchBack: (l, n) => search(l, n, true),
  again: (l, n) => again(l, n, false),
  againBack: (l, n) => again(l, n, true),
  /** +/PATTERN and -p. */
  *find(l, _n, text = '', back = false) {
    const re = compiled(l, text);
    if (!re) {
      yield* l.message('Invalid pattern');
      return;
    }
    l.search = { re, inverted: false, back, allFiles: false };
    l.fromTop = true;
    yield* look(l, l.search, back, 1);
    l.fromTop = false;
  },
  *highlight(l) {
    l.view.highlight = !l.view.highlight;
    yield* l.refill();
  },
  *filter(l) {
    const asked = yield* pattern(l, '&/');
    if (!asked) return;
    const re = asked.text === '' ? null : compiled(l, asked.plain ? asked.text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : asked.text);
    if (asked.text !== '' && !re) {
      yield* l.message('Invalid pattern');
      return;
    }
    l.view.filter = re ? { re, inverted: asked.inverted } : null;
    yield* l.refill();
  },
  repaint: (l) => l.refill(),
  *reload(l) {
    if (l.helping) return;
    const { top } = l.view;
    yield* l.open(l.index, 1);
    l.fresh = false;
    yield* l.jump(top);
  },
  *status(l) {
    yield* l.message(yield* l.say(EQUALS));
  },
  version: (l) => l.message('less 590'),
  help,
  *closeHelp(l) {
    if (!l.helping) return;
    l.view = l.helping.view;
    l.helping = null;
    l.fresh = true;
    yield* l.refill();
  },
  *quit(l) {
    if (l.helping) yield* l.does('closeHelp', null);
    else l.quit = 0;
  },
  *nextFile(l, n) {
    if (l.index + (n ?? 1) >= l.files.length) yield* l.message('No next file');
    else yield* l.open(l.index + (n ?? 1), 1);
  },
  *previousFile(l, n) {
    if (l.index - (n ?? 1) < 0) yield* l.message('No previous file');
    else yield* l.open(l.index - (n ?? 1), -1);
  },
  *firstFile(l, n) {
    if ((n ?? 1) > l.files.length) yield* l.message('No such file');
    else yield* l.open((n ?? 1) - 1, 1);
  },
  *dropFile(l) {
    if (l.files.length === 1) {
      yield* l.out('\x07');
      return;
    }
    l.files.splice(l.index, 1);
    yield* l.open(Math.min(l.index, l.files.length - 1), 1);
  },
  *examine(l) {
    const name = yield* l.ask('Examine: ', 'file');
    if (!name) return;
    l.files.splice(l.index + 1, 0, ...name.trim().split(/\s+/));
    yield* l.open(l.index + 1, 1);
  },
  *edit(l) {
    const { name } = l.view.text;
    if (name === '' || l.helping) {
      yield* l.message(l.helping ? 'Cannot edit the help text' : 'Cannot edit standard input');
      return;
    }
    const { top } = l.view;
    const editor = l.p.env.get('VISUAL') || l.p.env.get('EDITOR') || 'vi';
    const middle = top.line + 1 + Math.floor(l.view.shown.length / 2);
    yield* outside(l, `${editor} +${Math.min(middle, Math.max(1, l.view.text.lines.length))} ${name.replace(/[^\w./-]/g, '\\$&')}`);
    yield* l.enter();
    yield* l.open(l.index, 1);
    yield* l.jump(top);
  },
  *shell(l) {
    const command = yield* l.ask('!', 'shell');
    if (command === null) return;
    yield* outside(l, command === '' ? (l.p.env.get('SHELL') ?? 'sh') : command.replaceAll('%', l.view.text.name));
    yield* l.out('!done  (press RETURN)');
    yield* l.answer();
    yield* l.enter();
    yield* l.refill();
  },
  *mark(l) {
    yield* l.out('\r\x1b[Kset mark: ');
    const key = yield* l.answer();
    if (key && /^[a-zA-Z]$/.test(key)) l.marks.set(key, { file: l.view.text.name, top: l.view.top });
  },
  *toMark(l) {
    yield* l.out('\r\x1b[Kgoto mark: ');
    const key = yield* l.answer();
    if (key === '^') yield* l.does('start', null);
    else if (key === '$') yield* l.does('end', null);
    else {
      const m = l.marks.get(key ?? '');
      if (!m) yield* l.message('Mark not set');
      else if (m.file !== l.view.text.name) yield* l.message('Mark is in another file');
      else yield* l.jump(m.top);
    }
  },
  option: (l) => option(l, false),
  showOption: (l) => option(l, true),
};
