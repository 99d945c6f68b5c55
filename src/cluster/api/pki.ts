/** The cluster's authority and what it signs, each made when it is first looked at. Models kubeadm's certs phase. */

import { certificateAlgorithm, emitPrivate, emitPublic, type PrivateKey, publicOf, sign } from '../../os/tls/keys.ts';
import { digest, p256Public, p256Secret } from '../../os/tls/primitives.ts';
import type { Identity } from '../../os/tls/server.ts';
import { verifyChain } from '../../os/tls/trust.ts';
import { Rng } from '../../sim/rng.ts';
import type { Sim } from '../../sim/sim.ts';
import { emitPem, parsePem } from '../../wire/der.ts';
import {
  type Certificate,
  type Extension,
  emitAltNames,
  emitSigned,
  emitTbs,
  type GeneralName,
  type Name,
  OIDS,
  parseCertificate,
} from '../../wire/x509.ts';
import { hex } from '../sha256.ts';
import type { RequestUser } from './http-types.ts';

/** Every emulated cluster has this authority: its key comes from the stream of this name, so that no world pays for making it. */
const AUTHORITY = 'hopwise cluster authority';

/** /etc/kubernetes/pki/ca.crt */
export const CA_PEM = `-----BEGIN CERTIFICATE-----
MIIBeTCCAR6gAwIBAgIHGc4ovXGrwDAKBggqhkjOPQQDAjAVMRMwEQYDVQQDDApr
dWJlcm5ldGVzMB4XDTI0MDEwMTAwMDAwMFoXDTQ5MDEwMTAwMDAwMFowFTETMBEG
A1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABANP0r7R
fQaKJCWQjU4XrOxmSoX8p6pZWTp6gr0tdoOei9tX8h+lKAjORS8aagQ44UK6eBAM
xCv6OWH+RBrsC86jWTBXMA4GA1UdDwEB/wQEAwICpDAPBgNVHRMBAf8EBTADAQH/
MB0GA1UdDgQWBBQX2eTZN3i8193l2RlkZtHYk/ayLDAVBgNVHREEDjAMggprdWJl
cm5ldGVzMAoGCCqGSM49BAMCA0kAMEYCIQDAkas5PzfP4R4p9Zg4DmKVh0Qj+cCk
9pEF8rUNL6+4cAIhAIVquzczZpa5eXoT78KNLgpz1ZgJcrNI52LUcKnlFRgH
-----END CERTIFICATE-----
`;

const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
const YEAR = 365 * 86_400_000;
const CLIENT_AUTH = [0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
const SERVER_AUTH = [0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];

export interface Pair {
  readonly certificate: string;
  readonly key: string;
  readonly identity: Identity;
}

export class Pki {
  private readonly sim: Sim;
  private readonly pairs = new Map<string, Pair>();
  private authority: { readonly key: PrivateKey; readonly certificate: Certificate } | null = null;

  constructor(sim: Sim) {
    this.sim = sim;
  }

  private ca(): { readonly key: PrivateKey; readonly certificate: Certificate } {
    if (this.authority) return this.authority;
    const secret = p256Secret(new Rng(AUTHORITY));
    const certificate = parseCertificate(parsePem(CA_PEM)[0]?.der ?? new Uint8Array(0)) as Certificate;
    this.authority = { key: { kind: 'ec', secret, point: p256Public(secret) }, certificate };
    return this.authority;
  }

  private issue(subject: Name, usage: readonly number[], names: readonly GeneralName[]): Pair {
    const id = JSON.stringify([subject, names]);
    const known = this.pairs.get(id);
    if (known) return known;
    const rng = new Rng(`${this.sim.seed}/pki/${id}`);
    const secret = p256Secret(rng);
    const key: PrivateKey = { kind: 'ec', secret, point: p256Public(secret) };
    const ca = this.ca();
    const algorithm = certificateAlgorithm(ca.key);
    const extensions: Extension[] = [
      { oid: '2.5.29.15', critical: true, value: Uint8Array.of(3, 2, 5, 0xa0) },
      { oid: '2.5.29.37', critical: false, value: Uint8Array.from(usage) },
      { oid: OIDS.basicConstraints, critical: true, value: Uint8Array.of(0x30, 0) },
      ...(names.length > 0 ? [{ oid: OIDS.subjectAltName, critical: false, value: emitAltNames(names) }] : []),
    ];
    const tbs = emitTbs({
      serial: BigInt(rng.u32()) * 4294967296n + BigInt(rng.u32()),
      issuer: ca.certificate.subject,
      subject,
      notBefore: this.sim.epochMs - 3_600_000,
      notAfter: this.sim.epochMs + YEAR,
      spki: emitPublic(publicOf(key)),
      extensions,
      algorithm,
    });
    const raw = emitSigned(tbs, algorithm, sign(ca.key, tbs));
    const pair = { certificate: emitPem('CERTIFICATE', raw), key: emitPrivate(key, true), identity: { chain: [raw], key } };
    this.pairs.set(id, pair);
    return pair;
  }

  client(name: string, groups: readonly string[]): Pair {
    return this.issue([...groups.map((g) => [ORGANIZATION, g] as const), [COMMON_NAME, name]], CLIENT_AUTH, []);
  }

  server(name: string, names: readonly GeneralName[]): Pair {
    return this.issue([[COMMON_NAME, name]], SERVER_AUTH, names);
  }

  /** Who has shown this chain; undefined when the authority has not signed it. */
  userOf(chain: readonly Certificate[], now: number): RequestUser | undefined {
    const leaf = chain[0];
    if (!leaf || verifyChain(chain, [this.ca().certificate], now).code !== 0) return undefined;
    const values = (oid: string): string[] => leaf.subject.filter(([o]) => o === oid).map(([, v]) => v);
    return {
      name: values(COMMON_NAME)[0] ?? '',
      groups: [...values(ORGANIZATION), 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${hex(digest('sha256', leaf.raw))}`] },
    };
  }
}
