/** A target's name, looked up as a program in the place would do it. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { gaiStrerror, getaddrinfo } from '../../os/resolver.ts';
import { type IpAddr, parseIp } from '../../wire/addr.ts';
import type { Failure } from './outcome.ts';

/** The first address; `v6` wants one of IPv6 only. */
export function* resolve(p: Process, name: string, v6: boolean): Task<IpAddr | Failure> {
  const literal = parseIp(name);
  if (literal !== null) return literal;
  const found = yield* getaddrinfo(p, name, v6 ? { family: 6 } : {});
  const address = found.ok ? found.addrs[0] : undefined;
  if (address !== undefined) return address;
  return { kind: 'unknown', text: `the name ${name} is not resolved: ${found.ok ? 'no address' : gaiStrerror(found.error)}` };
}
