/** Host names as net-tools look them up. Models lib/inet.c INET_resolve(), INET_herror() */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { getaddrinfo, inetAton } from '../../os/resolver.ts';

export interface InetName {
  addr: number;
  /** Known as a network and not as a host: `default`, or a name of /etc/networks. */
  net: boolean;
}

/** INET_resolve(): the address, or `NAME: why` with a line feed. `hostFirst` looks for hosts before networks. */
export function* resolveName(p: Process, name: string, hostFirst = false): Task<InetName | string> {
  if (name === 'default') return { addr: 0, net: true };
  const literal = inetAton(name);
  if (literal !== null) return { addr: literal, net: false };
  const network = networkNamed(p, name);
  if (network !== null && !hostFirst) return { addr: network, net: true };
  const digits = /^[\d.]+$/.test(name);
  const r = digits ? null : yield* getaddrinfo(p, name, { family: 4 });
  const first = r?.ok ? r.addrs[0] : undefined;
  if (typeof first === 'number') return { addr: first, net: false };
  if (network !== null) return { addr: network, net: true };
  // What /etc/networks says last is what is told when hosts were asked first.
  const why = !hostFirst && r && !r.ok && r.error === 'EAI_AGAIN' ? 'Host name lookup failure' : 'Unknown host';
  return `${name}: ${why}\n`;
}

/** getnetbyname(3) */
function networkNamed(p: Process, name: string): number | null {
  for (const line of (p.readText('/etc/networks') ?? '').split('\n')) {
    const [first, number] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (first === name && number !== undefined) return inetAton(number);
  }
  return null;
}

/** The address alone. */
export function* resolveInet(p: Process, name: string): Task<number | string> {
  const r = yield* resolveName(p, name);
  return typeof r === 'string' ? r : r.addr;
}
