/** What a command line asks for. Models struct ipvs_command_entry of ipvsadm 1.31 */

import type { ServerConfig, ServiceConfig } from '../../os/uapi.ts';
import type { Ip4 } from '../../wire/addr.ts';

export const TCP = 6;
export const UDP = 17;

/** Ends the program with a message on stderr. */
export class Failure extends Error {
  readonly status: number;
  readonly text: string;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
    this.text = text;
  }
}

export const TRY_HELP = "Try `ipvsadm -h' or `ipvsadm --help' for more information.";

export function number(text: string, min: number, max: number): number | null {
  if (!/^\s*[-+]?\d+$/.test(text)) return null;
  const n = Number(text);
  return n >= min && n <= max ? n : null;
}

export function need(value: number | null, message: string): number {
  if (value === null) throw new Failure(2, message);
  return value;
}

export class Request {
  command = '';
  proto = TCP;
  addr: Ip4 = 0;
  port = 0;
  fwmark = 0;
  scheduler = '';
  persistent = 0;
  netmask: Ip4 = 0xffffffff;
  onePacket = false;
  server: { addr: Ip4; port: number } | null = null;
  forward: ServerConfig['forward'] = 'route';
  weight = 1;
  upper = 0;
  lower = 0;
  readonly flags = new Set<string>();

  get service(): ServiceConfig {
    const { proto, addr, port, fwmark, persistent, netmask, onePacket } = this;
    return { proto, addr, port, fwmark, scheduler: this.scheduler || 'wlc', persistent, netmask, onePacket };
  }

  get real(): ServerConfig {
    const { server, forward, weight, upper, lower } = this;
    // Who forwards whole packets cannot change their port.
    const port = this.fwmark === 0 && forward !== 'masq' && this.command !== 'd' ? this.port : (server?.port ?? 0);
    return { addr: server?.addr ?? 0, port, forward, weight, upper, lower };
  }
}
