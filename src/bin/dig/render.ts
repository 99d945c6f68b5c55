/** dig's presentation of a message: header, pseudo section, sections in columns, statistics. Models bind9 bin/dig/dig.c printmessage() and lib/dns/masterdump.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { formatIp, formatIp6, readIp6 } from '../../wire/addr.ts';
import { u16 } from '../../wire/bytes.ts';
import {
  DNS_AA,
  DNS_AD,
  DNS_CD,
  DNS_QR,
  DNS_RA,
  DNS_RCODES,
  DNS_RD,
  DNS_TC,
  DNS_TYPES,
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  describeRdata,
  dnsRcode,
  dnsTypeName,
  dotted,
} from '../../wire/dns.ts';
import { strftime } from '../strftime.ts';
import { OPCODES, type Reply } from './dighost.ts';

export interface Show {
  short: boolean;
  cmd: boolean;
  comments: boolean;
  question: boolean;
  answer: boolean;
  authority: boolean;
  additional: boolean;
  stats: boolean;
  ttl: boolean;
  class: boolean;
  multiline: boolean;
  identify: boolean;
  ttlUnits: boolean;
  /** RFC 3597. */
  unknownFormat: boolean;
  expandAaaa: boolean;
  /** Query times in µs. */
  micros: boolean;
}

const CLASSES: Record<number, string> = { 1: 'IN', 3: 'CH', 4: 'HS', 255: 'ANY' };
/** Columns where TTL, class, type and RDATA begin. */
function layout(show: Show): readonly [number, number, number, number] {
  if (show.multiline || !(show.ttl || show.class)) return [24, 24, 24, 32];
  return show.ttl && show.class ? [24, 32, 40, 48] : [24, 24, 32, 40];
}

export function className(c: number): string {
  return CLASSES[c] ?? `CLASS${c}`;
}

export function rcodeName(rcode: number): string {
  return DNS_RCODES[rcode] ?? `RESERVED${rcode}`;
}

/** White space from column `from` to `to` or one further than `from`. */
function indent(from: number, to: number): { text: string; at: number } {
  const target = Math.max(to, from + 1);
  const tabs = Math.max(0, Math.floor(target / 8) - Math.floor(from / 8));
  const start = tabs > 0 ? Math.floor(target / 8) * 8 : from;
  return { text: '\t'.repeat(tabs) + ' '.repeat(target - start), at: target };
}

function columns(cells: readonly (readonly [string, number])[]): string {
  let line = '';
  let at = 0;
  for (const [text, to] of cells) {
    if (line !== '') {
      const gap = indent(at, to);
      line += gap.text;
      at = gap.at;
    }
    line += text;
    at += text.length;
  }
  return line;
}

export function questionLine(q: DnsQuestion, show: Show): string {
  const [, classAt, typeAt] = layout(show);
  const cells: [string, number][] = [[dotted(q.name), 0]];
  if (show.class) cells.push([className(q.class), classAt]);
  cells.push([dnsTypeName(q.type), typeAt]);
  return `;${columns(cells)}\n`;
}

function ttlText(seconds: number, units: boolean): string {
  if (!units) return String(seconds);
  const parts: [number, string][] = [
    [604_800, 'w'],
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'm'],
    [1, 's'],
  ];
  let rest = seconds;
  let out = '';
  for (const [n, u] of parts) {
    if (rest >= n) out += `${Math.floor(rest / n)}${u}`;
    rest %= n;
  }
  return out || '0s';
}

export function recordLine(r: DnsRecord, show: Show): string {
  const [ttlAt, classAt, typeAt, dataAt] = layout(show);
  const cells: [string, number][] = [[dotted(r.name), 0]];
  if (show.ttl) cells.push([ttlText(r.ttl, show.ttlUnits), ttlAt]);
  if (show.class) cells.push([show.unknownFormat ? `CLASS${r.class}` : className(r.class), classAt]);
  cells.push([show.unknownFormat ? `TYPE${r.type}` : dnsTypeName(r.type), typeAt]);
  if (show.unknownFormat) cells.push([`\\# ${r.data.length} ${hexOf(r.data).toUpperCase()}`, dataAt]);
  else if (show.expandAaaa && r.type === DNS_TYPES.AAAA) cells.push([(hexOf(r.data).match(/..../g) ?? []).join(':'), dataAt]);
  else cells.push([show.multiline && r.type === DNS_TYPES.SOA ? soaLines(r.data) : describeRdata(r.type, r.data), dataAt]);
  return `${columns(cells)}\n`;
}

const hexOf = (d: Uint8Array): string => [...d].map((b) => b.toString(16).padStart(2, '0')).join('');

function soaLines(d: Uint8Array): string {
  const names = describeRdata(DNS_TYPES.SOA, d).split(' ');
  if (names.length !== 7) return names.join(' ');
  const labels = ['serial', 'refresh', 'retry', 'expire', 'minimum'];
  const pad = '\t\t\t\t';
  const spans = names.slice(2).map((n, i) => {
    const words = i === 0 ? '' : ` (${spanText(Number(n))})`;
    return `${pad}${n.padEnd(10)} ; ${labels[i]}${words}\n`;
  });
  return `${names[0]} ${names[1]} (\n${spans.join('')}${pad})`;
}

function spanText(seconds: number): string {
  const parts: [number, string][] = [
    [604_800, 'week'],
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ];
  let rest = seconds;
  const out: string[] = [];
  for (const [n, u] of parts) {
    const k = Math.floor(rest / n);
    if (k > 0) out.push(`${k} ${u}${k === 1 ? '' : 's'}`);
    rest %= n;
  }
  return out.join(' ') || '0 seconds';
}

export function flagText(flags: number): string {
  const names: [number, string][] = [
    [DNS_QR, 'qr'],
    [DNS_AA, 'aa'],
    [DNS_TC, 'tc'],
    [DNS_RD, 'rd'],
    [DNS_RA, 'ra'],
    [DNS_AD, 'ad'],
    [DNS_CD, 'cd'],
  ];
  return names
    .filter(([bit]) => (flags & bit) !== 0)
    .map(([, name]) => ` ${name}`)
    .join('');
}

export function headerLines(m: DnsMessage): string {
  const status = rcodeName(dnsRcode(m.flags));
  const counts = [m.questions, m.answers, m.authority, m.additional].map((s) => s.length);
  return (
    `;; ->>HEADER<<- opcode: ${OPCODES[(m.flags >> 11) & 15] ?? 'RESERVED'}, status: ${status}, id: ${m.id}\n` +
    `;; flags:${flagText(m.flags)}; ${(m.flags & 0x40) !== 0 ? 'MBZ: 0x4; ' : ''}QUERY: ${counts[0]}, ANSWER: ${counts[1]}, AUTHORITY: ${counts[2]}, ADDITIONAL: ${counts[3]}\n`
  );
}

function optLines(opt: DnsRecord, clientCookie: string | null): string {
  const rest = opt.ttl & 0x7fff;
  const flags = `${opt.ttl & 0x8000 ? ' do' : ''};${rest !== 0 ? ` MBZ: 0x${rest.toString(16).padStart(4, '0')},` : ''}`;
  let text = `;; OPT PSEUDOSECTION:\n; EDNS: version: ${(opt.ttl >>> 16) & 255}, flags:${flags} udp: ${opt.class}\n`;
  const d = opt.data;
  for (let i = 0; i + 4 <= d.length; i += 4 + u16(d, i + 2)) {
    const code = u16(d, i);
    const body = d.subarray(i + 4, i + 4 + u16(d, i + 2));
    const hex = [...body].map((b) => b.toString(16).padStart(2, '0')).join('');
    if (code === 10) {
      const state =
        clientCookie === null
          ? ''
          : hex === clientCookie
            ? ' (echoed)'
            : hex.startsWith(clientCookie) && hex.length > 16
              ? ' (good)'
              : ' (bad)';
      text += `; COOKIE: ${hex}${state}\n`;
    } else if (code === 3)
      text += body.length === 0 ? '; NSID:\n' : `; NSID: ${(hex.match(/../g) ?? []).join(' ')} ("${String.fromCharCode(...body)}")\n`;
    else if (code === 15 && body.length >= 2)
      text += `; EDE: ${u16(body, 0)}${body.length > 2 ? `: (${String.fromCharCode(...body.subarray(2))})` : ''}\n`;
    else if (code === 8) text += `; CLIENT-SUBNET: ${subnetText(body)}\n`;
    else if (code === 9) text += `; EXPIRE:${body.length === 4 ? ` ${new DataView(body.buffer, body.byteOffset).getUint32(0)}` : ''}\n`;
    else if (code === 11) text += `; TCP KEEPALIVE:${body.length === 2 ? ` ${(u16(body, 0) / 10).toFixed(1)} secs` : ''}\n`;
    else if (code === 12) text += `; PAD:${body.length > 0 && clientCookie !== null ? ` (${body.length} bytes)` : ''}\n`;
    else {
      const shown = String.fromCharCode(...body).replace(/[^\x20-\x7e]/g, '.');
      text += `; OPT=${code}:${body.length > 0 ? ` ${(hex.match(/../g) ?? []).join(' ')} ("${shown}")` : ''}\n`;
    }
  }
  return text;
}

/** Address, source and scope prefix length of RFC 7871. */
function subnetText(b: Uint8Array): string {
  const six = u16(b, 0) === 2;
  const full = new Uint8Array(six ? 16 : 4);
  full.set(b.subarray(4, 4 + full.length));
  return `${six ? formatIp6(readIp6(full, 0)) : full.join('.')}/${b[2]}/${b[3]}`;
}

/** Header, pseudo section and sections as `show` wants them. */
export function messageText(m: DnsMessage, show: Show, clientCookie: string | null): string {
  let out = '';
  const opt = m.additional.find((r) => r.type === DNS_TYPES.OPT);
  if (show.comments && opt) out += optLines(opt, clientCookie);
  const end = show.comments ? '\n' : '';
  if (show.question && m.questions.length > 0) {
    if (show.comments) out += ';; QUESTION SECTION:\n';
    out += `${m.questions.map((q) => questionLine(q, show)).join('')}${end}`;
  }
  const sections: [boolean, string, DnsRecord[]][] = [
    [show.answer, 'ANSWER', m.answers],
    [show.authority, 'AUTHORITY', m.authority],
    [show.additional, 'ADDITIONAL', m.additional.filter((r) => r.type !== DNS_TYPES.OPT)],
  ];
  for (const [wanted, name, records] of sections) {
    if (!wanted || records.length === 0) continue;
    if (show.comments) out += `;; ${name} SECTION:\n`;
    out += `${records.map((r) => recordLine(r, show)).join('')}${end}`;
  }
  return out;
}

export function leakWarning(m: DnsMessage): string {
  if (!m.questions.some((q) => /(^|\.)local$/i.test(q.name))) return '';
  return ';; WARNING: .local is reserved for Multicast DNS\n;; You are currently testing what happens when an mDNS query is leaked to DNS\n';
}

/** RDATA of the answers alone. */
function shortText(r: Reply, show: Show): string {
  return r.msg.answers
    .map((a) => {
      const from = show.identify ? ` from server ${r.server.shown} in ${Math.floor(r.elapsed / 1000)} ms.` : '';
      return `${describeRdata(a.type, a.data)}${from}\n`;
    })
    .join('');
}

export function* printReply(p: Process, r: Reply, show: Show): Task<void> {
  const { msg, lookup } = r;
  if (lookup.cmdline !== '') {
    if (!show.short && show.cmd) yield* p.out(lookup.cmdline);
    lookup.cmdline = '';
  }
  if (lookup.type === DNS_TYPES.AXFR || lookup.type === DNS_TYPES.IXFR) {
    yield* p.out(transferText(r, show));
    return;
  }
  if (show.short) {
    yield* p.out(shortText(r, show));
    return;
  }
  let out = '';
  if (show.comments) {
    out += ';; Got answer:\n';
    out += leakWarning(msg) + headerLines(msg);
    if (lookup.recurse && (msg.flags & DNS_RD) !== 0 && (msg.flags & DNS_RA) === 0)
      out += ';; WARNING: recursion requested but not available\n';
    out += '\n';
  }
  out += messageText(msg, show, lookup.cookie ? r.clientCookie : null);
  yield* p.out(out);
  yield* p.out(footer(p, r, show));
}

/** A zone's records, which begin and end with its SOA when they are all there. */
export function transferText(r: Reply, show: Show): string {
  const { answers, authority } = r.msg;
  const shown = show.answer ? [...answers, ...authority].map((x) => recordLine(x, show)).join('') : '';
  const whole = answers.length > 1 && [answers[0], answers.at(-1)].every((x) => x?.type === DNS_TYPES.SOA);
  return whole ? `${shown}` : `${shown}; Transfer failed.\n`;
}

function footer(p: Process, r: Reply, show: Show): string {
  const server = `${formatIp(r.server.addr)}#${r.lookup.port}(${r.server.shown})`;
  if (show.stats) {
    const took = show.micros ? `${r.elapsed} usec` : `${Math.floor(r.elapsed / 1000)} msec`;
    const when = strftime('%a %b %d %H:%M:%S %Z %Y', p.sim.epochMs / 1000 + p.sim.now / 1e6);
    return (
      `;; Query time: ${took}\n;; SERVER: ${server} (${r.tcp ? 'TCP' : 'UDP'})\n` + `;; WHEN: ${when}\n;; MSG SIZE  rcvd: ${r.size}\n\n`
    );
  }
  return show.identify ? `;; Received ${r.size} bytes from ${server} in ${Math.floor(r.elapsed / 1000)} ms\n\n` : '';
}
