import { describe, expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { newAddr } from '../../net/rtnl/addr.ts';
import { Machine } from '../../os/machine.ts';
import type { Command } from '../../os/program.ts';
import { type Job, startCommand } from '../../os/run.ts';
import { closeSocket, openUdp, recvUdp } from '../../os/sockcalls.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import { parseIp4 } from '../../wire/addr.ts';
import {
  DNS_RCODES,
  DNS_RD,
  DNS_TC,
  type DnsMessage,
  describeRdata,
  dnsTypeName,
  dnsTypeNumber,
  emitDns,
  emitDnsCompressed,
  parseDns,
} from '../../wire/dns.ts';
import type { Client } from '../api/client.ts';
import type { KubeObject } from '../api/object.ts';
import { parseCorefile } from './corefile.ts';
import { addressRecord, fitted } from './query.ts';
import { corednsCommand } from './server.ts';
import { DIRECTIVES } from './setup.ts';

const svc = (name: string, ip: string): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { type: 'ClusterIP', clusterIP: ip, clusterIPs: [ip], ports: [{ name: 'http', protocol: 'TCP', port: 80 }] },
  }) as KubeObject;
const client = (sim: Sim, objects: KubeObject[]): Client =>
  ({
    list: () => ({ ok: true, value: { resourceVersion: '1', items: [] } }),
    watch: (resource: string, _: unknown, on: (e: unknown) => void) => {
      const kind = { services: 'Service', namespaces: 'Namespace', pods: 'Pod' }[resource];
      sim.schedule(1000, () => {
        for (const object of objects.filter((o) => o.kind === kind)) on({ type: 'ADDED', object });
      });
      return { stop() {} };
    },
  }) as unknown as Client;

/** A machine 10.0.0.1 with two servers: the tested one on :53, an upstream on :5353. */
function bench(corefile: string, upstream = 'hosts {\n 203.0.113.10 www.example.com\n}') {
  const sim = new Sim('dns');
  const kernel = new Kernel(sim, 'ns');
  kernel.init.lo.setUp();
  newAddr(kernel.init.lo, { local: parseIp4('10.0.0.1') as number, len: 32 }, 'add');
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } },
    svc('web', '10.96.0.7'),
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'c', namespace: 'default' },
      status: { podIPs: [{ ip: '10.0.0.1' }] },
    } as KubeObject,
  ];
  let reply: DnsMessage | null = null;
  const ask: Command = {
    name: 'ask',
    *main(p) {
      const sock = openUdp(p);
      sock.bind(parseIp4('10.0.0.1') as number, 0);
      sock.connect(parseIp4('10.0.0.1') as number, 53);
      const [, name = '', type = 'A'] = p.argv;
      sock.send(
        emitDns({
          id: 9,
          flags: DNS_RD,
          questions: [{ name, type: dnsTypeNumber(type) ?? 1, class: 1 }],
          answers: [],
          authority: [],
          additional: [],
        }),
      );
      const r = yield* recvUdp(sock, sim.now + 9 * SEC);
      reply = r.ok ? parseDns(r.value.data) : null;
      closeSocket(p, sock);
      return 0;
    },
  };
  const m = new Machine(kernel, [corednsCommand(() => client(sim, objects)), ask]);
  m.init.writeFile('/up', `.:5353 {\n ${upstream}\n}`);
  m.init.writeFile('/Corefile', corefile);
  const up: Job = startCommand(m, ['/coredns', '-conf', '/up']);
  const job: Job = startCommand(m, ['/coredns', '-conf', '/Corefile']);
  sim.runUntil(SEC);
  return {
    sim,
    m,
    up,
    output: (): string => job.stdout + job.stderr,
    ended: (): number | undefined => (job.done ? job.result().exitCode : undefined),
    ask(name: string, type = 'A'): string {
      reply = null;
      startCommand(m, ['ask', name, type]);
      sim.runUntil(sim.now + 10 * SEC);
      if (!reply) return 'none';
      const r: DnsMessage = reply;
      return [
        DNS_RCODES[r.flags & 15],
        ...r.answers.map((a) => `${a.name} ${a.ttl} ${dnsTypeName(a.type)} ${describeRdata(a.type, a.data)}`),
      ].join('; ');
    },
  };
}

describe('coredns', () => {
  test('answers for the cluster and forwards the rest; the cache counts down', () => {
    const b = bench('.:53 {\n errors\n kubernetes cluster.local {\n ttl 30\n }\n forward . 10.0.0.1:5353\n cache 30\n}');
    expect(b.ask('web.default.svc.cluster.local')).toBe('NOERROR; web.default.svc.cluster.local 30 A 10.96.0.7');
    expect(b.ask('nope.default.svc.cluster.local')).toBe('NXDOMAIN');
    expect(b.ask('www.example.com')).toBe('NOERROR; www.example.com 30 A 203.0.113.10');
    expect(b.ask('www.example.com')).toBe('NOERROR; www.example.com 21 A 203.0.113.10');
  });

  test('log, rewrite, template, hosts', () => {
    const b = bench(`.:53 {
      log
      rewrite name exact shop.example web.default.svc.cluster.local
      template IN A dyn.test {
        match "^ip-(?P<a>[0-9]+)[.]dyn[.]test[.]$"
        answer "{{ .Name }} 60 IN A 10.1.1.{{ .Group.a }}"
        fallthrough
      }
      hosts {
        192.0.2.1 gate.corp gate
        ttl 7
        fallthrough
      }
      kubernetes cluster.local
    }`);
    expect(b.ask('shop.example')).toBe('NOERROR; shop.example 5 A 10.96.0.7');
    expect(b.ask('ip-42.dyn.test')).toBe('NOERROR; ip-42.dyn.test 60 A 10.1.1.42');
    expect(b.ask('gate.corp')).toBe('NOERROR; gate.corp 7 A 192.0.2.1');
    expect(b.ask('1.2.0.192.in-addr.arpa', 'PTR')).toBe(
      'NOERROR; 1.2.0.192.in-addr.arpa 7 PTR gate.corp.; 1.2.0.192.in-addr.arpa 7 PTR gate.',
    );
    expect(b.output()).toMatch(/\[INFO\] 10\.0\.0\.1:\d+ - 9 "A IN gate\.corp\. udp 27 false 512" NOERROR qr,aa,rd 52 0\.0000?\d+s\n/);
  });

  test('autopath saves the client its search', () => {
    const b = bench('.:53 {\n autopath @kubernetes\n kubernetes cluster.local {\n pods verified\n }\n forward . 10.0.0.1:5353\n}');
    expect(b.ask('www.example.com.default.svc.cluster.local')).toBe(
      'NOERROR; www.example.com.default.svc.cluster.local 3600 CNAME www.example.com.; www.example.com 3600 A 203.0.113.10',
    );
  });

  test('an upstream that is gone: SERVFAIL, and the reason in the log', () => {
    const b = bench('.:53 {\n errors\n forward . 10.0.0.1:5999\n}');
    expect(b.ask('example.org')).toBe('SERVFAIL');
    expect(b.output()).toMatch(
      /\[ERROR\] plugin\/errors: 2 example\.org\. A: read udp 10\.0\.0\.1:\d+->10\.0\.0\.1:5999: read: connection refused/,
    );
  });

  test('a server that forwards to itself ends', () => {
    const b = bench('.:53 {\n loop\n forward . 10.0.0.1\n}');
    expect(b.output()).toMatch(/\[FATAL\] plugin\/loop: Loop \(.*:\d+ -> :53\) detected for zone "\.", see .*Query: "HINFO \d+\.\d+\."/);
    expect(b.ended()).toBe(1);
  });

  test('reload takes a new Corefile, and keeps the old one when the new one is wrong', () => {
    const b = bench('.:53 {\n reload 10s\n hosts {\n 192.0.2.1 a.test\n }\n}');
    b.m.init.writeFile('/Corefile', '.:53 {\n reload 10s\n hosts {\n 192.0.2.2 a.test\n }\n}');
    b.sim.runUntil(b.sim.now + 40 * SEC);
    expect(b.ask('a.test')).toContain('192.0.2.2');
    b.m.init.writeFile('/Corefile', '.:53 {\n nonsense\n}');
    b.sim.runUntil(b.sim.now + 40 * SEC);
    expect(b.output()).toContain("/Corefile:2 - Error during parsing: Unknown directive 'nonsense'");
    expect(b.ask('a.test')).toContain('192.0.2.2');
  });
});

test('Corefile errors name file, line and word', () => {
  const parse = (text: string) => () => parseCorefile(text, 'Corefile', DIRECTIVES);
  expect(parse('. {\n kubernets\n}')).toThrow("Corefile:2 - Error during parsing: Unknown directive 'kubernets'");
  expect(parse('. {\n log\n')).toThrow("Unexpected EOF, expecting '}'");
  expect(parse('(s) {\n log\n}\nexample.org:5353 {\n import s\n}')()[0]).toMatchObject({
    keys: [{ zone: 'example.org', port: 5353 }],
    directives: [{ name: 'log' }],
  });
});

test('replies are compressed or cut to the size that the client takes', () => {
  const answers = Array.from({ length: 40 }, (_, i) => addressRecord('a-long-service-name.default.svc.cluster.local', 5, 0x0a000000 + i));
  const m: DnsMessage = {
    id: 1,
    flags: 0x8400,
    questions: [{ name: 'a-long-service-name.default.svc.cluster.local', type: 1, class: 1 }],
    answers,
    authority: [],
    additional: [],
  };
  expect(parseDns(emitDnsCompressed(m))).toEqual(m);
  const small = fitted(m, 512);
  expect(small.length).toBeLessThanOrEqual(512);
  expect((parseDns(small)?.flags ?? 0) & DNS_TC).toBe(DNS_TC);
  expect(parseDns(fitted(m, 1232))?.answers.length).toBe(40);
});
