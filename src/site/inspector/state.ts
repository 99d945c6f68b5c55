/** What the inspector lists and which packet it shows: asked of the worker whenever there is news. */

import { batch, computed, effect, signal } from '@preact/signals';
import type { Described, JourneyView, Listing, Rules, Verdict } from '../../lab/view/told.ts';
import { focusedPacket, focusedPath, type PacketPath, type Place } from '../workspace/focus.ts';
import type { World } from '../workspace/world.ts';

export type Tab = 'packets' | 'flows' | 'rules';

/** Rows that are drawn. */
const MAX_ROWS = 200;

const NOTHING: Listing = { version: 0, packets: [], flows: [], kept: 0, found: 0, forgotten: 0, error: '' };

const ENDS: Readonly<Record<Verdict, PacketPath['end']>> = { delivered: 'arrived', dropped: 'dropped', 'under way': 'way' };

/** The devices that a packet passed, and where it ended. */
function pathOf({ line, hops, why }: JourneyView): PacketPath {
  const places: Place[] = [];
  const go = (space: string, dev: string): void => {
    const last = places.at(-1);
    if (last?.space !== space || last.dev !== dev) places.push({ space, dev });
  };
  for (const hop of hops) {
    for (const { kind, dev } of hop.steps) if (kind === 'in' || kind === 'out' || (kind === 'drop' && dev !== '')) go(hop.space, dev);
    if (hop.end === 'delivered' || (hop.end === 'dropped' && places.at(-1)?.space !== hop.space)) go(hop.space, '');
  }
  const label = line.text.slice(line.text.indexOf(' ') + 1);
  return { root: line.root, label, places, end: ENDS[line.verdict], why: line.reason || why };
}

export function createInspector(world: World) {
  const tab = signal<Tab>('packets');
  const filter = signal('');
  /** Also what nobody at a terminal caused. */
  const all = signal(false);
  const paused = signal(false);
  /** 0: of all conversations. */
  const flow = signal(0);
  /** 0: whatever touched them. */
  const ref = signal(0);
  const described = signal<Described | null>(null);
  const listing = signal(NOTHING);
  const chosen = signal<number | null>(null);
  const journey = signal<JourneyView | null>(null);
  const space = signal('');
  const rules = signal<Rules | null>(null);
  /** Said once, for those who listen. */
  const news = signal('');

  const asked = computed(() => ({ filter: filter.value, flow: flow.value, ref: ref.value, own: !all.value, max: MAX_ROWS }));
  const spaces = computed(() =>
    (world.topology.value?.spaces ?? []).filter((s) => s.kind !== 'switch').map(({ id, title }) => ({ id, title })),
  );

  let underWay = false;
  let again = false;
  const list = async (): Promise<void> => {
    if (underWay) {
      again = true;
      return;
    }
    underWay = true;
    try {
      do {
        again = false;
        if (tab.value === 'rules') {
          const told = space.value === '' ? null : await world.inquire({ what: 'rules', space: space.value });
          if (told) rules.value = told;
        } else {
          const told = await world.inquire({ what: 'list', ...asked.value });
          if (told) listing.value = told;
        }
        const root = chosen.value;
        if (root !== null && journey.value?.line.verdict === 'under way') await show(root);
      } while (again);
    } finally {
      underWay = false;
    }
  };

  const show = async (root: number): Promise<void> => {
    const told = await world.inquire({ what: 'journey', root });
    if (chosen.value !== root) return;
    batch(() => {
      journey.value = told;
      focusedPath.value = told && pathOf(told);
    });
  };

  const stops = [
    world.watch('packets', 'topology'),
    effect(() => {
      world.packetNews.value;
      if (!paused.value) void list();
    }),
    // Whatever is asked for is answered also while new packets wait.
    effect(() => {
      asked.value;
      tab.value;
      space.value;
      void list();
    }),
    effect(() => {
      if (space.value === '' && spaces.value.length > 0)
        space.value = spaces.value.find((s) => s.id.startsWith('node'))?.id ?? spaces.value[0]?.id ?? '';
    }),
    effect(() => {
      world.generation.value;
      batch(() => {
        listing.value = NOTHING;
        rules.value = null;
        chosen.value = null;
        journey.value = null;
        flow.value = 0;
        ref.value = 0;
      });
    }),
    // Chosen on the map.
    effect(() => {
      const root = focusedPacket.value;
      if (root === chosen.peek()) return;
      chosen.value = root;
      if (root === null) journey.value = null;
      else void show(root);
    }),
  ];

  return {
    tab,
    filter,
    all,
    paused,
    flow,
    ref,
    described,
    listing,
    chosen,
    journey,
    space,
    spaces,
    rules,
    news,
    asked,
    choose(root: number | null) {
      focusedPacket.value = root;
      if (root === null) focusedPath.value = null;
    },
    /** The packets of one conversation. */
    follow(id: number) {
      batch(() => {
        flow.value = id;
        ref.value = 0;
        tab.value = 'packets';
      });
    },
    /** The packets that a rule or route touched. */
    async touchedBy(id: number) {
      batch(() => {
        ref.value = id;
        flow.value = 0;
        all.value = true;
        tab.value = 'packets';
        described.value = null;
      });
      const told = await world.inquire({ what: 'describe', ref: id });
      if (ref.value === id) described.value = told;
    },
    everything() {
      batch(() => {
        flow.value = 0;
        ref.value = 0;
      });
    },
    async clear() {
      await world.inquire({ what: 'clear' });
      batch(() => {
        flow.value = 0;
        ref.value = 0;
        focusedPacket.value = null;
        focusedPath.value = null;
      });
      await list();
    },
    bytes: (root: number, seq: number) => world.inquire({ what: 'bytes', root, seq }),
    pcap: (at: { space: string; dev: string }) => world.inquire({ what: 'pcap', ...asked.value, ...at }),
    end() {
      for (const stop of stops) stop();
    },
  };
}

export type State = ReturnType<typeof createInspector>;
