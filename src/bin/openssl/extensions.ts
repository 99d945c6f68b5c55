/** Extensions from `-addext`, `-extfile` and configuration files: `subjectAltName=DNS:a,IP:10.0.0.1`. Models crypto/x509/v3_conf.c */

import { publicBits } from '../../os/tls/keys.ts';
import { digest } from '../../os/tls/primitives.ts';
import { parseIp } from '../../wire/addr.ts';
import { BIT_STRING, BOOLEAN, der, derInteger, derItems, derOctets, derOid, sequence } from '../../wire/der.ts';
import { type Certificate, type Extension, emitAltNames, type GeneralName, OIDS } from '../../wire/x509.ts';
import { KEY_USAGES, PURPOSES } from './print.ts';

/** Sections of a configuration file; what stands before the first is `default`. */
export type Sections = Map<string, [string, string][]>;

export function parseSections(text: string): Sections {
  const out: Sections = new Map([['default', []]]);
  let section = 'default';
  for (const raw of text.split('\n')) {
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    const head = /^\[\s*([^\]]*?)\s*\]$/.exec(line);
    if (head) {
      section = head[1] as string;
      if (!out.has(section)) out.set(section, []);
      continue;
    }
    const m = /^([^=\s]+)\s*=\s*(.*)$/.exec(line);
    if (m) out.get(section)?.push([m[1] as string, m[2] as string]);
  }
  return out;
}

export interface About {
  /** SubjectPublicKeyInfo of the certificate that is being made. */
  spki: Uint8Array;
  issuer: Certificate | null;
  sections: Sections;
}

export const keyId = (spki: Uint8Array): Uint8Array => digest('sha1', publicBits(spki));

function generalName(word: string): GeneralName | null {
  const m = /^(DNS|IP|email|URI)(?:\.\d+)?:(.*)$/i.exec(word.trim());
  if (!m) return null;
  const kind = { dns: 'DNS', ip: 'IP Address', email: 'email', uri: 'URI' }[(m[1] as string).toLowerCase()] as GeneralName['kind'];
  return kind === 'IP Address' && parseIp(m[2] as string) === null ? null : { kind, value: m[2] as string };
}

function altNameValue(value: string, sections: Sections): Uint8Array | null {
  const words = value.startsWith('@')
    ? (sections.get(value.slice(1)) ?? []).map(([k, v]) => `${k.replace(/\.\d+$/, '')}:${v}`)
    : value.split(',');
  const names = words.map(generalName);
  return names.length > 0 && names.every((n) => n !== null) ? emitAltNames(names as GeneralName[]) : null;
}

function value(name: string, words: string[], about: About): Uint8Array | null {
  switch (name) {
    case 'subjectAltName':
      return altNameValue(words.join(','), about.sections);
    case 'basicConstraints': {
      const ca = words.find((w) => /^CA:/i.test(w));
      const length = words.find((w) => /^pathlen:/i.test(w));
      if (!ca && !length) return null;
      const yes = /:true$/i.test(ca ?? '');
      return sequence(...(yes ? [der(BOOLEAN, Uint8Array.of(0xff))] : []), ...(length ? [derInteger(BigInt(length.slice(8)))] : []));
    }
    case 'keyUsage': {
      const bits = new Uint8Array(2);
      for (const w of words) {
        const at = KEY_USAGES.findIndex(([short, long]) => short.toLowerCase() === w.toLowerCase() || long === w);
        if (at < 0) return null;
        bits[at >> 3] = (bits[at >> 3] as number) | (0x80 >> (at & 7));
      }
      const used = bits[1] ? 2 : 1;
      const last = bits[used - 1] as number;
      let unused = 0;
      while (unused < 7 && ((last >> unused) & 1) === 0) unused++;
      return der(BIT_STRING, Uint8Array.of(unused), bits.subarray(0, used));
    }
    case 'extendedKeyUsage': {
      const oids = words.map((w) => PURPOSES.find(([oid, short]) => short === w || oid === w)?.[0]);
      return oids.every((o) => o !== undefined) ? sequence(...oids.map((o) => derOid(o as string))) : null;
    }
    case 'subjectKeyIdentifier':
      return words[0] === 'hash' ? derOctets(keyId(about.spki)) : null;
    case 'authorityKeyIdentifier': {
      const own = about.issuer?.extensions.find((e) => e.oid === OIDS.subjectKeyId);
      const id = own ? derItems(own.value)?.[0]?.value : keyId(about.issuer?.spki ?? about.spki);
      return sequence(der(0x80, id ?? new Uint8Array(0)));
    }
    default:
      return null;
  }
}

const NAMES: Readonly<Record<string, string>> = {
  subjectAltName: OIDS.subjectAltName,
  basicConstraints: OIDS.basicConstraints,
  keyUsage: OIDS.keyUsage,
  extendedKeyUsage: OIDS.extKeyUsage,
  subjectKeyIdentifier: OIDS.subjectKeyId,
  authorityKeyIdentifier: OIDS.authorityKeyId,
};

/** A text is what is wrong with it. */
export function makeExtension(name: string, text: string, about: About): Extension | string {
  const oid = NAMES[name];
  if (!oid) return `Error adding request extensions: extension "${name}" is not emulated`;
  const words = text.split(',').map((w) => w.trim());
  const critical = words[0]?.toLowerCase() === 'critical';
  const v = value(name, critical ? words.slice(1) : words, about);
  return v ? { oid, critical, value: v } : `Error adding request extensions: name=${name}, value=${text}`;
}

/** All of a section; `noneWithout` keeps out names that are no extensions. */
export function makeAll(pairs: readonly (readonly [string, string])[], about: About): Extension[] | string {
  const out: Extension[] = [];
  for (const [name, text] of pairs) {
    const e = makeExtension(name, text, about);
    if (typeof e === 'string') return e;
    out.push(e);
  }
  return out;
}
