/** Words of the command line: options, the commands and what goes with each. Models parse_options() and commands_v_options of ipvsadm 1.31 */

type Arg = 'none' | 'required' | 'optional';

/** Long name, short letter, argument; the letter (or the name) is what the rest of the program knows it by. */
const WORDS: readonly (readonly [long: string, short: string, arg?: Arg])[] = [
  ['add-service', 'A'],
  ['edit-service', 'E'],
  ['delete-service', 'D'],
  ['clear', 'C'],
  ['list', 'L'],
  ['list', 'l'],
  ['zero', 'Z'],
  ['add-server', 'a'],
  ['edit-server', 'e'],
  ['delete-server', 'd'],
  ['set', ''],
  ['help', 'h'],
  ['version', 'v'],
  ['restore', 'R'],
  ['save', 'S'],
  ['start-daemon', '', 'required'],
  ['stop-daemon', '', 'required'],
  ['tcp-service', 't', 'required'],
  ['udp-service', 'u', 'required'],
  ['fwmark-service', 'f', 'required'],
  ['scheduler', 's', 'required'],
  ['persistent', 'p', 'optional'],
  ['netmask', 'M', 'required'],
  ['real-server', 'r', 'required'],
  ['masquerading', 'm'],
  ['ipip', 'i'],
  ['gatewaying', 'g'],
  ['weight', 'w', 'required'],
  ['u-threshold', 'x', 'required'],
  ['l-threshold', 'y', 'required'],
  ['numeric', 'n'],
  ['connection', 'c'],
  ['timeout', ''],
  ['daemon', ''],
  ['stats', ''],
  ['rate', ''],
  ['thresholds', ''],
  ['persistent-conn', ''],
  ['nosort', ''],
  ['sort', ''],
  ['exact', 'X'],
  ['ipv6', '6'],
  ['ops', 'o'],
];

interface Given {
  readonly opt: string;
  readonly arg: string | undefined;
}

/** As popt reads a command line: options anywhere, letters in clusters, `--name=value`. */
export function read(words: readonly string[]): { given: Given[]; rest: string[]; error: string | null } {
  const given: Given[] = [];
  const rest: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    const take = (arg: Arg | undefined, attached: string | undefined): string | undefined => {
      if (attached !== undefined) return attached;
      const next = words[i + 1];
      if (arg === 'optional' && (next === undefined || next.startsWith('-'))) return undefined;
      if (next !== undefined) i++;
      return next;
    };
    if (word.startsWith('--')) {
      const eq = word.indexOf('=');
      const name = word.slice(2, eq < 0 ? undefined : eq);
      const spec = WORDS.find(([long]) => long === name);
      if (!spec) return { given, rest, error: `${word}: unknown option` };
      const [long, short, arg] = spec;
      const value = arg ? take(arg, eq < 0 ? undefined : word.slice(eq + 1)) : undefined;
      if (arg === 'required' && value === undefined) return { given, rest, error: `${word}: missing argument` };
      given.push({ opt: short || long, arg: value });
    } else if (word.startsWith('-') && word.length > 1) {
      for (let k = 1; k < word.length; k++) {
        const letter = word[k] as string;
        const spec = WORDS.find(([, short]) => short === letter);
        if (!spec) return { given, rest, error: `-${letter}: unknown option` };
        const arg = spec[2];
        const value = arg ? take(arg, k + 1 < word.length ? word.slice(k + 1) : undefined) : undefined;
        if (arg === 'required' && value === undefined) return { given, rest, error: `-${letter}: missing argument` };
        given.push({ opt: letter, arg: value });
        if (arg) break;
      }
    } else rest.push(word);
  }
  return { given, rest, error: null };
}

/** Commands by their letter: name, options that must be there, options that may. */
export const COMMANDS: Readonly<Record<string, readonly [name: string, needs: string, may: string]>> = {
  A: ['add-service', 'service-address', 'scheduler persistent netmask ops'],
  E: ['edit-service', 'service-address', 'scheduler persistent netmask ops'],
  D: ['delete-service', 'service-address', ''],
  C: ['flush', '', ''],
  L: ['list', '', 'numeric connection service-address timeout daemon stats rate thresholds persistent-conn nosort exact'],
  a: ['add-server', 'service-address real-server', 'forwarding-method weight u-threshold l-threshold'],
  d: ['delete-server', 'service-address real-server', ''],
  e: ['edit-server', 'service-address real-server', 'forwarding-method weight u-threshold l-threshold'],
  set: ['set', '', ''],
  'start-daemon': ['start-daemon', '', ''],
  'stop-daemon': ['stop-daemon', '', ''],
  R: ['restore', '', ''],
  S: ['save', '', 'numeric'],
  Z: ['zero', '', 'service-address'],
};

/** Of these `list` takes one only. */
export const EXCLUSIVE = ['connection', 'service-address', 'timeout', 'daemon'];

/** The options in the order in which they are checked, by letter. */
export const OPTION_NAMES: Readonly<Record<string, string>> = {
  n: 'numeric',
  c: 'connection',
  t: 'service-address',
  u: 'service-address',
  f: 'service-address',
  s: 'scheduler',
  p: 'persistent',
  M: 'netmask',
  r: 'real-server',
  m: 'forwarding-method',
  i: 'forwarding-method',
  g: 'forwarding-method',
  w: 'weight',
  x: 'u-threshold',
  y: 'l-threshold',
  timeout: 'timeout',
  daemon: 'daemon',
  stats: 'stats',
  rate: 'rate',
  thresholds: 'thresholds',
  'persistent-conn': 'persistent-conn',
  nosort: 'nosort',
  X: 'exact',
  o: 'ops',
};
