/** Per-namespace MIB counters by their nstat names (IpInReceives, TcpExtTCPTimeouts …). Models net/ipv4/proc.c */

export class Snmp {
  private readonly counters = new Map<string, number>();

  inc(name: string, by = 1): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by);
  }

  get(name: string): number {
    return this.counters.get(name) ?? 0;
  }

  entries(): [string, number][] {
    return [...this.counters];
  }
}
