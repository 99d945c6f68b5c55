/** kube-proxy's iptables mode on a node: syncs, the canary that tells of flushed tables, cleaning up. Models pkg/proxy/iptables/proxier.go */

import type { Process } from '../../../os/process.ts';
import type { Task } from '../../../os/program.ts';
import { xt } from '../../../os/uapi.ts';
import { type Micros, MS, SEC } from '../../../sim/sim.ts';
import { FAMILIES } from '../family.ts';
import type { ModeContext, Proxier, SyncOutcome } from '../mode.ts';
import { isServiceChain } from '../names.ts';
import type { Changes } from '../tracker.ts';
import { CANARY, type EngineConfig, JUMPS, jumpWords, KUBELET_JUMPS, LARGE_CLUSTER, restoreInput } from './engine.ts';
import { chainLine } from './rules.ts';
import { Iptables, type TableName } from './tables.ts';

const CANARY_TABLES: readonly TableName[] = ['mangle', 'nat', 'filter'];
const COUNTERS = ['ct_state_invalid_dropped_pkts', 'localhost_nps_accepted_pkts'];
/** iptablesFlushPollTime and iptablesFlushTimeout: the other tables are given time to be flushed too. */
const FLUSH_POLL = 200 * MS;
const FLUSH_TIMEOUT = 5 * SEC;

export class IptablesProxier implements Proxier {
  private readonly cx: ModeContext;
  private readonly iptables: Iptables;
  private large = false;
  private lastCleanup: Micros = Number.NEGATIVE_INFINITY;
  private readonly localhost: boolean;
  private tcpLiberal = false;
  private nfacct = false;
  private engine: EngineConfig | null = null;

  constructor(cx: ModeContext) {
    this.cx = cx;
    this.iptables = new Iptables(cx.p, cx.tracker.family);
    this.localhost = cx.config.localhostNodePorts && cx.nodePortAddresses.containsIPv4Loopback;
  }

  get periodicFullSync(): boolean {
    return !this.large;
  }

  *start(): Task<void> {
    const { sysctl } = this.cx.p.ns;
    const routeLocalnet = 'net.ipv4.conf.all.route_localnet';
    if (this.localhost && sysctl.get(routeLocalnet) !== '1') sysctl.set(routeLocalnet, '1');
    this.tcpLiberal = (sysctl.get('net.netfilter.nf_conntrack_tcp_be_liberal') ?? '0') !== '0';
    yield* this.ensureCanary();
    this.cx.threads.start(this.monitor());
  }

  private *ensureCanary(): Task<boolean> {
    for (const table of CANARY_TABLES) if (!(yield* this.iptables.ensureChain(table, CANARY))) return false;
    return true;
  }

  /** Looks every sync period whether the canary of mangle still lives. */
  private *monitor(): Task<void> {
    const { p, config, reload } = this.cx;
    for (;;) {
      yield* p.sleep(config.syncPeriod);
      if (yield* this.iptables.chainExists('mangle', CANARY)) continue;
      const deadline = p.sim.now + FLUSH_TIMEOUT;
      while (p.sim.now < deadline && !(yield* this.othersGone())) yield* p.sleep(FLUSH_POLL);
      yield* reload();
      while (!(yield* this.ensureCanary())) yield* p.sleep(config.syncPeriod);
    }
  }

  private *othersGone(): Task<boolean> {
    for (const table of CANARY_TABLES.slice(1)) if (yield* this.iptables.chainExists(table, CANARY)) return false;
    return true;
  }

  private get config(): EngineConfig {
    const { cx } = this;
    const place = cx.place();
    const before = this.engine;
    if (before && before.place === place && before.nfacct === this.nfacct) return before;
    const family = cx.tracker.family;
    this.engine = {
      masqueradeAll: cx.config.masqueradeAll,
      detector: cx.detector,
      countLocalhost: this.localhost && family === 4 && this.nfacct,
      nodeIP: cx.nodeIP,
      mark: `0x${(2 ** cx.config.masqueradeBit).toString(16).padStart(8, '0')}`,
      localhostNodePorts: this.localhost,
      nodePortAddresses: cx.nodePortAddresses,
      tcpLiberal: this.tcpLiberal,
      nfacct: this.nfacct,
      place,
      ownIPs: cx.ownIPs,
    };
    return this.engine;
  }

  *sync(changes: Changes, full: boolean): Task<SyncOutcome> {
    const { p, tracker } = this.cx;
    const failed = (error: string): SyncOutcome => ({ ok: false, error, metrics: {} });
    if (full) {
      for (const jump of [...JUMPS, ...KUBELET_JUMPS]) {
        const [table, chain, from] = jump;
        if (!(yield* this.iptables.ensureChain(table, chain))) return failed(`Failed to ensure chain exists: ${table} ${chain}`);
        if (!(yield* this.iptables.ensureRule(table, from, jumpWords(jump))))
          return failed(`Failed to ensure chain jumps: ${table} ${from} ${chain}`);
      }
      const accounts = xt.NfAccounts.get(p.ns);
      for (const name of COUNTERS) accounts.add(name);
      this.nfacct = true;
    }
    this.large = tracker.countEndpoints() > LARGE_CLUSTER;
    let existing: string[] | null = null;
    if (!this.large || p.sim.now - this.lastCleanup > this.cx.config.syncPeriod) {
      existing = yield* this.iptables.chains('nat');
      this.lastCleanup = p.sim.now;
    }
    const { input, counts, noLocal } = restoreInput(tracker, this.config, full ? null : changes.updated, this.large, existing);
    const error = yield* this.iptables.restoreAll(input);
    if (error !== '') return failed(`Failed to execute iptables-restore: ${error}`);
    return {
      ok: true,
      error: '',
      metrics: {
        'sync_proxy_rules_iptables_total{table="filter"': counts.filter,
        'sync_proxy_rules_iptables_total{table="nat"': counts.nat,
        'sync_proxy_rules_iptables_last{table="filter"': counts.filter,
        'sync_proxy_rules_iptables_last{table="nat"': counts.natWritten,
        'sync_proxy_rules_no_local_endpoints_total{traffic_policy="external"': noLocal.external,
        'sync_proxy_rules_no_local_endpoints_total{traffic_policy="internal"': noLocal.internal,
      },
    };
  }
}

const NAT_CHAINS = ['KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ', CANARY];
const FILTER_CHAINS = ['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES', 'KUBE-FORWARD', 'KUBE-NODEPORTS', 'KUBE-PROXY-FIREWALL', CANARY];

/** Everything goes but KUBE-FIREWALL, which is kubelet's too. Models CleanupLeftovers() */
export function* cleanupIptables(p: Process): Task<boolean> {
  let good = true;
  for (const family of FAMILIES) {
    const iptables = new Iptables(p, family);
    if (!(yield* iptables.present())) continue;
    for (const jump of JUMPS) if (!(yield* iptables.deleteRule(jump[0], jump[2], jumpWords(jump)))) good = false;
    for (const [table, own] of [
      ['nat', NAT_CHAINS],
      ['filter', FILTER_CHAINS],
    ] as const) {
      const existing = yield* iptables.chains(table);
      if (existing === null) {
        good = false;
        continue;
      }
      const gone = [...own.filter((c) => existing.includes(c)), ...(table === 'nat' ? existing.filter(isServiceChain) : [])];
      if (gone.length === 0) continue;
      const input = [`*${table}`, ...gone.map(chainLine), ...gone.map((c) => `-X ${c}`), 'COMMIT', ''].join('\n');
      if ((yield* iptables.restore(table, input)) !== '') good = false;
    }
    yield* iptables.deleteChain('mangle', CANARY);
  }
  return good;
}
