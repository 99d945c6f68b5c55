/** kube-proxy's health: /healthz and /livez of the proxy, and the health check node ports of Services. Models pkg/proxy/healthcheck */

import type { Process } from '../../os/process.ts';
import type { Threads } from '../../os/threads.ts';
import type { Micros } from '../../sim/sim.ts';
import { parseIp } from '../../wire/addr.ts';
import type { Node } from '../api/object.ts';
import type { Family } from './family.ts';
import { type Answer, type Handler, type Listener, listen, NOT_FOUND } from './http.ts';
import type { Metrics } from './metrics.ts';
import { matchingIPs, type NodePortAddresses } from './nodeports.ts';
import type { Tracker } from './tracker.ts';

const JSON_HEADERS: readonly (readonly [string, string])[] = [
  ['Content-Type', 'application/json'],
  ['X-Content-Type-Options', 'nosniff'],
];

/** The taint of a node that the cluster autoscaler is about to remove. */
const TO_BE_DELETED = 'ToBeDeletedByClusterAutoscaler';

export class ProxyHealth {
  private readonly p: Process;
  private readonly timeout: Micros;
  private readonly metrics: Metrics;
  private readonly queued = new Map<Family, Micros>();
  private readonly done = new Map<Family, Micros>();
  private eligible = true;

  /** A sync that takes longer than twice the sync period makes the proxy unhealthy. */
  constructor(p: Process, syncPeriod: Micros, metrics: Metrics) {
    this.p = p;
    this.timeout = 2 * syncPeriod;
    this.metrics = metrics;
  }

  node(node: Node): void {
    this.eligible = node.metadata.deletionTimestamp === undefined && !node.spec?.taints?.some((t) => t.key === TO_BE_DELETED);
  }

  queue(family: Family): void {
    if (!this.queued.has(family)) this.queued.set(family, this.p.sim.now);
  }

  updated(family: Family): void {
    this.queued.delete(family);
    this.done.set(family, this.p.sim.now);
  }

  healthy(): boolean {
    const { now } = this.p.sim;
    if (this.done.size === 0) return false;
    for (const since of this.queued.values()) if (now - since >= this.timeout) return false;
    return true;
  }

  /** As Go prints a time. */
  private time(at: Micros): string {
    const { epochMs } = this.p.sim;
    const iso = new Date(epochMs + at / 1000).toISOString();
    const micros = String(Math.floor(at % 1_000_000))
      .padStart(6, '0')
      .replace(/0+$/, '');
    return `${iso.slice(0, 10)} ${iso.slice(11, 19)}${micros === '' ? '' : `.${micros}`} +0000 UTC m=+${(at / 1e6).toFixed(9)}`;
  }

  readonly handler: Handler = (_method, path) => {
    if (path !== '/healthz' && path !== '/livez') return NOT_FOUND;
    const healthy = this.healthy();
    const now = this.time(this.p.sim.now);
    const last = healthy ? now : this.time(Math.min(...this.done.values(), this.p.sim.now));
    const good = healthy && (path === '/livez' || this.eligible);
    this.metrics.count(`proxy_${path.slice(1)}_total{code="${good ? 200 : 503}"}`);
    const eligible = path === '/livez' ? '' : `, "nodeEligible": ${this.eligible}`;
    return { status: good ? 200 : 503, headers: JSON_HEADERS, body: `{"lastUpdated": "${last}","currentTime": "${now}"${eligible}}` };
  };
}

interface Checked {
  readonly port: number;
  readonly listeners: readonly Listener[];
  endpoints: number;
}

/** Servers of one family on the health check node ports of Services with externalTrafficPolicy Local. */
export class ServiceHealth {
  private readonly p: Process;
  private readonly threads: Threads;
  private readonly family: Family;
  private readonly addresses: NodePortAddresses;
  private readonly ownIPs: () => readonly string[];
  private readonly proxy: ProxyHealth;
  private readonly services = new Map<string, Checked>();

  constructor(
    p: Process,
    threads: Threads,
    family: Family,
    addresses: NodePortAddresses,
    ownIPs: () => readonly string[],
    proxy: ProxyHealth,
  ) {
    this.p = p;
    this.threads = threads;
    this.family = family;
    this.addresses = addresses;
    this.ownIPs = ownIPs;
    this.proxy = proxy;
  }

  sync(tracker: Tracker): void {
    const wanted = new Map<string, { port: number; local: number }>();
    for (const port of tracker.ports()) {
      if (port.healthCheckNodePort === 0) continue;
      const local = new Set(
        tracker
          .endpointsFor(port)
          .filter((e) => e.ready && e.nodeName === tracker.node)
          .map((e) => e.ip),
      );
      const before = wanted.get(port.service)?.local ?? 0;
      wanted.set(port.service, { port: port.healthCheckNodePort, local: Math.max(before, local.size) });
    }
    for (const [service, checked] of this.services) {
      if (wanted.get(service)?.port === checked.port) continue;
      for (const l of checked.listeners) l.close();
      this.services.delete(service);
    }
    for (const [service, { port, local }] of wanted) {
      const present = this.services.get(service);
      if (present) present.endpoints = local;
      else this.services.set(service, { port, listeners: this.open(service, port), endpoints: local });
    }
  }

  private open(service: string, port: number): Listener[] {
    const any = this.family === 4 ? '0.0.0.0' : '::';
    const ips = this.addresses.matchAll ? [any] : matchingIPs(this.addresses, this.ownIPs());
    const out: Listener[] = [];
    for (const ip of ips) {
      const addr = parseIp(ip);
      const r = addr === null ? null : listen(this.p, this.threads, addr, port, () => this.answer(service));
      if (r?.ok) out.push(r.value);
    }
    return out;
  }

  private answer(service: string): Answer {
    const checked = this.services.get(service);
    if (!checked) return NOT_FOUND;
    const [namespace, name] = service.split('/');
    const healthy = this.proxy.healthy();
    const n = checked.endpoints;
    const body = [
      '{',
      '\t"service": {',
      `\t\t"namespace": "${namespace}",`,
      `\t\t"name": "${name}"`,
      '\t},',
      `\t"localEndpoints": ${n},`,
      `\t"serviceProxyHealthy": ${healthy}`,
      '}',
    ].join('\n');
    return {
      status: n > 0 && healthy ? 200 : 503,
      headers: [...JSON_HEADERS, ['X-Load-Balancing-Endpoint-Weight', String(n)]],
      body,
    };
  }
}
