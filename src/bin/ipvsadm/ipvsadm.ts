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
  type ServerConfig,
  type ServiceConfig,
  strerror,
  type VirtualService,
} from '../../os/uapi.ts';
import { formatIp4, type Ip4, parseIp4 } from '../../wire/addr.ts';

const TCP = 6;
const UDP = 17;
const VERSION = 'ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n';
const SCHEDULER_NAMES = 'rr|wrr|lc|wlc|lblc|lblcr|dh|sh|sed|nq|fo|ovf|mh';
const MAX_TIMEOUT = 86400 * 31;
const DEFAULT_PERSISTENCE = 360;

const HELP = `${VERSION}Usage:
  ipvsadm -A|E -t|u|f service-address [-s scheduler] [-p [timeout]] [-M netmask] [--pe persistence_engine] [-b sched-flags]
  ipvsadm -D -t|u|f service-address
  ipvsadm -C
  ipvsadm -R
  ipvsadm -S [-n]
  ipvsadm -a|e -t|u|f service-address -r server-address [options]
  ipvsadm -d -t|u|f service-address -r server-address
  ipvsadm -L|l [options]
  ipvsadm -Z [-t|u|f service-address]
  ipvsadm --set tcp tcpfin udp
  ipvsadm --start-daemon {master|backup} [daemon-options]
  ipvsadm --stop-daemon {master|backup}
  ipvsadm -h

Commands:
Either long or short options are allowed.
  --add-service     -A        add virtual service with options
  --edit-service    -E        edit virtual service with options
  --delete-service  -D        delete virtual service
  --clear           -C        clear the whole table
  --restore         -R        restore rules from stdin
  --save            -S        save rules to stdout
  --add-server      -a        add real server with options
  --edit-server     -e        edit real server with options
  --delete-server   -d        delete real server
  --list            -L|-l     list the table
  --zero            -Z        zero counters in a service or all services
  --set tcp tcpfin udp        set connection timeout values
  --start-daemon              start connection sync daemon
  --stop-daemon               stop connection sync daemon
  --help            -h        display this help message

Options:
  --tcp-service  -t service-address   service-address is host[:port]
  --udp-service  -u service-address   service-address is host[:port]
  --fwmark-service  -f fwmark         fwmark is an integer greater than zero
  --scheduler    -s scheduler         one of ${SCHEDULER_NAMES},
                                      the default scheduler is wlc.
  --persistent   -p [timeout]         persistent service
  --netmask      -M netmask           persistent granularity mask
  --real-server  -r server-address    server-address is host (and port)
  --gatewaying   -g                   gatewaying (direct routing) (default)
  --ipip         -i                   ipip encapsulation (tunneling)
  --masquerading -m                   masquerading (NAT)
  --weight       -w weight            capacity of real server
  --u-threshold  -x uthreshold        upper threshold of connections
  --l-threshold  -y lthreshold        lower threshold of connections
  --connection   -c                   output of current IPVS connections
  --timeout                           output of timeout (tcp tcpfin udp)
  --daemon                            output of daemon information
  --stats                             output of statistics information
  --rate                              output of rate information
  --exact                             expand numbers (display exact values)
  --thresholds                        output of thresholds information
  --persistent-conn                   output of persistent connection info
  --nosort                            disable sorting output of service/server entries
  --sort                              does nothing, for backwards compatibility
  --ops          -o                   one-packet scheduling
  --numeric      -n                   numeric output of addresses and ports
`;

/** Ends the program with a message on stderr. */
class Failure extends Error {
  readonly status: number;
  readonly text: string;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
    this.text = text;
  }
}

const TRY_HELP = "Try `ipvsadm -h' or `ipvsadm --help' for more information.";

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
function read(words: readonly string[]): { given: Given[]; rest: string[]; error: string | null } {
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
const COMMANDS: Readonly<Record<string, readonly [name: string, needs: string, may: string]>> = {
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
const EXCLUSIVE = ['connection', 'service-address', 'timeout', 'daemon'];

/** The options in the order in which they are checked, by letter. */
const OPTION_NAMES: Readonly<Record<string, string>> = {
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

function number(text: string, min: number, max: number): number | null {
  if (!/^\s*[-+]?\d+$/.test(text)) return null;
  const n = Number(text);
  return n >= min && n <= max ? n : null;
}

function need(value: number | null, message: string): number {
  if (value === null) throw new Failure(2, message);
  return value;
}

class Request {
  command = '';
  proto = TCP;
  addr: Ip4 = 0;
  port = 0;
  fwmark = 0;
  scheduler = '';
  persistent = 0;
  netmask: Ip4 = 0xffffffff;
  onePacket = false;
  server: { addr: Ip4; port: number } | null = null;
  forward: ServerConfig['forward'] = 'route';
  weight = 1;
  upper = 0;
  lower = 0;
  readonly flags = new Set<string>();

  get service(): ServiceConfig {
    const { proto, addr, port, fwmark, persistent, netmask, onePacket } = this;
    return { proto, addr, port, fwmark, scheduler: this.scheduler || 'wlc', persistent, netmask, onePacket };
  }

  get real(): ServerConfig {
    const { server, forward, weight, upper, lower } = this;
    // Who forwards whole packets cannot change their port.
    const port = this.fwmark === 0 && forward !== 'masq' && this.command !== 'd' ? this.port : (server?.port ?? 0);
    return { addr: server?.addr ?? 0, port, forward, weight, upper, lower };
  }
}

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

const FORWARDING: Readonly<Record<ServerConfig['forward'], string>> = { masq: 'Masq', local: 'Local', tunnel: 'Tunnel', route: 'Route' };

function title(flags: ReadonlySet<string>): string {
  const head = 'Prot LocalAddress:Port'.padEnd(33);
  const wide = (names: readonly string[]): string => `${head} ${names.map((n) => n.padStart(8)).join(' ')}\n  -> RemoteAddress:Port\n`;
  if (flags.has('stats')) return wide(['Conns', 'InPkts', 'OutPkts', 'InBytes', 'OutBytes']);
  if (flags.has('rate')) return wide(['CPS', 'InPPS', 'OutPPS', 'InBPS', 'OutBPS']);
  const counts = `${'ActiveConn'.padEnd(10)} ${'InActConn'.padEnd(10)}\n  -> RemoteAddress:Port\n`;
  if (flags.has('thresholds')) return `${head} ${'Uthreshold'.padEnd(10)} ${'Lthreshold'.padEnd(10)} ${counts}`;
  if (flags.has('persistent-conn')) return `${head} ${'Weight'.padEnd(9)} ${'PersistConn'.padEnd(11)} ${counts}`;
  return 'Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n';
}

/** Nine columns, in thousands and more when it does not fit. */
function large(n: number, exact: boolean): string {
  if (exact) return String(n).padStart(Math.max(9, String(n).length + 1));
  if (n < 1e8) return String(n).padStart(9);
  if (n < 1e9) return `${String(Math.floor(n / 1e3)).padStart(8)}K`;
  if (n < 1e11) return `${String(Math.floor(n / 1e6)).padStart(8)}M`;
  return `${String(Math.floor(n / 1e9)).padStart(8)}G`;
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
