import '../../os/whole.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Sim } from '../../sim/sim.ts';
import { runIptables } from './iptables.ts';
import { restoreOptions, runRestore, splitLine } from './restore.ts';
import { runSave } from './save.ts';

function tool() {
  const ns = new Kernel(new Sim(1), 'h').init;
  const env = (prog: string) => ({ prog, family: 4 as const, legacy: false, tables: ns.nf.xt, ns, readText: () => null, date: '' });
  const restore = (text: string, args: string[] = []) => {
    const o = restoreOptions(env('iptables-restore'), args);
    return 'status' in o ? o : runRestore(env('iptables-restore'), o, text);
  };
  return {
    ns,
    run: (line: string) => runIptables(env('iptables'), splitLine(line)),
    save: (args: string[] = []) => runSave(env('iptables-save'), args).out,
    restore,
  };
}

/** What is typed (after `iptables`), and how -S gives it back; null = the same. */
const ROWS: readonly (readonly [string, string | null])[] = [
  ['-A FORWARD -s 10.1.2.3/16 -j ACCEPT', '-A FORWARD -s 10.1.0.0/16 -j ACCEPT'],
  ['-A FORWARD -p tcp --dport 80 ! --syn -j DROP', '-A FORWARD -p tcp -m tcp --dport 80 ! --tcp-flags FIN,SYN,RST,ACK SYN -j DROP'],
  ['-A FORWARD -i eth+ ! -o lo -j RETURN', null],
  ['-A FORWARD -p udp -m udp --sport 1:1024 -m comment --comment "two words" -j ACCEPT', null],
  ['-A FORWARD -m conntrack ! --ctstate INVALID --ctorigdst 10.96.0.0/12 -j ACCEPT', null],
  ['-A FORWARD -m statistic --mode random --probability 0.5', '-A FORWARD -m statistic --mode random --probability 0.50000000000'],
  ['-A FORWARD -m mark --mark 16/0xf0 -j LOG --log-prefix "a b"', '-A FORWARD -m mark --mark 0x10/0xf0 -j LOG --log-prefix "a b"'],
  ['-A FORWARD -j REJECT', '-A FORWARD -j REJECT --reject-with icmp-port-unreachable'],
  ['-A FORWARD -j MARK --or-mark 0x4000', '-A FORWARD -j MARK --set-xmark 0x4000/0x4000'],
];

test.each(ROWS)('%s', (typed, saved) => {
  const t = tool();
  expect(t.run(typed)).toEqual({ out: '', err: '', status: 0 });
  expect(t.run('-S FORWARD').out).toBe(`-P FORWARD ACCEPT\n${saved ?? typed}\n`);
  const dump = t.save();
  expect(t.restore(dump).status).toBe(0);
  expect(t.save()).toBe(dump);
});

test('a failed line leaves everything as it was', () => {
  const t = tool();
  t.run('-A INPUT -p icmp -j ACCEPT');
  const before = t.save(['-c']);
  const r = t.restore('*filter\n:INPUT DROP [0:0]\n-A INPUT -j ACCEPT\n-A NOSUCH -j ACCEPT\nCOMMIT\n');
  expect(r).toEqual({ out: '', err: 'iptables-restore: line 4 failed: No chain/target/match by that name.\n', status: 1 });
  expect(t.save(['-c'])).toBe(before);
});

test('what the kernel refuses', () => {
  const t = tool();
  expect(t.run('-A INPUT -j DNAT --to-destination 1.2.3.4')).toMatchObject({
    status: 4,
    err: 'iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Invalid argument): rule in chain INPUT\n',
  });
  t.run('-N A');
  t.run('-A INPUT -j A');
  expect(t.run('-A A -j A')).toMatchObject({
    status: 4,
    err: 'iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Too many links): rule in chain A\n',
  });
  expect(t.run('-X A').status).toBe(4);
});

test('an unknown option is the tool’s own error', () => {
  expect(tool().run('-A INPUT --nonsense')).toEqual({
    out: '',
    err: "iptables v1.8.9 (nf_tables): unknown option \"--nonsense\"\nTry `iptables -h' or 'iptables --help' for more information.\n",
    status: 2,
  });
});

test('ten thousand service rules restore fast', () => {
  const t = tool();
  const lines = ['*nat', ':KUBE-SERVICES - [0:0]', '-A PREROUTING -j KUBE-SERVICES'];
  for (let i = 0; i < 5000; i++) {
    const svc = `KUBE-SVC-${i}`;
    lines.splice(2, 0, `:${svc} - [0:0]`);
    lines.push(`-A KUBE-SERVICES -d 10.96.${i >> 8}.${i & 255}/32 -p tcp -m tcp --dport 80 -j ${svc}`);
    lines.push(`-A ${svc} -p tcp -m tcp -j DNAT --to-destination 10.244.0.1:8080`);
  }
  expect(t.restore(`${lines.join('\n')}\nCOMMIT\n`)).toEqual({ out: '', err: '', status: 0 });
  expect(t.ns.nf.xt.get(4, 'nat')?.chains.size).toBe(5002);
});

/** add_param_to_argv(), character by character. */
function plainSplit(line: string): string[] {
  const words: string[] = [];
  let word = '';
  let [quoted, open] = [false, false];
  for (let i = 0; i < line.length; i++) {
    const c = line[i] as string;
    if (quoted) {
      if (c === '\\') word += line[++i] ?? '';
      else if (c === '"') quoted = false;
      else word += c;
    } else if (c === '"') [quoted, open] = [true, true];
    else if (c === ' ' || c === '\t' || c === '\n') {
      if (open) words.push(word);
      [word, open] = ['', false];
    } else [word, open] = [word + c, true];
  }
  if (open) words.push(word);
  return words;
}

test('a line is cut into the words that a walk over its characters finds', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '-', '"', '\\', ' ', '\t', 'é'), maxLength: 24 }), (line) => {
      expect(splitLine(line)).toEqual(plainSplit(line));
    }),
    { numRuns: 2000 },
  );
});
