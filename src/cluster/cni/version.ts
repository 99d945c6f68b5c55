/** Versions of the CNI specification. Models containernetworking/cni pkg/version */

import { bad, ERR, good, type Outcome } from './types.ts';

/** What the packaged plugins (1.1.1) speak, and what this library and the plugins of /opt/cni/bin speak in addition. */
export const VERSIONS_1_0 = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0'] as const;
export const VERSIONS_1_1 = [...VERSIONS_1_0, '1.1.0'] as const;

type Parsed = readonly [major: number, minor: number, micro: number];

function parseVersion(version: string): Outcome<Parsed> {
  if (version === '') return good([0, 1, 0]);
  const parts = version.split('.');
  if (parts.length >= 4) return bad(`invalid version ${JSON.stringify(version)}: too many parts`, ERR.decoding);
  const numbers = [0, 0, 0];
  for (const [i, part] of parts.entries()) {
    if (!/^[+-]?\d+$/.test(part)) {
      const which = ['major', 'minor', 'micro'][i] as string;
      const quoted = JSON.stringify(part);
      return bad(`failed to convert ${which} version part ${quoted}: strconv.Atoi: parsing ${quoted}: invalid syntax`, ERR.decoding);
    }
    numbers[i] = Number(part);
  }
  return good(numbers as unknown as Parsed);
}

/** GreaterThanOrEqualTo. */
export function versionAtLeast(version: string, other: string): Outcome<boolean> {
  const a = parseVersion(version);
  if (!a.ok) return a;
  const b = parseVersion(other);
  if (!b.ok) return b;
  for (let i = 0; i < 3; i++) {
    const d = (a.value[i] as number) - (b.value[i] as number);
    if (d !== 0) return good(d > 0);
  }
  return good(true);
}

export function isAtLeast(version: string, other: string): boolean {
  const r = versionAtLeast(version, other);
  return r.ok && r.value;
}
