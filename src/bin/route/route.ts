/** route: the old view of the main routing table. Models route.c of net-tools 2.10 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { CACHE_LIST, extendedList, fullList, type HostNames, hostNames, list, list6 } from './list.ts';
import { change4, change6 } from './set.ts';
import { FAMILY_LIST, INET_USAGE, INET6_USAGE, USAGE, VERSION } from './usage.ts';

const BAD_USAGE = 3;

const FAMILIES = ['inet', 'inet6', 'ax25', 'netrom', 'rose', 'ipx', 'ddp', 'x25'];

interface Options {
  numeric: boolean;
  extended: number;
  cache: boolean;
  family: string;
  words: readonly string[];
}

/** An exit status after the text, or the options. `-net` and `-host` belong to the verb. */
function* readOptions(p: Process): Task<Options | number> {
  const o: Options = { numeric: false, extended: 0, cache: false, family: 'inet', words: [] };
  const argv = p.argv.slice(1);
  const words: string[] = [];
  const bad = function* (text: string): Task<number> {
    yield* p.err(text + USAGE + FAMILY_LIST);
    return BAD_USAGE;
  };
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '-net' || word === '-host' || !word.startsWith('-') || word === '-') {
      words.push(word);
      continue;
    }
    const long = word.startsWith('--') ? word.slice(2) : null;
    if (long === 'help') return yield* help(p);
    if (long === 'version') {
      yield* p.out(VERSION);
      return 0;
    }
    if (long !== null && FAMILIES.includes(long)) o.family = long;
    else if (long === 'numeric') o.numeric = true;
    else if (long === 'extend') o.extended++;
    else if (long === 'cache') o.cache = true;
    else if (long === 'verbose' || long === 'fib' || long === 'symbolic') continue;
    else if (long !== null) return yield* bad(`route: unrecognized option '${word}'\n`);
    else {
      for (let k = 1; k < word.length; k++) {
        const c = word[k] as string;
        if (c === 'n') o.numeric = true;
        else if (c === 'e') o.extended++;
        else if (c === 'C') o.cache = true;
        else if (c === '4') o.family = 'inet';
        else if (c === '6') o.family = 'inet6';
        else if (c === 'V') {
          yield* p.out(VERSION);
          return 0;
        } else if (c === 'h') return yield* help(p);
        else if (c === 'A') {
          const value = word.slice(k + 1) || argv[++i];
          if (value === undefined) return yield* bad("route: option requires an argument -- 'A'\n");
          if (!FAMILIES.includes(value)) {
            yield* p.err(`Unknown address family \`${value}'.\n`);
            return 1;
          }
          o.family = value;
          break;
        } else if (!'vFNMw'.includes(c)) return yield* bad(`route: invalid option -- '${c}'\n`);
      }
    }
  }
  o.words = words;
  return o;
}

function* help(p: Process): Task<number> {
  yield* p.out(USAGE);
  yield* p.err(FAMILY_LIST);
  return 0;
}

function* main(p: Process): Task<number> {
  const o = yield* readOptions(p);
  if (typeof o === 'number') return o;
  const [verb, ...rest] = o.words;
  if (o.family !== 'inet' && o.family !== 'inet6') {
    yield* p.err(`route: address family ${o.family} is not emulated\n`);
    return 1;
  }
  if (verb === undefined) {
    if (o.family === 'inet6') yield* p.out(list6(p));
    else if (o.cache) yield* p.out(CACHE_LIST);
    else {
      const names: HostNames = o.numeric ? new Map() : yield* hostNames(p);
      yield* p.out(
        o.extended > 1 ? fullList(p, o.numeric, names) : o.extended ? extendedList(p, o.numeric, names) : list(p, o.numeric, names),
      );
    }
    return 0;
  }
  const text = o.family === 'inet' ? INET_USAGE : INET6_USAGE;
  if (verb === 'flush') {
    yield* p.err(`Flushing \`${o.family}' routing table not supported\n${text}`);
    return BAD_USAGE;
  }
  const del = verb === 'del' || verb === 'delete';
  if (verb !== 'add' && !del) {
    yield* p.err(USAGE + FAMILY_LIST);
    return BAD_USAGE;
  }
  if (rest.length === 0) {
    yield* p.out(text);
    return 0;
  }
  return yield* o.family === 'inet' ? change4(p, rest, del) : change6(p, rest, del);
}

export const route: Command = { name: 'route', main, path: '/usr/sbin/route' };
