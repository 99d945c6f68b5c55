/** Source and destination port ranges, as tcp, udp, sctp and dccp match them. */

import { dportOf, sportOf, type XtPacket } from '../packet.ts';

export interface PortSpan {
  readonly min: number;
  readonly max: number;
  readonly invert: boolean;
}

export interface PortMatch {
  sport: PortSpan | null;
  dport: PortSpan | null;
}

export function portsOf(o: PortMatch, form: 'save' | 'list', name: (port: number) => string = String, whole = false): string {
  let s = '';
  for (const [span, key] of [
    [o.sport, 'sp'],
    [o.dport, 'dp'],
  ] as const) {
    if (!span || (!whole && span.min === 0 && span.max === 65535 && !span.invert)) continue;
    const text = span.min === span.max ? name(span.min) : `${name(span.min)}:${name(span.max)}`;
    if (form === 'save') s += `${span.invert ? ' !' : ''} --${key}ort ${text}`;
    else s += ` ${key}${span.min === span.max ? 't' : 'ts'}:${span.invert ? '!' : ''}${text}`;
  }
  return s;
}

const whole = (s: PortSpan | null): boolean => s !== null && s.min === 0 && s.max === 65535;

/** iptables-nft writes ranges of all ports, inverted or not, in a way that it cannot read back: they are not shown. */
export function partPorts(o: PortMatch): PortMatch {
  return { sport: whole(o.sport) ? null : o.sport, dport: whole(o.dport) ? null : o.dport };
}

/** Nothing is left to show of a match that is inverted over all ports. */
export function neverPorts(o: PortMatch): boolean {
  const { sport, dport } = partPorts(o);
  return sport === null && dport === null && (o.sport?.invert === true || o.dport?.invert === true);
}

export function portTest(o: PortMatch): (p: XtPacket) => boolean {
  const { sport, dport } = o;
  return (p) => {
    if (dport) {
      const port = dportOf(p);
      if ((port >= dport.min && port <= dport.max) === dport.invert) return false;
    }
    if (sport) {
      const port = sportOf(p);
      if ((port >= sport.min && port <= sport.max) === sport.invert) return false;
    }
    return true;
  };
}

/** `tcp sport 1-9 tcp dport != 80` */
export function nftPorts(proto: string, o: PortMatch): string {
  const one = (key: 'sport' | 'dport'): string => {
    const span = o[key];
    if (!span || (span.min === 0 && span.max === 65535)) return '';
    return `${proto} ${key} ${span.invert ? '!= ' : ''}${span.min === span.max ? span.min : `${span.min}-${span.max}`}`;
  };
  return [one('sport'), one('dport')].filter((t) => t !== '').join(' ');
}
