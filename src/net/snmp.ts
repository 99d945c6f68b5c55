/** Per-namespace MIB counters by their nstat names (IpInReceives, TcpExtTCPTimeouts …). Models net/ipv4/proc.c */

export class Snmp {
  private readonly counters = new Map<string, { n: number }>();

  inc(name: string, by = 1): void {
    const c = this.counters.get(name);
    if (c) c.n += by;
    else this.counters.set(name, { n: by });
  }

  get(name: string): number {
    return this.counters.get(name)?.n ?? 0;
  }

  entries(): [string, number][] {
    return [...this.counters].map(([name, c]) => [name, c.n]);
  }
}
