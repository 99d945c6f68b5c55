/** The map of the front page: what its terminal's packets do. Loaded when both it and the prompt have been seen. */

import { signal } from '@preact/signals';
import { render } from 'preact';
import type { Topology, TrafficEvent } from '../../lab/view/types.ts';
import { type Batch, MapPane } from '../map/MapPane.tsx';

/** What a page's client tells of its world. */
export interface Feed {
  topology(topology: Topology): void;
  traffic(events: readonly TrafficEvent[], left: number): void;
}

/** Puts the map into the element in place of what stands there. */
export function showMap(element: HTMLElement): Feed {
  const topology = signal<Topology | null>(null);
  const traffic = signal<Batch>({ events: [], fresh: 0, left: 0 });
  element.replaceChildren();
  render(<MapPane topology={topology} traffic={traffic} page />, element);
  element.dataset.live = 'true';
  return {
    topology(next) {
      topology.value = next;
    },
    traffic(events, left) {
      traffic.value = { events, fresh: events.length, left };
    },
  };
}
