/** Certificates that controllers make for themselves, for names that nobody gave one for. */

import { certificateAlgorithm, emitPublic, type PrivateKey, publicOf, sign } from '../../os/tls/keys.ts';
import { p256Public, p256Secret } from '../../os/tls/primitives.ts';
import type { Identity } from '../../os/tls/server.ts';
import type { Sim } from '../../sim/sim.ts';
import { emitSigned, emitTbs, type Name } from '../../wire/x509.ts';

const YEAR = 365 * 24 * 3600 * 1000;

/** Self-signed for one common name, from a year before to a year after the world's beginning. */
export function selfSigned(sim: Sim, subject: Name): Identity {
  const secret = p256Secret(sim.rng('selfsigned'));
  const key: PrivateKey = { kind: 'ec', secret, point: p256Public(secret) };
  const now = sim.epochMs;
  const algorithm = certificateAlgorithm(key);
  const tbs = emitTbs({
    serial: BigInt(sim.rng('selfsigned').below(2 ** 31)) + 1n,
    issuer: subject,
    subject,
    notBefore: now - 3600_000,
    notAfter: now + YEAR,
    spki: emitPublic(publicOf(key)),
    extensions: [],
    algorithm,
  });
  return { chain: [emitSigned(tbs, algorithm, sign(key, tbs))], key };
}
