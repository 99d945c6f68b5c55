/** What is said of manifests, where, and that the world does not notice. */

import { beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../os/run.ts';
import { SEC } from '../../sim/sim.ts';
import { TraceHash } from '../../sim/trace.ts';
import { loadWorld, WORLDS, type World } from '../world.ts';
import { examine } from './examine.ts';

let world: World;
beforeAll(async () => {
  await loadWorld('cluster-w1');
  world = (WORLDS['cluster-w1'] as (seed: number) => World)(1);
});

const of = (text: string) => examine(world.kube?.server ?? null, text);
const said = (text: string) => of(text).problems.map((p) => `${p.line}:${p.column}-${p.endColumn} ${p.message}`);
const on = (command: string) => {
  const host = world.hosts.get('cp-1');
  if (!host) throw new Error('no cp-1');
  return runCommand(host.machine, command, { limits: { micros: 60 * SEC } });
};

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: nginx
`;

test('a good one has no problems, and is new', () => {
  const e = of(DEPLOYMENT);
  expect(e.problems).toEqual([]);
  expect(e.changes.map((c) => [c.name, c.namespace, c.from])).toEqual([['deployment.apps/web', 'default', '']]);
  expect(e.changes[0]?.to).toContain('progressDeadlineSeconds: 600');
});

test.each([
  [DEPLOYMENT.replace('replicas: 2', 'replica: 2'), ['6:3-10 unknown field "spec.replica"']],
  [
    DEPLOYMENT.replace('image: nginx', 'imag: nginx\n        ports: [{containerPort: x}]'),
    [/^16:33-34 .*cannot unmarshal string into Go struct field/],
  ],
  [DEPLOYMENT.replace('replicas: 2', 'replicas: -2'), [/^6:13-15 spec\.replicas: Invalid value: -2: must be greater than or equal to 0$/]],
  [
    `# first\n---\n${DEPLOYMENT.replace('image: nginx', 'image: ""')}`,
    [/^17:16-18 spec\.template\.spec\.containers\[0\]\.image: Required value$/],
  ],
  [
    DEPLOYMENT.replace('labels: {app: web}', 'labels: {app: other}'),
    [/^11:7-13 spec\.template\.metadata\.labels: Invalid value: .*`selector` does not match/],
  ],
  [DEPLOYMENT.replace('Deployment', 'Deploiment'), ['2:7-17 no matches for kind "Deploiment" in version "apps/v1"']],
  ['kind: Pod\nmetadata: {}\n# apiVersion:\napiVersion:\n', ['1:1-2 error validating data: apiVersion not set']],
  [
    `${DEPLOYMENT}---\napiVersion: v1\nkind: Service\nmetadata:\n\tname: x\n`,
    [/^20:2-\d+ error converting YAML to JSON: yaml: line 4: found character that cannot start any token/],
  ],
  [
    'apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: nowhere}\nspec: {containers: [{name: a, image: b}]}\n',
    ['3:18-19 namespaces "nowhere" not found'],
  ],
])('%#: the place and the words of the API server', (text, expected) => {
  const found = said(text);
  expect(found).toHaveLength(expected.length);
  for (const [i, e] of expected.entries()) {
    if (typeof e === 'string') expect(found[i]).toBe(e);
    else expect(found[i]).toMatch(e);
  }
});

test('what would change is what kubectl diff shows, later documents see earlier ones', () => {
  on(`kubectl apply -f - <<'E'\n${DEPLOYMENT}E`);
  const next = DEPLOYMENT.replace('replicas: 2', 'replicas: 3').replace('image: nginx', 'image: nginx:alpine');
  const e = of(next);
  expect(e.problems).toEqual([]);
  const diff = on(`kubectl diff -f - <<'E'\n${next}E`);
  expect(diff.exitCode).toBe(1);
  const lines = (s: string | undefined) => (s ?? '').split('\n');
  const changed = [
    ...lines(e.changes[0]?.from)
      .filter((l) => !lines(e.changes[0]?.to).includes(l))
      .map((l) => `-${l}`),
    ...lines(e.changes[0]?.to)
      .filter((l) => !lines(e.changes[0]?.from).includes(l))
      .map((l) => `+${l}`),
  ];
  const real = diff.stdout.split('\n').filter((l) => /^[-+] /.test(l));
  expect(changed.sort()).toEqual(real.sort());
  expect(of(DEPLOYMENT)).toMatchObject({ changes: [], same: 1 });
  const both =
    'apiVersion: v1\nkind: Namespace\nmetadata: {name: new}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: new}\n';
  expect(of(both).changes.map((c) => c.name)).toEqual(['namespace/new', 'configmap/c']);
  expect(of('just: yaml\n')).toEqual({ manifest: false, problems: [], changes: [], same: 0 });
});

test('the world does not notice', () => {
  const run = (looked: boolean): string => {
    const w = (WORLDS['cluster-w1'] as (seed: number) => World)(3);
    const hash = new TraceHash();
    w.sim.trace.listen(hash.listener);
    for (let i = 0; i < 3; i++) {
      if (looked) examine(w.kube?.server ?? null, DEPLOYMENT);
      w.sim.runUntil(w.sim.now + SEC);
    }
    const host = w.hosts.get('cp-1');
    if (host)
      runCommand(host.machine, 'kubectl create deployment x --image=nginx; kubectl get pods -A -o yaml', { limits: { micros: 10 * SEC } });
    return hash.digest();
  };
  expect(run(true)).toBe(run(false));
});
