/** What a page is told of a world that it watches: batches, news, answers, of the world that there is. */

import { expect, test } from 'vitest';
import type { Session } from '../lab/session.ts';
import { createPlayground } from '../lab/session.ts';
import type { FromWorker } from './protocol.ts';
import { Views } from './views.ts';

interface Stage {
  readonly views: Views;
  readonly posted: FromWorker[];
  readonly session: Session;
  type(text: string): void;
  /** Wall time goes on by so much. */
  pass(ms: number): void;
}

function stage(): Stage {
  let now = 0;
  let waiting: { at: number; run: () => void }[] = [];
  const posted: FromWorker[] = [];
  const views = new Views((m) => posted.push(m), {
    now: () => now,
    later(ms, run) {
      const entry = { at: now + ms, run };
      waiting.push(entry);
      return () => {
        waiting = waiting.filter((w) => w !== entry);
      };
    },
  });
  const session = createPlayground(1);
  const terminal = session.openTerminal('web-a', { cols: 80, rows: 24, onData: () => undefined });
  return {
    views,
    posted,
    session,
    type(text) {
      terminal.write(text);
      session.run(session.now + 2_000_000, () => true);
      views.ran();
    },
    pass(ms) {
      const end = now + ms;
      for (;;) {
        const next = waiting.filter((w) => w.at <= end).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        waiting = waiting.filter((w) => w !== next);
        now = next.at;
        next.run();
      }
      now = end;
    },
  };
}

const LIST = { what: 'list', filter: '', flow: 0, ref: 0, own: true, max: 100 } as const;
const kinds = (posted: readonly FromWorker[]): string[] => posted.map((m) => m.t);

test('traffic comes in batches, news of packets now and then, the picture when it changes', () => {
  const s = stage();
  s.views.follow(s.session);
  s.views.watch({ topology: true, traffic: true, packets: true });
  s.pass(300);
  expect(kinds(s.posted)).toEqual(['news', 'topology']);
  s.type('ping -c1 10.244.2.7\n');
  s.pass(30);
  expect(kinds(s.posted).slice(2)).toEqual(['traffic', 'news']);
  const traffic = s.posted.find((m) => m.t === 'traffic');
  const events = traffic?.t === 'traffic' ? traffic.events : [];
  expect(events.find((e) => e.what === 'tx' && e.proto === 'icmp')).toMatchObject({
    space: expect.stringContaining('node-1/'),
    dev: 'eth0',
    parent: 0,
  });
  expect(events.some((e) => e.tunnels.includes('vxlan') && e.label.includes('10.244.2.7 echo request'))).toBe(true);
  s.pass(1000);
  expect(s.posted).toHaveLength(4);
});

test('a flood is cut to whole packets, and what is left out is counted', () => {
  const s = stage();
  s.views.follow(s.session);
  s.views.watch({ topology: false, traffic: true, packets: false });
  s.type('ping -i 0.002 -c 500 -q 10.244.2.7\n');
  s.pass(30);
  const [m] = s.posted;
  if (m?.t !== 'traffic') throw new Error('no traffic');
  expect(m.events.length).toBeLessThanOrEqual(250);
  expect(m.left).toBeGreaterThan(10_000);
});

test("the learner's own packets are told from others; another world begins with nothing", () => {
  const s = stage();
  expect(s.views.ask(LIST)).toBe(null);
  s.views.follow(s.session);
  s.type('ping -c1 10.244.1.6\n');
  expect(s.views.ask(LIST)?.packets.filter((p) => p.text.includes('ICMP echo'))).toHaveLength(2);
  expect(s.views.ask({ ...LIST, filter: 'udp' })?.packets).toEqual([]);
  s.views.follow(createPlayground(2));
  expect(s.views.ask({ ...LIST, own: false })?.kept).toBe(0);
});
