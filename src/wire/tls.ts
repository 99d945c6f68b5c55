/** TLS 1.2 and 1.3 on the wire: records, hellos, extensions, alerts. RFC 8446, RFC 5246, RFC 6066 */

import { concat, put16, text, u16, utf8 } from './bytes.ts';

export const CHANGE_CIPHER_SPEC = 20;
export const ALERT = 21;
export const HANDSHAKE = 22;
export const APPLICATION_DATA = 23;

export const CLIENT_HELLO = 1;
export const SERVER_HELLO = 2;
export const NEW_SESSION_TICKET = 4;
export const ENCRYPTED_EXTENSIONS = 8;
export const CERTIFICATE = 11;
export const SERVER_KEY_EXCHANGE = 12;
export const CERTIFICATE_REQUEST = 13;
export const SERVER_HELLO_DONE = 14;
export const CERTIFICATE_VERIFY = 15;
export const CLIENT_KEY_EXCHANGE = 16;
export const FINISHED = 20;

export const EXT_SERVER_NAME = 0;
export const EXT_STATUS_REQUEST = 5;
export const EXT_GROUPS = 10;
export const EXT_POINT_FORMATS = 11;
export const EXT_SIGNATURES = 13;
export const EXT_ALPN = 16;
export const EXT_PADDING = 21;
export const EXT_ENCRYPT_THEN_MAC = 22;
export const EXT_EXTENDED_MASTER = 23;
export const EXT_RECORD_SIZE = 28;
export const EXT_SESSION_TICKET = 35;
export const EXT_VERSIONS = 43;
export const EXT_PSK_MODES = 45;
export const EXT_POST_HANDSHAKE = 49;
export const EXT_KEY_SHARE = 51;
export const EXT_RENEGOTIATION = 0xff01;

export const GROUP_P256 = 23;
export const GROUP_X25519 = 29;

export const ALERTS = {
  closeNotify: 0,
  unexpectedMessage: 10,
  badRecordMac: 20,
  handshakeFailure: 40,
  badCertificate: 42,
  certificateExpired: 45,
  certificateUnknown: 46,
  unknownCa: 48,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
  internalError: 80,
  unrecognizedName: 112,
  noApplicationProtocol: 120,
} as const;

export interface Suite {
  id: number;
  name: string;
  version: 12 | 13;
  hash: 'sha256' | 'sha384';
  keyLength: 16 | 32;
  /** Key of the certificate; null for any. */
  auth: 'rsa' | 'ec' | null;
}

/** What is spoken here, by preference. */
export const SUITES: readonly Suite[] = [
  { id: 0x1302, name: 'TLS_AES_256_GCM_SHA384', version: 13, hash: 'sha384', keyLength: 32, auth: null },
  { id: 0x1301, name: 'TLS_AES_128_GCM_SHA256', version: 13, hash: 'sha256', keyLength: 16, auth: null },
  { id: 0xc02c, name: 'ECDHE-ECDSA-AES256-GCM-SHA384', version: 12, hash: 'sha384', keyLength: 32, auth: 'ec' },
  { id: 0xc030, name: 'ECDHE-RSA-AES256-GCM-SHA384', version: 12, hash: 'sha384', keyLength: 32, auth: 'rsa' },
  { id: 0xc02b, name: 'ECDHE-ECDSA-AES128-GCM-SHA256', version: 12, hash: 'sha256', keyLength: 16, auth: 'ec' },
  { id: 0xc02f, name: 'ECDHE-RSA-AES128-GCM-SHA256', version: 12, hash: 'sha256', keyLength: 16, auth: 'rsa' },
];

export interface Extension {
  type: number;
  data: Uint8Array;
}

export const words = (list: readonly number[]): Uint8Array => {
  const b = new Uint8Array(list.length * 2);
  for (const [i, v] of list.entries()) put16(b, 2 * i, v);
  return b;
};

/** A vector with its length in front, in 1, 2 or 3 octets. */
export function vector(size: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = concat(parts);
  const head = Uint8Array.from({ length: size }, (_, i) => (body.length >>> (8 * (size - 1 - i))) & 255);
  return concat([head, body]);
}

export const extension = (type: number, ...parts: readonly Uint8Array[]): Uint8Array => concat([words([type]), vector(2, ...parts)]);
export const handshakeMessage = (type: number, ...parts: readonly Uint8Array[]): Uint8Array =>
  concat([Uint8Array.of(type), vector(3, ...parts)]);

export function record(type: number, data: Uint8Array, version = 0x0303): Uint8Array {
  return concat([Uint8Array.of(type, version >> 8, version & 255), vector(2, data)]);
}

export interface ClientHello {
  random: Uint8Array;
  sessionId: Uint8Array;
  suites: number[];
  serverName: string | null;
  alpn: string[];
  versions: number[];
  groups: number[];
  signatures: number[];
  /** Shares by group. */
  shares: Map<number, Uint8Array>;
  extendedMaster: boolean;
  ticket: boolean;
}

/** Reads vectors one after the other; past the end it gives nothing. */
export class Cursor {
  readonly b: Uint8Array;
  at = 0;

  constructor(b: Uint8Array) {
    this.b = b;
  }

  get more(): boolean {
    return this.at < this.b.length;
  }

  take(n: number): Uint8Array {
    const part = this.b.subarray(this.at, this.at + n);
    this.at += n;
    return part;
  }

  number(size: 1 | 2 | 3): number {
    return this.take(size).reduce((n, x) => n * 256 + x, 0);
  }

  vector(size: 1 | 2 | 3): Uint8Array {
    return this.take(this.number(size));
  }
}

function extensions(b: Uint8Array): Extension[] {
  const c = new Cursor(b);
  const out: Extension[] = [];
  while (c.more && out.length < 64) {
    const type = c.number(2);
    out.push({ type, data: c.vector(2) });
  }
  return out;
}

const wordList = (b: Uint8Array): number[] => Array.from({ length: Math.floor(b.length / 2) }, (_, i) => u16(b, 2 * i));

/** `body` is what stands behind type and length; null when it is cut short. */
export function parseClientHello(body: Uint8Array): ClientHello | null {
  const c = new Cursor(body);
  c.take(2);
  const random = c.take(32);
  const sessionId = c.vector(1);
  const suites = wordList(c.vector(2));
  c.vector(1);
  if (c.at > body.length) return null;
  const hello: ClientHello = {
    random,
    sessionId,
    suites,
    serverName: null,
    alpn: [],
    versions: [],
    groups: [],
    signatures: [],
    shares: new Map(),
    extendedMaster: false,
    ticket: false,
  };
  for (const { type, data } of extensions(c.more ? c.vector(2) : new Uint8Array(0))) {
    const x = new Cursor(data);
    if (type === EXT_SERVER_NAME) {
      const list = new Cursor(x.vector(2));
      list.take(1);
      hello.serverName = text(list.vector(2));
    } else if (type === EXT_ALPN) {
      const list = new Cursor(x.vector(2));
      while (list.more && hello.alpn.length < 32) hello.alpn.push(text(list.vector(1)));
    } else if (type === EXT_VERSIONS) hello.versions = wordList(x.vector(1));
    else if (type === EXT_GROUPS) hello.groups = wordList(x.vector(2));
    else if (type === EXT_SIGNATURES) hello.signatures = wordList(x.vector(2));
    else if (type === EXT_KEY_SHARE) {
      const list = new Cursor(x.vector(2));
      while (list.more && hello.shares.size < 16) {
        const group = list.number(2);
        hello.shares.set(group, list.vector(2));
      }
    } else if (type === EXT_EXTENDED_MASTER) hello.extendedMaster = true;
    else if (type === EXT_SESSION_TICKET) hello.ticket = true;
  }
  return hello;
}

export interface ServerHello {
  random: Uint8Array;
  sessionId: Uint8Array;
  suite: number;
  /** 12 or 13. */
  version: 12 | 13;
  group: number;
  share: Uint8Array | null;
  alpn: string | null;
  extendedMaster: boolean;
  ticket: boolean;
  pointFormats: boolean;
}

export function emitServerHello(o: {
  random: Uint8Array;
  sessionId: Uint8Array;
  suite: number;
  extensions: readonly Uint8Array[];
}): Uint8Array {
  return handshakeMessage(
    SERVER_HELLO,
    words([0x0303]),
    o.random,
    vector(1, o.sessionId),
    words([o.suite]),
    Uint8Array.of(0),
    vector(2, ...o.extensions),
  );
}

export function parseServerHello(body: Uint8Array): ServerHello | null {
  const c = new Cursor(body);
  c.take(2);
  const random = c.take(32);
  const sessionId = c.vector(1);
  const suite = c.number(2);
  c.take(1);
  if (c.at > body.length) return null;
  const out: ServerHello = {
    random,
    sessionId,
    suite,
    version: 12,
    group: 0,
    share: null,
    alpn: null,
    extendedMaster: false,
    ticket: false,
    pointFormats: false,
  };
  for (const { type, data } of extensions(c.more ? c.vector(2) : new Uint8Array(0))) {
    const x = new Cursor(data);
    if (type === EXT_VERSIONS) out.version = u16(data, 0) === 0x0304 ? 13 : 12;
    else if (type === EXT_KEY_SHARE) {
      out.group = x.number(2);
      out.share = x.vector(2);
    } else if (type === EXT_ALPN) out.alpn = alpnOf(data);
    else if (type === EXT_EXTENDED_MASTER) out.extendedMaster = true;
    else if (type === EXT_SESSION_TICKET) out.ticket = true;
    else if (type === EXT_POINT_FORMATS) out.pointFormats = true;
  }
  return out;
}

function alpnOf(data: Uint8Array): string {
  const list = new Cursor(new Cursor(data).vector(2));
  return text(list.vector(1));
}

/** The protocol that EncryptedExtensions agrees on. */
export function parseEncryptedExtensions(body: Uint8Array): string | null {
  const hit = extensions(new Cursor(body).vector(2)).find((e) => e.type === EXT_ALPN);
  return hit ? alpnOf(hit.data) : null;
}

export const versionExtension = (): Uint8Array => extension(EXT_VERSIONS, words([0x0304]));
export const shareExtension = (group: number, share: Uint8Array): Uint8Array => extension(EXT_KEY_SHARE, words([group]), vector(2, share));
export const alpnExtension = (name: string): Uint8Array => extension(EXT_ALPN, vector(2, vector(1, utf8(name))));

export function emitCertificate(chain: readonly Uint8Array[], version: 12 | 13): Uint8Array {
  return version === 13
    ? handshakeMessage(CERTIFICATE, vector(1), vector(3, ...chain.map((c) => concat([vector(3, c), vector(2)]))))
    : handshakeMessage(CERTIFICATE, vector(3, ...chain.map((c) => vector(3, c))));
}

export function parseCertificateMessage(body: Uint8Array, version: 12 | 13): Uint8Array[] {
  const c = new Cursor(body);
  if (version === 13) c.vector(1);
  const list = new Cursor(c.vector(3));
  const out: Uint8Array[] = [];
  while (list.more && out.length < 16) {
    out.push(list.vector(3));
    if (version === 13) list.vector(2);
  }
  return out;
}
