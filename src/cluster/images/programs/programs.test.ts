import { describe, expect, test } from 'vitest';
import { commands } from '../../../bin/index.ts';
import { Kernel } from '../../../net/kernel.ts';
import { Machine } from '../../../os/machine.ts';
import { runCommand, startCommand } from '../../../os/run.ts';
import { SEC, Sim } from '../../../sim/sim.ts';
import { imageCommands } from './index.ts';

function host(...servers: { argv: string[]; env?: Record<string, string> }[]) {
  const sim = new Sim(1);
  const kernel = new Kernel(sim, 'pod-1');
  kernel.init.lo.setUp();
  const m = new Machine(kernel, [...commands, ...imageCommands]);
  const jobs = servers.map(({ argv, env }) => startCommand(m, argv, env ? { env } : {}));
  sim.runUntil(SEC);
  return { sim, jobs, sh: (line: string): string => runCommand(m, ['bash', '-c', `{ ${line}; } 2>&1`]).stdout };
}

test('agnhost: netexec over HTTP and UDP, dial, connect', () => {
  const { sh, jobs, sim } = host({ argv: ['/agnhost', 'netexec', '--http-port=80', '--udp-port', '8081'] });
  expect(
    sh(
      'curl -s localhost/hostname; echo; curl -s localhost/clientip | cut -d: -f1; curl -s "localhost/echo?msg=hi"; echo; echo -n hostname | nc -u -w1 127.0.0.1 8081',
    ),
  ).toBe('pod-1\n127.0.0.1\nhi\npod-1');
  expect(sh('curl -s "localhost/dial?host=127.0.0.1&port=8081&protocol=udp&request=hostname&tries=2"')).toBe(
    '{"responses":["pod-1","pod-1"]}',
  );
  expect(sh('/agnhost connect 127.0.0.1:80 --timeout=1s; echo $?; /agnhost connect 127.0.0.1:81; echo $?')).toBe('0\nREFUSED\n1\n');
  sh('curl -s "localhost/exit?code=3"');
  sim.runUntil(sim.now + SEC);
  expect(jobs[0]?.result().exitCode).toBe(3);
});

describe('webapp and load', () => {
  test('health follows what it is told; SIGTERM ends it with 0', () => {
    const { sh, jobs, sim } = host({ argv: ['/bin/webapp'], env: { NAME: 'blue', READY_AFTER: '5' } });
    expect(
      sh(
        'curl -s localhost:8080/; curl -s localhost:8080/readyz; sleep 6; curl -s localhost:8080/readyz; curl -s -X POST localhost:8080/fail; curl -s -o /dev/null -w "%{http_code}\\n" localhost:8080/healthz',
      ),
    ).toBe('Hello from blue, version 1.0\nnot ready\nok\ndone\n500\n');
    jobs[0]?.signal('TERM');
    sim.runUntil(sim.now + SEC);
    expect(jobs[0]?.result().exitCode).toBe(0);
  });

  test('a webapp for any page says who asked for it', () => {
    const { sh } = host({ argv: ['/bin/webapp'], env: { NAME: 'cart', ANY: 'yes' } });
    expect(sh('curl -s localhost:8080/cart/3; curl -s localhost:8080/healthz')).toBe('cart is asked for /cart/3 by 127.0.0.1\nok\n');
  });

  test('load counts outcomes and who answered', () => {
    const { sh } = host({ argv: ['/bin/echoserver', '9000'] });
    expect(sh('/bin/load --rate 5 --duration 2 http://127.0.0.1:9000/')).toBe(
      'outcomes\n     10  200\nanswers\n     10  pod=pod-1 peer=127.0.0.1 local=127.0.0.1:9000\n',
    );
    expect(sh('/bin/load --rate 2 --duration 1 http://127.0.0.1:9001/; echo $?')).toBe('outcomes\n      2  refused\n1\n');
  });
});

test('redis: values, counters, expiry, errors, passwords', () => {
  const { sh } = host({ argv: ['redis-server'] }, { argv: ['redis-server', '--port', '7000', '--requirepass', 's'] });
  expect(
    sh(
      'redis-cli PING; redis-cli SET a 41 EX 3; redis-cli INCR a; redis-cli GET a; sleep 4; redis-cli GET a; printf "PING\\r\\n" | nc -w1 127.0.0.1 6379',
    ),
  ).toBe('PONG\nOK\n42\n42\n\n+PONG\r\n');
  expect(sh('redis-cli NOPE x; redis-cli -p 7000 PING; redis-cli -p 7000 -a s PING; redis-cli -p 7001 PING')).toBe(
    "ERR unknown command 'NOPE', with args beginning with: 'x' \n\nNOAUTH Authentication required.\n\nPONG\nCould not connect to Redis at 127.0.0.1:7001: Connection refused\n",
  );
});

test('postgres: ready, password, query, unknown database', () => {
  const { sh } = host({ argv: ['/usr/lib/postgresql/bin/postgres'], env: { POSTGRES_PASSWORD: 'pw' } });
  expect(sh('pg_isready; pg_isready -p 5433')).toBe('localhost:5432 - accepting connections\nlocalhost:5433 - no response\n');
  expect(sh('PGPASSWORD=pw psql -c "select 1"')).toBe(' ?column? \n----------\n        1\n(1 row)\n\n');
  expect(sh('PGPASSWORD=no psql -c "select 1"')).toBe(
    'psql: error: connection to server at "localhost", port 5432 failed: FATAL:  password authentication failed for user "postgres"\n',
  );
  expect(sh('PGPASSWORD=pw psql -d shop -c "select 1"')).toContain('FATAL:  database "shop" does not exist');
});
