/** Scenario files (*.scn): the text to namespaces, sysctls and steps. The format is described in docs of the recorder. */

import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export interface Step {
  op: 'run' | 'start' | 'stop' | 'wait' | 'sleep';
  ns?: string;
  name?: string;
  command: string;
  flags?: string[];
  /** Seconds, for sleep. */
  seconds?: number;
  /** For stop. */
  signal?: string;
}

export interface Scenario {
  name: string;
  title: string;
  tags: string[];
  ipv6: boolean;
  sysctls: Record<string, string>;
  namespaces: string[];
  steps: Step[];
}

const PLAIN_CURL = /^(sudo )?(time )?curl\b/;
const HASHED =
  /^(sudo )?(conntrack\b.*(-L|-D|-U|--dump|--delete)|ss\b|netstat\b|ipset\b.*(list|save|-L)|ipvsadm -L\w*c|bridge\b.*fdb|arp\b|ip (-(4|6|s|j|p|d|o|br|stats) )*(n|nei|neigh|neighbor|neighbour)( |$)|cat \/proc\/net\/(nf_conntrack|arp))/;

/** @throws Error naming file and line. */
export function parseScenario(file: string): Scenario {
  const out: Scenario = {
    name: basename(file, '.scn'),
    title: '',
    tags: [],
    ipv6: true,
    sysctls: { 'net.ipv4.icmp_ratelimit': '0' },
    namespaces: [],
    steps: [],
  };
  const extra: string[] = [];
  read(file, {}, 0);
  for (const s of out.steps) {
    if (!s.flags) continue;
    const bare = s.command.replace(/'[^']*'|"[^"]*"/g, '');
    if (s.op === 'run' && PLAIN_CURL.test(s.command) && !/[|>`]|\$\(/.test(bare) && !s.flags.some((x) => x.startsWith('tty')))
      s.flags.push('tty');
    if (HASHED.test(s.command) && !s.flags.includes('ordered') && !s.flags.includes('unordered')) s.flags.push('unordered');
  }
  const made = new Set(out.steps.flatMap((s) => [...s.command.matchAll(/netns (?:add|a|attach) (\S+)/g)].map((m) => m[1])));
  for (const n of [...extra, ...out.steps.map((s) => s.ns)]) if (n && !made.has(n) && !out.namespaces.includes(n)) out.namespaces.push(n);
  const started = new Map<string, Step>();
  for (const s of out.steps) {
    if (s.op === 'start') started.set(s.name as string, s);
    if (s.op !== 'stop' && s.op !== 'wait') continue;
    const b = started.get(s.name as string);
    if (!b) throw new Error(`${file}: %${s.op} ${s.name}: not started`);
    s.ns = b.ns;
    s.command = b.command;
    s.flags = b.flags;
  }
  return out;

  function read(path: string, vars: Record<string, string>, depth: number): void {
    if (depth > 8) throw new Error(`${path}: includes nest deeper than 8`);
    const lines = readFileSync(path, 'utf8')
      .split('\n')
      .map((line, i) =>
        line.replace(/\{\{(\w+)\}\}/g, (all, key: string) => {
          const value = vars[key];
          if (value === undefined) throw new Error(`${path}:${i + 1}: no value for ${all}`);
          return value;
        }),
      );
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as string;
      const at = `${basename(path)}:${i + 1}`;
      if (!line.trim() || line.startsWith('#')) continue;
      if (line.startsWith('%')) {
        directive(line.slice(1).trim().split(/\s+/), at, path, depth);
        continue;
      }
      const m = /^@([\w.-]+)((?:\s+!\S+)*)\s+(?:&([\w-]+)\s+)?(.*)$/.exec(line);
      if (!m) throw new Error(`${at}: cannot parse: ${line}`);
      let command = m[4] as string;
      const here = /<<-?\s*['"]?(\w+)['"]?/.exec(command);
      if (here) {
        do command += `\n${lines[++i] ?? ''}`;
        while (i < lines.length && (lines[i] as string).trim() !== here[1]);
      }
      const flags = m[2]?.trim()
        ? m[2]
            .trim()
            .split(/\s+/)
            .map((x) => x.slice(1))
        : [];
      out.steps.push({ op: m[3] ? 'start' : 'run', ...(m[3] ? { name: m[3] } : {}), ns: m[1] as string, command, flags });
    }
  }

  function directive([word, ...rest]: string[], at: string, path: string, depth: number): void {
    if (word === 'title') out.title = rest.join(' ');
    else if (word === 'tags') out.tags.push(...rest);
    else if (word === 'ipv6') out.ipv6 = rest[0] !== 'off';
    else if (word === 'ns') extra.push(...rest);
    else if (word === 'sysctl') {
      const [key = '', value = ''] = rest.join(' ').split('=');
      out.sysctls[key.trim()] = value.trim();
    } else if (word === 'sleep') out.steps.push({ op: 'sleep', seconds: Number(rest[0]), command: '' });
    else if (word === 'stop') out.steps.push({ op: 'stop', name: rest[0] ?? '', signal: rest[1] ?? '', command: '' });
    else if (word === 'wait') out.steps.push({ op: 'wait', name: rest[0] ?? '', command: '' });
    else if (word === 'include') {
      const pairs = rest.slice(1).map((x) => [x.slice(0, x.indexOf('=')), x.slice(x.indexOf('=') + 1)] as const);
      read(join(dirname(path), rest[0] ?? ''), Object.fromEntries(pairs), depth + 1);
    } else throw new Error(`${at}: unknown directive %${word}`);
  }
}
