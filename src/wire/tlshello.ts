/** The first message of a client, as OpenSSL 3.0, curl with it, and GnuTLS 3.7 write it. RFC 8446 section 4.1.2 */

import { concat, utf8 } from './bytes.ts';
import {
  CLIENT_HELLO,
  EXT_ALPN,
  EXT_ENCRYPT_THEN_MAC,
  EXT_EXTENDED_MASTER,
  EXT_GROUPS,
  EXT_KEY_SHARE,
  EXT_PADDING,
  EXT_POINT_FORMATS,
  EXT_POST_HANDSHAKE,
  EXT_PSK_MODES,
  EXT_RECORD_SIZE,
  EXT_RENEGOTIATION,
  EXT_SERVER_NAME,
  EXT_SESSION_TICKET,
  EXT_SIGNATURES,
  EXT_STATUS_REQUEST,
  EXT_VERSIONS,
  extension,
  GROUP_P256,
  GROUP_X25519,
  handshakeMessage,
  vector,
  words,
} from './tls.ts';

/** `gnutls-compat` is GnuTLS with %COMPAT, which leaves out what old servers may stumble over. */
export type HelloStyle = 'openssl' | 'curl' | 'gnutls' | 'gnutls-compat';

export interface HelloOptions {
  style: HelloStyle;
  random: Uint8Array;
  sessionId: Uint8Array;
  serverName: string | null;
  alpn: readonly string[];
  /** 10 to 13; below 12 it is offered, though not spoken here. */
  min: number;
  max: number;
  /** Shares by group, in the order in which they are sent. */
  shares: ReadonlyMap<number, Uint8Array>;
}

/** The groups that a share is sent of. */
export const shareGroups = (style: HelloStyle): readonly number[] =>
  style === 'openssl' || style === 'curl' ? [GROUP_X25519] : [GROUP_P256, GROUP_X25519];

/** Everything that OpenSSL 3.0 offers, in its order; the last is the renegotiation signal. */
const OFFER_13 = [0x1302, 0x1303, 0x1301];
const OFFER_12 = [
  0xc02c, 0xc030, 0x009f, 0xcca9, 0xcca8, 0xccaa, 0xc02b, 0xc02f, 0x009e, 0xc024, 0xc028, 0x006b, 0xc023, 0xc027, 0x0067, 0xc00a, 0xc014,
  0x0039, 0xc009, 0xc013, 0x0033, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f,
];
const EMPTY_RENEGOTIATION = 0x00ff;
const CURVES = [29, 23, 30, 25, 24];
const GNUTLS_CURVES = [23, 24, 25, 29, 30];
/** Finite fields, for TLS 1.3. */
const FIELDS = [256, 257, 258, 259, 260];
const SIGNATURES = [
  0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0302,
  0x0402, 0x0502, 0x0602,
];
/** Without SHA-1 and DSA. */
const SIGNATURES_13 = SIGNATURES.slice(0, 14);
const GNUTLS_OFFER_13 = [0x1302, 0x1303, 0x1301, 0x1304];
const GNUTLS_OFFER_12 = [
  0xc02c, 0xcca9, 0xc0ad, 0xc00a, 0xc02b, 0xc0ac, 0xc009, 0xc030, 0xcca8, 0xc014, 0xc02f, 0xc013, 0x009d, 0xc09d, 0x0035, 0x009c, 0xc09c,
  0x002f, 0x009f, 0xccaa, 0xc09f, 0x0039, 0x009e, 0xc09e, 0x0033,
];
const GNUTLS_SIGNATURES = [
  0x0401, 0x0809, 0x0804, 0x0403, 0x0807, 0x0501, 0x080a, 0x0805, 0x0503, 0x0806, 0x0601, 0x080b, 0x0806, 0x0603, 0x0201, 0x0203,
];
const RECORD_LIMIT = 0x4001;

const name = (o: HelloOptions): Uint8Array[] =>
  o.serverName === null ? [] : [extension(EXT_SERVER_NAME, vector(2, Uint8Array.of(0), vector(2, utf8(o.serverName))))];
const protocols = (o: HelloOptions): Uint8Array[] =>
  o.alpn.length === 0 ? [] : [extension(EXT_ALPN, vector(2, ...o.alpn.map((a) => vector(1, utf8(a)))))];
const versions = (o: HelloOptions): Uint8Array =>
  extension(EXT_VERSIONS, vector(1, words([13, 12, 11, 10].flatMap((v) => (v >= o.min && v <= o.max ? [0x0301 + v - 10] : [])))));
const keyShares = (o: HelloOptions): Uint8Array =>
  extension(EXT_KEY_SHARE, vector(2, ...[...o.shares].map(([group, share]) => concat([words([group]), vector(2, share)]))));

function openssl(o: HelloOptions): Uint8Array[] {
  const tls13 = o.max >= 13;
  const curl = o.style === 'curl';
  return [
    ...name(o),
    extension(EXT_POINT_FORMATS, Uint8Array.of(3, 0, 1, 2)),
    extension(EXT_GROUPS, vector(2, words(tls13 ? [...CURVES, ...FIELDS] : CURVES))),
    ...(curl ? [] : [extension(EXT_SESSION_TICKET)]),
    ...protocols(o),
    extension(EXT_ENCRYPT_THEN_MAC),
    extension(EXT_EXTENDED_MASTER),
    ...(curl && tls13 ? [extension(EXT_POST_HANDSHAKE)] : []),
    extension(EXT_SIGNATURES, vector(2, words(o.min > 12 ? SIGNATURES_13 : SIGNATURES))),
    ...(tls13 ? [versions(o), extension(EXT_PSK_MODES, Uint8Array.of(1, 1)), keyShares(o)] : []),
  ];
}

function gnutls(o: HelloOptions): Uint8Array[] {
  const compat = o.style === 'gnutls-compat';
  return [
    extension(EXT_STATUS_REQUEST, Uint8Array.of(1, 0, 0, 0, 0)),
    extension(EXT_GROUPS, vector(2, words([...GNUTLS_CURVES, ...FIELDS]))),
    extension(EXT_POINT_FORMATS, Uint8Array.of(1, 0)),
    extension(EXT_SIGNATURES, vector(2, words(GNUTLS_SIGNATURES))),
    ...(compat ? [] : [extension(EXT_ENCRYPT_THEN_MAC), extension(EXT_EXTENDED_MASTER)]),
    extension(EXT_SESSION_TICKET),
    keyShares(o),
    versions(o),
    extension(EXT_POST_HANDSHAKE),
    extension(EXT_RENEGOTIATION, Uint8Array.of(0)),
    ...name(o),
    ...protocols(o),
    extension(EXT_PSK_MODES, Uint8Array.of(2, 1, 0)),
    extension(EXT_RECORD_SIZE, words([RECORD_LIMIT])),
  ];
}

export function emitClientHello(o: HelloOptions): Uint8Array {
  const gnu = o.style === 'gnutls' || o.style === 'gnutls-compat';
  const offered = [
    ...(o.max >= 13 ? [gnu ? GNUTLS_OFFER_13 : OFFER_13] : []),
    ...(gnu || o.min <= 12 ? [gnu ? GNUTLS_OFFER_12 : OFFER_12] : []),
  ];
  const suites = [...offered.flat(), ...(gnu ? [] : [EMPTY_RENEGOTIATION])];
  const list = gnu ? gnutls(o) : openssl(o);
  const build = (extensions: readonly Uint8Array[]): Uint8Array =>
    handshakeMessage(
      CLIENT_HELLO,
      words([0x0303]),
      o.random,
      vector(1, o.sessionId),
      vector(2, words(suites)),
      vector(1, Uint8Array.of(0)),
      vector(2, ...extensions),
    );
  const bare = build(list);
  // Some servers stumble over 256 to 511 octets.
  const padded = o.style === 'curl' || o.style === 'gnutls-compat';
  if (!padded || bare.length <= 255 || bare.length >= 512) return bare;
  return build([...list, extension(EXT_PADDING, new Uint8Array(Math.max(1, 512 - bare.length - 4)))]);
}
