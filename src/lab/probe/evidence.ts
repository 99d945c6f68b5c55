/** The way of a failed probe in a few lines that a person can read. */

import { formatIp } from '../../wire/addr.ts';
import { ARP, describe } from './flow.ts';
import { type Journey, quiet, type Step } from './journey.ts';

const MAX_LINES = 12;

/** `filter/FORWARD#2` as people say it. */
export function ruleText(rule: string): string {
  const m = /^(\S+?)\/(.+)#(\d+)(.*)$/.exec(rule);
  if (!m) return rule.replace(/^(\S+?)\/(.+) policy$/, 'the policy of $1 $2');
  return `${m[1]} ${m[2]} rule ${m[3]}${m[4]}`;
}

export function reasonText(reason: string): string {
  if (reason.startsWith('NETFILTER ')) return `dropped by ${ruleText(reason.slice(10))}`;
  const known: Record<string, string> = {
    NEIGH_FAILED: 'dropped: the next hop does not answer ARP',
    NO_ROUTE: 'dropped: no route',
    OTHERHOST: "ignored: the frame is for somebody else's MAC address",
    TTL_EXCEEDED: 'dropped: its time to live is over',
    PKT_TOO_BIG: 'dropped: too big for the link',
    BLACKHOLE: 'dropped by a blackhole route',
    ROUTE_PROHIBIT: 'refused by a prohibit route',
    ROUTE_UNREACHABLE: 'refused by an unreachable route',
    DEV_DOWN: 'dropped: the device is down',
    NOT_FORWARDING: 'dropped: this host does not forward',
    MARTIAN_SOURCE: 'dropped: it cannot come from that source by this device',
    MARTIAN_DESTINATION: 'dropped: nothing may be sent to that destination',
    VXLAN_VNI_NOT_FOUND: 'dropped: no tunnel of this host has its network number',
    VXLAN_NO_REMOTE: 'dropped: the tunnel does not know behind which host its MAC address is',
    VXLAN_INVALID_SOURCE: "dropped: the frame has the tunnel device's own MAC address as its source",
    NO_CARRIER: 'dropped: the cable has no other end that is up',
  };
  return known[reason] ?? `dropped: ${reason}`;
}

/** A line for each place where something happened: sent, received, rewritten, dropped, delivered. */
export function evidence(journey: Journey): string[] {
  const lines: { text: string; weight: number }[] = [];
  const add = (text: string, weight: number): void => {
    if (lines.at(-1)?.text !== text && !(weight < 3 && lines.some((l) => l.text === text))) lines.push({ text, weight });
  };
  const { steps } = journey;
  const { end } = journey;
  const lost = end !== undefined;
  for (const s of steps) {
    const place = `${journey.placeName(s)}${s.device === '' ? '' : ` ${s.device}`}`;
    if (s.what === 'nat') add(`${place}: ${s.detail} (${ruleText(journey.ruleOf(s))})`, 3);
    else if (s.what === 'drop') add(`${place}: ${reasonText(s.detail)}${what(s)}`, quiet(s.detail) && s !== end ? 0 : 4);
    else if (s.what === 'neigh' && / FAILED$/.test(s.detail)) add(`${place}: no answer to ARP for ${s.detail.split(' ')[0]}`, 4);
    else if (s.what === 'deliver' && s.packet && s.packet.proto !== ARP && s.packet.tunnels.length === 0)
      add(`${place}: arrived${what(s)}`, 2);
    else if ((s.what === 'tx' || s.what === 'rx') && s.packet) {
      const tunnel = s.packet.tunnels[0];
      const wrap = tunnel
        ? ` in ${tunnel.kind.toUpperCase()}${tunnel.kind === 'vxlan' ? ` ${tunnel.vni}` : ''} ${formatIp(tunnel.src)} -> ${formatIp(tunnel.dst)}`
        : '';
      add(
        `${place}: ${s.what === 'tx' ? 'out' : 'in'} ${describe(s.packet)}${wrap}`,
        s.packet.proto === ARP || (lost && s.packet.quoted) ? 0 : 1,
      );
    }
  }
  return shorten(lines).map((l) => l.text);
}

function what(s: Step): string {
  return s.packet && s.packet.proto !== ARP ? ` (${describe(s.packet)})` : '';
}

/** The least telling lines go first, of those of one weight the last. */
function shorten<T extends { weight: number }>(lines: readonly T[]): T[] {
  const out = [...lines];
  for (let weight = 0; out.length > MAX_LINES && weight <= 4; weight++)
    for (let i = out.length - 1; i >= 0 && out.length > MAX_LINES; i--) if (out[i]?.weight === weight) out.splice(i, 1);
  return out;
}
