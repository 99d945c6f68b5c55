import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { hex, sha256 } from '../sha256.ts';
import { chainHash, restoreInput } from './iptables.ts';

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

test('a Service with two endpoints: half the connections to each, none for a Service without', () => {
  const text = restoreInput({
    clusterCIDR: '10.244.0.0/16',
    services: [
      { name: 'default/web:http', protocol: 'tcp', clusterIP: '10.96.10.20', port: 80, endpoints: ['10.244.1.5:8080', '10.244.2.7:8080'] },
      { name: 'default/empty:http', protocol: 'tcp', clusterIP: '10.96.10.99', port: 80, nodePort: 30099, endpoints: [] },
    ],
  });
  expect(text.match(/--probability \S+/g)).toEqual(['--probability 0.5000000000']);
  expect(text).toContain(
    '-A KUBE-SERVICES -d 10.96.10.99/32 -p tcp -m comment --comment "default/empty:http has no endpoints" -m tcp --dport 80 -j REJECT',
  );
});
