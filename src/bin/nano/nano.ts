/** nano: opens files in the page's editor, with nano's words about them. */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { getopt, specs } from '../getopt.ts';
import { editable, editOnPage, type Written } from '../vi/page.ts';

const HELP = `Usage: nano [OPTIONS] [[+LINE[,COLUMN]] FILE]...

To place the cursor on a specific line of a file, put the line number with
a '+' before the filename.  The column number can be added after a comma.
When a filename is '-', nano reads data from standard input.

 Option         Long option             Meaning
 -L             --nonewlines            Don't add an automatic newline
 -V             --version               Print version information and exit
 -h             --help                  Show this help text and exit
 -v             --view                  View mode (read-only)
 -w             --nowrap                Don't hard-wrap long lines [default]
`;

const VERSION = ' GNU nano, version 7.2\n';

function writer(p: Process, path: string, raw: boolean): (text: string) => Written {
  return (text) => {
    if (path === '') return { saved: false, message: 'A text without a name cannot be written here: start nano with one' };
    const whole = raw || text === '' || text.endsWith('\n') ? text : `${text}\n`;
    const w = p.writeFile(path, whole);
    if (!w.ok) return { saved: false, message: `Error writing ${path}: ${strerror(w.errno)}` };
    const n = whole.split('\n').length - 1;
    return { saved: true, message: `Wrote ${n} ${n === 1 ? 'line' : 'lines'}` };
  };
}

function openFile(p: Process, path: string): { readonly text: string; readonly note: string } | string {
  if (path === '') return { text: '', note: '' };
  const s = p.stat(path);
  if (s.ok && s.value.kind === 'dir') return `"${path}" is a directory`;
  const r = s.ok ? p.readFile(path) : s;
  if (!r.ok) {
    if (r.errno !== 'ENOENT') return `Error reading ${path}: ${strerror(r.errno)}`;
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '.';
    return { text: '', note: p.stat(folder).ok ? 'New File' : `Directory '${folder}' does not exist` };
  }
  const content = editable(r.value as Uint8Array);
  if (typeof content === 'string') return `${path}: ${content}`;
  const open = p.machine.fs.open(p, path, 'a');
  if (open.ok) open.value.acquire().close();
  const n = content.text.split('\n').length - (content.text.endsWith('\n') ? 1 : 0);
  return { text: content.text, note: open.ok ? `Read ${n} ${n === 1 ? 'line' : 'lines'}` : `File '${path}' is unwritable` };
}

function* main(p: Process): Task<number> {
  const spec =
    'L.nonewlines V.version h.help v.view w.nowrap B.backup E.tabstospaces I.ignorercfiles S.softwrap c.constantshow i.autoindent';
  const o = getopt(p.argv.slice(1), specs(`${spec} l.linenumbers m.mouse x.nohelp T:tabsize Y:syntax`));
  const on = new Map(o.options);
  if (o.error !== null) {
    yield* p.err(`${p.argv[0]}: ${o.error}\nType '${p.argv[0]} -h' for a list of available options.\n`);
    return 1;
  }
  if (on.has('help') || on.has('version')) {
    yield* p.out(on.has('help') ? HELP : VERSION);
    return 0;
  }
  if (!p.isatty(0)) {
    yield* p.err('Standard input is not a terminal\n');
    return 1;
  }
  if (!p.isatty(1)) {
    yield* p.err('nano: not emulated without a terminal\n');
    return 1;
  }
  let line = 1;
  const files: { path: string; line: number }[] = [];
  for (const operand of o.operands) {
    const at = /^\+(\d*)(?:,\d+)?$/.exec(operand);
    if (at) line = Number(at[1] || 0);
    else {
      files.push({ path: operand, line });
      line = 1;
    }
  }
  for (const { path, line } of files.length > 0 ? files : [{ path: '', line: 1 }]) {
    const opened = openFile(p, path);
    if (typeof opened === 'string') {
      yield* p.err(`nano: ${opened}\n`);
      return 1;
    }
    const what = { program: 'nano', path, note: opened.note, line, readonly: on.has('view'), text: opened.text };
    const how = yield* editOnPage(p, what, writer(p, path, on.has('nonewlines')));
    if (how === 'alone') yield* p.err('nano: not emulated without the editor of a page\n');
    if (how !== 'closed') return 1;
  }
  return 0;
}

export const nano: Command = { name: 'nano', main };
