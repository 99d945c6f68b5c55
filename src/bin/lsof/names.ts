/** Names for addresses and ports from /etc/hosts and /etc/services, the way programs without a resolver of their own print them. */

import type { Process } from '../../os/process.ts';
import { formatIp, type IpAddr, parseIp } from '../../wire/addr.ts';

export class Names {
  private readonly byPort = new Map<string, string>();
  private readonly byName = new Map<string, number>();
  private readonly hosts = new Map<string, string>();
  private readonly addresses = new Map<string, IpAddr>();

  constructor(p: Process) {
    const lines = (path: string): string[][] =>
      (p.readText(path) ?? '')
        .split('\n')
        .map((l) => l.replace(/#.*/, '').trim().split(/\s+/))
        .filter((w) => w.length > 1);
    for (const [name = '', where = '', ...aliases] of lines('/etc/services')) {
      if (!this.byPort.has(where)) this.byPort.set(where, name);
      for (const n of [name, ...aliases]) if (!this.byName.has(n)) this.byName.set(n, Number.parseInt(where, 10));
    }
    for (const [addr = '', ...names] of lines('/etc/hosts')) {
      const ip = parseIp(addr);
      if (ip === null) continue;
      if (!this.hosts.has(formatIp(ip)) && names[0]) this.hosts.set(formatIp(ip), names[0]);
      for (const n of names) if (!this.addresses.has(n)) this.addresses.set(n, ip);
    }
  }

  service(port: number, proto: string, numeric: boolean): string {
    return (numeric ? undefined : this.byPort.get(`${port}/${proto}`)) ?? String(port);
  }

  port(name: string): number | null {
    return this.byName.get(name) ?? null;
  }

  host(addr: IpAddr, numeric: boolean): string {
    return (numeric ? undefined : this.hosts.get(formatIp(addr))) ?? formatIp(addr);
  }

  /** Undefined: nobody knows it. */
  address(text: string): IpAddr | undefined {
    return parseIp(text) ?? this.addresses.get(text);
  }
}
