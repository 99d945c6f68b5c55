/** Results that a runtime remembers between ADD and DEL, under /var/lib/cni/results. Models libcni's cachedInfo */

import type { Process } from '../../os/process.ts';
import { utf8 } from '../../wire/bytes.ts';
import type { NetworkConfigList, RuntimeConf } from './libcni.ts';
import { bad, type CniResult, good, type Outcome } from './types.ts';

const KIND = 'cniCacheV1';

function cacheFile(dir: string, network: string, rt: RuntimeConf): string {
  return `${dir}/results/${network}-${rt.containerID}-${rt.ifName}`;
}

/** mkdir -p. */
export function makeDirs(p: Process, path: string, mode = 0o755): boolean {
  if (p.stat(path).ok) return true;
  const parent = path.slice(0, path.lastIndexOf('/'));
  if (parent !== '' && path.includes('/') && !makeDirs(p, parent, mode)) return false;
  return p.mkdir(path, mode).ok;
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function base64(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const n = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out += (DIGITS[n >> 18] as string) + DIGITS[(n >> 12) & 63];
    out += i + 1 < bytes.length ? DIGITS[(n >> 6) & 63] : '=';
    out += i + 2 < bytes.length ? DIGITS[n & 63] : '=';
  }
  return out;
}

const encoded = new Map<string, string>();

function encodedOnce(source: string): string {
  const known = encoded.get(source);
  if (known !== undefined) return known;
  const made = base64(utf8(source));
  if (encoded.size < 64) encoded.set(source, made);
  return made;
}

export function writeCache(p: Process, dir: string, list: NetworkConfigList, rt: RuntimeConf, result: CniResult): Outcome<null> {
  if (!makeDirs(p, `${dir}/results`, 0o700)) return bad(`mkdir ${dir}/results: permission denied`);
  const file = cacheFile(dir, list.name, rt);
  const args = rt.args ?? [];
  const text = JSON.stringify({
    kind: KIND,
    containerId: rt.containerID,
    config: encodedOnce(list.source),
    ifName: rt.ifName,
    networkName: list.name,
    ...(rt.netns ? { netns: rt.netns } : {}),
    ...(args.length > 0 ? { cniArgs: args } : {}),
    ...(rt.capabilityArgs && Object.keys(rt.capabilityArgs).length > 0 ? { capabilityArgs: rt.capabilityArgs } : {}),
    result,
  });
  const written = p.writeFile(file, text);
  if (!written.ok) return bad(`open ${file}: ${written.errno}`);
  p.chmod(file, 0o600);
  return good(null);
}

/** The remembered result, or null. */
export function readCache(p: Process, dir: string, network: string, rt: RuntimeConf): CniResult | null {
  const text = p.readText(cacheFile(dir, network, rt));
  if (text === null) return null;
  try {
    const cached = JSON.parse(text) as { kind?: string; result?: CniResult };
    return cached.kind === KIND ? (cached.result ?? null) : null;
  } catch {
    return null;
  }
}

export function removeCache(p: Process, dir: string, network: string, rt: RuntimeConf): void {
  p.unlink(cacheFile(dir, network, rt));
}
