/** PS1 and the like: backslash escapes, then parameter and command expansion. Models decode_prompt_string of bash */

import type { Task } from '../../os/process.ts';
import { strftime } from '../strftime.ts';
import { late } from './late.ts';
import { BASH_VERSION, type Shell } from './state.ts';

export function* decodePrompt(sh: Shell, text: string): Task<string> {
  const decoded = text.replace(/\\(\d{3}|D\{([^}]*)\}|.)/gs, (whole, c: string, format: string | undefined) =>
    promptEscape(sh, whole, c, format),
  );
  if (!sh.opt('promptvars') || !/[$`"\\]/.test(decoded)) return decoded;
  return yield* late().expandQuotedText(sh, decoded);
}

function promptEscape(sh: Shell, whole: string, c: string, format: string | undefined): string {
  const seconds = Math.floor(sh.p.sim.epochMs / 1000 + sh.p.sim.now / 1e6);
  const cwd = sh.vars.get('PWD') ?? sh.p.cwd;
  const home = sh.vars.get('HOME') ?? '';
  const short = home !== '' && home !== '/' && (cwd === home || cwd.startsWith(`${home}/`)) ? `~${cwd.slice(home.length)}` : cwd;
  if (/^\d{3}$/.test(c)) return String.fromCharCode(Number.parseInt(c, 8));
  switch (c[0]) {
    case 'u':
      return sh.p.machine.users(sh.p).find((u) => u.uid === sh.p.uid)?.name ?? 'I have no name!';
    case 'h':
      return (sh.p.hostname.split('.')[0] as string) || sh.p.hostname;
    case 'H':
      return sh.p.hostname;
    case 'w':
      return short;
    case 'W':
      return short === '~' || short === '/' ? short : (short.split('/').pop() as string);
    case '$':
      return sh.p.uid === 0 ? '#' : '\\$';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 'a':
      return '\x07';
    case 'e':
      return '\x1b';
    case '[':
      return '\x01';
    case ']':
      return '\x02';
    case '\\':
      return '\\\\';
    case 's':
      return 'bash';
    case 't':
      return strftime('%H:%M:%S', seconds);
    case 'T':
      return strftime('%I:%M:%S', seconds);
    case '@':
      return strftime('%I:%M %p', seconds);
    case 'A':
      return strftime('%H:%M', seconds);
    case 'd':
      return strftime('%a %b %d', seconds);
    case 'D':
      return strftime(format || '%H:%M:%S', seconds);
    case 'j':
      return String(sh.jobs.list.length);
    case 'l':
      return sh.p.tty?.path.replace(/^\/dev\//, '') ?? '';
    case 'v':
      return BASH_VERSION.slice(0, 3);
    case 'V':
      return BASH_VERSION.replace(/\(.*/, '');
    case '!':
    case '#':
      return String(sh.history.length + 1);
  }
  return whole;
}
