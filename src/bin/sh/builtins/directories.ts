/** cd, pwd, pushd, popd, dirs. */

import type { Task } from '../../../os/process.ts';
import { strerror } from '../../../sim/errno.ts';
import type { Shell } from '../state.ts';
import { type Builtin, complain, options, output } from './types.ts';

/** `..` is taken off the text, as without -P. */
function logical(cwd: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${cwd}/${path}`).split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return `/${parts.join('/')}`;
}

export function* changeDirectory(sh: Shell, name: string, target: string, physical = false): Task<number> {
  const old = sh.vars.get('PWD') ?? sh.p.cwd;
  const path = physical ? target : logical(old, target);
  const r = sh.p.chdir(path);
  if (!r.ok) {
    yield* complain(sh, name, `${target}: ${strerror(r.errno)}`);
    return 1;
  }
  const now = physical ? sh.p.cwd : path;
  if (!physical) sh.p.cwd = path;
  yield* sh.assign('OLDPWD', old);
  yield* sh.assign('PWD', now);
  return 0;
}

function tildeForm(sh: Shell, path: string): string {
  const home = sh.vars.get('HOME') ?? '';
  return home !== '' && (path === home || path.startsWith(`${home}/`)) ? `~${path.slice(home.length)}` : path;
}

function* printStack(sh: Shell): Task<number> {
  return yield* output(sh, 'dirs', `${[sh.vars.get('PWD') ?? sh.p.cwd, ...sh.dirStack].map((d) => tildeForm(sh, d)).join(' ')}\n`);
}

export const directoryBuiltins: readonly (readonly [string, Builtin])[] = [
  [
    'cd',
    function* (sh, argv) {
      const o = yield* options(sh, argv[1] === '-' ? ['cd', '--', ...argv.slice(1)] : argv, 'LPe@', 'cd [-L|[-P [-e]] [-@]] [dir]');
      if (!o) return 2;
      if (o.rest.length > 1) {
        yield* complain(sh, 'cd', 'too many arguments');
        return 1;
      }
      let target = o.rest[0];
      if (target === undefined) {
        target = sh.vars.get('HOME');
        if (target === undefined) {
          yield* complain(sh, 'cd', 'HOME not set');
          return 1;
        }
      }
      if (target === '') return 0;
      if (target === '-') {
        const old = sh.vars.get('OLDPWD');
        if (old === undefined) {
          yield* complain(sh, 'cd', 'OLDPWD not set');
          return 1;
        }
        const status = yield* changeDirectory(sh, 'cd', old);
        if (status === 0) yield* output(sh, 'cd', `${sh.vars.get('PWD') ?? ''}\n`);
        return status;
      }
      const cdpath = sh.vars.get('CDPATH');
      if (cdpath && !/^\.{0,2}\//.test(target) && target !== '.' && target !== '..') {
        for (const dir of cdpath.split(':')) {
          const full = `${dir === '' ? '.' : dir}/${target}`;
          const s = sh.p.stat(full);
          if (!s.ok || s.value.kind !== 'dir') continue;
          const status = yield* changeDirectory(sh, 'cd', full);
          if (status === 0 && dir !== '') yield* output(sh, 'cd', `${sh.vars.get('PWD') ?? ''}\n`);
          return status;
        }
      }
      return yield* changeDirectory(sh, 'cd', target, o.flags.has('P') || sh.on('physical'));
    },
  ],
  [
    'pwd',
    function* (sh, argv) {
      const o = yield* options(sh, argv, 'LP', 'pwd [-LP]');
      if (!o) return 2;
      const real = sh.p.resolve('.');
      const path = o.flags.has('P') && real.ok ? real.value : (sh.vars.get('PWD') ?? sh.p.cwd);
      return yield* output(sh, 'pwd', `${path}\n`);
    },
  ],
  [
    'pushd',
    function* (sh, argv) {
      const target = argv[1];
      const cwd = sh.vars.get('PWD') ?? sh.p.cwd;
      if (target === undefined) {
        const top = sh.dirStack.shift();
        if (top === undefined) {
          yield* complain(sh, 'pushd', 'no other directory');
          return 1;
        }
        sh.dirStack.unshift(cwd);
        yield* changeDirectory(sh, 'pushd', top);
        return yield* printStack(sh);
      }
      const status = yield* changeDirectory(sh, 'pushd', target);
      if (status !== 0) return status;
      sh.dirStack.unshift(cwd);
      return yield* printStack(sh);
    },
  ],
  [
    'popd',
    function* (sh) {
      const top = sh.dirStack.shift();
      if (top === undefined) {
        yield* complain(sh, 'popd', 'directory stack empty');
        return 1;
      }
      const status = yield* changeDirectory(sh, 'popd', top);
      return status !== 0 ? status : yield* printStack(sh);
    },
  ],
  ['dirs', (sh) => printStack(sh)],
];
