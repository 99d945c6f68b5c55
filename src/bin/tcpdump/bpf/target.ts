/** What a filter is compiled for: the link type, the capture, the names it may use */

export const ETHERNET = 1;
export const LINUX_SLL = 113;
export const LINUX_SLL2 = 276;

export interface Names {
  /** Addresses of a host; empty when nobody knows it. */
  host(name: string): readonly (number | bigint)[];
  /** Network number, not shifted; 0 when unknown. */
  network(name: string): number;
  /** Port and the transport protocol it belongs to; -1 for both. */
  port(name: string): { port: number; proto: number } | null;
  ipProto(name: string): number | null;
  etherProto(name: string): number | null;
}

export interface Target {
  linktype: number;
  snaplen: number;
  /** Nothing but the bytes is known of a packet. */
  offline: boolean;
  /** The kernel holds VLAN tags apart from the frame. */
  vlanApart: boolean;
}
