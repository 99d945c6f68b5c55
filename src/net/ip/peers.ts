/** Rate limits of ICMP errors per destination and in all. Models net/ipv4/inetpeer.c, icmp_global_allow(), ip_error() */

import { SEC } from '../../sim/sim.ts';
import type { IpAddr } from '../../wire/addr.ts';
import type { Netns } from '../netns.ts';

interface Peer {
  /** Tokens in µs of waiting time, as inet_peer.rate_tokens counts jiffies. */
  tokens: number;
  last: number;
  redirects: number;
  lastRedirect: number;
}

/** XRLIM_BURST_FACTOR */
const BURST_FACTOR = 6;
const ERROR_COST = SEC;
const ERROR_BURST = 5 * SEC;
/** ip_rt_redirect_number, ip_rt_redirect_silence, ip_rt_redirect_load */
const REDIRECT_NUMBER = 9;
const REDIRECT_LOAD = 0.02 * SEC;
const REDIRECT_SILENCE = REDIRECT_LOAD * 1024;
const MAX_PEERS = 4096;

export class IcmpPeers {
  private readonly ns: Netns;
  private readonly peers = new Map<IpAddr, Peer>();
  private credit = 0;
  private stamp = Number.NEGATIVE_INFINITY;

  constructor(ns: Netns) {
    this.ns = ns;
  }

  private peer(addr: IpAddr): Peer {
    let p = this.peers.get(addr);
    if (!p) {
      if (this.peers.size >= MAX_PEERS) this.peers.clear();
      p = { tokens: 0, last: this.ns.kernel.sim.now - 60 * SEC, redirects: 0, lastRedirect: 0 };
      this.peers.set(addr, p);
    }
    return p;
  }

  /** inet_peer_xrlim_allow(): one error per `timeout` µs, up to six saved up. */
  allow(addr: IpAddr, timeout: number): boolean {
    const p = this.peer(addr);
    const { now } = this.ns.kernel.sim;
    if (now > p.last) {
      p.tokens = Math.min(p.tokens + now - p.last, BURST_FACTOR * timeout);
      p.last = now;
    }
    if (p.tokens < timeout) return false;
    p.tokens -= timeout;
    return true;
  }

  /** ip_error() draws on the same tokens before icmp_send() does: route errors pay twice. */
  allowRouteError(addr: IpAddr): boolean {
    const p = this.peer(addr);
    const { now } = this.ns.kernel.sim;
    p.tokens = Math.min(p.tokens + now - p.last, ERROR_BURST);
    p.last = now;
    if (p.tokens < ERROR_COST) return false;
    p.tokens -= ERROR_COST;
    return true;
  }

  /** ip_rt_send_redirect(): nine with growing pauses, then silence. */
  allowRedirect(addr: IpAddr): boolean {
    const p = this.peer(addr);
    const { now } = this.ns.kernel.sim;
    if (now > p.lastRedirect + REDIRECT_SILENCE) p.redirects = 0;
    if (p.redirects >= REDIRECT_NUMBER) {
      p.lastRedirect = now;
      return false;
    }
    if (p.redirects > 0 && now <= p.lastRedirect + REDIRECT_LOAD * 2 ** p.redirects) return false;
    p.lastRedirect = now;
    p.redirects++;
    return true;
  }

  /** icmp_global_allow(): while there is credit; it is filled up at most 50 times a second. */
  allowGlobal(): boolean {
    if (this.credit > 0) return true;
    const { now } = this.ns.kernel.sim;
    const gap = Math.min(now - this.stamp, SEC);
    if (gap < SEC / 50) return false;
    const gained = Math.floor((gap * this.ns.sysctl.int('net.ipv4.icmp_msgs_per_sec')) / SEC);
    if (gained <= 0) return false;
    this.stamp = now;
    this.credit = Math.min(this.ns.sysctl.int('net.ipv4.icmp_msgs_burst'), this.credit + gained);
    return true;
  }

  /** icmp_global_consume(): an error costs nothing, one or two, so that nobody can count them. */
  consumeGlobal(): void {
    this.credit -= this.ns.kernel.sim.rng('icmp_global').below(3);
  }
}
