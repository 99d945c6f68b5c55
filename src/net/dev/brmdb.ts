/** Multicast groups of a snooping bridge. Models net/bridge/br_mdb.c and the forwarding side of br_multicast.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC, type Timer } from '../../sim/sim.ts';
import type { IpAddr } from '../../wire/addr.ts';
import { readIp4, readIp6 } from '../../wire/addr.ts';
import { ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import type { Mac } from '../../wire/mac.ts';
import type { Skb } from '../skb.ts';
import type { Bridge } from './bridge.ts';
import type { BridgePort } from './brport.ts';

/** An IP group (of one source, when `src` is given) or an Ethernet address. */
export interface MdbGroup {
  readonly ip: IpAddr | null;
  readonly mac: Mac;
  readonly src: IpAddr | null;
  readonly vid: number;
}

/** One member: a port, or the bridge itself (`port` null). */
export interface MdbMember {
  readonly group: MdbGroup;
  readonly port: BridgePort | null;
  permanent: boolean;
  /** Runs out of a temporary one, µs of virtual time. */
  expires: number;
  timer: Timer | null;
}

interface MdbEntry {
  readonly group: MdbGroup;
  readonly members: MdbMember[];
}

/** Multicast settings of a bridge; intervals in µs. */
export interface McastSettings {
  snooping: boolean;
  router: number;
  querier: boolean;
  queryUseIfaddr: boolean;
  hashMax: number;
  lastMemberCount: number;
  startupQueryCount: number;
  lastMemberInterval: number;
  membershipInterval: number;
  querierInterval: number;
  queryInterval: number;
  queryResponseInterval: number;
  startupQueryInterval: number;
  statsEnabled: boolean;
  igmpVersion: number;
  mldVersion: number;
  vlanSnooping: boolean;
}

export function mcastDefaults(): McastSettings {
  return {
    snooping: true,
    router: 1,
    querier: false,
    queryUseIfaddr: false,
    hashMax: 4096,
    lastMemberCount: 2,
    startupQueryCount: 2,
    lastMemberInterval: SEC,
    membershipInterval: 260 * SEC,
    querierInterval: 255 * SEC,
    queryInterval: 125 * SEC,
    queryResponseInterval: 10 * SEC,
    startupQueryInterval: 31.24 * SEC,
    statsEnabled: false,
    igmpVersion: 2,
    mldVersion: 1,
    vlanSnooping: false,
  };
}

export class Mdb {
  private readonly br: Bridge;
  /** Newest first, as the kernel's list is. */
  private entries: MdbEntry[] = [];

  constructor(br: Bridge) {
    this.br = br;
  }

  get size(): number {
    return this.entries.length;
  }

  list(): MdbMember[] {
    return this.entries.flatMap((e) => [...e.members].sort((a, b) => (a.port?.number ?? -1) - (b.port?.number ?? -1)));
  }

  private entry(g: MdbGroup): MdbEntry | undefined {
    return this.entries.find(({ group: h }) => h.ip === g.ip && h.mac === g.mac && h.src === g.src && h.vid === g.vid);
  }

  /** EEXIST when the port has joined already. */
  add(group: MdbGroup, port: BridgePort | null, permanent: boolean): Result {
    let entry = this.entry(group);
    if (entry?.members.some((m) => m.port === port)) return fail('EEXIST');
    if (!entry) {
      if (this.entries.length >= this.br.mcast.hashMax) return fail('E2BIG');
      entry = { group, members: [] };
      this.entries.unshift(entry);
    }
    const member: MdbMember = { group, port, permanent, expires: 0, timer: null };
    entry.members.push(member);
    if (!permanent) {
      const left = this.br.mcast.membershipInterval;
      member.expires = this.br.sim.now + left;
      member.timer = this.br.sim.schedule(left, () => this.remove(member));
    }
    this.br.ns.events.emit({ type: 'mdb', action: 'new', dev: this.br, entry: member });
    return ok();
  }

  /** False when there is no such member. */
  del(group: MdbGroup, port: BridgePort | null): boolean {
    const member = this.entry(group)?.members.find((m) => m.port === port);
    if (!member) return false;
    this.remove(member);
    return true;
  }

  private remove(member: MdbMember): void {
    this.br.sim.cancel(member.timer);
    const entry = this.entry(member.group);
    if (!entry) return;
    const at = entry.members.indexOf(member);
    if (at < 0) return;
    entry.members.splice(at, 1);
    if (entry.members.length === 0) this.entries = this.entries.filter((e) => e !== entry);
    this.br.ns.events.emit({ type: 'mdb', action: 'del', dev: this.br, entry: member });
  }

  /** A port went down (temporary ones go) or left (all go); snooping was switched off (`port` undefined). */
  flush(port: BridgePort | null | undefined, all: boolean): void {
    for (const m of this.list()) {
      if (port === undefined ? m.port === null : m.port !== port) continue;
      if (all || !m.permanent) this.remove(m);
    }
  }

  /** The members that want this frame, or null when the bridge floods it. Models br_mdb_entry_skb_get() and br_multicast_querier_exists(). */
  lookup(skb: Skb, vid: number): readonly MdbMember[] | null {
    if (this.entries.length === 0 || !this.br.mcast.snooping) return null;
    const group = this.groupOf(skb, vid);
    const exact = this.entry(group);
    const entry = exact ?? (group.src !== null ? this.entry({ ...group, src: null }) : undefined);
    if (!entry) return null;
    return entry.group.ip === null || this.br.mcast.querier ? entry.members : null;
  }

  private groupOf(skb: Skb, vid: number): MdbGroup {
    const b = skb.data;
    const version3 = this.br.mcast.igmpVersion === 3;
    if (skb.proto === ETH_P_IP && b.length >= 20) return { ip: readIp4(b, 16), mac: 0, src: version3 ? readIp4(b, 12) : null, vid };
    if (skb.proto === ETH_P_IPV6 && b.length >= 40)
      return { ip: readIp6(b, 24), mac: 0, src: this.br.mcast.mldVersion === 2 ? readIp6(b, 8) : null, vid };
    return { ip: null, mac: skb.ethDst, src: null, vid };
  }
}
