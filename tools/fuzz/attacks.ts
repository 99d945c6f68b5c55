/** What somebody may do to a submission before handing it in. */

import type { LogEntry } from '../../src/lab/log.ts';
import { logOf, type SealedEntry, type Submission, seal, submissionText } from '../../src/lab/submission.ts';
import type { Random } from './random.ts';

export interface Attack {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Its hashes were computed anew: it is a submission of its own, and not a changed one. */
  readonly resealed: boolean;
}

const encoder = new TextEncoder();
const pick = <T>(r: Random, list: readonly T[]): T => list[r.below(list.length)] as T;

const STRINGS = [
  '',
  '\u0000',
  '\u001b]0;pwned\u0007\u001b[2J',
  '\ud800',
  '\udfff\ud800',
  '__proto__',
  'constructor',
  '../../../../etc/passwd',
  "=cmd|'/c calc'!A1",
  '</testcase><script>alert(1)</script>]]>',
  '$' + '{process.exit(1)}',
  '{{ip}}{{__proto__}}',
  '\u202eevil\u2066',
  'a'.repeat(300),
  '\r\n\r\n',
  '%s%n%s',
  '"}],"score":1,"x":["',
  '💥'.repeat(50),
];

const SCRIPTS = [
  'while :; do :; done &',
  ':(){ :|:& };:',
  'exit 7',
  'kill -9 -1',
  'kill -9 1',
  'rm -rf / --no-preserve-root',
  'for d in $(ls /sys/class/net); do ip link del $d; done',
  'ip link set eth0 down; ip addr flush dev eth0; ip route flush table all',
  'iptables -P INPUT DROP; iptables -P OUTPUT DROP; iptables -P FORWARD DROP; iptables -F',
  'sysctl -w net.ipv4.ip_forward=0; sysctl -w net.ipv4.conf.all.rp_filter=1',
  'nft flush ruleset; nft add table x',
  'x=a; while :; do x=$x$x; done',
  'f(){ f; }; f',
  'yes > /tmp/full',
  'eval "$(yes)"',
  'curl -s http://127.0.0.1/ http://10.96.0.1/ -m 1',
  'exec 0<&- 1>&- 2>&-; echo gone',
  'PATH=; ls; unset PATH; alias ls=rm; set -u; echo $x',
  'cat /dev/zero | head -c 1000000 | wc -c',
  'trap "" HUP INT TERM; sleep 100 &',
  'printf %0999999d 1 | wc -c',
  'ip netns add a; ip netns exec a ip netns exec b true; ip -n a link add type veth',
  'echo \'"\' "\'" \\',
  'cat <<EOF\n$(cat <<EOF2\nEOF2)\n',
];

const NUMBERS = [0, 1, -1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e300, -0];
const WILD: readonly unknown[] = [null, true, [], {}, '1', 'NaN', ...NUMBERS];

const entriesOf = (s: Submission): LogEntry[] => [...logOf(s).entries];
const sealed = (s: Submission, entries: readonly LogEntry[], header: Partial<Submission> = {}): string => {
  const { learner, attempt } = { ...s, ...header };
  return submissionText(
    seal(
      { ...logOf(s), lab: header.lab ?? s.lab, contentHash: header.contentHash ?? s.contentHash, seed: header.seed ?? s.seed, entries },
      { learner, attempt },
    ),
  );
};
const unsealed = (s: Submission, entries: readonly SealedEntry[]): string => submissionText({ ...s, entries });

/** An entry with one of its fields made wild; with `valid` only in ways that a parser lets through. */
function bent(r: Random, entry: LogEntry, valid: boolean): LogEntry {
  const field = pick(
    r,
    Object.keys(entry).filter((k) => !(valid && k === 'op')),
  );
  const old = entry[field as keyof LogEntry] as unknown;
  const text = field === 'script' ? pick(r, SCRIPTS) : pick(r, STRINGS);
  const number = pick(
    r,
    valid ? [0, 1, 64, (old as number) + 1, (old as number) + 50, Math.max(0, (old as number) - 1), 2 ** 40] : NUMBERS,
  );
  const value = !valid && r.chance(0.3) ? pick(r, WILD) : typeof old === 'string' ? text : number;
  return { ...entry, [field]: value } as LogEntry;
}

/** An entry that was not there, at the place in the run where another stands. */
function invented(r: Random, at: LogEntry): LogEntry {
  const { steps, time } = at;
  const term = r.below(4);
  return pick<LogEntry>(r, [
    {
      op: 'open',
      term,
      host: pick(r, ['node-1', 'node-2', 'cp-1', 'internet', 'client', 'nowhere', '']),
      cols: r.below(300),
      rows: r.below(100),
      steps,
      time,
    },
    { op: 'input', term, data: `${pick(r, [...SCRIPTS, ...STRINGS])}\r`, steps, time },
    {
      op: 'input',
      term,
      data: pick(r, ['\u0003', '\u0004', '\u001a', '\u001c', '\u007f'.repeat(50), '\t\t\t', '\u001b[A\r']),
      steps,
      time,
    },
    { op: 'resize', term, cols: r.below(4096), rows: r.below(4096), steps, time },
    { op: 'close', term, steps, time },
    { op: 'script', host: pick(r, ['node-1', 'cp-1', 'internet', 'x']), script: pick(r, SCRIPTS), steps, time },
    { op: 'answer', question: pick(r, STRINGS), value: pick(r, STRINGS), steps, time },
    { op: 'hint', task: pick(r, ['namespace', 'x', '__proto__']), level: r.below(10), steps, time },
    { op: 'end', steps, time },
  ]);
}

type Make = (r: Random, s: Submission) => string | Uint8Array;

/** Changes after which the hashes stand as they were. */
const CHANGED: Readonly<Record<string, Make>> = {
  'flipped bytes': (r, s) => {
    const bytes = encoder.encode(submissionText(s));
    for (let n = r.between(1, 4); n > 0; n--) bytes[r.below(bytes.length)]! ^= 1 << r.below(8);
    return bytes;
  },
  'random bytes': (r, s) => {
    const bytes = encoder.encode(submissionText(s));
    const at = r.below(bytes.length);
    return bytes.map((b, i) => (i >= at && i < at + 20 ? r.below(256) : b));
  },
  'torn file': (r, s) => {
    const bytes = encoder.encode(submissionText(s));
    return bytes.slice(0, r.below(bytes.length));
  },
  'truncated log': (r, s) => unsealed(s, s.entries.slice(0, r.below(s.entries.length))),
  'beginning cut off': (r, s) => unsealed(s, s.entries.slice(r.between(1, s.entries.length))),
  'entry left out': (r, s) => unsealed(s, s.entries.toSpliced(r.below(s.entries.length), 1)),
  'entry twice': (r, s) => unsealed(s, s.entries.toSpliced(r.below(s.entries.length), 0, pick(r, s.entries))),
  'chain replayed': (_, s) => unsealed(s, [...s.entries, ...s.entries]),
  'chain replayed before its end': (_, s) => unsealed(s, [...s.entries.slice(0, -1), ...s.entries]),
  're-ordered': (r, s) =>
    unsealed(
      s,
      s.entries.toSorted(() => r.next() - 0.5),
    ),
  'two swapped': (r, s) => {
    const list = [...s.entries];
    const [i, j] = [r.below(list.length), r.below(list.length)];
    [list[i], list[j]] = [list[j] as SealedEntry, list[i] as SealedEntry];
    return unsealed(s, list);
  },
  'field changed': (r, s) => unsealed(s, s.entries.with(r.below(s.entries.length), { ...bent(r, pick(r, s.entries), r.chance(0.5)) })),
  'entry put in': (r, s) => {
    const i = r.below(s.entries.length);
    return unsealed(s, s.entries.toSpliced(i, 0, invented(r, s.entries[i] as LogEntry)));
  },
  'hashes taken out': (r, s) => {
    const i = r.below(s.entries.length);
    const list = s.entries.map(({ hash, ...e }, n) => (r.chance(0.5) && n < s.entries.length - 1 ? e : { ...e, hash }) as SealedEntry);
    return unsealed(s, list.with(i, bent(r, list[i] as LogEntry, true)));
  },
  'header changed': (r, s) => {
    const field = pick(r, ['lab', 'contentHash', 'seed', 'learner', 'attempt', 'version', 'format', 'entries', 'score', '__proto__']);
    return JSON.stringify({ ...s, [field]: pick(r, [...WILD, ...STRINGS, 7]) });
  },
  'wild JSON': (r, s) => {
    const text = submissionText(s);
    const from = pick(r, ['"time":', '"steps":', '"seed":', '"op":', '"data":', '"script":', '"entries":', '{', '[', ',']);
    const to = pick(r, [
      `${from}${from}`,
      `${from}1e400,"x":`,
      `${from}${'['.repeat(5000)}`,
      `${from}${'{"a":'.repeat(2000)}`,
      '"__proto__":{"x":1},',
      '\ufeff',
      '//',
      '',
    ]);
    const at = text.indexOf(from, r.below(text.length));
    return at < 0 ? `\ufeff${text}` : text.slice(0, at) + to + text.slice(at + from.length);
  },
  'no submission at all': (r) => Uint8Array.from({ length: r.below(3000) }, () => r.below(256)),
};

/** Changes after which the hashes were computed anew. */
const RESEALED: Readonly<Record<string, Make>> = {
  'resealed: as it was': (_, s) => sealed(s, entriesOf(s)),
  'resealed: field changed': (r, s) => {
    const list = entriesOf(s);
    const i = r.below(list.length);
    return sealed(s, list.with(i, bent(r, list[i] as LogEntry, true)));
  },
  'resealed: any field wild': (r, s) => {
    const list = entriesOf(s);
    const i = r.below(list.length);
    return sealed(s, list.with(i, bent(r, list[i] as LogEntry, false)));
  },
  'resealed: entries put in': (r, s) => {
    let list = entriesOf(s);
    for (let n = r.between(1, 5); n > 0; n--) {
      const i = r.below(list.length);
      list = list.toSpliced(i, 0, invented(r, list[i] as LogEntry));
    }
    return sealed(s, list);
  },
  'resealed: entries left out': (r, s) =>
    sealed(
      s,
      entriesOf(s).filter((e) => e.op === 'end' || r.chance(0.7)),
    ),
  'resealed: re-ordered': (r, s) =>
    sealed(
      s,
      entriesOf(s).toSorted(() => r.next() - 0.5),
    ),
  'resealed: run replayed': (_, s) => sealed(s, [...entriesOf(s).slice(0, -1), ...entriesOf(s)]),
  'resealed: another seed': (r, s) => sealed(s, entriesOf(s), { seed: r.below(2 ** 32) }),
  'resealed: another header': (r, s) => sealed(s, entriesOf(s), { [pick(r, ['lab', 'contentHash', 'learner'])]: pick(r, STRINGS) }),
  'resealed: endless': (r, s) => {
    const list = entriesOf(s);
    const end = list.at(-1) as LogEntry;
    return sealed(s, list.with(-1, { ...end, steps: end.steps + 10 ** r.between(1, 15), time: end.time + 10 ** r.between(1, 15) }));
  },
  'resealed: hostile script': (r, s) => {
    const list = entriesOf(s);
    const { steps, time } = list[0] as LogEntry;
    const script: LogEntry = { op: 'script', host: pick(r, ['node-1', 'cp-1']), script: pick(r, SCRIPTS), steps, time };
    return sealed(s, [script, { op: 'end', steps: steps + 10 ** r.between(1, 7), time: time + 10 ** r.between(1, 9) }]);
  },
  'resealed: huge': (r, s) => {
    const { steps, time } = s.entries[0] as LogEntry;
    const many = r.between(1000, 20_000);
    const data = r.chance(0.5) ? 'x' : pick(r, STRINGS);
    const list = Array.from({ length: many }, (_, i): LogEntry => ({ op: 'input', term: i % 3, data, steps, time }));
    return sealed(s, r.chance(0.5) ? [{ op: 'open', term: 1, host: 'node-1', cols: 80, rows: 24, steps, time }, ...list] : list);
  },
  'resealed: many terminals': (r, s) => {
    const { steps, time } = s.entries[0] as LogEntry;
    const list = Array.from(
      { length: r.between(10, 200) },
      (_, term): LogEntry => ({ op: 'open', term, host: 'node-1', cols: 80, rows: 24, steps, time }),
    );
    return sealed(s, list);
  },
};

const ALL: readonly [string, Make, boolean][] = [
  ...Object.entries(CHANGED).map(([name, make]): [string, Make, boolean] => [name, make, false]),
  ...Object.entries(RESEALED).map(([name, make]): [string, Make, boolean] => [name, make, true]),
];

export const ATTACKS: readonly string[] = ALL.map(([name]) => name);

export function attack(r: Random, base: Submission): Attack {
  const [name, make, resealed] = pick(r, ALL);
  const made = make(r, base);
  return { name, bytes: typeof made === 'string' ? encoder.encode(made) : made, resealed };
}
