import { expect, test } from 'vitest';
import { W_000 } from '../../cluster/world/worlds.ts';
import { buildCluster } from '../../lab/cluster.ts';
import type { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { SEC } from '../../sim/sim.ts';

test('the API in the clear on a local port: answers, refusals, a watch as it comes, no others let in', () => {
  const world = buildCluster(W_000, 1);
  const { machine } = world.hosts.get('node-1') as { machine: Machine };
  const sh = (line: string): string => {
    const r = runCommand(machine, ['bash', '-c', line]);
    return r.stdout + r.stderr;
  };
  const wait = (s: number): number => world.sim.runUntil(world.sim.now + s * SEC);
  sh('kubectl proxy > /tmp/proxy 2>&1 & ');
  wait(1);
  expect(sh('cat /tmp/proxy')).toBe('Starting to serve on 127.0.0.1:8001\n');
  expect(sh('curl -s localhost:8001/api/v1/namespaces/default/pods/example-pod | jq -r .spec.nodeName')).toBe('node-1\n');
  expect(sh('curl -si 127.0.0.1:8001/api/v1/namespaces/default/pods/nosuch | head -1')).toMatch('HTTP/1.1 404 Not Found');
  // The filter: paths that lead into pods, and names that are not this machine's.
  expect(sh('curl -s 127.0.0.1:8001/api/v1/namespaces/default/pods/example-pod/exec')).toBe('Forbidden\n');
  expect(sh('curl -s -o /dev/null -w "%{http_code}" -H "Host: evil.example" 127.0.0.1:8001/api')).toBe('403');
  // Writing goes by it as well, and a watch tells it.
  sh('curl -sN "127.0.0.1:8001/api/v1/namespaces/default/configmaps?watch=1&fieldSelector=metadata.name=told" > /tmp/watch &');
  const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"told"},"data":{"a":"b"}}';
  const post = `curl -s -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' -d '${body}'`;
  expect(sh(`${post} 127.0.0.1:8001/api/v1/namespaces/default/configmaps`)).toBe('201');
  wait(1);
  expect(sh('jq -c "[.type, .object.data.a]" /tmp/watch')).toBe('["ADDED","b"]\n');
  expect(sh('kubectl get cm told -o jsonpath={.data.a}')).toBe('b');
  expect(sh('kubectl proxy')).toBe('error: listen tcp 127.0.0.1:8001: bind: address already in use\n');
  // Elsewhere, under a prefix.
  sh('kubectl proxy -p 0 --api-prefix=/custom > /tmp/other 2>&1 &');
  wait(1);
  expect(sh('curl -s "$(sed "s/.* on //" /tmp/other)/custom/api/v1/namespaces/default/configmaps/told" | jq -r .data.a')).toBe('b\n');
  expect(sh('curl -s "$(sed "s/.* on //" /tmp/other)/api"')).toBe('404 page not found\n');
});
