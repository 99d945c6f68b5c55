/** Congestion window: slow start and CUBIC (RFC 9438), fast recovery and time-out. Models tcp_cubic.c and tcp_cong.c in outline */

import { TCP_INIT_CWND } from './const.ts';
import type { TcpSocket } from './tcp.ts';

export class Cubic {
  cwnd = TCP_INIT_CWND;
  ssthresh = Number.POSITIVE_INFINITY;
  /** Window when the last recovery began. */
  priorCwnd = TCP_INIT_CWND;
  private count = 0;
  private lastMax = 0;
  private epoch = 0;
  private k = 0;
  private origin = 0;
  private reno = 0;

  /** `acked` segments were acknowledged in the open state. */
  ack(sk: TcpSocket, acked: number, limited: boolean): void {
    if (!limited) return;
    let left = acked;
    if (this.cwnd < this.ssthresh) {
      const grown = Math.min(this.cwnd + left, this.ssthresh);
      left -= grown - this.cwnd;
      this.cwnd = grown;
      if (left <= 0) return;
    }
    this.avoid(sk, left);
  }

  private avoid(sk: TcpSocket, acked: number): void {
    const now = sk.sim.now;
    if (this.epoch === 0) {
      this.epoch = now;
      this.reno = this.cwnd;
      this.origin = Math.max(this.lastMax, this.cwnd);
      this.k = Math.cbrt((this.origin - this.cwnd) / 0.4);
    }
    const t = (now - this.epoch + sk.srtt) / 1e6 - this.k;
    const target = this.origin + 0.4 * t * t * t;
    this.reno += (0.53 * acked) / this.cwnd;
    const goal = Math.max(target, this.reno);
    const per = goal > this.cwnd ? this.cwnd / (goal - this.cwnd) : 100 * this.cwnd;
    this.count += acked;
    const step = Math.max(2, per);
    if (this.count >= step) {
      this.cwnd += Math.floor(this.count / step);
      this.count %= step;
    }
  }

  /** Multiplicative decrease of 0.7, with fast convergence. */
  reduce(): void {
    this.epoch = 0;
    this.priorCwnd = this.cwnd;
    this.lastMax = this.cwnd < this.lastMax ? this.cwnd * 0.85 : this.cwnd;
    this.ssthresh = Math.max(2, Math.floor(this.cwnd * 0.7));
  }

  timeout(): void {
    this.reduce();
    this.cwnd = 1;
    this.count = 0;
  }

  recover(): void {
    this.reduce();
    this.cwnd = this.ssthresh;
    this.count = 0;
  }
}

/** Round-trip time and retransmission time-out (RFC 6298) with Linux' floor of 200 ms under the variance. */
export function rttSample(sk: TcpSocket, rtt: number): void {
  const m = Math.max(1, rtt);
  if (sk.srtt === 0) {
    sk.srtt = m;
    sk.mdev = m / 2;
    sk.rttvar = Math.max(m / 2, 50_000);
  } else {
    const err = m - sk.srtt;
    sk.srtt += err / 8;
    sk.mdev += (Math.abs(err) - sk.mdev) / 4;
    sk.rttvar = Math.max(sk.mdev, 50_000);
  }
  sk.minRtt = Math.min(sk.minRtt, m);
  sk.rto = Math.min(120_000_000, Math.max(200_000, Math.round(sk.srtt + 4 * sk.rttvar)));
}
