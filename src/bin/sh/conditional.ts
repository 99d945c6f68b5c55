/** [[ … ]] and the primaries that it shares with test. Models cond.c and test.c of bash */

import type { TestExpression, Word } from 'unbash';
import type { Process, Task } from '../../os/process.ts';
import { mayAccess } from '../../os/vfs.ts';
import { ArithError } from './arith.ts';
import { rawArithmetic } from './arithmetic.ts';
import { expandPattern, expandString } from './expand.ts';
import { special } from './parameter.ts';
import { matches, type Piece } from './pattern.ts';
import { posixRegExp } from './regex.ts';
import type { Shell } from './state.ts';

export const UNARY = new Set([...'abcdefghknoprstuvwxzGLNORS'].map((c) => `-${c}`));
export const BINARY = new Set(['=', '==', '!=', '<', '>', '=~', '-eq', '-ne', '-lt', '-le', '-gt', '-ge', '-nt', '-ot', '-ef']);

export function* conditional(sh: Shell, e: TestExpression): Task<number> {
  switch (e.type) {
    case 'TestLogical': {
      let status = 1;
      for (const operand of e.operands) {
        status = yield* conditional(sh, operand);
        if (status > 1 || (e.operator === '&&' ? status !== 0 : status === 0)) return status;
      }
      return status;
    }
    case 'TestNot': {
      const status = yield* conditional(sh, e.operand);
      return e.negations.length % 2 ? (status === 0 ? 1 : status === 1 ? 0 : status) : status;
    }
    case 'TestGroup':
      return yield* conditional(sh, e.expression);
    case 'TestUnary': {
      const operand = yield* expandString(sh, e.operand, 'word');
      if (sh.on('xtrace')) yield* sh.p.err(`+ [[ ${e.operator} ${operand} ]]\n`);
      return (yield* unary(sh, e.operator, operand)) ? 0 : 1;
    }
    case 'TestBinary':
      return yield* binary(sh, e.operator, e.left, e.right);
  }
}

function* binary(sh: Shell, op: string, leftWord: Word, rightWord: Word): Task<number> {
  const left = yield* expandString(sh, leftWord, 'word');
  if (op === '=' || op === '==' || op === '!=') {
    const pattern = yield* expandPattern(sh, rightWord);
    if (sh.on('xtrace')) yield* sh.p.err(`+ [[ ${left} ${op} ${pattern.map((p) => p.text).join('')} ]]\n`);
    return matches(left, pattern, { extglob: true, nocase: sh.opt('nocasematch') }) === (op !== '!=') ? 0 : 1;
  }
  if (op === '=~') return yield* regexMatch(sh, left, yield* expandPattern(sh, rightWord));
  const right = yield* expandString(sh, rightWord, 'word');
  if (sh.on('xtrace')) yield* sh.p.err(`+ [[ ${left} ${op} ${right} ]]\n`);
  if (/^-(eq|ne|lt|le|gt|ge)$/.test(op)) {
    try {
      return compareNumbers(op, yield* rawArithmetic(sh, left), yield* rawArithmetic(sh, right)) ? 0 : 1;
    } catch (e) {
      if (!(e instanceof ArithError)) throw e;
      yield* sh.warn(`[[: ${e.text}`);
      return 1;
    }
  }
  return compareOther(sh.p, op, left, right) ? 0 : 1;
}

function* regexMatch(sh: Shell, text: string, pattern: readonly Piece[]): Task<number> {
  const source = pattern.map((p) => (p.quoted ? p.text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') : p.text)).join('');
  const re = posixRegExp(source, sh.opt('nocasematch'));
  if (!re) return 2;
  const m = re.exec(text);
  const v = sh.vars.ensure('BASH_REMATCH');
  v.array = m ? [...m].map((x) => x ?? '') : [];
  return m ? 0 : 1;
}

export function compareNumbers(op: string, a: bigint, b: bigint): boolean {
  switch (op) {
    case '-eq':
      return a === b;
    case '-ne':
      return a !== b;
    case '-lt':
      return a < b;
    case '-le':
      return a <= b;
    case '-gt':
      return a > b;
    default:
      return a >= b;
  }
}

export function compareOther(p: Process, op: string, a: string, b: string): boolean {
  switch (op) {
    case '=':
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return a < b;
    case '>':
      return a > b;
  }
  const x = p.stat(a);
  const y = p.stat(b);
  if (op === '-ef') return x.ok && y.ok && x.value.ino === y.value.ino;
  if (op === '-nt') return x.ok && (!y.ok || x.value.mtime > y.value.mtime);
  return y.ok && (!x.ok || x.value.mtime < y.value.mtime);
}

export function* unary(sh: Shell, op: string, arg: string): Task<boolean> {
  const { p } = sh;
  switch (op) {
    case '-n':
      return arg !== '';
    case '-z':
      return arg === '';
    case '-v': {
      const m = /^(\w+)\[(.*)\]$/.exec(arg);
      if (m)
        return m[2] === '@' ? sh.vars.values(m[1] as string).length > 0 : sh.vars.element(m[1] as string, m[2] as string) !== undefined;
      const s = /^\d+$/.test(arg) ? special(sh, arg) : null;
      return s ? s.list !== null || s.scalar !== undefined : sh.vars.get(arg) !== undefined;
    }
    case '-R':
      return sh.vars.scopes.some((scope) => scope.get(arg)?.nameref);
    case '-o':
      return sh.on(arg);
    case '-t':
      return p.isatty(Number(arg));
    case '-h':
    case '-L': {
      const s = p.lstat(arg);
      return s.ok && s.value.kind === 'symlink';
    }
  }
  const s = p.stat(arg);
  if (!s.ok) return false;
  const st = s.value;
  switch (op) {
    case '-a':
    case '-e':
      return true;
    case '-f':
      return st.kind === 'file';
    case '-d':
      return st.kind === 'dir';
    case '-s':
      return st.size > 0;
    case '-p':
      return st.kind === 'fifo';
    case '-S':
      return st.kind === 'socket';
    case '-c':
      return st.kind === 'char';
    case '-b':
      return false;
    case '-u':
      return (st.mode & 0o4000) !== 0;
    case '-g':
      return (st.mode & 0o2000) !== 0;
    case '-k':
      return (st.mode & 0o1000) !== 0;
    case '-O':
      return st.uid === p.uid;
    case '-G':
      return st.gid === p.gid;
    case '-N':
      return false;
    default: {
      const node = p.machine.fs.lookup(p, arg);
      return node.ok && mayAccess(p, node.value, op === '-r' ? 4 : op === '-w' ? 2 : 1);
    }
  }
}
