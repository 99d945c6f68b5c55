/** Per-namespace MIB counters by their nstat names (IpInReceives, TcpExtTCPTimeouts …). Models net/ipv4/proc.c */

export class Snmp {
  private readonly counters = new Map<string, { n: number }>();

  inc(name: string, by = 1): void {
    const c = this.counters.get(name);
    if (c) c.n += by;
    else this.counters.set(name, { n: by });
  }

  /** The counter itself, for packet paths, which cannot afford a look-up. */
  cell(name: string): { n: number } {
    let c = this.counters.get(name);
    if (!c) {
      c = { n: 0 };
      this.counters.set(name, c);
    }
    return c;
  }

  get(name: string): number {
    return this.counters.get(name)?.n ?? 0;
  }

  entries(): [string, number][] {
    return [...this.counters].filter(([, c]) => c.n !== 0).map(([name, c]) => [name, c.n]);
  }
}
