/** What a command line has said so far, and what it comes to. Models struct iptables_command_state and xt_cmd_parse of iptables/xshared.h */

import { xt } from '../../os/uapi.ts';
import type { Env } from './env.ts';
import { type CommandKey, MAX_CHAIN } from './globals.ts';

export interface Parsed {
  command: CommandKey;
  chain: string | null;
  rulenum: number;
  byNumber: boolean;
  newname: string;
  policy: string;
  table: string;
  options: Set<string>;
  rule: xt.RuleSpec;
  sources: readonly xt.AddrMatch[];
  destinations: readonly xt.AddrMatch[];
}

export interface Loaded {
  ext: xt.Ext;
  opt: unknown;
  readonly given: Set<string>;
}

export interface State {
  command: CommandKey | null;
  chain: string | null;
  rulenum: number;
  byNumber: boolean;
  newname: string;
  policy: string;
  table: string;
  options: Set<string>;
  rule: xt.RuleSpec;
  src: string | null;
  dst: string | null;
  srcInvert: boolean;
  dstInvert: boolean;
  jump: string;
  loaded: Loaded[];
  target: Loaded | null;
  goto: boolean;
  protoMatch: boolean;
}

export const bad = (text: string): never => {
  throw new xt.Problem(text);
};

export function ruleNumber(text: string): number {
  const n = xt.parseNumber(text, 1, 0x7fffffff);
  if (n === null) throw new xt.Problem(`Invalid rule number \`${text}'`);
  return n;
}

export function checkNewName(env: Env, name: string): void {
  if (name.length >= MAX_CHAIN) bad(`chain name \`${name}' too long (must be under ${MAX_CHAIN} chars)`);
  if (name.startsWith('-') || name.startsWith('!')) bad(`chain name not allowed to start with \`${name[0]}'`);
  if (name === '' || ['ACCEPT', 'DROP', 'RETURN', 'QUEUE'].includes(name) || xt.findTarget(name, env.family))
    bad('chain name may not clash with target name');
  if (/\s/.test(name)) bad(`Invalid chain name \`${name}'`);
}

export function newState(table: string): State {
  return {
    command: null,
    chain: null,
    rulenum: 0,
    byNumber: false,
    newname: '',
    policy: '',
    table,
    options: new Set(),
    rule: xt.emptyRule(),
    src: null,
    dst: null,
    srcInvert: false,
    dstInvert: false,
    jump: '',
    loaded: [],
    target: null,
    goto: false,
    protoMatch: false,
  };
}
