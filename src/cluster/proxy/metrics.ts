/** What kube-proxy counts, as Prometheus reads it. Models pkg/proxy/metrics/metrics.go */

import type { Micros, Sim } from '../../sim/sim.ts';
import { type Handler, NOT_FOUND } from './http.ts';

/** Upper bounds in seconds: 0.001 doubled 14 times. */
const BUCKETS = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);

interface Histogram {
  readonly buckets: number[];
  sum: number;
  count: number;
}

/** Changes are taken over before anybody can ask. */
const PENDING: readonly (readonly [string, number])[] = [
  ['sync_proxy_rules_endpoint_changes_pending', 0],
  ['sync_proxy_rules_service_changes_pending', 0],
];

const PLAIN = [['Content-Type', 'text/plain; version=0.0.4; charset=utf-8']] as const;

export class Metrics {
  private readonly sim: Sim;
  private readonly values = new Map<string, number>();
  private readonly histograms = new Map<string, Histogram>();

  constructor(sim: Sim) {
    this.sim = sim;
  }

  count(name: string, by = 1): void {
    this.values.set(name, (this.values.get(name) ?? 0) + by);
  }

  /** `gauges` by name with its opened braces: the family is put in. */
  synced(family: string, full: boolean, took: Micros, gauges: Readonly<Record<string, number>>): void {
    const label = `ip_family="${family}"`;
    for (const kind of ['sync_proxy_rules', full ? 'sync_full_proxy_rules' : 'sync_partial_proxy_rules'])
      this.observe(`${kind}_duration_seconds`, label, took / 1e6);
    for (const [name, value] of Object.entries(gauges)) {
      const [base, rest] = name.split('{');
      this.values.set(`${base}{${label},${rest}}`, value);
    }
    this.values.set(`sync_proxy_rules_last_timestamp_seconds{${label}}`, (this.sim.epochMs + this.sim.now / 1000) / 1000);
  }

  private observe(name: string, label: string, seconds: number): void {
    const key = `${name} ${label}`;
    let h = this.histograms.get(key);
    if (!h) {
      h = { buckets: BUCKETS.map(() => 0), sum: 0, count: 0 };
      this.histograms.set(key, h);
    }
    for (const [i, le] of BUCKETS.entries()) if (seconds <= le) h.buckets[i] = (h.buckets[i] as number) + 1;
    h.sum += seconds;
    h.count++;
  }

  /** Families by name, `more` among them. */
  text(more: readonly (readonly [string, number])[] = []): string {
    const lines = new Map<string, string[]>();
    const put = (family: string, line: string): void => {
      lines.set(family, [...(lines.get(family) ?? []), `kubeproxy_${line}`]);
    };
    for (const [key, h] of this.histograms) {
      const [name = '', label] = key.split(' ');
      for (const [i, le] of BUCKETS.entries()) put(name, `${name}_bucket{${label},le="${Number(le.toPrecision(12))}"} ${h.buckets[i]}`);
      put(name, `${name}_bucket{${label},le="+Inf"} ${h.count}`);
      put(name, `${name}_sum{${label}} ${h.sum}`);
      put(name, `${name}_count{${label}} ${h.count}`);
    }
    for (const [name, value] of [...this.values, ...PENDING, ...more]) put(name.split('{')[0] as string, `${name} ${value}`);
    return `${[...lines]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, l]) => l)
      .join('\n')}\n`;
  }

  handler(mode: string, more: () => readonly (readonly [string, number])[]): Handler {
    return (_method, path) => {
      if (path === '/metrics') return { status: 200, headers: PLAIN, body: this.text(more()) };
      if (path === '/proxyMode') return { status: 200, headers: [['Content-Type', 'text/plain; charset=utf-8']], body: mode };
      if (path === '/healthz') return { status: 200, headers: [['Content-Type', 'text/plain; charset=utf-8']], body: 'ok' };
      return NOT_FOUND;
    };
  }
}
