/** TCP sockets: what a program sees of a connection. Models net/ipv4/tcp.c */

import { fail, type Result } from '../../../sim/errno.ts';
import type { IpAddr } from '../../../wire/addr.ts';
import { IPPROTO_TCP } from '../../../wire/ipv4.ts';
import type { IcmpErrorInfo } from '../../ip/protocols.ts';
import type { Netns } from '../../netns.ts';
import type { Skb } from '../../skb.ts';
import { Sock } from '../sock.ts';
import type { FourTuple } from '../table.ts';

export type TcpState =
  | 'CLOSE' | 'LISTEN' | 'SYN_SENT' | 'SYN_RECV' | 'ESTABLISHED' | 'FIN_WAIT1' | 'FIN_WAIT2' | 'CLOSE_WAIT' | 'CLOSING' | 'LAST_ACK' | 'TIME_WAIT';

export class TcpSocket extends Sock {
  readonly kind = 'tcp' as const;
  state: TcpState = 'CLOSE';
  constructor(ns: Netns, family: 4 | 6 = 4) {
    super(ns, family, IPPROTO_TCP);
  }
  tuple(): FourTuple {
    return { laddr: this.local.addr, lport: this.local.port, raddr: this.remote?.addr ?? 0, rport: this.remote?.port ?? 0 };
  }
  bind(_addr: IpAddr, _port: number): Result {
    return fail('ENOSYS');
  }
  listen(_backlog: number): Result {
    return fail('ENOSYS');
  }
  /** EINPROGRESS: wait on `wq` until `connecting` is false, then takeError(). */
  connect(_addr: IpAddr, _port: number): Result {
    return fail('ENOSYS');
  }
  get connecting(): boolean {
    return this.state === 'SYN_SENT' || this.state === 'SYN_RECV';
  }
  accept(): Result<TcpSocket> {
    return fail('ENOSYS');
  }
  send(_data: Uint8Array): Result<number> {
    return fail('ENOSYS');
  }
  /** Empty: end of stream. */
  recv(_max = 65_536, _peek = false): Result<Uint8Array> {
    return fail('ENOSYS');
  }
  shutdown(_how: 'read' | 'write' | 'both'): Result {
    return fail('ENOSYS');
  }
  readable(): boolean {
    return false;
  }
  writable(): boolean {
    return false;
  }
  queues(): { rx: number; tx: number } {
    return { rx: 0, tx: 0 };
  }
  close(): void {}
  /** Removes it without a word on the wire. */
  destroy(): void {}
}

export function tcpReceive(_skb: Skb): void {}
export function tcpError(_skb: Skb, _quoted: Uint8Array, _info: IcmpErrorInfo): void {}
