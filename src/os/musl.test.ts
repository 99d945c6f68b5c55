import { expect, test } from 'vitest';
import { Kernel } from '../net/kernel.ts';
import { newAddr } from '../net/rtnl/addr.ts';
import { Sim } from '../sim/sim.ts';
import { parseIp4 } from '../wire/addr.ts';
import { DNS_QR, dnsTypeName, emitDns, parseDns } from '../wire/dns.ts';
import { RegularFile } from './inode.ts';
import { Machine } from './machine.ts';
import type { Command } from './program.ts';
import { getaddrinfo } from './resolver.ts';
import { runCommand, startCommand } from './run.ts';
import { openUdp, recvUdp } from './sockcalls.ts';

const SEARCH = 'search default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n';

/** Recorded with musl 1.2.3 on Linux: what is asked, in order, and the time that it takes. */
test.each([
  [
    'one server',
    `nameserver 10.0.0.53\n${SEARCH}`,
    'web',
    ['web.default.svc.cluster.local A', 'web.default.svc.cluster.local AAAA'],
    '10.96.0.7',
    0,
  ],
  ['enough dots: no search', `nameserver 10.0.0.53\n${SEARCH}`, 'a.b.c.d.e.f', ['a.b.c.d.e.f A', 'a.b.c.d.e.f AAAA'], 'EAI_NONAME', 0],
  [
    'a name without data ends the search',
    `nameserver 10.0.0.53\n${SEARCH}`,
    'nodata',
    ['nodata.default.svc.cluster.local A', 'nodata.default.svc.cluster.local AAAA'],
    'EAI_NODATA',
    0,
  ],
  [
    'a name with a dot is not searched with ndots 1',
    'nameserver 10.0.0.53\nsearch default.svc.cluster.local\n',
    'web.default',
    ['web.default A', 'web.default AAAA'],
    'EAI_NONAME',
    0,
  ],
  ['silence', 'nameserver 10.0.0.53\n', 'drop', ['drop A', 'drop AAAA', 'drop A', 'drop AAAA'], 'EAI_AGAIN', 5],
  [
    'failures are asked again at once',
    'nameserver 10.0.0.53\n',
    'fail',
    Array.from({ length: 12 }, (_, i) => `fail ${i % 2 ? 'AAAA' : 'A'}`),
    'EAI_AGAIN',
    5,
  ],
])('%s', (_, conf, name, asked, result, seconds) => {
  const sim = new Sim(1);
  const kernel = new Kernel(sim, 'm');
  kernel.init.lo.setUp();
  newAddr(kernel.init.lo, { local: parseIp4('10.0.0.53') as number, len: 32 }, 'add');
  const seen: string[] = [];
  const server: Command = {
    name: 'server',
    *main(p) {
      const sock = openUdp(p);
      sock.bind(parseIp4('10.0.0.53') as number, 53);
      for (;;) {
        const r = yield* recvUdp(sock);
        const q = r.ok ? parseDns(r.value.data) : null;
        if (!r.ok || !q?.questions[0]) continue;
        const { name: n, type } = q.questions[0];
        seen.push(`${n} ${dnsTypeName(type)}`);
        if (n === 'drop') continue;
        const hit = n === 'web.default.svc.cluster.local' && type === 1;
        const rcode = n === 'fail' ? 2 : hit || /^(web|nodata)\.default\./.test(n) ? 0 : 3;
        const answers = hit ? [{ name: n, type, class: 1, ttl: 5, data: Uint8Array.of(10, 96, 0, 7) }] : [];
        sock.sendTo(emitDns({ ...q, flags: DNS_QR | rcode, answers }), r.value.from.addr, r.value.from.port);
      }
    },
  };
  const gai: Command = {
    name: 'gai',
    *main(p) {
      const begin = sim.now;
      const r = yield* getaddrinfo(p, name);
      yield* p.out(`${r.ok ? '10.96.0.7' : r.error} ${Math.round((sim.now - begin) / 1e6)}`);
      return 0;
    },
  };
  const m = new Machine(kernel, [server, gai]);
  m.directory('/lib').link('ld-musl-x86_64.so.1', new RegularFile('', 0o755));
  m.init.writeFile('/etc/resolv.conf', conf);
  startCommand(m, ['server']);
  expect(runCommand(m, ['gai']).stdout).toBe(`${result} ${seconds}`);
  expect(seen).toEqual(asked);
});
