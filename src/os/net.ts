/** Sockets in descriptor tables. Models the file side of net/socket.c; calls that wait are in sockcalls.ts */

import { fail, ok, type Result } from '../sim/errno.ts';
import type { WaitQueue } from '../sim/wait.ts';
import { OpenFile } from './file.ts';

/** What a descriptor needs of a socket; TCP, UDP, raw, packet and Unix sockets all have it. */
export interface SocketLike {
  close(): void;
}

interface StreamLike extends SocketLike {
  readonly wq: WaitQueue;
  readable(): boolean;
  writable(): boolean;
  recv?(max?: number): Result<unknown>;
  send?(data: Uint8Array): Result<number>;
}

/** A socket in a descriptor table: closed with its last descriptor. read() and write() work on stream and connected datagram sockets. */
export class SocketFile extends OpenFile {
  readonly kind = 'socket';
  readonly name: string;
  readonly sock: SocketLike;

  constructor(sock: SocketLike, inode: number) {
    super();
    this.sock = sock;
    this.name = `socket:[${inode}]`;
  }

  private get stream(): StreamLike {
    return this.sock as StreamLike;
  }

  override get readers(): WaitQueue {
    return this.stream.wq;
  }

  override get writers(): WaitQueue {
    return this.stream.wq;
  }

  override read(max: number): Result<Uint8Array> {
    const r = this.stream.recv?.(max);
    if (!r) return fail('EINVAL');
    if (!r.ok) return r;
    return r.value instanceof Uint8Array ? ok(r.value) : fail('EINVAL');
  }

  override write(data: Uint8Array): Result<number> {
    return this.stream.send?.(data) ?? fail('EINVAL');
  }

  override readable(): boolean {
    return this.stream.readable();
  }

  override writable(): boolean {
    return this.stream.writable();
  }

  protected override release(): void {
    this.sock.close();
  }
}
