/** mkdir, rmdir, rm, mv, cp, ln, touch, chmod, mktemp: the file tree by hand. */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { specs } from '../getopt.ts';
import { options } from '../text.ts';

const MAX_DEPTH = 128;
/** Files that one chmod -R changes. */
const MAX_FILES = 100_000;

function* missing(p: Process, what = 'missing operand'): Task<number> {
  yield* p.err(`${p.name}: ${what}\nTry '${p.name} --help' for more information.\n`);
  return 1;
}

const base = (path: string): string => path.replace(/\/+$/, '').replace(/^.*\//, '');

export const mkdir: Command = {
  name: 'mkdir',
  path: '/bin/mkdir',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('p.parents m:mode v.verbose'),
      help: 'Usage: mkdir [OPTION]... DIRECTORY...\nCreate the DIRECTORY(ies), if they do not already exist.\n',
    });
    if (typeof o === 'number') return o;
    if (o.operands.length === 0) return yield* missing(p);
    const parents = o.options.some(([k]) => k === 'parents');
    const given = o.options.find(([k]) => k === 'mode')?.[1];
    const mode = given === undefined ? 0o777 & ~p.umask : applyMode(given, 0o777);
    if (mode === null) {
      yield* p.err(`mkdir: invalid mode ‘${given}’\n`);
      return 1;
    }
    const verbose = o.options.some(([k]) => k === 'verbose');
    let status = 0;
    for (const path of o.operands) {
      const parts = path.split('/');
      const steps = parents ? parts.map((_, i) => parts.slice(0, i + 1).join('/')).filter((s) => s !== '' && s !== '.') : [path];
      for (const step of steps) {
        if (parents && p.stat(step).ok) continue;
        const r = p.mkdir(step, step === steps.at(-1) ? mode : 0o777 & ~p.umask);
        if (r.ok && verbose) yield* p.out(`mkdir: created directory '${step}'\n`);
        if (r.ok) continue;
        yield* p.err(`mkdir: cannot create directory ‘${step}’: ${strerror(r.errno)}\n`);
        status = 1;
        break;
      }
    }
    return status;
  },
};

export const rmdir: Command = {
  name: 'rmdir',
  path: '/bin/rmdir',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('v.verbose .ignore-fail-on-non-empty'),
      help: 'Usage: rmdir [OPTION]... DIRECTORY...\nRemove the DIRECTORY(ies), if they are empty.\n',
    });
    if (typeof o === 'number') return o;
    if (o.operands.length === 0) return yield* missing(p);
    let status = 0;
    const on = new Set(o.options.map(([k]) => k));
    for (const path of o.operands) {
      if (on.has('verbose')) yield* p.out(`rmdir: removing directory, '${path}'\n`);
      const r = p.rmdir(path);
      if (r.ok || (r.errno === 'ENOTEMPTY' && on.has('ignore-fail-on-non-empty'))) continue;
      yield* p.err(`rmdir: failed to remove '${path}': ${strerror(r.errno)}\n`);
      status = 1;
    }
    return status;
  },
};

function* removeTree(p: Process, path: string, o: { force: boolean; verbose: boolean }, depth: number): Task<boolean> {
  const s = p.lstat(path);
  if (!s.ok) {
    if (o.force && s.errno === 'ENOENT') return true;
    yield* p.err(`rm: cannot remove '${path}': ${strerror(s.errno)}\n`);
    return false;
  }
  let good = true;
  if (s.value.kind === 'dir') {
    const names = p.readdir(path);
    if (names.ok && depth < MAX_DEPTH) for (const n of names.value) good = (yield* removeTree(p, `${path}/${n}`, o, depth + 1)) && good;
  }
  const r = s.value.kind === 'dir' ? p.rmdir(path) : p.unlink(path);
  if (!r.ok) yield* p.err(`rm: cannot remove '${path}': ${strerror(r.errno)}\n`);
  else if (o.verbose) yield* p.out(`removed ${s.value.kind === 'dir' ? 'directory ' : ''}'${path}'\n`);
  return good && r.ok;
}

export const rm: Command = {
  name: 'rm',
  path: '/bin/rm',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('f.force r.recursive R. d.dir v.verbose .no-preserve-root'),
      help: 'Usage: rm [OPTION]... [FILE]...\nRemove (unlink) the FILE(s).\n',
    });
    if (typeof o === 'number') return o;
    const on = new Set(o.options.map(([k]) => k));
    const force = on.has('force');
    const recursive = on.has('recursive') || on.has('R');
    if (o.operands.length === 0) return force ? 0 : yield* missing(p);
    let status = 0;
    for (const path of o.operands) {
      const s = p.lstat(path);
      if (recursive && /^\/+$/.test(path) && !on.has('no-preserve-root')) {
        yield* p.err("rm: it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe\n");
        status = 1;
      } else if (s.ok && s.value.kind === 'dir' && !recursive && !on.has('dir')) {
        yield* p.err(`rm: cannot remove '${path}': Is a directory\n`);
        status = 1;
      } else if (!(yield* removeTree(p, path, { force, verbose: on.has('verbose') }, recursive ? 0 : MAX_DEPTH))) status = 1;
    }
    return status;
  },
};

/** The target of `cp a b`, `cp a dir/`: inside when the last operand is a directory. */
function target(p: Process, last: string, source: string): string {
  const s = p.stat(last);
  return s.ok && s.value.kind === 'dir' ? `${last.replace(/\/$/, '')}/${base(source)}` : last;
}

function* several(p: Process, operands: readonly string[], one: (from: string, to: string) => Task<boolean>): Task<number> {
  if (operands.length === 0) return yield* missing(p, 'missing file operand');
  if (operands.length === 1) return yield* missing(p, `missing destination file operand after '${operands[0]}'`);
  const last = operands.at(-1) as string;
  const s = p.stat(last);
  if (operands.length > 2 && !(s.ok && s.value.kind === 'dir')) {
    yield* p.err(`${p.name}: target '${last}'${s.ok ? ' is not a directory' : ': No such file or directory'}\n`);
    return 1;
  }
  let status = 0;
  for (const from of operands.slice(0, -1)) if (!(yield* one(from, target(p, last, from)))) status = 1;
  return status;
}

export const mv: Command = {
  name: 'mv',
  path: '/bin/mv',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('f.force n.no-clobber v.verbose'),
      help: 'Usage: mv [OPTION]... SOURCE... DEST\nRename SOURCE to DEST, or move SOURCE(s) to DIRECTORY.\n',
    });
    if (typeof o === 'number') return o;
    const on = new Set(o.options.map(([k]) => k));
    return yield* several(p, o.operands, function* (from, to) {
      const s = p.lstat(from);
      if (s.ok && on.has('no-clobber') && p.lstat(to).ok) return true;
      const r = s.ok ? p.rename(from, to) : s;
      if (!r.ok)
        yield* p.err(
          s.ok ? `mv: cannot move '${from}' to '${to}': ${strerror(r.errno)}\n` : `mv: cannot stat '${from}': ${strerror(r.errno)}\n`,
        );
      else if (on.has('verbose')) yield* p.out(`renamed '${from}' -> '${to}'\n`);
      return r.ok;
    });
  },
};

interface CopyOptions {
  readonly recursive: boolean;
  readonly clobber: boolean;
  readonly verbose: boolean;
}

function* copyTree(p: Process, from: string, to: string, o: CopyOptions, depth: number): Task<boolean> {
  const s = p.stat(from);
  if (!s.ok) {
    yield* p.err(`cp: cannot stat '${from}': ${strerror(s.errno)}\n`);
    return false;
  }
  if (s.value.kind === 'dir') {
    if (!o.recursive || depth > MAX_DEPTH) {
      yield* p.err(`cp: -r not specified; omitting directory '${from}'\n`);
      return false;
    }
    if (!p.stat(to).ok) {
      p.mkdir(to);
      if (o.verbose) yield* p.out(`'${from}' -> '${to}'\n`);
    }
    const names = p.readdir(from);
    let good = true;
    if (names.ok) for (const n of names.value) good = (yield* copyTree(p, `${from}/${n}`, `${to}/${n}`, o, depth + 1)) && good;
    return good;
  }
  if (!o.clobber && p.stat(to).ok) return true;
  const data = p.readFile(from);
  if (!data.ok) {
    yield* p.err(`cp: cannot open '${from}' for reading: ${strerror(data.errno)}\n`);
    return false;
  }
  const w = p.writeFile(to, data.value);
  if (!w.ok) yield* p.err(`cp: cannot create regular file '${to}': ${strerror(w.errno)}\n`);
  else {
    p.chmod(to, s.value.mode);
    if (o.verbose) yield* p.out(`'${from}' -> '${to}'\n`);
  }
  return w.ok;
}

export const cp: Command = {
  name: 'cp',
  path: '/bin/cp',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('a.archive f.force n.no-clobber p. r.recursive R. v.verbose'),
      help: 'Usage: cp [OPTION]... SOURCE... DEST\nCopy SOURCE to DEST, or multiple SOURCE(s) to DIRECTORY.\n',
    });
    if (typeof o === 'number') return o;
    const on = new Set(o.options.map(([k]) => k));
    const how = {
      recursive: ['recursive', 'R', 'archive'].some((k) => on.has(k)),
      clobber: !on.has('no-clobber'),
      verbose: on.has('verbose'),
    };
    return yield* several(p, o.operands, (from, to) => copyTree(p, from, to, how, 0));
  },
};

export const ln: Command = {
  name: 'ln',
  path: '/bin/ln',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('s.symbolic f.force n.no-dereference v.verbose'),
      help: 'Usage: ln [OPTION]... TARGET LINK_NAME\nCreate a link to TARGET with the name LINK_NAME.\n',
    });
    if (typeof o === 'number') return o;
    const on = new Set(o.options.map(([k]) => k));
    const operands = o.operands.length === 1 ? [o.operands[0] as string, '.'] : o.operands;
    return yield* several(p, operands, function* (from, to) {
      if (on.has('force')) p.unlink(to);
      const r = on.has('symbolic') ? p.symlink(from, to) : p.link(from, to);
      if (!r.ok) yield* p.err(`ln: failed to create ${on.has('symbolic') ? 'symbolic' : 'hard'} link '${to}': ${strerror(r.errno)}\n`);
      else if (on.has('verbose')) yield* p.out(`'${to}' ${on.has('symbolic') ? '->' : '=>'} '${from}'\n`);
      return r.ok;
    });
  },
};

export const touch: Command = {
  name: 'touch',
  path: '/bin/touch',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('c.no-create m.'),
      help: 'Usage: touch [OPTION]... FILE...\nUpdate the access and modification times of each FILE to the current time.\n',
    });
    if (typeof o === 'number') return o;
    if (o.operands.length === 0) return yield* missing(p, 'missing file operand');
    let status = 0;
    for (const path of o.operands) {
      if (o.options.some(([k]) => k === 'no-create') && !p.stat(path).ok) continue;
      const r = p.touch(path);
      if (r.ok) continue;
      yield* p.err(`touch: cannot touch '${path}': ${strerror(r.errno)}\n`);
      status = 1;
    }
    return status;
  },
};

/** The mode that `u+x,go-w` or `755` makes of `mode`; null when it is no mode. */
export function applyMode(text: string, mode: number): number | null {
  if (/^[0-7]{1,4}$/.test(text)) return Number.parseInt(text, 8);
  let m = mode;
  for (const clause of text.split(',')) {
    const c = /^([ugoa]*)([-+=])([rwxXst]*)$/.exec(clause);
    if (!c) return null;
    const who = c[1] === '' || c[1]?.includes('a') ? 'ugo' : (c[1] as string);
    let bits = 0;
    for (const w of who) for (const b of c[3] as string) bits |= ({ r: 4, w: 2, x: 1, X: 1 }[b] ?? 0) << ({ u: 6, g: 3, o: 0 }[w] ?? 0);
    const mask = [...who].reduce((n, w) => n | (7 << ({ u: 6, g: 3, o: 0 }[w] ?? 0)), 0);
    m = c[2] === '+' ? m | bits : c[2] === '-' ? m & ~bits : (m & ~mask) | bits;
  }
  return m;
}

export const chmod: Command = {
  name: 'chmod',
  path: '/bin/chmod',
  *main(p) {
    p.argv = p.argv.flatMap((a, i) => (i > 0 && /^-[rwxX]+$/.test(a) && a !== '-R' ? ['--', a] : [a]));
    const o = yield* options(p, {
      specs: specs('R.recursive f.silent'),
      help: 'Usage: chmod [OPTION]... MODE[,MODE]... FILE...\nChange the mode of each FILE to MODE.\n',
    });
    if (typeof o === 'number') return o;
    const [mode, ...files] = o.operands;
    if (mode === undefined) return yield* missing(p);
    if (files.length === 0) return yield* missing(p, `missing operand after ‘${mode}’`);
    let status = 0;
    const on = new Set(o.options.map(([k]) => k));
    const queue = [...files];
    for (let i = 0; i < queue.length && i < MAX_FILES; i++) {
      const path = queue[i] as string;
      const s = p.stat(path);
      if (!s.ok) {
        if (!on.has('silent')) yield* p.err(`chmod: cannot access '${path}': ${strerror(s.errno)}\n`);
        status = 1;
        continue;
      }
      const m = applyMode(mode, s.value.mode);
      if (m === null) {
        yield* p.err(`chmod: invalid mode: ‘${mode}’\nTry 'chmod --help' for more information.\n`);
        return 1;
      }
      p.chmod(path, m);
      const names = on.has('recursive') && s.value.kind === 'dir' ? p.readdir(path) : null;
      if (names?.ok) queue.push(...names.value.map((n) => `${path}/${n}`));
    }
    return status;
  },
};

export const mktemp: Command = {
  name: 'mktemp',
  path: '/bin/mktemp',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('d.directory u.dry-run p:tmpdir t. q.quiet'),
      help: 'Usage: mktemp [OPTION]... [TEMPLATE]\nCreate a temporary file or directory, safely, and print its name.\n',
    });
    if (typeof o === 'number') return o;
    const on = new Map(o.options);
    const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
    const template = o.operands[0] ?? 'tmp.XXXXXXXXXX';
    if (!/XXX/.test(template)) {
      yield* p.err(`mktemp: too few X's in template ‘${template}’\n`);
      return 1;
    }
    const rng = p.sim.rng('mktemp');
    const name = template.replace(/X{3,}$/, (x) => [...x].map(() => letters[rng.below(letters.length)]).join(''));
    const path = o.operands[0] === undefined || on.has('tmpdir') || on.has('t') ? `${on.get('tmpdir') || '/tmp'}/${name}` : name;
    if (on.has('dry-run')) {
      yield* p.out(`${path}\n`);
      return 0;
    }
    if (on.has('directory')) p.mkdir(path, 0o700);
    else p.writeFile(path, '');
    yield* p.out(`${path}\n`);
    return 0;
  },
};
