/** invariant: a breach while the learner works is found however short it was, and nothing else counts. */

import { expect, test } from 'vitest';
import { bench } from './harness.ts';

const ping = 'ping -c1 -W1 10.244.2.7';
const cut = 'ip route del 10.244.2.0/24';
const mend = 'ip route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink';
const masquerade = 'iptables -t nat -I POSTROUTING -s 10.244.1.0/24 -d 10.244.0.0/16 -j MASQUERADE';

test.each([
  [{ never: { event: 'drop', host: 'rtr', reason: 'NO_ROUTE' } }, true, false],
  [{ never: { event: 'drop', host: 'node-2' } }, true, true],
  [{ never: { event: 'rx', host: 'rtr', proto: 'icmp', dst: '10.244.2.0/24' } }, true, false],
  [{ never: { event: 'rx', host: 'rtr', proto: 'icmp', dst: '10.244.2.0/24' } }, false, true],
  [
    { always: { of: { event: 'tx', host: 'node-1', device: 'eth0', dst: '10.244.2.7' }, is: { event: 'tx', encapsulated: true } } },
    true,
    false,
  ],
  [
    { always: { of: { event: 'tx', host: 'node-1', device: 'eth0', dst: '10.244.2.7' }, is: { event: 'tx', encapsulated: true } } },
    false,
    true,
  ],
  [
    { between: { after: { ran: '^ip route del' }, until: { ran: '^ip route add' }, never: { event: 'drop', src: '10.244.1.5' } } },
    true,
    false,
  ],
  [
    { between: { after: { ran: '^ip route del' }, until: { ran: '^ip route add' }, never: { event: 'drop', src: '10.244.1.5' } } },
    false,
    true,
  ],
])('%o with an outage: %s', (own, outage, passed) => {
  const b = bench().hears('invariant', own);
  b.does('web-a', ping).does('node-1', cut);
  if (outage) b.does('web-a', ping);
  b.does('node-1', mend).does('web-a', ping);
  expect(b.heard()).toMatchObject({ passed });
});

test('source NAT between pods is seen, with the place', () => {
  const own = { never: { event: 'nat', manip: 'src', src: '10.244.0.0/16', dst: '10.244.0.0/16' } };
  const b = bench().hears('invariant', own).does('node-1', masquerade).does('web-a', ping);
  const f = b.does('node-1', masquerade.replace('-I', '-D')).heard();
  expect(f).toMatchObject({ passed: false, actual: 'it happened once' });
  expect(f.log?.[0]).toMatch(/node-1: nat src 10\.244\.1\.5 > 10\.244\.2\.7$/);
  expect(bench().hears('invariant', own).does('web-a', ping).heard().passed).toBe(true);
});
