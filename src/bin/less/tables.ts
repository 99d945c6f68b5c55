/** less's command line, its keys, what its options say when they are switched, and its help. Models opttbl.c, decode.c */

import type { OptionSpec } from '../getopt.ts';
import { specs } from '../getopt.ts';

export const SPECS: readonly OptionSpec[] = [
  ...specs(
    'a.search-skip-screen A.SEARCH-SKIP-SCREEN b:buffers B.auto-buffers c.clear-screen C.CLEAR-SCREEN d.dumb D:color e.quit-at-eof E.QUIT-AT-EOF f.force F.quit-if-one-screen g.hilite-search G.HILITE-SEARCH h:max-back-scroll i.ignore-case I.IGNORE-CASE j:jump-target J.status-column K.quit-on-intr L.no-lessopen m.long-prompt M.LONG-PROMPT n.line-numbers N.LINE-NUMBERS o:log-file O:LOG-FILE p:pattern P:prompt q.quiet Q.QUIET r.raw-control-chars R.RAW-CONTROL-CHARS s.squeeze-blank-lines S.chop-long-lines t:tag T:tag-file u.underline-special U.UNDERLINE-SPECIAL V.version w.hilite-unread W.HILITE-UNREAD x:tabs X.no-init y:max-forw-scroll z:window ~.tilde ?.help',
  ),
  { long: 'help', arg: 'none' },
  { long: 'mouse', arg: 'none' },
  { long: 'use-color', arg: 'none' },
  { long: 'wordwrap', arg: 'none' },
  { long: 'follow-name', arg: 'none' },
  { long: 'shift', short: '#', arg: 'required' },
];

/** Key -> command. Escape sequences come as their names. */
export const KEYS: Readonly<Record<string, string>> = {
  ' ': 'page',
  f: 'page',
  '\x06': 'page',
  '\x16': 'page',
  PageDown: 'page',
  z: 'window',
  b: 'pageBack',
  '\x02': 'pageBack',
  'ESC-v': 'pageBack',
  PageUp: 'pageBack',
  w: 'windowBack',
  d: 'half',
  '\x04': 'half',
  u: 'halfBack',
  '\x15': 'halfBack',
  j: 'line',
  e: 'line',
  '\x0e': 'line',
  '\x05': 'line',
  '\r': 'line',
  '\n': 'line',
  Down: 'line',
  k: 'lineBack',
  y: 'lineBack',
  '\x10': 'lineBack',
  '\x0b': 'lineBack',
  '\x19': 'lineBack',
  Up: 'lineBack',
  J: 'line',
  K: 'lineBack',
  Y: 'lineBack',
  g: 'start',
  '<': 'start',
  'ESC-<': 'start',
  Home: 'start',
  G: 'end',
  '>': 'end',
  'ESC->': 'end',
  End: 'end',
  p: 'percent',
  '%': 'percent',
  Right: 'right',
  'ESC-)': 'right',
  Left: 'left',
  'ESC-(': 'left',
  F: 'follow',
  '/': 'search',
  '?': 'searchBack',
  n: 'again',
  N: 'againBack',
  'ESC-n': 'again',
  'ESC-N': 'againBack',
  'ESC-u': 'highlight',
  '&': 'filter',
  r: 'repaint',
  '\x0c': 'repaint',
  '\x12': 'repaint',
  R: 'reload',
  '=': 'status',
  '\x07': 'status',
  ':f': 'status',
  V: 'version',
  h: 'help',
  H: 'help',
  q: 'quit',
  Q: 'quit',
  ':q': 'quit',
  ':Q': 'quit',
  ZZ: 'quit',
  ':n': 'nextFile',
  ':p': 'previousFile',
  ':x': 'firstFile',
  ':d': 'dropFile',
  ':e': 'examine',
  '\x18\x16': 'examine',
  E: 'examine',
  v: 'edit',
  '!': 'shell',
  m: 'mark',
  "'": 'toMark',
  '\x18\x18': 'toMark',
  '-': 'option',
  _: 'showOption',
};

/** Keys that are the beginning of another. */
export const PREFIXES = new Set([':', '\x18', '\x1b', 'Z']);

/** What an option says: [it was off and is on, it was on and is off]. */
export const MESSAGES: Readonly<Record<string, readonly [on: string, off: string]>> = {
  i: ['Ignore case in searches', 'Case is significant in searches'],
  I: ['Ignore case in searches and in patterns', 'Case is significant in searches'],
  N: ['Constantly display line numbers', 'Use line numbers'],
  n: ["Don't use line numbers", 'Use line numbers'],
  S: ['Chop long lines', 'Fold long lines'],
  R: ['Display ANSI sequences directly, other control characters as ^X', 'Display control characters as ^X'],
  r: ['Display control characters directly (not as ^X)', 'Display control characters as ^X'],
  m: ['Medium prompt', 'Short prompt'],
  M: ['Long prompt', 'Short prompt'],
  F: ['Quit if entire file fits on first screen', "Don't quit if end-of-file"],
  e: ['Quit at second end-of-file', "Don't quit at end-of-file"],
  E: ['Quit immediately at end-of-file', "Don't quit at end-of-file"],
  s: ['Squeeze multiple blank lines', 'Display all blank lines'],
  g: ['Highlight matches for previous search pattern', "Don't highlight search matches"],
  G: ['Highlight all matches for previous search pattern', "Don't highlight search matches"],
  u: ['Display underlined text in underline mode', 'Backspaces cause overstrike'],
  U: ['Print backspace as ^H', 'Backspaces cause overstrike'],
  X: ["Don't send init strings to terminal", 'Send init strings to terminal'],
  w: ['Highlight first unread line after forward-screen', "Don't highlight first unread line"],
  a: ['Search does not include current screen', 'Search includes displayed screen'],
  '~': ["Don't show tildes after end of file", 'Show tildes after end of file'],
  K: ['Quit less on interrupt', 'Interrupt returns to prompt'],
};

export const HELP = `  Keys of less.  N stands for a number typed before the key.

  h  H                 This help.
  q  :q  Q  ZZ         Leave.

  Moving
  e  j  RETURN  Down   N lines on (1).
  y  k  Up             N lines back (1).
  f  SPACE  PageDown   N lines on (a screen).
  b  PageUp            N lines back (a screen).
  z  w                 The same, and N is the new size of a screen.
  d  u                 Half a screen on, back; N is remembered.
  Right  Left          Half a screen to the side; N is remembered.
  g  <  Home           Line N (the first).
  G  >  End            Line N (the last).
  p  %                 N percent into the file.
  m LETTER  ' LETTER   Set a mark, return to it; '' is where the last jump began.
  F                    Follow the end; Ctrl-C ends that.
  r  R                 Draw again; read again and draw.

  Searching
  /PATTERN  ?PATTERN   The Nth line on, or back, that matches.
                       First characters: ! lines without it, * through all files,
                       @ from the first file, Ctrl-R plain text, Ctrl-K stay here.
  n  N                 The same search again; the other way.
  ESC-u                Switch highlighting of what was found.
  &PATTERN             Show matching lines only; & alone shows all again.

  Files
  :n  :p  :x           Next, previous, first file.
  :e FILE              Another file.       :d  Drop this one.
  =  :f                Name and place.
  v                    This file in the editor ($VISUAL, $EDITOR).
  ! COMMAND            Run a command.

  Options
  -X  _X               Switch option X, tell what it is.
  -i -I  case of searches      -N  line numbers     -S  chop long lines
  -R  colours as they are      -m -M  longer prompt -F  leave when it fits
  -e -E  leave at the end      -s  squeeze blanks   -X  screen stays as it is
`;
