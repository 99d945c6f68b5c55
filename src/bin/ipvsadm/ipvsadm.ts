/** ipvsadm: virtual services, real servers, connections of IPVS. Models ipvsadm 1.31 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import {
  type Errno,
  type Ipvs,
  type IpvsConn,
  ipvsOf,
  ok,
  type RealServer,
  type Result,
  strerror,
  type VirtualService,
} from '../../os/uapi.ts';
import { formatIp4, type Ip4, parseIp4 } from '../../wire/addr.ts';
import { FORWARDING, large, title } from './columns.ts';
import { HELP, VERSION } from './help.ts';
import { COMMANDS, EXCLUSIVE, OPTION_NAMES, read } from './options.ts';
import { Failure, need, number, Request, TCP, TRY_HELP, UDP } from './request.ts';

const MAX_TIMEOUT = 86400 * 31;
const DEFAULT_PERSISTENCE = 360;

/** What errors mean to each request. */
const SERVICE_ERRORS: Partial<Record<Errno, string>> = {
  EEXIST: 'Service already exists',
  ESRCH: 'No such service',
  ENOENT: 'Scheduler or persistence engine not found',
};
const SERVER_ERRORS: Partial<Record<Errno, string>> = {
  ESRCH: 'Service not defined',
  EEXIST: 'Destination already exists',
  ENOENT: 'No such destination',
};

class Ipvsadm {
  readonly p: Process;
  readonly ipvs: Ipvs;
  out = '';

  constructor(p: Process) {
    this.p = p;
    this.ipvs = ipvsOf(p.ns);
  }

  private rows(proto: number): { name: string; port: number }[] {
    const tail = proto === TCP ? '/tcp' : '/udp';
    return (this.p.readText('/etc/services') ?? '').split('\n').flatMap((line) => {
      const [name, key] = line.replace(/#.*/, '').trim().split(/\s+/);
      return name && key?.endsWith(tail) ? [{ name, port: Number.parseInt(key, 10) }] : [];
    });
  }

  private portOf(name: string, proto: number): number | null {
    return this.rows(proto).find((r) => r.name === name)?.port ?? null;
  }

  private serviceOf(port: number, proto: number): string | null {
    return this.rows(proto).find((r) => r.port === port)?.name ?? null;
  }

  /** `host[:port]` */
  private endpoint(text: string, proto: number): { addr: Ip4; port: number | null } | null {
    if (/^\d*$/.test(text)) return null;
    const colon = text.lastIndexOf(':');
    const addr = parseIp4(colon < 0 ? text : text.slice(0, colon));
    if (addr === null) return null;
    if (colon < 0) return { addr, port: null };
    const name = text.slice(colon + 1);
    const port = number(name, 0, 65535) ?? this.portOf(name, proto);
    return port === null ? null : { addr, port };
  }

  parse(words: readonly string[]): Request {
    const { given, rest, error } = read(words);
    const r = new Request();
    const [first, ...others] = given;
    const command = first?.opt === 'l' ? 'L' : (first?.opt ?? '');
    if (command === 'h' || command === 'v') {
      this.out += command === 'h' ? HELP : VERSION;
      throw new Failure(0, '');
    }
    const rules = COMMANDS[command];
    if (!rules) throw new Failure(255, TRY_HELP);
    r.command = command;
    for (const { opt, arg = '' } of others) this.option(r, opt, arg);
    if (error) throw new Failure(255, error);
    if (command === 'set') {
      const times = rest.splice(0, 3).map((text) => need(number(text, 0, MAX_TIMEOUT), `invalid timeout value \`${text}' specified`));
      if (times.length < 3) throw new Failure(2, '--set option requires 3 timeout values');
      const [tcp, fin, udp] = times as [number, number, number];
      if (tcp) this.ipvs.timeouts.tcp = tcp;
      if (fin) this.ipvs.timeouts.fin = fin;
      if (udp) this.ipvs.timeouts.udp = udp;
    }
    if (rest.length > 0) throw new Failure(2, `unexpected argument ${rest[0]}`);
    this.check(r, rules);
    return r;
  }

  private option(r: Request, opt: string, arg: string): void {
    if (COMMANDS[opt === 'l' ? 'L' : opt] || opt === 'h' || opt === 'v') throw new Failure(2, `invalid option \`-${opt}'`);
    const name = OPTION_NAMES[opt];
    if (name) {
      if (r.flags.has(name)) throw new Failure(2, `multiple '${name}' options specified`);
      r.flags.add(name);
    }
    switch (opt) {
      case 't':
      case 'u': {
        r.proto = opt === 't' ? TCP : UDP;
        const e = this.endpoint(arg, r.proto);
        if (!e) throw new Failure(2, 'illegal virtual server address[:port] specified');
        r.addr = e.addr;
        r.port = e.port ?? 0;
        return;
      }
      case 'f':
        r.fwmark = need(number(arg, 1, 0xffffffff), `invalid fwmark value \`${arg}' specified`);
        return;
      case 's':
        r.scheduler = arg.slice(0, 15);
        return;
      case 'p':
        r.persistent = arg === '' ? DEFAULT_PERSISTENCE : need(number(arg, 1, MAX_TIMEOUT), `invalid timeout value \`${arg}' specified`);
        return;
      case 'M':
        r.netmask = need(parseIp4(arg), 'illegal virtual server persistent mask specified');
        return;
      case 'r': {
        const e = this.endpoint(arg, r.proto);
        if (!e) throw new Failure(2, 'illegal real server address[:port] specified');
        r.server = { addr: e.addr, port: e.port ?? r.port };
        return;
      }
      case 'm':
        r.forward = 'masq';
        return;
      case 'i':
        r.forward = 'tunnel';
        return;
      case 'w':
        r.weight = need(number(arg, 0, 65535), 'illegal weight specified');
        return;
      case 'x':
        r.upper = need(number(arg, 0, 0x7fffffff), 'illegal u_threshold specified');
        return;
      case 'y':
        r.lower = need(number(arg, 0, 0x7fffffff), 'illegal l_threshold specified');
        return;
      case 'o':
        r.onePacket = true;
        return;
      case '6':
        throw new Failure(2, 'IPv6 services are not emulated');
      default:
        return;
    }
  }

  private check(r: Request, [command, needs, may]: readonly [string, string, string]): void {
    const needed = needs.split(' ');
    const allowed = [...needed, ...may.split(' ')];
    let only: string | null = null;
    for (const name of new Set(Object.values(OPTION_NAMES))) {
      if (!r.flags.has(name)) {
        if (needed.includes(name)) throw new Failure(2, `You need to supply the '${name}' option for the '${command}' command`);
        continue;
      }
      if (!allowed.includes(name)) throw new Failure(2, `Illegal '${name}' option with the '${command}' command`);
      if (command !== 'list' || !EXCLUSIVE.includes(name)) continue;
      if (only !== null) throw new Failure(2, `The option '${name}' conflicts with the '${only}' option in the '${command}' command`);
      only = name;
    }
    if (r.command !== 'A' && r.command !== 'E') return;
    if (r.fwmark === 0 && r.port === 0 && r.persistent === 0) throw new Failure(2, 'Zero port specified for non-persistent service');
    if (r.onePacket && r.fwmark === 0 && r.proto !== UDP) throw new Failure(2, 'One-Packet Scheduling is only for UDP virtual services');
  }

  run(r: Request): void {
    const done = this.perform(r);
    if (done.ok) return;
    const errors = ['a', 'd', 'e'].includes(r.command) ? SERVER_ERRORS : SERVICE_ERRORS;
    throw new Failure(255, errors[done.errno] ?? strerror(done.errno));
  }

  private perform(r: Request): Result {
    const { ipvs } = this;
    const { service } = r;
    switch (r.command) {
      case 'A':
        return ipvs.addService(service);
      case 'E':
        return ipvs.editService(service);
      case 'D':
        return ipvs.deleteService(service);
      case 'C':
        ipvs.flush();
        return ok();
      case 'Z':
        return ipvs.zero(r.flags.has('service-address') ? service : null);
      case 'a':
        return ipvs.addServer(service, r.real);
      case 'e':
        return ipvs.editServer(service, r.real);
      case 'd':
        return ipvs.deleteServer(service, r.real);
      case 'S':
        this.save(r);
        return ok();
      case 'L':
        this.list(r);
        return ok();
      case 'start-daemon':
      case 'stop-daemon':
        throw new Failure(2, `${r.command}: connection synchronisation is not emulated`);
      default:
        return ok();
    }
  }

  // ---- listing ----

  private name(addr: Ip4, port: number, proto: number, numeric: boolean): string {
    const service = numeric ? null : this.serviceOf(port, proto);
    return `${formatIp4(addr)}:${service ?? port}`;
  }

  private services(r: Request): VirtualService[] {
    const all = [...this.ipvs.services.values()];
    if (r.flags.has('nosort')) return all;
    return all.sort((a, b) => {
      const x = a.config;
      const y = b.config;
      return x.fwmark - y.fwmark || x.proto - y.proto || x.addr - y.addr || x.port - y.port;
    });
  }

  private servers(svc: VirtualService, r: Request): readonly RealServer[] {
    if (r.flags.has('nosort')) return svc.servers;
    return [...svc.servers].sort((a, b) => a.config.addr - b.config.addr || a.config.port - b.config.port);
  }

  private save(r: Request): void {
    this.ipvs.list();
    const numeric = r.flags.has('numeric');
    for (const svc of this.services(r)) {
      const { config: c } = svc;
      const head = c.fwmark ? `-f ${c.fwmark}` : `${c.proto === TCP ? '-t' : '-u'} ${this.name(c.addr, c.port, c.proto, numeric)}`;
      const persistent = c.persistent ? ` -p ${c.persistent}${c.netmask === 0xffffffff ? '' : ` -M ${formatIp4(c.netmask)}`}` : '';
      this.out += `-A ${head} -s ${c.scheduler}${persistent}${c.onePacket ? ' -o' : ''}\n`;
      for (const s of this.servers(svc, r)) {
        const { addr, port, forward, weight } = s.config;
        const how = forward === 'masq' ? '-m' : forward === 'tunnel' ? '-i' : '-g';
        this.out += `-a ${head} -r ${this.name(addr, port, c.proto, numeric)} ${how} -w ${weight}\n`;
      }
    }
  }

  private list(r: Request): void {
    const { ipvs } = this;
    const { flags } = r;
    const wide = ['stats', 'persistent-conn', 'rate', 'thresholds'].some((f) => flags.has(f));
    if (wide && ['connection', 'timeout', 'daemon'].some((f) => flags.has(f)))
      throw new Failure(2, 'options conflicts in the list command');
    const conns = ipvs.list();
    if (flags.has('connection')) {
      const row = (state: string, ...rest: readonly [string, string, string]): string =>
        `${state.padEnd(11)} ${rest[0].padEnd(18)} ${rest[1].padEnd(18)} ${rest[2]}\n`;
      this.out += `IPVS connection entries\npro expire ${row('state', 'source', 'virtual', 'destination')}`;
      for (const c of conns) this.out += this.connection(c, flags.has('numeric'), row);
      return;
    }
    if (flags.has('timeout')) {
      const { tcp, fin, udp } = ipvs.timeouts;
      this.out += `Timeout (tcp tcpfin udp): ${tcp} ${fin} ${udp}\n`;
      return;
    }
    if (flags.has('daemon')) return;
    const one = flags.has('service-address')
      ? this.services(r).filter(({ config: c }) =>
          r.fwmark ? c.fwmark === r.fwmark : c.fwmark === 0 && c.proto === r.proto && c.addr === r.addr && c.port === r.port,
        )
      : null;
    if (one?.length === 0) throw new Failure(1, 'No such service');
    if (!one) this.out += 'IP Virtual Server version 1.2.1 (size=4096)\n';
    this.out += title(flags);
    for (const svc of one ?? this.services(r)) this.service(svc, r);
  }

  private connection(c: IpvsConn, numeric: boolean, row: (state: string, ...rest: readonly [string, string, string]) => string): string {
    const left = Math.max(0, Math.floor((c.expires - this.p.sim.now) / 1e6));
    const pad = (n: number): string => String(n).padStart(2, '0');
    const at = (addr: Ip4, port: number): string => this.name(addr, port, c.proto, numeric);
    return `${(c.proto === TCP ? 'TCP' : 'UDP').padEnd(3)} ${`${pad(Math.floor(left / 60))}:${pad(left % 60)}`.padEnd(6)} ${row(
      c.state,
      at(c.caddr, c.cport),
      at(c.vaddr, c.vport),
      at(c.daddr, c.dport),
    )}`;
  }

  private service(svc: VirtualService, r: Request): void {
    const { flags } = r;
    const { config: c } = svc;
    const numeric = flags.has('numeric');
    const numbers = (own: VirtualService | RealServer): string => {
      const s = own.stats;
      const list = flags.has('stats') ? [s.conns, s.inPackets, s.outPackets, s.inBytes, s.outBytes] : [0, 0, 0, 0, 0];
      return list.map((n) => large(n, flags.has('exact'))).join('');
    };
    const counted = flags.has('stats') || flags.has('rate');
    const head = c.fwmark
      ? `FWM  ${c.fwmark}`
      : `${c.proto === TCP ? 'TCP' : 'UDP'}  ${this.name(c.addr, c.port, c.proto, numeric)}`.slice(0, 33);
    if (counted) this.out += `${head.padEnd(33)}${numbers(svc)}\n`;
    else {
      const mask = c.netmask === 0xffffffff ? '' : ` mask ${formatIp4(c.netmask)}`;
      const persistent = c.persistent ? ` persistent ${c.persistent}${mask}` : '';
      this.out += `${head} ${c.scheduler}${persistent}${c.onePacket ? ' ops' : ''}\n`;
    }
    for (const s of this.servers(svc, r)) {
      const { addr, port, forward, weight, upper, lower } = s.config;
      const name = this.name(addr, port, c.proto, numeric).slice(0, 28).padEnd(28);
      const cell = (n: number, width: number): string => String(n).padEnd(width);
      const counts = `${cell(s.active, 10)} ${cell(s.inactive, 10)}\n`;
      if (counted) this.out += `  -> ${name}${numbers(s)}\n`;
      else if (flags.has('thresholds')) this.out += `  -> ${name} ${cell(upper, 10)} ${cell(lower, 10)} ${counts}`;
      else if (flags.has('persistent-conn')) this.out += `  -> ${name} ${cell(weight, 9)} ${cell(s.persistent, 11)} ${counts}`;
      else this.out += `  -> ${name} ${FORWARDING[forward].padEnd(7)} ${cell(weight, 6)} ${counts}`;
    }
  }
}

function* main(p: Process): Task<number> {
  const tool = new Ipvsadm(p);
  const words = p.argv.slice(1);
  let status = 0;
  const one = (line: readonly string[]): string => {
    try {
      const r = line.length === 0 ? Object.assign(new Request(), { command: 'L' }) : tool.parse(line);
      tool.run(r);
      status = 0;
      return '';
    } catch (e) {
      if (!(e instanceof Failure)) throw e;
      status = e.status;
      return e.text === '' ? '' : `${e.text}\n`;
    }
  };
  let err = '';
  if (words.length === 1 && (words[0] === '-R' || words[0] === '--restore')) {
    const input = yield* p.readAll(0);
    for (const line of input.ok ? new TextDecoder().decode(input.value).split('\n') : []) {
      const parts = line.trim().split(/\s+/);
      if (line.trim() !== '' && !line.startsWith('#')) err += one(parts);
    }
  } else err = one(words);
  if (tool.out !== '') yield* p.out(tool.out);
  if (err !== '') yield* p.err(err);
  return status;
}

export const ipvsadm: Command = { name: 'ipvsadm', main, path: '/usr/sbin/ipvsadm' };
