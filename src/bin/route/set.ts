/** Adding and deleting routes. Models lib/inet_sr.c, inet6_sr.c of net-tools 2.10 and SIOCADDRT, SIOCDELRT */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { addrType, type Fail, fail, ok, type Result, type RouteSpec, strerror } from '../../os/uapi.ts';
import { mask4, parseIp6 } from '../../wire/addr.ts';
import { resolveName } from '../nettools/resolve.ts';
import { INET_USAGE, INET6_USAGE } from './usage.ts';

const BAD_USAGE = 3;
const LOOKUP_ERROR = 6;
const SOCKET_ERROR = 7;

class Usage extends Error {}

interface Request {
  dst: number;
  host: boolean;
  /** null: not given. */
  mask: number | null;
  spec: RouteSpec;
  gateway: number | null;
  dev: string | null;
  reject: boolean;
}

/** A netmask as text for complaints, or what was written. */
function hex8(n: number): string {
  return (n >>> 0).toString(16).padStart(8, '0');
}

/** INET_setroute(): a string is a complaint, a number an exit status after one. */
function* readRequest(p: Process, words: readonly string[]): Task<Request | number> {
  let i = 0;
  const kind = words[i] === '-net' || words[i] === '-host' ? words[i++] : null;
  const target = words[i++];
  if (target === undefined) throw new Usage();
  const [text, bits] = target.split('/') as [string, string?];
  if (bits !== undefined && !(Number(bits) >= 0 && Number(bits) <= 32)) throw new Usage();
  const found = yield* resolveName(p, text, kind === '-host');
  if (typeof found === 'string') {
    yield* p.err(found);
    return LOOKUP_ERROR;
  }
  const r: Request = {
    dst: found.addr,
    host: kind === '-host' || (kind === null && !found.net),
    mask: bits === undefined ? null : mask4(Number(bits)),
    spec: { family: 4, dst: { addr: found.addr, len: 32 } },
    gateway: null,
    dev: null,
    reject: false,
  };
  let maskText = bits ?? 'default';
  const number = (word: string | undefined): number => {
    if (word === undefined) throw new Usage();
    return Number.parseInt(word, 10) || 0;
  };
  for (; i < words.length; i++) {
    const word = words[i] as string;
    switch (word) {
      case 'metric':
        if (!/^\d/.test(words[++i] ?? '')) throw new Usage();
        r.spec.metric = number(words[i]);
        break;
      case 'netmask': {
        maskText = words[++i] ?? '';
        if (maskText === '' || r.mask) throw new Usage();
        const m = yield* resolveName(p, maskText);
        if (typeof m === 'string') {
          yield* p.err(m);
          return LOOKUP_ERROR;
        }
        r.mask = m.addr;
        break;
      }
      case 'gw':
      case 'gateway': {
        const name = words[++i];
        if (name === undefined || r.gateway !== null) throw new Usage();
        const g = yield* resolveName(p, name, true);
        if (typeof g === 'string') {
          yield* p.err(g);
          return LOOKUP_ERROR;
        }
        if (g.net) {
          yield* p.err(`route: ${name}: cannot use a NETWORK as gateway!\n`);
          throw new Usage();
        }
        r.gateway = g.addr;
        break;
      }
      case 'mss':
      case 'mtu': {
        const n = number(words[++i]);
        if (n < 64 || n > 65536) {
          yield* p.err('route: Invalid MSS/MTU.\n');
          throw new Usage();
        }
        r.spec.advmss = n - 40;
        break;
      }
      case 'window': {
        const n = number(words[++i]);
        if (n < 128) {
          yield* p.err('route: Invalid window.\n');
          throw new Usage();
        }
        r.spec.metrics = { ...r.spec.metrics, window: n };
        break;
      }
      case 'irtt':
        r.spec.metrics = { ...r.spec.metrics, rtt: number(words[++i]) };
        break;
      case 'reject':
        r.reject = true;
        break;
      case 'mod':
      case 'dyn':
      case 'reinstate':
        break;
      case 'dev':
      case 'device':
        if (r.dev !== null || words[++i] === undefined) throw new Usage();
        r.dev = words[i] as string;
        break;
      default:
        // Anything else is a device, and must be the last word.
        if (r.dev !== null || i < words.length - 1) throw new Usage();
        r.dev = word;
    }
  }
  if (r.mask) {
    const host = ~r.mask >>> 0;
    const complaint =
      r.host && r.mask !== 0xffffffff
        ? `route: netmask ${hex8(host)} doesn't make sense with host route\n`
        : (host & (host + 1)) >>> 0 !== 0
          ? `route: bogus netmask ${maskText}\n`
          : (r.dst & host) >>> 0 !== 0
            ? "route: netmask doesn't match route address\n"
            : null;
    if (complaint !== null) {
      yield* p.err(complaint);
      throw new Usage();
    }
  }
  return r;
}

/** rtentry_to_fib_config(): the route that the ioctl asks for. */
function toSpec(p: Process, r: Request, del: boolean): Result<RouteSpec> {
  const { spec } = r;
  let len = 32;
  if (!r.host) {
    const mask = r.mask ?? 0;
    if ((r.dst & ~mask) >>> 0 !== 0) return fail('EINVAL');
    len = mask === 0 ? 0 : 32 - Math.round(Math.log2(2 ** 32 - mask));
  }
  spec.dst = { addr: r.dst, len };
  if (!del) spec.proto = 3;
  if (r.reject) return ok({ ...spec, type: 'unreachable', scope: 254 });
  const dev = r.dev === null ? null : (p.ns.device(r.dev.split(':')[0] as string) ?? null);
  if (r.dev !== null && !dev) return fail('ENODEV');
  const unicast = r.gateway !== null && r.gateway !== 0 && addrType(p.ns, r.gateway) === 'unicast';
  if (dev || r.gateway) spec.nexthops = [{ dev, gateway: r.gateway || null }];
  if (del) return ok({ ...spec, type: 'unicast', ...(unicast ? { scope: 0 } : {}) });
  if (r.gateway === 0) return fail('EINVAL');
  return ok({ ...spec, type: 'unicast', scope: unicast ? 0 : 253 });
}

/** The ioctl has no extended answers, only the errno that the FIB found. */
function errnoText(f: Fail): string {
  if (f.msg?.startsWith('Nexthop has invalid gateway')) return strerror('ENETUNREACH');
  return strerror(f.errno);
}

export function* change4(p: Process, words: readonly string[], del: boolean): Task<number> {
  try {
    const req = yield* readRequest(p, words);
    if (typeof req === 'number') return req;
    const spec = toSpec(p, req, del);
    const r = !spec.ok ? spec : del ? p.ns.fib.del(spec.value) : p.ns.fib.add(spec.value, 'prepend');
    if (r.ok) return 0;
    yield* p.err(`${del ? 'SIOCDELRT' : 'SIOCADDRT'}: ${errnoText(r)}\n`);
    return SOCKET_ERROR;
  } catch (e) {
    if (!(e instanceof Usage)) throw e;
    yield* p.err(INET_USAGE);
    return BAD_USAGE;
  }
}

/** INET6_setroute() */
export function* change6(p: Process, words: readonly string[], del: boolean): Task<number> {
  const target = words[0] ?? '';
  const [text, bits] = (target === 'default' ? '::/0' : target).split('/') as [string, string?];
  const addr = parseIp6(text);
  if (addr === null) {
    yield* p.err(`${text}: Unknown host\n`);
    return LOOKUP_ERROR;
  }
  const spec: RouteSpec = { family: 6, dst: { addr, len: bits === undefined ? 128 : Number(bits) }, metric: 1 };
  let gateway: bigint | null = null;
  let dev: string | null = null;
  for (let i = 1; i < words.length; i++) {
    const word = words[i] as string;
    const value = words[i + 1];
    if (word === 'metric' && value !== undefined) spec.metric = Number(words[++i]);
    else if ((word === 'gw' || word === 'gateway') && value !== undefined) {
      gateway = parseIp6(words[++i] as string);
      if (gateway === null) {
        yield* p.err(`${value}: Unknown host\n`);
        return LOOKUP_ERROR;
      }
    } else if ((word === 'dev' || word === 'device') && value !== undefined) dev = words[++i] as string;
    else if (word === 'mod' || word === 'dyn') continue;
    else if (dev === null && i === words.length - 1) dev = word;
    else {
      yield* p.err(INET6_USAGE);
      return BAD_USAGE;
    }
  }
  const device = dev === null ? null : (p.ns.device(dev) ?? null);
  if (dev !== null && !device) {
    yield* p.err('SIOGIFINDEX: No such device\n');
    return SOCKET_ERROR;
  }
  if (device || gateway !== null) spec.nexthops = [{ dev: device, gateway }];
  if (del && !words.includes('metric')) delete spec.metric;
  const r = del ? p.ns.fib.del(spec) : p.ns.fib.add({ ...spec, type: 'unicast', proto: 3 }, 'append');
  if (r.ok) return 0;
  yield* p.err(`${del ? 'SIOCDELRT' : 'SIOCADDRT'}: ${strerror(r.errno)}\n`);
  return SOCKET_ERROR;
}
