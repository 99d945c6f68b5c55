/** kube-proxy's nftables mode on a node: transactions for nft. Models pkg/proxy/nftables/proxier.go */

import type { Process } from '../../../os/process.ts';
import type { Task } from '../../../os/program.ts';
import { run } from '../exec.ts';
import { FAMILIES } from '../family.ts';
import type { ModeContext, Proxier, SyncOutcome } from '../mode.ts';
import type { Changes } from '../tracker.ts';
import { NFT_TABLE, type NftConfig, NftEngine } from './engine.ts';

function* nft(p: Process, tx: string): Task<string> {
  const r = yield* run(p, ['nft', '-f', '-'], tx);
  return r.status === 0 ? '' : `exit status ${r.status}: ${r.err}`;
}

export class NftablesProxier implements Proxier {
  readonly periodicFullSync = true;
  private readonly cx: ModeContext;
  private readonly engine: NftEngine;

  constructor(cx: ModeContext) {
    this.cx = cx;
    this.engine = new NftEngine(cx.tracker, this.config());
  }

  private config(): NftConfig {
    const { cx } = this;
    return {
      mark: `0x${(2 ** cx.config.masqueradeBit).toString(16).padStart(8, '0')}`,
      masqueradeAll: cx.config.masqueradeAll,
      detector: cx.detector,
      nodeIP: cx.nodeIP,
      nodePortAddresses: cx.nodePortAddresses,
      ownIPs: cx.ownIPs,
      place: cx.place(),
    };
  }

  *start(): Task<void> {
    const { p, tracker } = this.cx;
    const r = yield* run(p, ['nft', 'list', 'table', tracker.family === 4 ? 'ip' : 'ip6', NFT_TABLE]);
    if (r.status !== 0) return;
    const names = (kind: string): string[] => [...r.out.matchAll(new RegExp(`^\\t${kind} (\\S+) \\{`, 'gm'))].map((m) => m[1] as string);
    this.engine.found(names('chain'), names('set'));
  }

  *sync(changes: Changes, full: boolean): Task<SyncOutcome> {
    const { p, cx } = { p: this.cx.p, cx: this.cx };
    if (this.engine.config.place !== cx.place()) this.engine.config = this.config();
    this.engine.serviceCIDRs = cx.serviceCIDRs();
    const stale = this.engine.cleanup(p.sim.now);
    if (stale !== '') yield* nft(p, stale);
    const { tx, noLocal } = this.engine.sync(full ? null : changes.updated, p.sim.now);
    const error = tx === '' ? '' : yield* nft(p, tx);
    if (error !== '') {
      this.engine.failed();
      return { ok: false, error: `nftables sync failed: ${error}`, metrics: {} };
    }
    return {
      ok: true,
      error: '',
      metrics: {
        'sync_proxy_rules_no_local_endpoints_total{traffic_policy="external"': noLocal.external,
        'sync_proxy_rules_no_local_endpoints_total{traffic_policy="internal"': noLocal.internal,
      },
    };
  }
}

export function* cleanupNftables(p: Process): Task<boolean> {
  let good = true;
  for (const family of FAMILIES) {
    const error = yield* nft(p, `delete table ${family === 4 ? 'ip' : 'ip6'} ${NFT_TABLE}\n`);
    if (error !== '' && !error.includes('No such file or directory') && !error.startsWith('exit status 127')) good = false;
  }
  return good;
}
