/** Sockets for programs: descriptors and calls that wait. Models net/socket.c */

import type { Result } from '../sim/errno.ts';
import { fail } from '../sim/errno.ts';
import type { Sim } from '../sim/sim.ts';
import { OpenFile } from './file.ts';
import type { SocketLike } from './process.ts';

/** A socket in a descriptor table: closed with its last descriptor. */
export class SocketFile extends OpenFile {
  readonly kind = 'socket';
  readonly name: string;
  readonly sock: SocketLike;

  constructor(sim: Sim, sock: SocketLike) {
    super();
    this.sock = sock;
    this.name = `socket:[${30000 + sim.serial('sockfs')}]`;
  }

  override read(): Result<Uint8Array> {
    return fail('EINVAL');
  }

  protected override release(): void {
    this.sock.close();
  }
}
