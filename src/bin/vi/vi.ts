/** vi: opens files in the page's editor, with vim's words about them. */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { editable, editOnPage, type Written } from './page.ts';

const VERSION = 'VIM - Vi IMproved 9.0 (2022 Jun 28, compiled Feb 16 2025 05:23:41)\n';

const HELP = `${VERSION}
Usage: vim [arguments] [file ..]       edit specified file(s)

Arguments:
   --			Only file names after this
   -v			Vi mode (like "vi")
   -R			Readonly mode (like "view")
   -n			No swap file, use memory only
   --not-a-term		Skip warning for input/output not being a terminal
   --ttyfail		Exit if input or output is not a terminal
   -u <vimrc>		Use <vimrc> instead of any .vimrc
   --noplugin		Don't load plugin scripts
   +			Start at end of file
   +<lnum>		Start at line <lnum>
   --clean		'nocompatible', Vim defaults, no plugins, no viminfo
   -h  or  --help	Print Help (this message) and exit
   --version		Print version information and exit
`;

interface Options {
  readonly files: readonly string[];
  readonly line: number;
  readonly readonly: boolean;
  readonly quiet: boolean;
  readonly ttyfail: boolean;
}

/** Options that change nothing here: swap files, start-up files, ways of drawing. */
const IDLE = /^-[vnNC]$|^--(noplugin|clean)$/;

/** Options that vim has and this one has not. */
const REAL = /^-([EZASTcdDOopqrswWxyLlmMbtieVHF].*)?$|^--(cmd|startuptime|log)$|^\+/;

function read(argv: readonly string[]): Options | { readonly unknown: string } | 'help' | 'version' {
  const files: string[] = [];
  let line = 1;
  let readonly = (argv[0] ?? '').endsWith('view');
  let [quiet, ttyfail, only] = [false, false, false];
  for (let i = 1; i < argv.length; i++) {
    const arg = argv[i] as string;
    if (only || arg === '' || !/^[-+]/.test(arg)) files.push(arg);
    else if (arg === '--') only = true;
    else if (arg === '-h' || arg === '--help') return 'help';
    else if (arg === '--version') return 'version';
    else if (arg === '-R') readonly = true;
    else if (arg === '--not-a-term') quiet = true;
    else if (arg === '--ttyfail') ttyfail = true;
    else if (arg === '-u') i++;
    else if (/^\+\d*$/.test(arg)) line = arg === '+' ? 0 : Math.max(1, Number(arg));
    else if (!IDLE.test(arg)) return { unknown: arg };
  }
  return { files, line, readonly, quiet, ttyfail };
}

const lines = (s: string): number => s.split('\n').length - (s.endsWith('\n') || s === '' ? 1 : 0);
const size = (s: string): string => `${lines(s)}L, ${new TextEncoder().encode(s).length}B`;

/** 'fixendofline' */
const ended = (s: string): string => (s === '' || s.endsWith('\n') ? s : `${s}\n`);

function writer(p: Process, path: string, locked: boolean): (text: string) => Written {
  return (text) => {
    if (path === '') return { saved: false, message: 'E32: No file name' };
    if (locked) return { saved: false, message: "E45: 'readonly' option is set" };
    const isNew = !p.stat(path).ok;
    const whole = ended(text);
    const w = p.writeFile(path, whole);
    if (!w.ok) return { saved: false, message: `"${path}" E212: Can't open file for writing` };
    return { saved: true, message: `"${path}" ${isNew ? '[New] ' : ''}${size(whole)} written` };
  };
}

interface Opened {
  readonly text: string;
  readonly note: string;
  readonly locked: boolean;
}

function openFile(p: Process, path: string, readonly: boolean): Opened | string {
  if (path === '') return { text: '', note: '', locked: false };
  const s = p.stat(path);
  if (s.ok && s.value.kind === 'dir') return `${path} is a directory: browsing is not emulated`;
  const r = s.ok ? p.readFile(path) : s;
  if (!r.ok) {
    if (r.errno === 'EACCES') return { text: '', note: `"${path}" [Permission Denied]`, locked: true };
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '.';
    return { text: '', note: `"${path}" [New${p.stat(folder).ok ? '' : ' DIRECTORY'}]`, locked: readonly };
  }
  const content = editable(r.value as Uint8Array);
  if (typeof content === 'string') return `${path}: ${content}`;
  const { text } = content;
  const locked = readonly || !mayWrite(p, path);
  const flags = `${locked ? '[readonly] ' : ''}${text !== '' && !text.endsWith('\n') ? '[noeol] ' : ''}`;
  return { text, note: `"${path}" ${flags}${size(text)}`, locked };
}

function mayWrite(p: Process, path: string): boolean {
  const r = p.machine.fs.open(p, path, 'a');
  if (r.ok) r.value.acquire().close();
  return r.ok;
}

function* main(p: Process): Task<number> {
  const o = read(p.argv);
  if (o === 'help' || o === 'version') {
    yield* p.out(o === 'help' ? HELP : VERSION);
    return 0;
  }
  if ('unknown' in o) {
    yield* p.err(
      REAL.test(o.unknown)
        ? `vi: ${o.unknown} is not emulated\n`
        : `${VERSION}Unknown option argument: "${o.unknown}"\nMore info with: "vim -h"\n`,
    );
    return 1;
  }
  const terminals = [p.isatty(1), p.isatty(0)];
  if (!o.quiet && !terminals[0]) yield* p.err('Vim: Warning: Output is not to a terminal\n');
  if (!o.quiet && !terminals[1]) yield* p.err('Vim: Warning: Input is not from a terminal\n');
  if (terminals.includes(false)) {
    if (!o.ttyfail) yield* p.err('vi: not emulated without a terminal\n');
    return 1;
  }
  for (const path of o.files.length > 0 ? o.files : ['']) {
    const opened = openFile(p, path, o.readonly);
    if (typeof opened === 'string') {
      yield* p.err(`vi: ${opened}\n`);
      return 1;
    }
    const how = yield* editOnPage(
      p,
      { program: 'vi', path, note: opened.note, line: o.line, readonly: opened.locked, text: opened.text },
      writer(p, path, opened.locked),
    );
    if (how === 'alone') yield* p.err('vi: not emulated without the editor of a page\n');
    if (how !== 'closed') return 1;
  }
  return 0;
}

export const vi: Command = { name: 'vi', aliases: ['vim', 'view'], main };
