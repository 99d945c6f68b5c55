import { expect, test } from 'vitest';
import { SEC, Sim } from '../../sim/sim.ts';
import type { Event, KubeObject } from '../api/object.ts';
import { ApiServer } from '../api/server.ts';
import { Recorder, reportEvent } from './events.ts';

const about: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default', uid: 'u' } };

function setUp(): {
  readonly sim: Sim;
  readonly say: (text: string) => void;
  readonly told: () => readonly Event[];
  readonly api: ApiServer;
} {
  const sim = new Sim(1);
  const api = new ApiServer(sim);
  const recorder = new Recorder(sim, api.client(), 'kubelet', 'node-1');
  const told = (): readonly Event[] => {
    const r = api.client().list<Event>('events', { namespace: 'default' });
    return r.ok ? r.value.items : [];
  };
  return {
    sim,
    api,
    told,
    say: (text) => {
      recorder.event(about, 'Warning', 'BackOff', text);
      sim.runUntil(sim.now + 10 * SEC);
    },
  };
}

test('the same event is counted', () => {
  const { say, told } = setUp();
  for (let i = 0; i < 4; i++) say('Back-off');
  expect(told()).toMatchObject([
    {
      count: 4,
      reason: 'BackOff',
      type: 'Warning',
      source: { component: 'kubelet', host: 'node-1' },
      firstTimestamp: '2026-11-20T09:00:00Z',
      lastTimestamp: '2026-11-20T09:00:30Z',
    },
  ]);
  expect(told()[0]?.metadata.name).toMatch(/^p\.[0-9a-f]{16}$/);
});

test('from the tenth of a kind on they are combined; after 25 in a row there is silence', () => {
  const { say, told } = setUp();
  for (let i = 0; i < 40; i++) say(`text ${i}`);
  const combined = told().filter((e) => e.message?.startsWith('(combined from similar events): '));
  expect(combined).toHaveLength(1);
  expect(told()).toHaveLength(10);
  const total = told().reduce((n, e) => n + (e.count ?? 0), 0);
  expect(total).toBe(26);
});

test('a repeated report becomes a series', () => {
  const { sim, api, told } = setUp();
  const by = { controller: 'default-scheduler', instance: 'default-scheduler-cp', action: 'Scheduling' };
  const client = api.client();
  for (let i = 0; i < 3; i++) {
    reportEvent(sim, client, by, about, 'Warning', 'FailedScheduling', 'no');
    sim.runUntil(sim.now + 60 * SEC);
  }
  expect(told()).toMatchObject([
    { series: { count: 3 }, reportingComponent: 'default-scheduler', reportingInstance: 'default-scheduler-cp', action: 'Scheduling' },
  ]);
  sim.runUntil(sim.now + 400 * SEC);
  reportEvent(sim, client, by, about, 'Warning', 'FailedScheduling', 'no');
  expect(told()).toHaveLength(2);
});
