/** CoreDNS' own questions about a cluster, asked with real packets of the emulated CoreDNS; the file is read where it is kept. */

import { readFileSync } from 'node:fs';
import type { Client } from '../../cluster/api/client.ts';
import type { AnyObject, KubeObject } from '../../cluster/api/object.ts';
import { addressRecord, nameRecord } from '../../cluster/dns/query.ts';
import { corednsCommand } from '../../cluster/dns/server.ts';
import { Kernel } from '../../net/kernel.ts';
import { newAddr } from '../../net/rtnl/addr.ts';
import { Machine } from '../../os/machine.ts';
import type { Command } from '../../os/program.ts';
import { startCommand } from '../../os/run.ts';
import { closeSocket, openUdp, recvUdp } from '../../os/sockcalls.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import { parseIp, parseIp4 } from '../../wire/addr.ts';
import {
  DNS_QR,
  DNS_RA,
  DNS_RD,
  DNS_TC,
  DNS_TYPES,
  type DnsMessage,
  type DnsRecord,
  describeRdata,
  dnsTypeName,
  dnsTypeNumber,
  dotted,
  emitDns,
  parseDns,
} from '../../wire/dns.ts';
import { type DnsWorld, worldOf } from './dns-worlds.ts';
import { FLOORS, raiseFloors, type SuiteOptions, type SuiteResult, scoreLine } from './suite.ts';

interface DnsCase {
  readonly qname: string;
  readonly qtype: string;
  readonly rcode: string;
  readonly answer: readonly string[];
  readonly extra: readonly string[];
  readonly ns: readonly string[];
  readonly upstream: boolean;
  readonly truncated: boolean;
}

const RCODES: Record<string, string> = { Success: 'NOERROR', NameError: 'NXDOMAIN', ServerFailure: 'SERVFAIL', Refused: 'REFUSED' };
const RCODE_TEXT = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];
const SERVER = '10.9.0.1';
const UPSTREAM_PORT = 5300;

export async function dnsSuite({ path, diff, raise }: SuiteOptions): Promise<SuiteResult> {
  if (path === null) throw new Error('usage: hopwise conformance dns FILE [--diff TEXT] [--json]');
  const file = read(path);
  const groups: { group: string; matched: number; total: number }[] = [];
  const failed: string[] = [];
  let table = '';
  let differences = '';
  for (const [group, cases] of Object.entries(file.groups)) {
    let matched = 0;
    const world = worldOf(
      group,
      file.world,
      cases.map((c) => c.qname),
    );
    cases.forEach((c, i) => {
      const got = ask(world, c);
      const wanted = expected(c);
      if (got === wanted) matched++;
      else {
        failed.push(`${group}#${i}`);
        if (diff !== null && `${group}#${i} ${c.qname} ${c.qtype}`.includes(diff))
          differences += `\n${group}#${i} ${c.qname} ${c.qtype}\n${mark('-', wanted)}${mark('+', got)}`;
      }
    });
    groups.push({ group, matched, total: cases.length });
    table += scoreLine(group, matched, cases.length);
  }
  const matched = groups.reduce((n, g) => n + g.matched, 0);
  const total = groups.reduce((n, g) => n + g.total, 0);
  if (raise) raiseFloors(FLOORS.rules, [['dns', matched]]);
  return { table: table + differences, json: { suite: 'dns', groups, failed }, matched, total };
}

interface DnsFile {
  readonly world: Parameters<typeof worldOf>[1];
  readonly groups: Readonly<Record<string, readonly DnsCase[]>>;
}

function read(path: string): DnsFile {
  let data: Partial<DnsFile> | null;
  try {
    data = JSON.parse(readFileSync(path, 'utf8')) as Partial<DnsFile> | null;
  } catch (e) {
    throw new Error(`${path}: ${e instanceof Error ? e.message : e}`);
  }
  if (!data?.groups || !data.world) throw new Error(`${path}: no "world" and "groups" in it`);
  return data as DnsFile;
}

const mark = (sign: string, text: string): string =>
  text
    .split('\n')
    .map((l) => `  ${sign} ${l}\n`)
    .join('');

/** A client over objects that never change; one that is not synced has no answer for anybody. */
function fixedClient(sim: Sim, objects: readonly KubeObject[], synced: boolean): Client {
  const plural: Record<string, string> = {
    services: 'Service',
    'endpointslices.discovery.k8s.io': 'EndpointSlice',
    namespaces: 'Namespace',
    pods: 'Pod',
    'serviceimports.multicluster.x-k8s.io': 'ServiceImport',
  };
  const of = (resource: string): AnyObject[] => (synced ? (objects.filter((o) => o.kind === plural[resource]) as AnyObject[]) : []);
  const refuse = (): never => {
    throw new Error('the name server only reads');
  };
  return {
    user: { name: 'system:serviceaccount:kube-system:coredns', groups: [] },
    create: refuse,
    get: refuse,
    update: refuse,
    patch: refuse,
    delete: refuse,
    list: <T>(resource: string) =>
      synced ? { ok: true, value: { resourceVersion: '1', items: of(resource) as T[] } } : { ok: false, status: { code: 503 } },
    watch: <T>(resource: string, _o: unknown, on: (e: { type: 'ADDED'; object: T }) => void) => {
      sim.schedule(1000, () => {
        for (const object of of(resource)) on({ type: 'ADDED', object: object as T });
      });
      return { stop() {} };
    },
  };
}

/** A server elsewhere that knows what the case expects of names outside the zone. */
function upstreamCommand(c: DnsCase): Command {
  return {
    name: 'upstream',
    *main(p) {
      const sock = openUdp(p);
      sock.bind(0, UPSTREAM_PORT);
      for (;;) {
        const r = yield* recvUdp(sock);
        const q = r.ok ? parseDns(r.value.data) : null;
        if (!r.ok || !q) continue;
        const name = q.questions[0]?.name.toLowerCase() ?? '';
        const answers = c.answer.map(recordOf).filter((x): x is DnsRecord => x !== null && x.name.toLowerCase() === name);
        const flags = DNS_QR | DNS_RD | DNS_RA | (c.truncated ? DNS_TC : 0);
        sock.sendTo(emitDns({ ...q, flags, answers, authority: [], additional: [] }), r.value.from.addr, r.value.from.port);
      }
    },
  };
}

function recordOf(text: string): DnsRecord | null {
  const [name, ttl, , type, ...data] = text.split(/\s+/) as [string, string, string, string, ...string[]];
  const bare = name.replace(/\.$/, '');
  const addr = type === 'A' || type === 'AAAA' ? parseIp(data[0] ?? '') : null;
  if (addr !== null) return addressRecord(bare, Number(ttl), addr);
  return type === 'CNAME' ? nameRecord(bare, DNS_TYPES.CNAME, Number(ttl), data[0] ?? '') : null;
}

/** Rcode, flags and sections as text. */
function ask(world: DnsWorld, c: DnsCase): string {
  const sim = new Sim('dns');
  const kernel = new Kernel(sim, 'coredns');
  kernel.init.lo.setUp();
  newAddr(kernel.init.lo, { local: parseIp4(SERVER) as number, len: 32 }, 'add');
  const client = fixedClient(sim, world.objects, world.synced);
  let reply: DnsMessage | null = null;
  const asker: Command = {
    name: 'ask',
    *main(p) {
      const sock = openUdp(p);
      sock.connect(parseIp4(SERVER) as number, 53);
      const type = dnsTypeNumber(c.qtype) ?? 0;
      const opt: DnsRecord = { name: '', type: DNS_TYPES.OPT, class: 4096, ttl: 0, data: new Uint8Array(0) };
      const questions = [{ name: c.qname.replace(/\.$/, ''), type, class: 1 }];
      sock.send(emitDns({ id: 7, flags: DNS_RD, questions, answers: [], authority: [], additional: [opt] }));
      const r = yield* recvUdp(sock, sim.now + 10 * SEC);
      if (r.ok) reply = parseDns(r.value.data);
      closeSocket(p, sock);
      return 0;
    },
  };
  const machine = new Machine(kernel, [corednsCommand(() => client), asker, upstreamCommand(c)]);
  const zones = ['cluster.local', ...world.reverseZones].join(' ');
  const forward = c.upstream ? `\n  forward . ${SERVER}:${UPSTREAM_PORT}` : '';
  machine.init.writeFile('/Corefile', `.:53 {\n  kubernetes ${zones} {\n    ${world.options.join('\n    ')}\n  }${forward}\n}\n`);
  if (c.upstream) startCommand(machine, ['upstream']);
  startCommand(machine, ['/coredns', '-conf', '/Corefile']);
  sim.runUntil(sim.now + SEC);
  startCommand(machine, ['ask']);
  sim.runUntil(sim.now + 11 * SEC);
  return reply === null ? 'no reply' : described(reply);
}

function described(m: DnsMessage): string {
  const line = (r: DnsRecord): string => {
    if (r.type === DNS_TYPES.SOA) return `${dotted(r.name)} SOA ${describeRdata(r.type, r.data).split(' ').slice(0, 2).join(' ')}`;
    const data = describeRdata(r.type, r.data);
    // Upstream's cases give the server the address 127.0.0.1.
    return `${dotted(r.name)} ${r.ttl} ${dnsTypeName(r.type)} ${data === SERVER ? '127.0.0.1' : data}`;
  };
  const section = (records: readonly DnsRecord[]): string[] =>
    records
      .filter((r) => r.type !== DNS_TYPES.OPT)
      .map(line)
      .sort();
  return sections(
    RCODE_TEXT[m.flags & 15] ?? '',
    (m.flags & DNS_TC) !== 0,
    section(m.answers),
    section(m.authority),
    section(m.additional),
  );
}

function sections(
  rcode: string,
  truncated: boolean,
  answer: readonly string[],
  authority: readonly string[],
  extra: readonly string[],
): string {
  return [`${rcode}${truncated ? ' tc' : ''}`, 'answer', ...answer, 'authority', ...authority, 'additional', ...extra].join('\n');
}

/** The same from the case; of an SOA record upstream compares the server's name only. */
function expected(c: DnsCase): string {
  const line = (text: string): string => {
    const [name, ttl, , type, ...data] = text.split(/\s+/);
    if (type === 'SOA') return `${dotted(name as string)} SOA ${data.slice(0, 2).join(' ')}`;
    const rest = type === 'TXT' ? `"${data.join(' ').replace(/^"|"$/g, '')}"` : data.join(' ');
    return `${dotted(name as string)} ${ttl} ${type} ${rest}`;
  };
  return sections(RCODES[c.rcode] ?? c.rcode, c.truncated, c.answer.map(line).sort(), c.ns.map(line).sort(), c.extra.map(line).sort());
}
