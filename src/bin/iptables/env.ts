/** Which of the many names runs (iptables, ip6tables, -save, -restore; nft or legacy), and what it may ask of the machine. */

import type { Process } from '../../os/process.ts';
import { type Errno, xt } from '../../os/uapi.ts';
import { formatIp, type IpAddr } from '../../wire/addr.ts';

export interface Env {
  /** `iptables`, `iptables-restore`, `ip6tables` …: begins every message. */
  readonly prog: string;
  readonly family: 4 | 6;
  readonly legacy: boolean;
  readonly tables: xt.XtTables;
  readonly ns: Process['ns'];
  readText(path: string): string | null;
  /** ctime() of now. */
  readonly date: string;
}

/** Ends the command: what is on stderr already stands there. */
export class Exit extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit ${status}`);
    this.status = status;
  }
}

/** A line of a restore file that is for the other family. */
export class Ignored extends Error {}

/**
 * A kernel refusal that `nft_strerror()` (or iptc_strerror) turns into words, by function and errno. Thrown for each
 * `-C` that finds nothing, so it is no Error: the stack that one records costs more than the command.
 */
export class Refused {
  readonly errno: Errno | 'NONE';
  readonly text: string;

  constructor(text: string, errno: Errno | 'NONE' = 'NONE') {
    this.text = text;
    this.errno = errno;
  }
}

export const flavourText = (env: Env): string => `v1.8.9 (${env.legacy ? 'legacy' : 'nf_tables'})`;

/** xtables_error(): the text of a Problem as the tool prints it. `line` is the restore file's line. */
export function problemText(env: Env, problem: xt.Problem, line: number | null): string {
  let s = problem.message === '' ? '' : problem.prefixed ? `${env.prog} ${flavourText(env)}: ${problem.message}\n` : `${problem.message}\n`;
  if (problem.status === 2) {
    if (line !== null) s += `Error occurred at line: ${line}\n`;
    s += `Try \`${env.prog} -h' or '${env.prog} --help' for more information.\n`;
  } else if (problem.status === 3) {
    s += `Perhaps ${env.prog.replace(/-(save|restore)$/, '')} or your kernel needs to be upgraded.\n`;
  }
  return s;
}

function colonLine(text: string | null, test: (fields: string[]) => boolean): string[] | null {
  for (const line of (text ?? '').split('\n')) {
    const fields = line.split(':');
    if (fields.length > 2 && test(fields)) return fields;
  }
  return null;
}

export function idOf(env: Env, file: '/etc/passwd' | '/etc/group', name: string): number | null {
  const hit = colonLine(env.readText(file), (f) => f[0] === name);
  return hit ? Number(hit[2]) : null;
}

export function listCx(env: Env, numeric: boolean): xt.ListCx {
  const nameOf = (file: '/etc/passwd' | '/etc/group', id: number): string | null =>
    colonLine(env.readText(file), (f) => f[2] === String(id))?.[0] ?? null;
  return {
    family: env.family,
    legacy: env.legacy,
    numeric,
    service: (port, proto) => (numeric ? null : serviceName(env, port, proto)) ?? String(port),
    host: (addr) => (numeric ? null : hostName(env, addr)) ?? formatIp(addr),
    userName: (uid) => nameOf('/etc/passwd', uid),
    groupName: (gid) => nameOf('/etc/group', gid),
  };
}

function serviceName(env: Env, port: number, proto: number): string | null {
  const text = env.readText('/etc/services');
  if (text === null) return xt.serviceName(port, proto);
  const kind = { 17: 'udp', 132: 'sctp', 33: 'dccp', 136: 'udplite' }[proto] ?? 'tcp';
  const m = new RegExp(`^([^\\s#]+)\\s+${port}/${kind}\\b`, 'm').exec(text);
  return m ? (m[1] as string) : null;
}

export function hostName(env: Env, addr: IpAddr): string | null {
  const want = formatIp(addr);
  for (const line of (env.readText('/etc/hosts') ?? '').split('\n')) {
    const [ip, name] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (ip === want && name) return name;
  }
  for (const line of (env.readText('/etc/networks') ?? '').split('\n')) {
    const [name, net] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (net === want && name) return name;
  }
  return null;
}

export function hostAddress(env: Env, name: string): IpAddr | null {
  for (const line of (env.readText('/etc/hosts') ?? '').split('\n')) {
    const [ip, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (!ip || !names.includes(name) || ip.includes(':') !== (env.family === 6)) continue;
    return env.family === 4 ? ip.split('.').reduce((a, part) => a * 256 + Number(part), 0) : null;
  }
  return null;
}
