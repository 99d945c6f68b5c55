import { describe, expect, it } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { DNS_TYPES } from '../../wire/dns.ts';
import { commands } from '../index.ts';
import { questionLine, recordLine, type Show } from './render.ts';

const SHOW: Show = {
  short: false,
  cmd: true,
  comments: true,
  question: true,
  answer: true,
  authority: true,
  additional: true,
  stats: true,
  ttl: true,
  class: true,
  multiline: false,
  identify: false,
  ttlUnits: false,
  unknownFormat: false,
  expandAaaa: false,
  micros: false,
};
const A = Uint8Array.of(10, 96, 0, 20);

describe('columns, as dig 9.18 prints them', () => {
  it.each([
    ['www.example.com', {}, 'www.example.com.\t30\tIN\tA\t10.96.0.20\n'],
    ['20.0.96.10.in-addr.arpa', {}, '20.0.96.10.in-addr.arpa. 30\tIN\tA\t10.96.0.20\n'],
    ['web.default.svc.cluster.local', {}, 'web.default.svc.cluster.local. 30 IN\tA\t10.96.0.20\n'],
    ['note.default.svc.cluster.local', {}, 'note.default.svc.cluster.local.\t30 IN\tA\t10.96.0.20\n'],
    ['example.com', { multiline: true }, 'example.com.\t\t30 IN A\t10.96.0.20\n'],
    ['db.default.svc.cluster.local', { ttl: false, class: false }, 'db.default.svc.cluster.local. A\t10.96.0.20\n'],
  ])('%s %o', (name, change, line) => {
    expect(recordLine({ name, type: DNS_TYPES.A, class: 1, ttl: 30, data: A }, { ...SHOW, ...change })).toBe(line);
  });

  it.each([
    ['nosuch', ';nosuch.\t\t\t\tIN\tA\n'],
    ['google.com', ';google.com.\t\t\tIN\tA\n'],
    ['nosuch.default.svc.cluster.local', ';nosuch.default.svc.cluster.local. IN\tA\n'],
    [
      'a.very.long.name.that.goes.on.and.on.default.svc.cluster.local',
      ';a.very.long.name.that.goes.on.and.on.default.svc.cluster.local.\tIN A\n',
    ],
  ])('question %s', (name, line) => {
    expect(questionLine({ name, type: DNS_TYPES.A, class: 1 }, SHOW)).toBe(line);
  });
});

describe('against a server of this host', () => {
  const ask = (resolv: string, command: string): string => {
    const machine = new Machine(new Kernel(new Sim(1), 'host'), commands);
    const zone = 'web.default.svc.cluster.local A 10.96.0.20\\nexample.com A 10.0.0.9\\n';
    const script = `ip link set lo up; cd /tmp; printf '${zone}' > zone; printf '${resolv}' > /etc/resolv.conf; poddns zone > log & sleep 1; ${command}; kill $!`;
    return runCommand(machine, ['bash', '-c', script]).stdout;
  };
  const POD = 'nameserver 127.0.0.1\\nsearch default.svc.cluster.local svc.cluster.local\\noptions ndots:5\\n';
  const asked = (log: string): string[] => [...log.matchAll(/^127\S+ (\S+) \S+ (\S+)$/gm)].map((m) => `${m[1]} ${m[2]}`);

  it('asks as it is, or along the search list up to the first hit', () => {
    expect(asked(ask(POD, 'dig web +short; sleep 0.1; cat log'))).toEqual(['web. REFUSED']);
    expect(ask(POD, 'dig web +search +short')).toContain('10.96.0.20\n');
    expect(asked(ask(POD, 'dig example.com +search +short; sleep 0.1; cat log'))).toEqual([
      'example.com.default.svc.cluster.local. NXDOMAIN',
      'example.com.svc.cluster.local. NXDOMAIN',
      'example.com. NOERROR',
    ]);
  });

  it('gives up after its tries, one warning each', () => {
    const out = ask('nameserver 127.0.0.1\\n', 'dig -p 54 +tries=2 web +short; echo $?');
    expect(out.match(/communications error to 127\.0\.0\.1#54: connection refused/g)).toHaveLength(2);
    expect(out).toMatch(/;; no servers could be reached\n9\n/);
  });

  it('nslookup and host follow an A answer with the further types', () => {
    expect(asked(ask(POD, 'nslookup web > /dev/null; sleep 0.1; cat log'))).toHaveLength(2);
    expect(asked(ask(POD, 'host web > /dev/null; sleep 0.1; cat log'))).toHaveLength(3);
  });
});

it('traceroute and mtr reach this host in one hop', () => {
  const machine = new Machine(new Kernel(new Sim(1), 'host'), commands);
  const out = runCommand(
    machine,
    'ip link set lo up; for m in "" -I -T; do traceroute $m -n -q 1 127.0.0.1; done; mtr -n -r -c 2 127.0.0.1',
  ).stdout;
  expect(out.match(/^ 1 {2}127\.0\.0\.1 {2}\d+\.\d{3} ms$/gm)).toHaveLength(3);
  expect(out).toMatch(/^ {2}1\.\|-- 127\.0\.0\.1 {18}0\.0% {5}2 /m);
});
