/** Which terminals there are: one for each host of the lab, and those that the learner has opened besides. */

import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { HostInfo, Place } from '../../lab/session.ts';

export type Kind = Place['kind'];

export interface Tab {
  readonly id: string;
  readonly place: string;
  readonly title: string;
  readonly kind: Kind;
  /** A host of the lab: its tab stays. */
  readonly fixed: boolean;
}

/** A hand-in holds no more than 64 open terminals. */
const MAX_TABS = 40;

/** One name for a place: the id of a host of the lab, or a pod with its namespace. */
export function placeName(place: string, hosts: readonly HostInfo[]): string {
  if (!place.startsWith('pod ')) return place;
  const path = place.slice(4);
  const full = path.includes('/') ? path : `default/${path}`;
  const short = full.startsWith('default/') ? full.slice(8) : full;
  return hosts.some((h) => h.kind === 'pod' && h.id === short) ? short : `pod ${full}`;
}

const titleOf = (place: string): string => place.replace(/^pod (?:default\/)?/, '');
const kindOf = (place: string): Kind => (place.startsWith('pod ') ? 'pod' : place.includes('/') ? 'netns' : 'node');

export function createTabs(hosts: () => readonly HostInfo[]) {
  const opened = signal<readonly Tab[]>([]);
  let serial = 0;
  const all: ReadonlySignal<readonly Tab[]> = computed(() => [
    ...hosts().map(({ id, title, kind }): Tab => ({ id, place: id, title, kind, fixed: true })),
    ...opened.value,
  ]);
  return {
    all,
    at: (place: string): Tab | undefined => all.value.find((t) => t.place === placeName(place, hosts())),
    /** Another terminal at a place; null when there are too many. */
    open(asked: string): Tab | null {
      if (all.value.length >= MAX_TABS) return null;
      const place = placeName(asked, hosts());
      const host = hosts().find((h) => h.id === place);
      const name = host?.title ?? titleOf(place);
      const taken = new Set(all.value.map((t) => t.title));
      let title = name;
      for (let n = 2; taken.has(title); n++) title = `${name} (${n})`;
      serial += 1;
      const tab: Tab = { id: `more-${serial}`, place, title, kind: host?.kind ?? kindOf(place), fixed: false };
      opened.value = [...opened.value, tab];
      return tab;
    },
    close(id: string): void {
      opened.value = opened.value.filter((t) => t.id !== id);
    },
  };
}
