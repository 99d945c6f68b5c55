/** Wrong words: what a tired operator mistypes in a command, a rule or a manifest. */

import { formatIp, parseIp } from '../../wire/addr.ts';
import type { Line, Span, Token } from './shape.ts';

/** What there is in the world, each list sorted: a wrong name is one that exists. */
export interface Names {
  readonly hosts: readonly string[];
  readonly devices: readonly string[];
  readonly namespaces: readonly string[];
  /** IPv4, as text. */
  readonly addresses: readonly string[];
  /** Names of API objects of the default namespace, a list for each kind. */
  readonly objects: readonly (readonly string[])[];
}

export type Operator =
  | 'drop'
  | 'duplicate'
  | 'swap'
  | 'forget-host'
  | 'wrong-answer'
  | 'address'
  | 'prefix'
  | 'mac'
  | 'port'
  | 'number'
  | 'device'
  | 'namespace'
  | 'host'
  | 'label'
  | 'object'
  | 'word'
  | 'over-broad';

export interface Edit extends Span {
  readonly text: string;
}

export interface Wrong {
  readonly operator: Operator;
  readonly edits: readonly Edit[];
}

const ADDRESS = /(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?:\/(\d{1,2}))?(?![\d.])/g;
const MAC = /(?<![\da-f:])((?:[\da-f]{2}:){5})([\da-f]{2})(?![\da-f:])/gi;
const PORT_WORDS =
  /^(--?(dports?|sports?|to-ports?|port|target-port|node-port|from-port|p)|dport|sport|dstport|port|(target|node|container|host)?port:)$/i;
const FLIPS: Readonly<Record<string, string>> = {
  up: 'down',
  down: 'up',
  on: 'off',
  off: 'on',
  tcp: 'udp',
  udp: 'tcp',
  TCP: 'UDP',
  UDP: 'TCP',
  true: 'false',
  false: 'true',
  ACCEPT: 'DROP',
  DROP: 'ACCEPT',
  RETURN: 'ACCEPT',
  MASQUERADE: 'ACCEPT',
  accept: 'drop',
  drop: 'accept',
  masquerade: 'accept',
  Local: 'Cluster',
  Cluster: 'Local',
  PREROUTING: 'OUTPUT',
  OUTPUT: 'PREROUTING',
};
/** Numbers after these only say how long or how often one looks. */
const PATIENCE = /^(sleep|timeout|-c\d*|-w|-W|-m|-i|-n|--max-time|--connect-timeout|--timeout|-A|-B)$/;
const RULE_COMMANDS = /^(ip6?tables(-nft|-legacy|-restore|-nft-restore)?|nft)$/;
/** Matches of a rule, each of which narrows it. */
const IPTABLES_MATCH =
  /(?:! )?(?:-s|-d|--source|--destination|-i|-o|--src-type|--dst-type|--ctstate|--state|--mark|--icmp-type|--dports?|--sports?|--match-set|--physdev-in|--physdev-out)(?= ) (?:! )?[^\s'"]+/g;
const IPTABLES_PROTOCOL =
  /(?:! )?(?:-p|--protocol) \S+(?: -m (?:tcp|udp|icmp|multiport)\b)?(?: --(?:dports?|sports?|icmp-type|syn)(?: [\w:,-]+)?)*/g;
const NFT_MATCH =
  /\b(?:(?:ip6?|ether) (?:saddr|daddr|protocol)|(?:meta )?(?:iifname|oifname|iif|oif|l4proto|mark)|(?:tcp|udp|th) (?:sport|dport)|icmp type|ct state|fib \w+ type) (?:[!=]= )?(?:\{[^}]*\}|[^\s'"]+)/g;

const next = (list: readonly string[], now: string): string | null => {
  if (list.length < 2) return null;
  return list[(list.indexOf(now) + 1) % list.length] as string;
};

const isAddress = (text: string): boolean => typeof parseIp(text) === 'number';

function addresses(line: Line, names: Names): Wrong[] {
  const out: Wrong[] = [];
  const rules = isRule(line) || /cidr/i.test(line.text);
  for (const m of line.text.matchAll(ADDRESS)) {
    const [whole, ip = '', bits] = m;
    if (!isAddress(ip)) continue;
    const pos = line.pos + m.index;
    const at = { pos, end: pos + ip.length };
    const value = parseIp(ip) as number;
    const last = value & 0xff;
    // A network's address is off by one network, not by one host.
    const step = bits !== undefined && Number(bits) < 32 && last === 0 ? 2 ** (32 - Number(bits)) : last >= 254 ? -1 : 1;
    out.push({ operator: 'address', edits: [{ ...at, text: formatIp(value + step) }] });
    const other = names.addresses.includes(ip) ? next(names.addresses, ip) : null;
    if (other !== null) out.push({ operator: 'address', edits: [{ ...at, text: other }] });
    if (bits === undefined) continue;
    const length = { pos: at.end, end: pos + whole.length };
    out.push({ operator: 'prefix', edits: [{ ...length, text: Number(bits) >= 24 ? '/16' : '/24' }] });
    if (rules && bits !== '0') out.push({ operator: 'over-broad', edits: [{ pos, end: length.end, text: '0.0.0.0/0' }] });
  }
  for (const m of line.text.matchAll(MAC)) {
    const pos = line.pos + m.index + (m[1] as string).length;
    const byte = (Number.parseInt(m[2] as string, 16) + 1) & 0xff;
    out.push({ operator: 'mac', edits: [{ pos, end: pos + 2, text: byte.toString(16).padStart(2, '0') }] });
  }
  return out;
}

function isRule(line: Line): boolean {
  return RULE_COMMANDS.test(line.command) || /(^|\s)-[AIR] [A-Z]|\b(saddr|daddr|oifname|iifname)\b/.test(line.text);
}

/** Wrong values for a number, by what it stands for. */
function wrongNumbers(n: number, before: string): number[] {
  if (n === 0 || n === 1) return [1 - n];
  if (/mtu/i.test(before) || (n >= 1280 && n <= 1600)) return [n + 50, n - 100];
  return [n + 1];
}

function numbers(line: Line): Wrong[] {
  const out: Wrong[] = [];
  line.tokens.forEach((token, i) => {
    const before = line.tokens[i - 1]?.text ?? '';
    // 1450, key=1450, address:80, 8080:80, the new text of sed's s/…/1450/
    const m = /^(s\/.*\/|.*[=:])?(\d{1,9})(?:\/g?)?$/.exec(token.text);
    if (
      !m ||
      (m[1] === undefined && PATIENCE.test(before)) ||
      (line.command === 'sleep' && !line.document) ||
      (m[1] === undefined && i === 0)
    )
      return;
    if (line.text[token.pos - line.pos - 1] === '<' || line.text[token.end - line.pos] === '>') return;
    const [, head = '', digits = ''] = m;
    const pos = token.pos + head.length;
    const key = `${before} ${head}`;
    const port = PORT_WORDS.test(before) || /port[=:]$/i.test(head) || /^(.*[\d.a-z]):$/i.test(head);
    for (const wrong of wrongNumbers(Number(digits), key))
      out.push({
        operator: port ? 'port' : 'number',
        edits: [{ pos, end: pos + digits.length, text: String(wrong) }],
      });
  });
  return out;
}

/** `app=web`, `app: web`, `"app":"web"`. */
function labels(line: Line): Wrong[] {
  const out: Wrong[] = [];
  const add = (pos: number, value: string): void => {
    out.push({ operator: 'label', edits: [{ pos, end: pos + value.length, text: `${value}x` }] });
  };
  const each = (pattern: RegExp): void => {
    for (const m of line.text.matchAll(pattern)) {
      const [whole, key = '', value = ''] = m;
      // What a container is called matters to nobody but itself.
      if (/kind|apiVersion/.test(key) || value in FLIPS || /^\s*- name: *\S+$/.test(line.text)) continue;
      add(line.pos + m.index + whole.lastIndexOf(value), value);
    }
  };
  if (line.document) each(/([\w./-]+):[ ]+["']?([A-Za-z][\w./-]*)/g);
  else if (/^(kubectl|k)$/.test(line.command)) each(/(?<![\w-])(?!-)([A-Za-z][\w./-]*)(?:=|==|!=)([A-Za-z][\w.-]*)/g);
  if (line.document || /^(kubectl|k)$/.test(line.command)) each(/["']([\w./-]+)["']\s*:\s*["']([A-Za-z][\w./-]*)(?=["'])/g);
  return out;
}

/** One of several labels left out: `app=web,tier=be`. */
function fewer(line: Line): Wrong[] {
  const out: Wrong[] = [];
  for (const m of line.text.matchAll(/(?<![\w./-])[\w./-]+=[\w.-]+(?:,[\w./-]+=[\w.-]+)+/g)) {
    const parts = m[0].split(',');
    const pos = line.pos + m.index;
    parts.forEach((_, i) => {
      const text = parts.filter((_p, j) => j !== i).join(',');
      out.push({ operator: 'over-broad', edits: [{ pos, end: pos + m[0].length, text }] });
    });
  }
  return out;
}

/** A match of a rule left out, a negation lost. */
function broad(line: Line): Wrong[] {
  if (!isRule(line)) return [];
  const out: Wrong[] = [];
  const cut = (pos: number, text: string): void => {
    const space = line.text[pos - line.pos + text.length] === ' ' ? 1 : 0;
    out.push({ operator: 'over-broad', edits: [{ pos, end: pos + text.length + space, text: '' }] });
  };
  for (const pattern of [IPTABLES_MATCH, IPTABLES_PROTOCOL, NFT_MATCH])
    for (const m of line.text.matchAll(pattern)) {
      cut(line.pos + m.index, m[0]);
      const not = m[0].search(/! |!= /);
      if (not >= 0) cut(line.pos + m.index + not, m[0].slice(not, not + (m[0][not + 1] === '=' ? 2 : 1)));
    }
  return out;
}

function name(token: Token, names: Names): Wrong[] {
  const out: Wrong[] = [];
  const swap = (operator: Operator, list: readonly string[], text: string, pos: number): void => {
    const other = list.includes(text) ? next(list, text) : null;
    if (other !== null) out.push({ operator, edits: [{ pos, end: pos + text.length, text: other }] });
  };
  const path = /^(.*\/|[a-z]+[=:])?([^/=:]+)$/.exec(token.text);
  const text = path?.[2] ?? token.text;
  const pos = token.end - text.length;
  swap('device', names.devices, text, pos);
  swap('namespace', names.namespaces, text, pos);
  swap('host', names.hosts, text, pos);
  for (const list of names.objects) swap('object', list, text, pos);
  const flip = FLIPS[token.text];
  if (flip !== undefined) out.push({ operator: 'word', edits: [{ pos: token.pos, end: token.end, text: flip }] });
  return out;
}

/** All that can go wrong in one command or one line of a document. */
export function wrongWords(line: Line, names: Names): Wrong[] {
  return [
    ...addresses(line, names),
    ...numbers(line),
    ...line.tokens.flatMap((t, i) => (i === 0 && !line.document ? [] : name(t, names))),
    ...labels(line),
    ...fewer(line),
    ...broad(line),
  ];
}
