/** vi and kubectl edit in a session whose page answers: files, words, and the replay of the log with no page at all. */

import { beforeAll, expect, test } from 'vitest';
import { loadLab } from '../cli/labs.ts';
import { abandon, acknowledge, type EditRequest, readTold, tellText } from '../wire/editing.ts';
import type { LabSource } from './lab.ts';
import { Replay } from './log.ts';
import { instantiate } from './parameters.ts';
import { createSession } from './session.ts';
import { loadWorld } from './world.ts';

beforeAll(() => loadWorld('cluster-w1'));

const lab: LabSource = { ...loadLab('endpoints-none'), setup: [], faults: [], overrides: undefined, world: 'cluster-w1', hosts: ['cp-1'] };

const MANIFEST = `apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data:
  a: one
`;

/** A page on cp-1; `edit` answers the next request, and what was asked comes back. */
function page() {
  const session = createSession({ lab, seed: 1 });
  let screen = '';
  let asked: EditRequest | null = null;
  const terminal = session.openTerminal('cp-1', {
    cols: 200,
    rows: 50,
    onData(data) {
      screen += data;
    },
  });
  const settle = (seconds = 2) => {
    for (let i = 0; i < seconds * 20; i++) {
      session.run(session.now + 50_000, () => true);
      screen = screen.replace(/\x1b\]1337;([^\x07]*)\x07/g, (_, words: string) => {
        const told = readTold(words);
        if (told?.kind !== 'edit') return '';
        asked = told.request;
        terminal.write(acknowledge(told.request.id));
        return '';
      });
    }
  };
  settle();
  return {
    session,
    /** What the command has printed so far. */
    type(text: string): string {
      screen = '';
      terminal.write(text);
      settle();
      return screen.replace(/\x1b\[[0-9;?]*[a-zA-Z]/g, '').replaceAll('\r', '');
    },
    edit(change: (text: string) => string | null): EditRequest {
      const request = asked;
      if (!request) throw new Error(`no editor was asked for:\n${screen}`);
      asked = null;
      const next = change(request.text);
      terminal.write(next === null ? abandon(request.id) : (tellText(request.id, 'close', request.text, next) ?? ''));
      settle();
      return request;
    },
    waiting: () => asked,
    shown: () => screen.replace(/\x1b\[[0-9;?]*[a-zA-Z]/g, '').replaceAll('\r', ''),
  };
}

test('a file that vi wrote is there in a replay without a page', () => {
  const p = page();
  p.type('vi c.yaml\r');
  p.edit(() => MANIFEST);
  expect(p.type('kubectl apply -f c.yaml\r')).toContain('configmap/c created');
  const log = p.session.exportLog();
  const { world } = new Replay(instantiate(lab, 1)).follow(log.entries).started;
  expect(world.hosts.get('cp-1')?.machine.init.readText('/root/c.yaml')).toBe(MANIFEST);
  expect(world.kube?.server.peek<{ data: object }>('configmaps', 'default', 'c')?.data).toEqual({ a: 'one' });
  expect(world.sim.now).toBe(p.session.now);
});

test('kubectl edit: saved, unchanged, refused and asked again', () => {
  const p = page();
  p.type('vi c.yaml\r');
  p.edit(() => MANIFEST);
  p.type('kubectl create -f c.yaml\r');
  p.type('kubectl edit cm c\r');
  const first = p.edit((t) => t.replace('a: one', 'a: two'));
  expect(first.path).toMatch(/^\/tmp\/kubectl-edit-\d+\.yaml$/);
  expect(first.text).toMatch(
    /^# Please edit the object below\. .*\n# and an empty file .*\n# reopened with the relevant failures\.\n#\napiVersion: v1\n/,
  );
  expect(p.shown()).toContain('configmap/c edited\n');
  expect(p.type("kubectl get cm c -o jsonpath='{.data}'\r")).toContain('{"a":"two"}');

  p.type('kubectl edit cm c\r');
  p.edit(() => null);
  expect(p.shown()).toContain('Edit cancelled, no changes made.\n');

  p.type('KUBE_EDITOR=nano kubectl edit cm c -o json\r');
  const json = p.edit((t) => t.replace('"two"', '{"no": 1}'));
  expect([json.program, json.path.endsWith('.json')]).toEqual(['nano', true]);
  const again = p.waiting();
  expect(again?.text).toContain('# configmaps "c" was not valid:\n');
  expect(again?.text).toContain('"no": 1');
  p.edit((t) => t);
  expect(p.shown()).toContain('Edit cancelled, no valid changes were saved.');
  expect(p.type("kubectl get cm c -o jsonpath='{.data}'\r")).toContain('{"a":"two"}');
});

test('kubectl edit: wrong YAML, what the server does not allow, a subresource, --save-config', () => {
  const p = page();
  p.type('kubectl create deployment web --image=nginx\r');
  p.type('kubectl edit deployment web\r');
  p.edit((t) => t.replace('replicas: 1', 'replicas: -1'));
  expect(p.waiting()?.text).toContain(
    '# deployments.apps "web" was not valid:\n# * spec.replicas: Invalid value: -1: must be greater than or equal to 0\n#\n',
  );
  p.edit((t) => t.replace('replicas: -1', 'replicas: 2'));
  expect(p.shown()).toContain('deployment.apps/web edited\n');
  p.type('kubectl edit deployment web --subresource=status\r');
  p.edit((t) => t.replace('observedGeneration: 2', 'observedGeneration: 1'));
  expect(p.shown()).toContain('deployment.apps/web edited\n');
  p.type('kubectl edit deployment web --save-config\r');
  p.edit((t) => t.replace('replicas: 2', 'replicas: 1'));
  expect(p.type("kubectl get deployment web -o jsonpath='{.metadata.annotations}'\r")).toContain('last-applied-configuration');
  p.type('kubectl edit deployment web\r');
  p.edit((t) => t.replace('replicas: 1', 'replicas: ['));
  expect(p.waiting()).not.toBe(null);
  expect(p.type('\x03')).toContain('root@cp-1');
});
