/** mtr in report mode: rounds of probes to every hop, then loss and times of each. Models mtr 0.95 ui/net.c, ui/select.c, ui/report.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { gaiStrerror, getaddrinfo, gethostbyaddr } from '../../os/resolver.ts';
import { closeSocket, openUdp } from '../../os/sockcalls.ts';
import { routeOutput } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { formatIp, type IpAddr, parseIp } from '../../wire/addr.ts';
import { getopt, specs } from '../getopt.ts';
import { strftime } from '../strftime.ts';
import { methodFor, type Probe, type ProbeMethod } from '../traceroute/methods.ts';
import type { Method, TraceOptions } from '../traceroute/options.ts';
import { DEFAULT_ORDER, FIELDS, fieldsOf, Hop, timeOf } from './hop.ts';
import { USAGE } from './usage.ts';

const OPTIONS = specs(
  'F:filename 4. 6. u.udp T.tcp I:interface a:address f:first-ttl m:max-ttl U:max-unknown P:port L:localport s:psize B:bitpattern i:interval G:gracetime ' +
    'Q:tos e.mpls Z:timeout M:mark r.report w.report-wide c:report-cycles j.json x.xml C.csv l.raw p.split t.curses :displaymode n.no-dns b.show-ips ' +
    'o:order y:ipinfo z.aslookup h.help v.version S.sctp',
);
const NOT_EMULATED = ['filename', 'localport', 'raw', 'split', 'curses', 'displaymode', 'ipinfo', 'bitpattern'];
/** Width of the part before the fields. */
const HOSTS_WIDTH = 33;
const FIRST_GUESS = 10;

interface Options {
  report: boolean;
  wide: boolean;
  json: boolean;
  xml: boolean;
  csv: boolean;
  /** Letters of the fields. */
  order: string;
  asLookup: boolean;
  psize: number;
  numeric: boolean;
  showIps: boolean;
  cycles: number;
  /** Seconds. */
  interval: number;
  grace: number;
  firstTtl: number;
  maxTtl: number;
  maxUnknown: number;
  tos: number;
}

class Mtr {
  private readonly p: Process;
  private readonly o: Options;
  private readonly target: IpAddr;
  private readonly name: string;
  private readonly method: ProbeMethod;
  private readonly hops: Hop[];
  private readonly flying = new Map<Probe, number>();
  private at: number;
  private hosts = FIRST_GUESS;
  private stopped = false;
  /** A packet that the kernel would not take. */
  private broken = false;

  constructor(p: Process, o: Options, t: TraceOptions) {
    this.p = p;
    this.o = o;
    this.target = t.addr;
    this.name = t.host;
    this.method = methodFor(p, t);
    this.at = o.firstTtl - 1;
    this.hops = Array.from({ length: o.maxTtl }, () => new Hop());
  }

  *run(): Task<number> {
    const { p, o } = this;
    if (!o.json && !o.xml && !o.csv) yield* p.out(`Start: ${strftime('%Y-%m-%dT%H:%M:%S', p.sim.epochMs / 1000 + p.sim.now / 1e6)}+0000\n`);
    p.onSignal('INT', () => {
      this.stopped = true;
    });
    if (this.method.init() === null) {
      for (let rounds = 0; rounds < o.cycles && !this.stopped; ) {
        if (this.sendOne()) rounds++;
        if (this.broken) {
          if (!o.json && !o.xml && !o.csv) yield* this.report();
          yield* p.err('mtr: Unexpected mtr-packet error\n');
          return 1;
        }
        yield* this.listen((o.interval * 1e6) / this.hosts);
      }
      if (!this.stopped) yield* this.listen(o.grace * 1e6);
    }
    yield* o.json ? this.json() : o.xml ? this.xml() : o.csv ? this.csv() : this.report();
    return 0;
  }

  /** Probes one hop; true when the round is complete. Models net_send_batch(). */
  private sendOne(): boolean {
    const { o, at } = this;
    const probe: Probe = {
      index: at,
      done: false,
      final: false,
      from: null,
      sentAt: null,
      receivedAt: null,
      error: '',
      flags: '',
      ttl: 0,
      seq: -1,
      sock: null,
    };
    const hop = this.hops[at] as Hop;
    const sent = this.method.send(probe, at + 1);
    if (o.psize > this.mtu()) this.broken = true;
    if (sent === true) {
      this.flying.set(probe, at);
      hop.sent++;
    }
    const before = this.hops.slice(o.firstTtl - 1, at);
    const unknown = before.filter((h) => h.addrs.length === 0).length;
    const passed = before.some((h) => h.addrs[0] === this.target);
    if (hop.addrs[0] === this.target || passed || unknown > o.maxUnknown || at >= o.maxTtl - 1) {
      this.hosts = at + 1;
      this.at = o.firstTtl - 1;
      return true;
    }
    this.at++;
    return false;
  }

  private mtu(): number {
    const r = routeOutput(this.p.ns, {
      dst: this.target,
      src: null,
      oif: null,
      mark: 0,
      tos: 0,
      proto: 1,
      sport: 0,
      dport: 0,
      uid: this.p.uid,
    });
    return r.ok ? r.value.dev.mtu : Number.POSITIVE_INFINITY;
  }

  private *listen(us: number): Task<void> {
    const until = this.p.sim.now + Math.round(us);
    while (this.p.sim.now < until && !this.stopped) {
      const probes = [...this.flying.keys()];
      const socks = this.method.socks(probes);
      if (!socks.some((s) => s.readable())) yield* this.p.wait({ on: socks.map((s) => s.wq), until });
      this.method.poll(probes);
      for (const probe of probes) if (probe.done) this.settle(probe);
    }
  }

  private settle(probe: Probe): void {
    const hop = this.hops[this.flying.get(probe) as number] as Hop;
    this.flying.delete(probe);
    if (probe.from === null || probe.sentAt === null || probe.receivedAt === null) return;
    if (probe.error !== '') hop.failed = true;
    if (!hop.addrs.includes(probe.from)) hop.addrs.push(probe.from);
    hop.take(probe.receivedAt - probe.sentAt);
  }

  /** Hops worth showing: up to the target, or to the first error, or one beyond the last that answered. */
  private get shown(): Hop[] {
    let max = 0;
    for (const [i, hop] of this.hops.entries()) {
      if (hop.addrs[0] === this.target || hop.failed) return this.hops.slice(0, i + 1);
      if (hop.addrs.length > 0) max = i + 2;
    }
    return this.hops.slice(0, max);
  }

  private *label(addr: IpAddr | undefined): Task<string> {
    if (addr === undefined) return '???';
    const shown = formatIp(addr);
    const name = this.o.numeric ? null : ((yield* gethostbyaddr(this.p, addr))?.name ?? null);
    if (name === null) return shown;
    return this.o.showIps ? `${name} (${shown})` : name;
  }

  private *report(): Task<void> {
    const { o } = this;
    const rows = this.shown.slice(o.firstTtl - 1);
    const labels: string[] = [];
    for (const hop of rows) labels.push(yield* this.label(hop.addrs[0]));
    const here = this.p.hostname;
    const width = o.wide ? Math.max(here.length, ...labels.map((l) => l.length)) : HOSTS_WIDTH;
    const fields = fieldsOf(o.order);
    const cut = (text: string): string => (o.wide ? text : text.slice(0, HOSTS_WIDTH));
    let out = `${cut(`HOST: ${here.padEnd(width)}`)}${fields.map((f) => f[1].padStart(f[2])).join('')}\n`;
    for (const [i, hop] of rows.entries()) {
      const mark = o.asLookup ? '. AS???    ' : '.|-- ';
      const values = fields.map((f) => f[3](hop).slice(0, f[2])).join('');
      out += `${cut(` ${String(i + o.firstTtl).padStart(2)}${mark}${(labels[i] as string).padEnd(width)}`)}${values}\n`;
      for (const addr of hop.addrs.slice(1)) out += `    |  \`|-- ${yield* this.label(addr)}\n`;
    }
    yield* this.p.out(out);
  }

  private *xml(): Task<void> {
    const { o, p } = this;
    let out = `<?xml version="1.0"?>\n<MTR SRC="${p.hostname}" DST="${this.name}" TOS="0x${o.tos.toString(16)}" PSIZE="${o.psize}" BITPATTERN="0x00" TESTS="${o.cycles}">\n`;
    for (const [i, hop] of this.shown.slice(o.firstTtl - 1).entries()) {
      out += `    <HUB COUNT="${i + o.firstTtl}" HOST="${yield* this.label(hop.addrs[0])}">\n`;
      for (const c of o.order) {
        const f = FIELDS.find((x) => x[0] === c);
        if (!f || c === ' ') continue;
        const tag = f[1].replace('%', '');
        out += `        <${tag}>${f[3](hop)}</${tag}>\n`;
      }
      out += '    </HUB>\n';
    }
    yield* p.out(`${out}</MTR>\n`);
  }

  private *csv(): Task<void> {
    const { o, p } = this;
    const fields = fieldsOf(o.order);
    const now = Math.floor((p.sim.epochMs * 1000 + p.sim.now) / 1e6);
    let out = `Mtr_Version,Start_Time,Status,Host,Hop,Ip,${fields.map((f) => `${f[1]},`).join('')}\n`;
    for (const [i, hop] of this.shown.slice(o.firstTtl - 1).entries()) {
      const values = fields.map((f) => {
        if (f[0] === ' ') return '0';
        const text = f[3](hop).trim();
        if (f[0] === 'L') return hop.loss.toFixed(2);
        return /^\d+$/.test(text) ? text : (timeOf(hop, f[0]) / 1000).toFixed(2);
      });
      out += `MTR.0.95,${now},OK,${this.name},${i + o.firstTtl},${yield* this.label(hop.addrs[0])},${values.join(',')}\n`;
    }
    yield* p.out(out);
  }

  private *json(): Task<void> {
    const { o } = this;
    const fixed = (n: number): string => (Number.isInteger(n) ? n.toFixed(1) : String(n));
    const ms = (us: number): string => fixed(Number((us / 1000).toFixed(3)));
    const hubs: string[] = [];
    for (const [i, hop] of this.shown.slice(o.firstTtl - 1).entries()) {
      const pairs: [string, string][] = [
        ['count', String(i + o.firstTtl)],
        ['host', JSON.stringify(yield* this.label(hop.addrs[0]))],
        ['Loss%', fixed(hop.loss)],
        ['Snt', String(hop.sent)],
        ['Last', ms(hop.last)],
        ['Avg', ms(hop.avg)],
        ['Best', ms(hop.best)],
        ['Wrst', ms(hop.worst)],
        ['StDev', ms(hop.deviation)],
      ];
      hubs.push(`            {\n${pairs.map(([k, v]) => `                "${k}": ${v}`).join(',\n')}\n            }`);
    }
    const head = [
      `"src": ${JSON.stringify(this.p.hostname)}`,
      `"dst": ${JSON.stringify(this.name)}`,
      `"tos": ${o.tos}`,
      `"tests": ${o.cycles}`,
      `"psize": "${o.psize}"`,
      '"bitpattern": "0x00"',
    ];
    yield* this.p.out(
      `{\n    "report": {\n        "mtr": {\n${head.map((h) => `            ${h}`).join(',\n')}\n        },\n        "hubs": [\n${hubs.join(',\n')}\n        ]\n    }\n}\n`,
    );
  }
}

/** Whether the target can be reached at all, by a UDP socket that is connected and closed again. */
function* reachable(p: Process, addr: IpAddr): Task<boolean> {
  const sock = openUdp(p, typeof addr === 'number' ? 4 : 6);
  const r = sock.connect(addr, 1);
  closeSocket(p, sock);
  if (r.ok) return true;
  yield* p.err(`mtr: udp socket connect failed: ${strerror(r.errno)}\n`);
  return false;
}

function* main(p: Process): Task<number> {
  const g = getopt(p.argv.slice(1), OPTIONS);
  if (g.error !== null) {
    yield* p.err(`mtr: ${g.error}\n${USAGE}`);
    return 1;
  }
  const o: Options = {
    report: false,
    wide: false,
    json: false,
    xml: false,
    csv: false,
    order: DEFAULT_ORDER,
    asLookup: false,
    psize: 64,
    numeric: false,
    showIps: false,
    cycles: 10,
    interval: 1,
    grace: 5,
    firstTtl: 1,
    maxTtl: 30,
    maxUnknown: 12,
    tos: 0,
  };
  const t: TraceOptions = {
    host: g.operands[0] ?? 'localhost',
    addr: 0,
    method: 'icmp',
    dontFragment: false,
    firstHop: 1,
    device: null,
    maxHops: 30,
    simultaneous: 1,
    numeric: true,
    port: null,
    tos: null,
    wait: 5,
    hereFactor: 0,
    nearFactor: 0,
    queries: 1,
    source: null,
    sendWait: 0,
    mark: 0,
    sourcePort: 0,
    packetLen: 64,
    protocol: 0,
    tcp: { flags: 0, info: false, mss: null },
    mtu: false,
    back: false,
    direct: false,
    asPath: false,
  };
  let family: 4 | 6 | null = null;
  const numbers: Record<string, (n: number) => void> = {
    'report-cycles': (n) => {
      o.cycles = n;
    },
    interval: (n) => {
      o.interval = n;
    },
    gracetime: (n) => {
      o.grace = n;
    },
    'first-ttl': (n) => {
      o.firstTtl = n;
    },
    'max-ttl': (n) => {
      o.maxTtl = n;
    },
    'max-unknown': (n) => {
      o.maxUnknown = n;
    },
    port: (n) => {
      t.port = n;
    },
    psize: (n) => {
      t.packetLen = Math.abs(n);
      o.psize = Math.abs(n);
    },
    tos: (n) => {
      o.tos = n;
      t.tos = n;
    },
    mark: (n) => {
      t.mark = n;
    },
    timeout: () => {},
  };
  for (const [key, value] of g.options) {
    if (NOT_EMULATED.includes(key)) {
      yield* p.err(`mtr: --${key} is not emulated\n`);
      return 1;
    }
    const number = numbers[key];
    if (number) {
      if (value === '' || Number.isNaN(Number(value))) {
        yield* p.err(`mtr: invalid argument: '${value}'\n`);
        return 1;
      }
      number(Number(value));
    } else if (key === 'help' || key === 'version') {
      yield* p.out(key === 'help' ? USAGE : 'mtr 0.95\n');
      return 0;
    } else if (key === '4' || key === '6') family = key === '4' ? 4 : 6;
    else if (key === 'udp' || key === 'tcp') t.method = (key === 'udp' ? 'default' : 'tcp') as Method;
    else if (key === 'report') o.report = true;
    else if (key === 'report-wide') o.report = o.wide = true;
    else if (key === 'json') o.report = o.json = true;
    else if (key === 'xml') o.report = o.xml = true;
    else if (key === 'csv') o.report = o.csv = true;
    else if (key === 'aslookup') o.asLookup = true;
    else if (key === 'sctp') {
      yield* p.err('mtr: Packet type unsupported: Operation not supported\n');
      return 1;
    } else if (key === 'order') {
      const unknown = [...value].find((c) => !FIELDS.some((f) => f[0] === c));
      if (unknown !== undefined) {
        yield* p.err(`mtr: Unknown field identifier: ${unknown}\n`);
        return 1;
      }
      o.order = value;
    } else if (key === 'no-dns') o.numeric = true;
    else if (key === 'show-ips') o.showIps = true;
    else if (key === 'interface') t.device = value;
    else if (key === 'address') t.source = parseIp(value);
  }
  if (o.interval <= 0) {
    yield* p.err('mtr: wait time must be positive\n');
    return 1;
  }
  if (t.method === 'default') t.port ??= 33000;
  if (!o.report) {
    yield* p.err('mtr: the interactive display is not emulated, use -r for a report\n');
    return 1;
  }
  if (t.device !== null && !p.ns.device(t.device)) {
    yield* p.err('mtr: no such interface\n');
    return 1;
  }
  o.maxTtl = Math.min(255, Math.max(1, Math.floor(o.maxTtl)));
  o.firstTtl = Math.min(o.maxTtl, Math.max(1, Math.floor(o.firstTtl)));
  let status = 0;
  for (const host of g.operands.length > 0 ? g.operands : ['localhost']) {
    const found = yield* getaddrinfo(p, host, family ? { family } : {});
    if (!found.ok) {
      yield* p.err(`mtr: Failed to resolve host: ${host}: ${gaiStrerror(found.error)}\n`);
      continue;
    }
    const addr = found.addrs[0] as IpAddr;
    status = (yield* reachable(p, addr)) ? yield* new Mtr(p, o, { ...t, host, addr }).run() : 1;
  }
  return status;
}

export const mtr: Command = { name: 'mtr', main };
