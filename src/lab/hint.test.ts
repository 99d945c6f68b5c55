import { expect, test } from 'vitest';
import { loadLab } from '../cli/labs.ts';
import { computeHint } from './hint.ts';
import { scriptLog } from './log.ts';
import { instantiate } from './parameters.ts';
import { loadWorld } from './world.ts';

async function hintFor(id: string, decoy: string) {
  const source = loadLab(id);
  await loadWorld(source.world);
  const lab = instantiate(source, 1);
  const script = decoy === 'solution' ? lab.solution : lab.decoys.find((d) => d.name === decoy)?.script;
  return { lab, hint: computeHint(source, scriptLog(lab, script as string)) };
}

test('a link with too large a size: how far the packet came and what happened there', async () => {
  const { lab, hint } = await hintFor('wire-a-pod-by-hand', 'mtu-1500');
  expect(hint).toEqual({
    task: 'size',
    check: 'too-large',
    text: `ping from node-1/${lab.values.name} to 10.244.2.7 with 1423 bytes, not to be fragmented: it gets as far as node-1 cni0; there it is dropped: too big for the link.`,
    hop: 'node-1 cni0',
  });
});

test('no way out: nothing leaves the place itself', async () => {
  const { lab, hint } = await hintFor('wire-a-pod-by-hand', 'no-default-route');
  expect(hint).toMatchObject({ task: 'way-out', check: 'to-web-c', hop: `node-1/${lab.values.name}` });
  expect(hint?.text).toMatch(/nothing leaves node-1\/\w+: network is unreachable/);
});

test('a packet that takes another way: where it leaves the intended one', async () => {
  const { hint } = await hintFor('host-gw-by-hand', 'tunnel-again');
  expect(hint).toMatchObject({ check: 'plain', hop: 'node-2 eth0' });
  expect(hint?.text).toContain('it leaves node-2 by eth0 in a tunnel (ipip), but should go in none');
});

test('of a flow that fails the smallest part that fails is told', () => {
  const source = loadLab('wire-a-pod-by-hand');
  const lab = instantiate(source, 1);
  const { name } = lab.values;
  const script = `${lab.solution}\nip -n ${name} neigh replace 10.244.1.1 lladdr 02:00:00:00:00:99 dev eth0`;
  expect(computeHint(source, scriptLog(lab, script))).toMatchObject({
    check: 'to-web-c',
    text: expect.stringMatching(new RegExp(`^ping from node-1/${name} to 10\\.244\\.1\\.1: `)),
  });
});

test('there is no hint for what is solved', async () => {
  expect((await hintFor('wire-a-pod-by-hand', 'solution')).hint).toBeNull();
});

test('in a cluster, a Service without endpoints: where the packet is refused', async () => {
  const source = loadLab('endpoints-none');
  await loadWorld(source.world);
  const hint = computeHint(source, scriptLog(instantiate(source, 1), ''));
  expect(hint?.hop).toMatch(/^node-\d/);
  expect(hint?.text).toMatch(/dropped by filter KUBE-SERVICES rule \d/);
}, 20_000);
