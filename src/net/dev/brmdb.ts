/** Multicast groups of a snooping bridge. Models net/bridge/br_mdb.c and the forwarding side of br_multicast.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { SEC, type Timer } from '../../sim/sim.ts';
import { type Ip4, type IpAddr, readIp4, readIp6 } from '../../wire/addr.ts';
import { u16 } from '../../wire/bytes.ts';
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
  /** Learned from a report, not added by a user. */
  readonly learned: boolean;
  /** Runs out of a temporary one, µs of virtual time. */
  expires: number;
  timer: Timer | null;
}

const IGMP_V1_REPORT = 0x12;
const IGMP_V2_REPORT = 0x16;
const IGMP_LEAVE = 0x17;
const IGMP_V3_REPORT = 0x22;
const MODE_IS_INCLUDE = 1;
const CHANGE_TO_INCLUDE = 3;

/** 224.0.0.0/24, which no switch confines. */
function isLocalGroup(ip: Ip4): boolean {
  return ip >>> 8 === 0xe00000;
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
  add(group: MdbGroup, port: BridgePort | null, permanent: boolean, learned = false): Result {
    let entry = this.entry(group);
    if (entry?.members.some((m) => m.port === port)) return fail('EEXIST');
    if (!entry) {
      if (this.entries.length >= this.br.mcast.hashMax) return fail('E2BIG');
      entry = { group, members: [] };
      this.entries.unshift(entry);
    }
    const member: MdbMember = { group, port, permanent, learned, expires: 0, timer: null };
    entry.members.push(member);
    if (!permanent) this.expireIn(member, this.br.mcast.membershipInterval);
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

  /**
   * The members that want this frame, or null when the bridge floods it: without a querier nobody was asked.
   * Models br_mdb_entry_skb_get(), br_multicast_querier_exists() and mrouters_only. Hosts here report groups of IPv4 only, so others are flooded.
   */
  lookup(skb: Skb, vid: number): readonly MdbMember[] | null {
    const { mcast } = this.br;
    if (!mcast.snooping || (this.entries.length === 0 && !mcast.querier)) return null;
    const group = this.groupOf(skb, vid);
    const exact = this.entry(group);
    const entry = exact ?? (group.src !== null ? this.entry({ ...group, src: null }) : undefined);
    if (entry) return entry.group.ip === null || this.queried ? entry.members : null;
    return typeof group.ip === 'number' && !isLocalGroup(group.ip) && this.queried ? [] : null;
  }

  /** Hosts had time to answer the bridge's queries. */
  private get queried(): boolean {
    const { mcast, sim } = this.br;
    return mcast.querier && sim.now >= this.queriedAt;
  }

  /** When the first answers to the bridge's queries are in, µs. */
  queriedAt = 0;

  /**
   * Reads an IGMP report: who joins is a member of the group for a while, who leaves has little time left.
   * Models br_ip4_multicast_igmp3_report(), br_multicast_leave_group().
   */
  snoop(skb: Skb, port: BridgePort | null, vid: number): void {
    const b = skb.data;
    const at = b.length >= 20 ? ((b[0] as number) & 15) * 4 : 0;
    if (at < 20 || b.length < at + 8) return;
    const type = b[at] as number;
    if (type === IGMP_V1_REPORT || type === IGMP_V2_REPORT) this.report(readIp4(b, at + 4), true, port, vid);
    else if (type === IGMP_LEAVE) this.report(readIp4(b, at + 4), false, port, vid);
    else if (type === IGMP_V3_REPORT) {
      let from = at + 8;
      for (let n = u16(b, at + 6); n > 0 && from + 8 <= b.length; n--) {
        const sources = u16(b, from + 2);
        const includes = b[from] === MODE_IS_INCLUDE || b[from] === CHANGE_TO_INCLUDE;
        if (!includes || sources > 0 || b[from] === CHANGE_TO_INCLUDE)
          this.report(readIp4(b, from + 4), !(includes && sources === 0), port, vid);
        from += 8 + sources * 4 + (b[from + 1] as number) * 4;
      }
    }
  }

  private report(ip: Ip4, joins: boolean, port: BridgePort | null, vid: number): void {
    if (isLocalGroup(ip)) return;
    const group: MdbGroup = { ip, mac: 0, src: null, vid };
    const member = this.entry(group)?.members.find((m) => m.port === port);
    const { mcast, sim } = this.br;
    if (joins) {
      if (!member) this.add(group, port, false, true);
      else if (!member.permanent) this.expireIn(member, mcast.membershipInterval);
    } else if (member && !member.permanent) {
      if (port?.fastLeave) this.remove(member);
      else {
        const soon = mcast.lastMemberCount * mcast.lastMemberInterval;
        if (member.expires > sim.now + soon) this.expireIn(member, soon);
      }
    }
  }

  private expireIn(member: MdbMember, left: number): void {
    const { sim } = this.br;
    sim.cancel(member.timer);
    member.expires = sim.now + left;
    member.timer = sim.schedule(left, () => this.remove(member));
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
