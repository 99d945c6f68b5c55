/** The everyday text and file tools, as one part of the table of all programs. */

import type { Command } from '../os/program.ts';
import { awk } from './awk/awk.ts';
import { basename, dirname } from './basename/basename.ts';
import { cat } from './cat/cat.ts';
import { comm, fold, join, shuf } from './comm/comm.ts';
import { cut } from './cut/cut.ts';
import { date } from './date/date.ts';
import { cmp, diff } from './diff/diff.ts';
import { bracket, echo, printf, test } from './echo/echo.ts';
import { env, printenv } from './env/env.ts';
import { expr } from './expr/expr.ts';
import { chmod, cp, ln, mkdir, mktemp, mv, rm, rmdir, touch } from './files/files.ts';
import { find } from './find/find.ts';
import { egrep, fgrep, grep } from './grep/grep.ts';
import { head } from './head/head.ts';
import { HELP } from './help/texts.ts';
import { domainNames, hostname } from './hostname/hostname.ts';
import { jq } from './jq/jq.ts';
import { kill, pidof, pkill } from './kill/kill.ts';
import { ls } from './ls/ls.ts';
import { mount, umount } from './mount/mount.ts';
import { hexdump, od, xxd } from './od/od.ts';
import { ps } from './ps/ps.ts';
import { sed } from './sed/sed.ts';
import { seq } from './seq/seq.ts';
import { sleep } from './sleep/sleep.ts';
import { sort } from './sort/sort.ts';
import { chown, stat, truncate } from './stat/stat.ts';
import { sudo } from './sudo/sudo.ts';
import { base32, base64 } from './sums/base.ts';
import { md5sum, sha1sum, sha256sum, sha512sum } from './sums/sums.ts';
import { column, nl, paste, rev, tac } from './tac/tac.ts';
import { tail } from './tail/tail.ts';
import { tee } from './tee/tee.ts';
import { provideHelp } from './text.ts';
import { timeout } from './timeout/timeout.ts';
import { tr } from './tr/tr.ts';
import { falseCommand, trueCommand } from './true/true.ts';
import { uname } from './uname/uname.ts';
import { uniq } from './uniq/uniq.ts';
import { watch } from './watch/watch.ts';
import { wc } from './wc/wc.ts';
import { clear, readlink, realpath, which } from './which/which.ts';
import { id, whoami } from './whoami/whoami.ts';
import { xargs } from './xargs/xargs.ts';
import { yes } from './yes/yes.ts';

provideHelp(HELP);

/** `NAME --help` prints the tool's own text. */
export function helped(command: Command): Command {
  const text = HELP[command.name];
  if (text === undefined) return command;
  return {
    ...command,
    *main(p) {
      if (p.argv[1] !== '--help' || (p.argv.length > 2 && /^(echo|printf|\[|test|true|false|expr)$/.test(command.name)))
        return yield* command.main(p);
      yield* p.out(text);
      return command.name === 'false' ? 1 : 0;
    },
  };
}

export const everyday: readonly Command[] = [
  awk,
  base32,
  base64,
  basename,
  bracket,
  cat,
  chmod,
  chown,
  clear,
  cmp,
  column,
  comm,
  cp,
  cut,
  date,
  diff,
  dirname,
  echo,
  egrep,
  env,
  expr,
  falseCommand,
  fgrep,
  find,
  fold,
  grep,
  head,
  ...domainNames,
  hostname,
  hexdump,
  id,
  join,
  jq,
  kill,
  ln,
  ls,
  md5sum,
  mkdir,
  mktemp,
  mount,
  mv,
  nl,
  od,
  paste,
  pidof,
  pkill,
  printenv,
  printf,
  ps,
  readlink,
  realpath,
  rev,
  rm,
  rmdir,
  sed,
  seq,
  sha1sum,
  sha256sum,
  sha512sum,
  shuf,
  sleep,
  sort,
  stat,
  sudo,
  tac,
  tail,
  tee,
  test,
  timeout,
  touch,
  tr,
  trueCommand,
  truncate,
  umount,
  uname,
  uniq,
  watch,
  wc,
  which,
  whoami,
  xargs,
  xxd,
  yes,
];
