/** iptables-translate: a rule in nft's words. Models iptables/xtables-translate.c */

import { xt } from '../../os/uapi.ts';
import type { Env } from './env.ts';
import type { Parsed } from './options.ts';
import { specText } from './print.ts';

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

export function translate(env: Env, p: Parsed): Translation {
  const where = `${env.family === 4 ? 'ip' : 'ip6'} ${p.table}`;
  const done = (out: string): Translation => ({ out: `nft ${out}\n`, err: '', status: 0 });
  switch (p.command) {
    case 'A':
    case 'I': {
      const sources = p.sources.length > 0 ? p.sources : [null];
      const destinations = p.destinations.length > 0 ? p.destinations : [null];
      let out = '';
      for (const src of sources) {
        for (const dst of destinations) {
          const spec = { ...p.rule, src, dst };
          const text = ruleText(spec, env.family);
          const verb = p.command === 'A' ? 'add' : 'insert';
          out +=
            text === null
              ? `nft # -${p.command} ${p.chain}${specText(spec, env.family)}\n`
              : `nft '${verb} rule ${where} ${p.chain} ${text}'\n`;
        }
      }
      return { out, err: '', status: 0 };
    }
    case 'N':
      return done(`add chain ${where} ${p.chain}`);
    case 'X':
      return done(`delete chain ${where} ${p.chain ?? ''}`.trimEnd());
    case 'E':
      return done(`rename chain ${where} ${p.chain} ${p.newname}`);
    case 'F':
      return done(p.chain === null ? `flush table ${where}` : `flush chain ${where} ${p.chain}`);
    case 'L':
      return done(p.chain === null ? `list table ${where}` : `list chain ${where} ${p.chain}`);
    default:
      return { out: 'nft ', err: 'Translation not implemented\n', status: 1 };
  }
}
