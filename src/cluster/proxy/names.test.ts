import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { hex, sha256 } from '../sha256.ts';
import { chainHash, nftEndpointBase, nftServiceBase } from './names.ts';

test('sha256 agrees with node for all lengths around a block', () => {
  for (const n of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000]) {
    const data = new Uint8Array(n).map((_, i) => i * 7);
    expect(hex(sha256(data))).toBe(createHash('sha256').update(data).digest('hex'));
  }
});

test.each([
  ['default/kubernetes:https', 'tcp', 'NPX46M4PTMTKRN6Y'],
  ['kube-system/kube-dns:dns', 'udp', 'TCOU7JCQXEZGVUNU'],
  ['kube-system/kube-dns:dns-tcp', 'tcp', 'ERIFXISQEP7F7OF4'],
  ['kube-system/kube-dns:metrics', 'tcp', 'JD5MR3NA4I4DYORP'],
  ['default/web:http', 'tcp', 'CDGGSHYLG3RE2FKL'],
])('chain name of %s %s', (name, protocol, hash) => {
  expect(chainHash(name, protocol)).toBe(hash);
});

test('names of nftables mode, an IPv6 endpoint without colons', () => {
  expect(nftServiceBase('default', 'web', 'tcp', 'http')).toBe('SUSTUHLJ-default/web/tcp/http');
  expect(nftEndpointBase('default', 'web', 'tcp', 'http', '10.244.1.3', 80)).toBe('IVINOOCY-default/web/tcp/http__10.244.1.3/80');
  expect(nftEndpointBase('ns', 'svc', 'tcp', 'p', 'fd00::1', 80)).toMatch(/^[A-Z2-7]{8}-ns\/svc\/tcp\/p__fd00\.\.1\/80$/);
});
