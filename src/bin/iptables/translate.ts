/** iptables-translate: a rule in nft's words. Models iptables/xtables-translate.c */

import { xt } from '../../os/uapi.ts';
import { type Env, problemText } from './env.ts';
import { CommandParser } from './options.ts';
import { specText } from './print.ts';
import { splitLine } from './restore.ts';
import type { Parsed } from './state.ts';

interface Translation {
  out: string;
  err: string;
  status: number;
}

function address(m: xt.AddrMatch | null, word: string): string[] {
  if (!m || (!m.invert && (m.mask === 0 || m.mask === 0n))) return [];
  return [`${word} ${m.invert ? '!= ' : ''}${xt.addressMask(m.addr, m.mask, false)}`];
}

function iface(i: xt.IfaceMatch | null, word: string): string[] {
  if (!i) return [];
  return [`${word} ${i.invert ? '!= ' : ''}"${i.name.endsWith('+') ? `${i.name.slice(0, -1)}*` : i.name}"`];
}

/** null when an extension has no translation. */
function ruleText(spec: xt.RuleSpec, family: 4 | 6): string | null {
  const ip = family === 4 ? 'ip' : 'ip6';
  const parts = [...iface(spec.in, 'iifname'), ...iface(spec.out, 'oifname')];
  if (spec.frag) parts.push(`ip frag-off & 0x1fff ${spec.frag.invert ? '' : '!'}= 0`);
  const proto = xt.protocolName(spec.proto) ?? String(spec.proto);
  if (spec.proto !== 0 && !spec.matches.some((m) => m.ext.name === proto))
    parts.push(`${family === 4 ? 'ip protocol' : 'meta l4proto'} ${spec.protoInvert ? '!= ' : ''}${proto}`);
  parts.push(...address(spec.src, `${ip} saddr`), ...address(spec.dst, `${ip} daddr`));
  let comment = '';
  for (const m of spec.matches) {
    if (m.ext.name === 'comment') {
      comment = ` comment "${(m.opt as { text: string }).text}"`;
      continue;
    }
    const text = m.ext.nft?.(m.opt, family) ?? null;
    if (text === null) return null;
    if (text !== '') parts.push(text);
  }
  parts.push('counter');
  const t = spec.target;
  if (t.kind === 'verdict') parts.push(t.verdict.toLowerCase());
  else if (t.kind === 'jump') parts.push(`${t.goto ? 'goto' : 'jump'} ${t.chain}`);
  else if (t.kind === 'ext') {
    const text = t.ext.nft?.(t.opt, family) ?? null;
    if (text === null) return null;
    parts.push(text);
  }
  return parts.join(' ') + comment;
}

/** Commands for nft; null in place of a rule that has none. Null for what is not translated at all. */
function commands(env: Env, p: Parsed): { text: string | null; spec: xt.RuleSpec | null }[] | null {
  const where = `${env.family === 4 ? 'ip' : 'ip6'} ${p.table}`;
  const plain = (text: string) => [{ text, spec: null }];
  switch (p.command) {
    case 'A':
    case 'I': {
      const sources = p.sources.length > 0 ? p.sources : [null];
      const destinations = p.destinations.length > 0 ? p.destinations : [null];
      return sources.flatMap((src) =>
        destinations.map((dst) => {
          const spec = { ...p.rule, src, dst };
          const text = ruleText(spec, env.family);
          return { text: text === null ? null : `${p.command === 'A' ? 'add' : 'insert'} rule ${where} ${p.chain} ${text}`, spec };
        }),
      );
    }
    case 'N':
      return plain(`add chain ${where} ${p.chain}`);
    case 'X':
      return plain(`delete chain ${where} ${p.chain ?? ''}`.trimEnd());
    case 'E':
      return plain(`rename chain ${where} ${p.chain} ${p.newname}`);
    case 'F':
      return plain(p.chain === null ? `flush table ${where}` : `flush chain ${where} ${p.chain}`);
    case 'L':
      return plain(p.chain === null ? `list table ${where}` : `list chain ${where} ${p.chain}`);
    default:
      return null;
  }
}

export function translate(env: Env, p: Parsed): Translation {
  const list = commands(env, p);
  if (!list) return { out: 'nft ', err: 'Translation not implemented\n', status: 1 };
  let out = '';
  for (const { text, spec } of list) {
    if (text === null) out += `nft # -${p.command} ${p.chain}${spec ? specText(spec, env.family) : ''}\n`;
    else out += spec ? `nft '${text}'\n` : `nft ${text}\n`;
  }
  return { out, err: '', status: 0 };
}

function baseChain(family: string, table: xt.TableName, hook: string, policy: string): string {
  const place = xt.TABLES[table].find(([h]) => h === hook);
  if (!place) return `add chain ${family} ${table} ${hook}\n`;
  const type = table === 'nat' ? 'nat' : table === 'mangle' && hook === 'OUTPUT' ? 'route' : 'filter';
  // The table `security` is translated as filter is.
  const priority = table === 'security' ? 0 : place[1];
  const what = `type ${type} hook ${hook.toLowerCase()} priority ${priority}; policy ${policy.toLowerCase()};`;
  return `add chain ${family} ${table} ${hook} { ${what} }\n`;
}

/** iptables-restore-translate: a saved table as commands for nft. `env.prog` is the name that its errors have. */
export function translateRestore(env: Env, name: string, input: string): Translation {
  const family = env.family === 4 ? 'ip' : 'ip6';
  let out = `# Translated by ${name} v1.8.9 on ${env.date}\n`;
  let err = '';
  let table: xt.TableName | null = null;
  let parser: CommandParser | null = null;
  let line = 0;
  const warn = (text: string): void => {
    err += text;
  };
  const failed = (why: string): Translation => ({ out, err: `${err}${env.prog}: line ${line} failed${why}\n`, status: 1 });
  const lines = input.split('\n');
  if (lines[lines.length - 1] === '') lines.pop();
  try {
    for (const row of lines) {
      line++;
      if (row === '' || row.startsWith('#')) continue;
      if (table === null) {
        const word = row.slice(1).split(/[ \t]/)[0] ?? '';
        if (!row.startsWith('*') || !xt.isTableName(word)) return failed('');
        table = word;
        parser = new CommandParser(env, warn, warn, table);
        out += `add table ${family} ${table}\n`;
      } else if (row.trimEnd() === 'COMMIT') table = null;
      else if (row.startsWith(':')) {
        const [chain, policy] = row.slice(1).trim().split(/\s+/);
        if (!policy) throw new xt.Problem(`${env.prog}: line ${line} policy invalid`);
        out += policy === '-' ? `add chain ${family} ${table} ${chain}\n` : baseChain(family, table, chain ?? '', policy);
      } else if (parser) {
        const words = splitLine(row.replace(/^\[[^\]]*\]/, ''));
        const list = commands(env, parser.parse(words));
        if (!list) return failed('');
        for (const { text } of list) out += text === null ? `# -t ${table} ${words.join(' ')} \n` : `${text}\n`;
      }
    }
  } catch (e) {
    if (e instanceof xt.Problem) return { out, err: err + problemText(env, e, line), status: e.status };
    throw e;
  }
  return { out: `${out}# Completed on ${env.date}\n`, err, status: 0 };
}
