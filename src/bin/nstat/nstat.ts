/** nstat: the namespace's MIB counters, as they are or as they grew. Models misc/nstat.c of iproute2 6.1 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';

const USAGE = `Usage: nstat [OPTION] [ PATTERN [ PATTERN ] ]
   -h, --help          this message
   -a, --ignore        ignore history
   -d, --scan=SECS     sample every statistics every SECS
   -j, --json          format output in JSON
   -n, --nooutput      do history only
   -p, --pretty        pretty print
   -r, --reset         reset history
   -s, --noupdate      don't update history
   -t, --interval=SECS report average over the last SECS
   -V, --version       output version information
   -z, --zeros         show entries with zero activity
`;

/** Settings and gauges, not counters. */
const USELESS = new Set(['IpForwarding', 'IpDefaultTTL', 'TcpRtoAlgorithm', 'TcpRtoMin', 'TcpRtoMax', 'TcpMaxConn', 'TcpCurrEstab']);

const LONG: Readonly<Record<string, string>> = {
  help: 'h',
  ignore: 'a',
  json: 'j',
  nooutput: 'n',
  pretty: 'p',
  reset: 'r',
  noupdate: 's',
  version: 'V',
  zeros: 'z',
};

function read(p: Process, path: string): string {
  const r = p.readFile(path);
  return r.ok ? new TextDecoder().decode(r.value) : '';
}

/** Pairs of lines: names, then values, both behind `Prefix:`. */
function paired(text: string, into: Map<string, number>): void {
  const lines = text.split('\n');
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const [prefix, ...names] = (lines[i] as string).split(/\s+/);
    const values = (lines[i + 1] as string).split(/\s+/).slice(1);
    for (const [k, name] of names.entries()) if (name !== '') into.set(`${(prefix as string).replace(':', '')}${name}`, Number(values[k]));
  }
}

function counters(p: Process): Map<string, number> {
  const all = new Map<string, number>();
  paired(read(p, '/proc/net/snmp'), all);
  for (const line of read(p, '/proc/net/snmp6').split('\n')) {
    const m = /^(\S+)\s+(\d+)/.exec(line);
    if (m) all.set(m[1] as string, Number(m[2]));
  }
  paired(read(p, '/proc/net/netstat'), all);
  for (const name of USELESS) all.delete(name);
  return all;
}

function history(p: Process, path: string): Map<string, number> {
  const old = new Map<string, number>();
  for (const line of read(p, path).split('\n')) {
    const m = /^(\w+)\s+(\d+)\s/.exec(line);
    if (m) old.set(m[1] as string, Number(m[2]));
  }
  return old;
}

function row(name: string, n: number): string {
  return `${name.padEnd(32)}${String(n).padEnd(16)}${'0.0'.padStart(6)}\n`;
}

/** fnmatch() of patterns, case does not matter. */
function wanted(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.length === 0) return () => true;
  const tests = patterns.map(
    (t) =>
      new RegExp(
        `^${t
          .replace(/[.+^${}()|\\[\]]/g, '\\$&')
          .replaceAll('*', '.*')
          .replaceAll('?', '.')}$`,
        'i',
      ),
  );
  return (name) => tests.some((t) => t.test(name));
}

function* main(p: Process): Task<number> {
  const flags = new Set<string>();
  const patterns: string[] = [];
  for (const word of p.argv.slice(1)) {
    if (!word.startsWith('-')) {
      patterns.push(word);
      continue;
    }
    for (const c of word.startsWith('--') ? [LONG[word.slice(2)] ?? word] : [...word.slice(1)]) {
      if ('hajnprsVz'.includes(c)) flags.add(c);
      else {
        const known = c === 'd' || c === 't';
        const why = known
          ? `nstat: -${c} is not emulated`
          : c.length > 1
            ? `nstat: unrecognized option '${c}'`
            : `nstat: invalid option -- '${c}'`;
        yield* p.err(`${why}\n${USAGE}`);
        return 255;
      }
    }
  }
  if (flags.has('h')) {
    yield* p.err(USAGE);
    return 255;
  }
  if (flags.has('V')) {
    yield* p.out('nstat utility, iproute2-6.1.0\n');
    return 0;
  }
  const file = p.env.get('NSTAT_HISTORY') ?? `/tmp/.nstat.u${p.uid}`;
  const now = counters(p);
  const old = flags.has('a') || flags.has('r') ? new Map<string, number>() : history(p, file);
  const show = wanted(patterns);
  const shown: [string, number][] = [];
  for (const [name, n] of now) {
    // Less than before (another namespace's history, say) counts as no change.
    const grown = Math.max(0, n - (old.get(name) ?? 0));
    if (show(name) && (grown !== 0 || flags.has('z'))) shown.push([name, grown]);
  }
  if (!flags.has('s')) p.writeFile(file, `#kernel\n${[...now].map(([name, n]) => row(name, n)).join('')}`);
  if (flags.has('n')) return 0;
  if (flags.has('j')) yield* p.out(`${JSON.stringify({ kernel: Object.fromEntries(shown) }, null, flags.has('p') ? 4 : 0)}\n`);
  else yield* p.out(`#kernel\n${shown.map(([name, n]) => row(name, n)).join('')}`);
  return 0;
}

export const nstat: Command = { name: 'nstat', main };
