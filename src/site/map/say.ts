/** The map in words: one line for each thing that is drawn. */

import type { DeviceView, ServiceView, SpaceView, Topology } from '../../lab/view/types.ts';
import { mapWords } from '../words/map.ts';

const say = mapWords;

export type Names = (space: string) => string;

export function namesOf({ spaces }: Topology): Names {
  const titles = new Map(spaces.map((s) => [s.id, s.title]));
  return (id) => titles.get(id) ?? id;
}

const list = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

const stateOf = (d: DeviceView): string => (d.up ? (d.carrier ? say.state.up : say.state.unplugged) : say.state.down);

function about(d: DeviceView, names: Names): string {
  const parts = [d.kind, stateOf(d)];
  parts.push(...(d.addrs.length > 0 ? d.addrs : []));
  if (d.detail) parts.push(d.detail);
  if (d.master !== null) parts.push(say.portOf(d.master));
  if (d.lower !== null) parts.push(say.over(d.lower));
  if (d.peer) parts.push(say.cable(d.peer.dev, names(d.peer.space)));
  if (d.ends.length > 0) parts.push(say.tunnelTo(list(d.ends.map((e) => `${e.dev} of ${names(e.space)}`))));
  return parts.join(', ');
}

/** `eth0: veth, up, 10.244.1.5/24, cable to veth… of node-1`. */
export const deviceLine = (d: DeviceView, names: Names): string => `${d.name}: ${about(d, names)}`;

const addressesOf = (s: SpaceView): string[] => s.devices.flatMap((d) => d.addrs).map((a) => a.replace(/\/\d+$/, ''));

const namespaceOf = (s: SpaceView): string => (s.namespace !== null && s.namespace !== 'default' ? say.system(s.namespace) : '');

const hostOf = (s: SpaceView): string => (s.id === s.host ? '' : say.on(s.host));

/** `pod web-a, on node-1, 10.244.1.5`. */
export function spaceLine(s: SpaceView): string {
  const kind = s.title === say.kinds[s.kind] || s.title.startsWith(`${say.kinds[s.kind]} `) ? '' : say.kinds[s.kind];
  return [s.title, kind, namespaceOf(s), hostOf(s), addressesOf(s).slice(0, 3).join(', ') || say.noAddress].filter(Boolean).join(', ');
}

/** Names of what is drawn begin with the text that is seen there. */
export function spaceLabel(seen: string, s: SpaceView): string {
  const title = s.title.replace(/^pod /, '');
  const more = addressesOf(s).filter((a) => !seen.includes(a));
  const whole = seen.includes(title) ? '' : title;
  return [seen, whole, say.kinds[s.kind], namespaceOf(s), hostOf(s), ...more.slice(0, 3)].filter(Boolean).join(', ');
}

export const deviceLabel = (seen: string, d: DeviceView, names: Names, space: string): string =>
  [seen, seen.includes(d.name) ? '' : d.name, about(d, names), space].filter(Boolean).join(', ');

export function serviceLine(s: ServiceView, names: Names): string {
  const ready = s.endpoints.length > 0 ? say.endpoints(list(s.endpoints.map(names))) : say.noEndpoints;
  return say.service(s.id, s.type, s.addresses.join(', '), s.ports.join(', '), ready);
}

export interface Section {
  readonly title: string;
  readonly lines: readonly string[];
}

/** All of it: a section for each namespace, then the Services. */
export function sectionsOf(topology: Topology): Section[] {
  const names = namesOf(topology);
  const sections: Section[] = topology.spaces.map((s) => ({
    title: spaceLine(s),
    lines: s.devices.length > 0 ? s.devices.map((d) => deviceLine(d, names)) : [say.noDevices],
  }));
  if (topology.services.length > 0) sections.push({ title: say.services, lines: topology.services.map((s) => serviceLine(s, names)) });
  return sections;
}
