/** Objects of ip that have nothing to show here, or whose kernel modules are not there: their verbs, help and errors. */

import type { Ctx, Outcome, Verb } from './ctx.ts';
import { Exit, invarg, matches } from './lib/args.ts';
import { RULE_USAGE } from './usage.ts';
import {
  FOU_USAGE,
  ILA_USAGE,
  IOAM_USAGE,
  L2TP_USAGE,
  MACSEC_USAGE,
  MPTCP_USAGE,
  MROUTE_USAGE,
  SR_USAGE,
  TCP_METRICS_USAGE,
  XFRM_MONITOR_USAGE,
  XFRM_POLICY_USAGE,
  XFRM_STATE_USAGE,
  XFRM_USAGE,
} from './usagemore.ts';

type Run = (ctx: Ctx, words: readonly string[]) => Outcome;
type Verbs = readonly (readonly [string, Run])[];

function usage(text: string): Run {
  return () => {
    throw new Exit(255, text);
  };
}

/** An empty list: nothing in text, `[]` in JSON. */
function empty(ctx: Ctx): number {
  ctx.newJson();
  ctx.deleteJson();
  return 0;
}

function quiet(): number {
  return 0;
}

function says(text: string): Run {
  return (ctx) => {
    ctx.pr.out += text;
    return 0;
  };
}

function notEmulated(what: string): Run {
  return (ctx) => {
    ctx.complain(`ip ${what}: not emulated\n`);
    return 1;
  };
}

function object(name: string, none: Run, verbs: Verbs, unknown: (verb: string) => Outcome = unknownVerb(name)): Verb {
  return {
    name,
    run(ctx, words) {
      const verb = words[0];
      if (verb === undefined) return none(ctx, []);
      const found = verbs.find(([v]) => matches(verb, v));
      return found ? found[1](ctx, words.slice(1)) : unknown(verb);
    },
  };
}

function unknownVerb(name: string): (verb: string) => never {
  return (verb) => {
    throw new Exit(255, `Command "${verb}" is unknown, try "ip ${name} help".\n`);
  };
}

/** Generic netlink families whose modules are not there. */
function absent(name: string, text: string): Verb {
  return {
    name,
    run(ctx, words) {
      if (words.length === 0 || matches(words[0] as string, 'help')) throw new Exit(255, text);
      ctx.complain('RTNETLINK answers: No such file or directory\nError talking to the kernel\n');
      return 1;
    },
  };
}

const XFRM_STATE = object(
  'xfrm state',
  quiet,
  [
    ['add', notEmulated('xfrm state add')],
    ['update', notEmulated('xfrm state update')],
    ['allocspi', notEmulated('xfrm state allocspi')],
    ['delete', notEmulated('xfrm state delete')],
    ['list', quiet],
    ['show', quiet],
    ['get', notEmulated('xfrm state get')],
    ['flush', quiet],
    ['count', (ctx) => says(`\t SAD count 0${ctx.stats ? ' (buckets count 8 Max 1048576)' : ''}\n`)(ctx, [])],
    ['help', usage(XFRM_STATE_USAGE)],
  ],
  unknownVerb('xfrm state'),
);

const XFRM_POLICY = object(
  'xfrm policy',
  quiet,
  [
    ['add', notEmulated('xfrm policy add')],
    ['update', notEmulated('xfrm policy update')],
    ['delete', notEmulated('xfrm policy delete')],
    ['list', quiet],
    ['show', quiet],
    ['get', notEmulated('xfrm policy get')],
    ['flush', quiet],
    ['count', (ctx) => says(`\t SPD IN  0 OUT 0 FWD 0${ctx.stats ? ' (Sock: IN 0 OUT 0 FWD 0)' : ''}\n`)(ctx, [])],
    ['set', notEmulated('xfrm policy set')],
    ['setdefault', notEmulated('xfrm policy setdefault')],
    ['getdefault', says('Default policies:\n in:  accept\n fwd: accept\n out: accept\n')],
    ['help', usage(XFRM_POLICY_USAGE)],
  ],
  unknownVerb('xfrm policy'),
);

export const xfrmObject = object(
  'xfrm',
  usage(XFRM_USAGE),
  [
    ['state', (ctx, w) => XFRM_STATE.run(ctx, w)],
    ['policy', (ctx, w) => XFRM_POLICY.run(ctx, w)],
    ['monitor', (_ctx, w) => (matches(w[0] ?? '', 'help') ? usage(XFRM_MONITOR_USAGE) : notEmulated('xfrm monitor'))(_ctx, w)],
    ['help', usage(XFRM_USAGE)],
  ],
  () => {
    throw new Exit(255, XFRM_USAGE);
  },
);

/** Multicast routes: none, and no other tables than the default one. */
function mroutes(ctx: Ctx, words: readonly string[]): number {
  const at = words.findIndex((w) => matches(w, 'table'));
  const table = at < 0 ? undefined : words[at + 1];
  if (table !== undefined && !['all', 'default', '253'].includes(table)) {
    ctx.complain(`Error: ipv${ctx.family === 6 ? 6 : 4}: MR table does not exist.\nDump terminated\n`);
    return 1;
  }
  return empty(ctx);
}

export const mrouteObject = object('mroute', mroutes, [
  ['add', notEmulated('mroute add')],
  ['delete', notEmulated('mroute delete')],
  ['get', notEmulated('mroute get')],
  ['list', mroutes],
  ['show', mroutes],
  ['lst', mroutes],
  ['help', usage(MROUTE_USAGE)],
]);

/** The one rule that multicast routing starts with. */
function mrules(ctx: Ctx): number {
  const table = ctx.family === 6 ? 'main' : 'default';
  ctx.newJson();
  ctx.pr.openObject();
  ctx.pr.any('priority', 32767, '32767:\t');
  ctx.pr.any('src', 'all', 'from all');
  ctx.pr.any('table', table, ` lookup ${table}`);
  if (ctx.details) ctx.pr.any('protocol', 'kernel', ' proto kernel');
  ctx.pr.fp('\n');
  ctx.pr.closeObject();
  ctx.deleteJson();
  return 0;
}

export const mruleObject = object(
  'mrule',
  mrules,
  [
    ['list', mrules],
    ['lst', mrules],
    ['show', mrules],
    ['add', notEmulated('mrule add')],
    ['delete', notEmulated('mrule delete')],
    ['flush', notEmulated('mrule flush')],
    ['help', usage(RULE_USAGE)],
  ],
  unknownVerb('rule'),
);

/** No metrics are kept of closed connections (as with tcp_no_metrics_save). */
function metric(ctx: Ctx, words: readonly string[]): number {
  const word = words[0] === 'address' ? words[1] : words[0];
  if (word === undefined || word === 'all' || word === 'any' || word.includes('/')) return empty(ctx);
  return ctx.talk({ ok: false, errno: 'ESRCH' });
}

function tcpMetrics(name: string): Verb {
  return object(
    name,
    empty,
    [
      ['show', metric],
      ['list', metric],
      ['lst', metric],
      ['delete', (ctx, w) => (w.length === 0 ? unknownVerb('tcp_metrics')('') : metric(ctx, w))],
      ['flush', quiet],
      ['help', usage(TCP_METRICS_USAGE)],
    ],
    unknownVerb('tcp_metrics'),
  );
}

export const tcpMetricsObjects: readonly Verb[] = [tcpMetrics('tcpmetrics'), tcpMetrics('tcp_metrics')];

function wrong(text: string): (verb: string) => never {
  return (verb) => invarg(text, verb);
}

export const srObject = object(
  'sr',
  usage(SR_USAGE),
  [
    ['help', usage(SR_USAGE)],
    ['hmac', (ctx, w) => (matches(w[0] ?? '', 'show') ? quiet() : notEmulated('sr hmac')(ctx, w))],
    ['tunsrc', (ctx, w) => (matches(w[0] ?? '', 'show') ? says('tunsrc addr ::\n') : notEmulated('sr tunsrc'))(ctx, w)],
  ],
  wrong('unknown'),
);

function shows(what: string): Run {
  return (ctx, w) => (matches(w[0] ?? 'show', 'show') ? empty(ctx) : notEmulated(what)(ctx, w));
}

export const ioamObject = object(
  'ioam',
  usage(IOAM_USAGE),
  [
    ['help', usage(IOAM_USAGE)],
    ['namespace', shows('ioam namespace')],
    ['schema', shows('ioam schema')],
  ],
  wrong('Unknown'),
);

/** Linux's defaults: nothing accepted, two subflows. */
function limits(ctx: Ctx, words: readonly string[]): Outcome {
  if (!matches(words[0] ?? 'show', 'show')) return notEmulated('mptcp limits')(ctx, words);
  ctx.newJson();
  ctx.pr.openObject();
  ctx.pr.any('add_addr_accepted', 0, 'add_addr_accepted 0 ');
  ctx.pr.any('subflows', 2, 'subflows 2 ');
  ctx.pr.fp('\n');
  ctx.pr.closeObject();
  ctx.deleteJson();
  return 0;
}

export const mptcpObject = object('mptcp', usage(MPTCP_USAGE), [
  ['help', usage(MPTCP_USAGE)],
  ['endpoint', shows('mptcp endpoint')],
  ['limits', limits],
  ['monitor', notEmulated('mptcp monitor')],
]);

export const l2tpObject = absent('l2tp', L2TP_USAGE);
export const fouObject = absent('fou', FOU_USAGE);
export const ilaObject = absent('ila', ILA_USAGE);
export const macsecObject = absent('macsec', MACSEC_USAGE);
