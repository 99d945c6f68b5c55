/** A temporary file in the user's editor. Models kubectl/pkg/cmd/util/editor/editor.go */

import type { Process } from '../../../os/process.ts';
import type { Task } from '../../../os/program.ts';
import { strerror } from '../../../sim/errno.ts';
import { text } from '../../../wire/bytes.ts';
import { type Failure, failure } from '../errors.ts';
import { quote } from '../strconv.ts';

/** What $KUBE_EDITOR or $EDITOR says, `vi` without either. */
function command(p: Process): string[] {
  const editor = p.env.get('KUBE_EDITOR') || p.env.get('EDITOR') || 'vi';
  if (!editor.includes(' ')) return [editor];
  if (!/["'\\]/.test(editor)) return editor.split(' ');
  return [p.env.get('SHELL') || '/bin/bash', '-c', editor];
}

/** A name as os.CreateTemp makes it. */
export function temporary(p: Process, prefix: string, suffix: string): string {
  const dir = p.env.get('TMPDIR') || '/tmp';
  return `${dir}/${prefix}${p.sim.rng('kubectl').u32()}${suffix}`;
}

/** Writes the file, runs the editor, reads it back. */
export function* edited(
  p: Process,
  prefix: string,
  suffix: string,
  content: string,
): Task<{ readonly file: string; readonly text: string } | Failure> {
  const file = temporary(p, prefix, suffix);
  const w = p.writeFile(file, content);
  if (!w.ok) return failure(`open ${file}: ${strerror(w.errno).toLowerCase()}`);
  const argv = command(p);
  const shell = argv[1] === '-c';
  const child = p.spawn(shell ? [...argv.slice(0, 2), `${argv[2]} "${file}"`] : [...argv, file]);
  if (!child.ok) return failure(`unable to launch the editor ${quote(argv.join(' '))}`);
  const status = yield* p.waitPid(child.value);
  if (status !== 0) return failure(`there was a problem with the editor ${quote(argv.join(' '))}`);
  const r = p.readFile(file);
  return r.ok ? { file, text: text(r.value) } : failure(`open ${file}: ${strerror(r.errno).toLowerCase()}`);
}

/** ManualStrip(): without lines of comment. */
export const withoutComments = (s: string): string =>
  s
    .split('\n')
    .filter((l) => !l.trim().startsWith('#') || l.trim().startsWith('#!'))
    .join('\n');
