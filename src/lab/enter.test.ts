/** Terminals at places: what may be entered, what is refused, and that a log with them replays. */

import { beforeAll, expect, test } from 'vitest';
import { loadLab } from '../cli/labs.ts';
import type { LabSource } from './lab.ts';
import { LogError, Replay } from './log.ts';
import { instantiate } from './parameters.ts';
import { createSession, type Session } from './session.ts';
import { loadWorld } from './world.ts';

beforeAll(() => loadWorld('cluster-w1'));

const lab = (over: Partial<LabSource>): LabSource => ({
  ...loadLab('endpoints-none'),
  setup: [],
  faults: [],
  overrides: undefined,
  ...over,
});

function typed(session: Session, place: string, text = ''): string {
  let screen = '';
  const settle = () => session.run(session.now + 3_000_000, () => true);
  const terminal = session.openTerminal(place, {
    cols: 100,
    rows: 30,
    onData: (data) => {
      screen += data;
    },
  });
  settle();
  terminal.write(text);
  settle();
  return terminal.refused ?? screen;
}

const placesOf = async (over: Partial<LabSource>) => (await createSession({ lab: lab(over), seed: 1 }).places()).map((p) => p.place);

test('from a node into its pods and namespaces; from a host with kubectl into all pods', async () => {
  const own = await placesOf({ world: 'w1', hosts: ['node-1'] });
  expect(own[0]).toBe('node-1');
  expect(own).toContain('pod web-a');
  expect(own.some((p) => p.startsWith('node-1/'))).toBe(true);
  expect(own).not.toContain('pod web-c');
  const all = await placesOf({ world: 'cluster-w1', hosts: ['cp-1'] });
  expect(all).toContain('pod kube-system/kube-apiserver-cp-1');
  expect(all.filter((p) => p.startsWith('pod default/')).length).toBeGreaterThan(3);
  expect(all.some((p) => p.startsWith('node-1/'))).toBe(false);
  expect(await placesOf({ world: 'cluster-w1', hosts: ['client'] })).toEqual(['client']);
  expect(await placesOf({ world: 'w1', hosts: ['node-1'], commands: { forbid: ['ip', 'nsenter', 'crictl', 'kubectl'] } })).toEqual([
    'node-1',
  ]);
});

test('a shell in a container, in a namespace; none where the image has none', () => {
  const session = createSession({ lab: lab({ world: 'cluster-w1', hosts: ['cp-1', 'node-1'] }), seed: 1 });
  expect(typed(session, 'pod default/client-pod', 'hostname\r')).toContain('\rclient-pod\r\n');
  expect(typed(session, 'pod kube-system/kube-apiserver-cp-1')).toMatch(
    /^error: Internal error occurred: error executing command in container: failed to exec in container: .*exec: "sh": executable file not found in \$PATH: unknown$/,
  );
  expect(session.barred('pod default/nobody')).toBe('no pod default/nobody is running');
  expect(session.barred('pod default/client-*')).toContain('no pod');
  expect(session.barred('client')).toBe('there is no host "client" in this lab');
  const log = session.exportLog();
  expect(new Replay(instantiate(lab({ world: 'cluster-w1', hosts: ['cp-1', 'node-1'] }), 1)).follow(log.entries).cut).toBe(null);
  const first = log.entries[0] as (typeof log.entries)[number];
  const bad = { ...first, op: 'open' as const, term: 9, host: 'pod default/nobody', cols: 80, rows: 24 };
  expect(() => new Replay(instantiate(lab({ world: 'cluster-w1', hosts: ['cp-1'] }), 1)).follow([bad])).toThrow(
    new LogError('log entry 1: no pod default/nobody is running', 0),
  );
});

test('`ip netns exec` on a node, and what runs is told', () => {
  const session = createSession({ lab: lab({ world: 'w1', hosts: ['node-1'] }), seed: 1 });
  const own = instantiate(lab({ world: 'w1', hosts: ['node-1'] }), 1);
  expect(own.hosts).toEqual(['node-1']);
  session.run(session.now + 1_000_000, () => true);
  let screen = '';
  const terminal = session.openTerminal('node-1', { cols: 80, rows: 24, onData: (d) => (screen += d) });
  const settle = () => session.run(session.now + 2_000_000, () => true);
  settle();
  expect(terminal.program()).toBe(null);
  terminal.write('ip netns list; sleep 100\r');
  settle();
  expect(terminal.program()).toBe('sleep');
  const name = /\n(\S+) \(id/.exec(screen)?.[1] ?? /\n([a-z]\S+)\r/.exec(screen)?.[1];
  expect(typed(session, `node-1/${name}`, 'ip -br addr show eth0\r')).toContain('10.244.1.');
});
