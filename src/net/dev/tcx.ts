/** Programs at a device that judge packets before its queues and protocols see them. Models kernel/bpf/tcx.c */

import type { Skb } from '../skb.ts';
import type { NetDevice } from './device.ts';
import { netDrop } from './trace.ts';

/** Why the packet ends here; null: it goes on. */
export type PacketProgram = (skb: Skb) => string | null;

export interface Tcx {
  /** On what comes in at the device. */
  ingress: PacketProgram | null;
  /** On what goes out by it. */
  egress: PacketProgram | null;
}

/** False when the program ended the packet. */
export function runProgram(program: PacketProgram, skb: Skb, dev: NetDevice): boolean {
  const reason = program(skb);
  if (reason === null) return true;
  netDrop(skb, dev, reason);
  return false;
}
