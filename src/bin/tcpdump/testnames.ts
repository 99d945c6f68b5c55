/** Names for the filter tests, as Debian's /etc/services and /etc/protocols have them. */

import type { Names } from './bpf/target.ts';
import { ETHER_PROTOCOLS, PROTOCOL_NUMBERS } from './names.ts';

const SERVICES: Record<string, { port: number; proto: number }> = {
  ssh: { port: 22, proto: 6 },
  domain: { port: 53, proto: -1 },
  http: { port: 80, proto: 6 },
  https: { port: 443, proto: -1 },
};

export const NAMES: Names = {
  host: () => [],
  network: () => 0,
  port: (name) => (/^\d+$/.test(name) ? { port: Number(name), proto: -1 } : (SERVICES[name] ?? null)),
  ipProto: (name) => PROTOCOL_NUMBERS[name] ?? null,
  etherProto: (name) => ETHER_PROTOCOLS[name] ?? null,
};
