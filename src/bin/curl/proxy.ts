/** Which proxy a URL goes through. Models create_conn()'s detect_proxy() and lib/noproxy.c */

import type { Process } from '../../os/process.ts';
import { type IpAddr, parseIp } from '../../wire/addr.ts';
import type { CurlOptions } from './options.ts';
import { parseUrl, type Url } from './url.ts';

export interface ProxyServer {
  host: string;
  port: number;
  /** `user:password` from the proxy's URL. */
  user: string | null;
}

export interface ProxyChoice {
  proxy: ProxyServer | null;
  /** What -v says about the environment. */
  notes: string[];
  failure: { code: number; message: string } | null;
}

function within(addr: IpAddr, net: string): boolean {
  const [base, bits] = net.split('/') as [string, string | undefined];
  const b = parseIp(base);
  if (b === null || typeof b !== typeof addr) return false;
  const width = typeof addr === 'number' ? 32 : 128;
  const shift = BigInt(width - Math.min(width, Number(bits ?? width)));
  return BigInt(addr) >> shift === BigInt(b) >> shift;
}

/** True when the host is in the list of --noproxy or no_proxy. */
export function noProxy(list: string, host: string): boolean {
  if (list === '*') return true;
  const addr = parseIp(host);
  const name = host.toLowerCase().replace(/\.$/, '');
  return list.split(/[\s,]+/).some((word) => {
    const w = word.toLowerCase().replace(/^\[|\]$/g, '');
    if (w === '') return false;
    if (addr !== null) return within(addr, w);
    const domain = w.replace(/^\./, '').replace(/\.$/, '');
    return name === domain || name.endsWith(`.${domain}`);
  });
}

export function chooseProxy(p: Process, o: CurlOptions, url: Url): ProxyChoice {
  const notes: string[] = [];
  const env = (name: string): string | undefined => p.env.get(name) || undefined;
  let spec = o.proxy;
  let exempt = o.noproxy;
  if (exempt === null) {
    const name = env('no_proxy') ? 'no_proxy' : 'NO_PROXY';
    exempt = env(name) ?? null;
    if (exempt !== null) notes.push(`Uses proxy env variable ${name} == '${exempt}'`);
  }
  if (exempt !== null && noProxy(exempt, url.host)) return { proxy: null, notes, failure: null };
  if (spec === null) {
    const names = [
      `${url.scheme}_proxy`,
      ...(url.scheme === 'http' ? [] : [`${url.scheme.toUpperCase()}_PROXY`]),
      'all_proxy',
      'ALL_PROXY',
    ];
    const name = names.find((n) => env(n));
    if (name) {
      spec = env(name) as string;
      notes.push(`Uses proxy env variable ${name} == '${spec}'`);
    }
  }
  if (spec === null || spec === '') return { proxy: null, notes, failure: null };
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(spec)?.[1]?.toLowerCase();
  if (scheme && scheme !== 'http' && scheme !== 'https' && !/^socks/.test(scheme))
    return { proxy: null, notes, failure: { code: 7, message: `Unsupported proxy scheme for '${spec}'` } };
  if (scheme && scheme !== 'http')
    return { proxy: null, notes, failure: { code: 2, message: `a proxy of the kind ${scheme} is not emulated` } };
  const parsed = parseUrl(spec);
  if (!parsed.ok) return { proxy: null, notes, failure: { code: 5, message: `Unsupported proxy syntax in '${spec}'` } };
  return {
    proxy: { host: parsed.url.host, port: parsed.url.portGiven ? parsed.url.port : 1080, user: parsed.url.user },
    notes,
    failure: null,
  };
}
