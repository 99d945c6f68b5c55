/** Connections as conntrack prints them: lines, XML, and commands that make them again. Models libnetfilter_conntrack's snprintf and conntrack.c */

import type { Process } from '../../os/process.ts';
import { xt } from '../../os/uapi.ts';
import { formatIp } from '../../wire/addr.ts';
import type { CtOptions } from './options.ts';

/** The kernel's ids are a keyed hash: numbers without order. */
export function idOf(ct: xt.Connection): number {
  return (Math.imul(ct.id, 2654435761) ^ 0x5bd1e995) >>> 0;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function ctime(p: Process, us: number): string {
  const d = new Date(p.sim.epochMs + Math.floor(us / 1000));
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${DAYS[d.getUTCDay()]} ${MONTHS[d.getUTCMonth()]} ${String(d.getUTCDate()).padStart(2)} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} ${d.getUTCFullYear()}`;
}

export type Occasion = 'list' | 'NEW' | 'UPDATE' | 'DESTROY';

export function line(p: Process, ct: xt.Connection, o: CtOptions, occasion: Occasion = 'list', portid = 0): string {
  const { now } = p.ns.kernel.sim;
  if (o.output.has('xml')) return xml(p, ct, o, occasion);
  if (o.output.has('save')) return save(ct, now, occasion);
  const event = occasion !== 'list';
  const text = xt.connectionText(ct, {
    now,
    layer3: o.output.has('extended'),
    timeout: !(occasion === 'DESTROY' && ct.expires <= now),
    state: true,
    counters: p.ns.sysctl.int('net.netfilter.nf_conntrack_acct') !== 0,
    mark: event ? ct.mark !== 0 || (portid !== 0 && occasion !== 'DESTROY') : true,
    zone: 'given',
    start: o.output.has('ktimestamp') ? ctime(p, ct.created) : null,
    use: event ? null : 1,
  });
  return o.output.has('id') ? `${text} id=${idOf(ct)}` : text;
}

const TYPES: Readonly<Record<Occasion, string>> = { list: '', NEW: ' type="new"', UPDATE: ' type="update"', DESTROY: ' type="destroy"' };

function xml(p: Process, ct: xt.Connection, o: CtOptions, occasion: Occasion): string {
  const { now } = p.ns.kernel.sim;
  const counted = p.ns.sysctl.int('net.netfilter.nf_conntrack_acct') !== 0;
  const side = (dir: 'original' | 'reply'): string => {
    const t = ct[dir];
    const v4 = xt.tupleFamily(t) === 4;
    const ports = [6, 17, 33, 132, 136].includes(t.proto) ? `<sport>${t.sport}</sport><dport>${t.dport}</dport>` : '';
    const counters = counted ? `<counters><packets>${ct.packets[dir]}</packets><bytes>${ct.bytes[dir]}</bytes></counters>` : '';
    return (
      `<meta direction="${dir}"><layer3 protonum="${v4 ? 2 : 10}" protoname="${v4 ? 'ipv4' : 'ipv6'}"><src>${formatIp(t.src)}</src><dst>${formatIp(t.dst)}</dst></layer3>` +
      `<layer4 protonum="${t.proto}" protoname="${xt.protoText(t.proto)}">${ports}</layer4>${counters}</meta>`
    );
  };
  const name = ct.tcp?.state ?? ct.sctp;
  const state = name ? `<state>${name}</state>` : '';
  const flags = `${ct.seenReply ? '' : '<unreplied/>'}${ct.assured ? '<assured/>' : ''}`;
  const zone = ct.zone !== 0 ? `<zone>${ct.zone}</zone>` : '';
  const mark = occasion === 'list' || ct.mark !== 0 ? `<mark>${ct.mark}</mark>` : '';
  const use = occasion === 'list' ? '<use>1</use>' : '';
  const timeout = occasion === 'DESTROY' && ct.expires <= now ? '' : `<timeout>${xt.secondsLeft(ct, now)}</timeout>`;
  const start = o.output.has('ktimestamp') ? `<timestamp><start>${(p.sim.epochMs * 1000 + ct.created) * 1000}</start></timestamp>` : '';
  const delta = ct.stamped ? `${start}<deltatime>${Math.floor((now - ct.created) / 1_000_000)}</deltatime>` : '';
  return `<flow${TYPES[occasion]}>${side('original')}${side('reply')}<meta direction="independent">${state}${timeout}${mark}${zone}${use}<id>${idOf(ct)}</id>${delta}${flags}</meta></flow>`;
}

/** `-A …`: what conntrack -R reads. */
function save(ct: xt.Connection, now: number, occasion: Occasion): string {
  const { original: a, reply: b } = ct;
  const status = [ct.seenReply ? 'SEEN_REPLY' : '', ct.assured ? 'ASSURED' : ''].filter((w) => w !== '').join(',') || 'UNSET';
  const letter = occasion === 'UPDATE' ? 'U' : occasion === 'DESTROY' ? 'D' : 'A';
  let s = `-${letter} -t ${xt.secondsLeft(ct, now)} -u ${status}`;
  if (ct.zone !== 0) s += ` -w ${ct.zone}`;
  s += ` -s ${formatIp(a.src)} -d ${formatIp(a.dst)}`;
  s += ct.dstNat && a.dst !== b.src ? ` -g ${formatIp(b.src)}` : ` -r ${formatIp(b.src)}`;
  s += ct.srcNat && a.src !== b.dst ? ` -n ${formatIp(b.dst)}` : ` -q ${formatIp(b.dst)}`;
  s += ` -p ${xt.protoText(a.proto)}`;
  if (a.proto === 1 || a.proto === 58) {
    const word = a.proto === 1 ? 'icmp' : 'icmpv6';
    return `${s} --${word}-type ${a.icmpType} --${word}-code ${a.icmpCode} --${word}-id ${a.sport}`;
  }
  if ([6, 17, 33, 132, 136].includes(a.proto)) {
    s += ` --sport ${a.sport} --dport ${a.dport} --reply-port-src ${b.sport} --reply-port-dst ${b.dport}`;
  }
  const state = ct.tcp?.state ?? ct.sctp;
  return state ? `${s} --state ${state}` : s;
}
