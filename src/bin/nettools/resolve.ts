/** Host names as net-tools look them up. Models lib/inet.c INET_resolve(), INET_herror() */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { getaddrinfo, inetAton } from '../../os/resolver.ts';

/** The address, or `NAME: why` with a line feed. `default` is 0.0.0.0. */
export function* resolveInet(p: Process, name: string): Task<number | string> {
  if (name === 'default') return 0;
  const literal = inetAton(name);
  if (literal !== null) return literal;
  const r = yield* getaddrinfo(p, name, { family: 4 });
  const first = r.ok ? r.addrs[0] : undefined;
  if (typeof first === 'number') return first;
  const why = !r.ok && r.error === 'EAI_AGAIN' ? 'Host name lookup failure' : 'Unknown host';
  return `${name}: ${why}\n`;
}
