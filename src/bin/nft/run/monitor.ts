/** nft monitor and --echo: changes as they are committed, and traced packets. Models nftables/src/monitor.c and netlink.c (trace) */

import type { Process } from '../../../os/process.ts';
import type { Task } from '../../../os/program.ts';
import type { xt } from '../../../os/uapi.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { elemsText, type Format } from '../print/expr.ts';
import { chainJson, elementJson, type Json, jsonText, objectJson, ruleJson, setJson, tableHeadJson } from '../print/json.ts';
import { baseText, handleText, keyTypeText, objectBodyText, shownElem } from '../print/list.ts';
import { ruleText } from '../print/rule.ts';
import { chainView, tableView } from '../print/view.ts';
import type { Monitored } from './executor.ts';
import { traceText } from './trace.ts';

const where = (c: xt.NftChange): string => `${c.table.family} ${c.table.name}`;

function setBody(set: xt.NftSet, f: Format): string {
  const { spec } = set;
  let s = `${keyTypeText(set, f)};`;
  if (spec.policy === 'memory') s += ' policy memory;';
  if (spec.size !== null) s += ` size ${spec.size};`;
  if (spec.flags.length > 0) s += ` flags ${spec.flags.join(',')};`;
  if (spec.autoMerge) s += ' auto-merge;';
  if (spec.timeout !== null) s += ` timeout ${Math.floor(spec.timeout / 1000)}s;`;
  if (spec.comment !== null) s += ` comment "${spec.comment}";`;
  return s;
}

/** One change as a command; null for what a listing never tells. */
function changeText(c: xt.NftChange, f: Format): string | null {
  switch (c.what) {
    case 'table':
      return `${c.verb} table ${where(c)}${c.verb === 'add' ? handleText(f, c.table.handle) : ''}`;
    case 'chain': {
      const chain = c.chain as xt.NftChain;
      if (c.verb === 'delete') return `delete chain ${where(c)} ${chain.name}`;
      const base = chain.base ? ` { ${baseText(chainView(c.table, chain), c.table.family, f)} }` : '';
      return `add chain ${where(c)} ${chain.name}${base}${handleText(f, chain.handle)}`;
    }
    case 'rule': {
      const rule = c.rule as xt.NftRule;
      const chain = (c.chain as xt.NftChain).name;
      if (c.verb === 'delete') return `delete rule ${where(c)} ${chain} handle ${rule.handle}`;
      const position = c.position === undefined ? '' : ` handle ${c.position}`;
      return `${c.verb} rule ${where(c)} ${chain}${position} ${ruleText(rule.stmts, rule.comment, c.table.family, f)}${handleText(f, rule.handle)}`;
    }
    case 'set': {
      if (c.anonymous) return `delete set ${where(c)} ${c.anonymous.name}`;
      const set = c.set as xt.NftSet;
      if (c.verb === 'delete') return `delete set ${where(c)} ${set.name}`;
      return `add ${set.spec.kind} ${where(c)} ${set.name} { ${setBody(set, f)} }${handleText(f, set.handle) || ' '}`;
    }
    case 'element': {
      const set = c.set as xt.NftSet;
      return `${c.verb} element ${where(c)} ${set.name} { ${elemsText([shownElem(c.elem as xt.SetElem, f)], f).join('')} }`;
    }
    default: {
      const o = c.object as xt.NftObject;
      if (c.verb === 'delete') return `delete ${o.spec.kind} ${where(c)} ${o.name}`;
      return `add ${o.spec.kind} ${where(c)} ${o.name} { ${objectBodyText(o, f)} }${handleText(f, o.handle) || ' '}`;
    }
  }
}

function changeJson(c: xt.NftChange, f: Format): Json {
  const t = tableView(c.table);
  const body = (): Json => {
    switch (c.what) {
      case 'table':
        return tableHeadJson(t);
      case 'chain': {
        const chain = c.chain as xt.NftChain;
        if (c.verb === 'delete') return { chain: { family: t.family, table: t.name, name: chain.name, handle: chain.handle } };
        return chainJson(t, chainView(c.table, chain));
      }
      case 'rule': {
        const rule = c.rule as xt.NftRule;
        // The sets of a rule that is gone are gone too.
        return ruleJson(t, { name: (c.chain as xt.NftChain).name }, { handle: rule.handle, rule }, f, c.verb === 'delete');
      }
      case 'set': {
        // Gone sets are told without their types.
        const gone = (name: string, handle: number): Json => ({ set: { family: t.family, name, table: t.name, type: 'invalid', handle } });
        if (c.anonymous) return gone(c.anonymous.name, c.anonymous.handle);
        const set = c.set as xt.NftSet;
        return c.verb === 'delete' ? gone(set.name, set.handle) : setJson(t, set, { ...f, terse: true });
      }
      case 'element':
        return elementJson(t, c.set as xt.NftSet, c.elem as xt.SetElem, f);
      default:
        return objectJson(t, c.object as xt.NftObject, f);
    }
  };
  return { [c.verb]: body() };
}

const generationText = (commit: xt.NftCommit): string =>
  `# new generation ${commit.generation} by process ${commit.pid} (${commit.comm})\n`;

/** What --echo prints of one's own transaction. */
export function echoText(commit: xt.NftCommit, f: Format, json: boolean): string {
  const added = commit.changes.filter((c) => c.verb !== 'delete');
  if (json) return `${jsonText({ nftables: added.map((c) => changeJson(c, f)) })}\n`;
  return `${added.map((c) => `${changeText(c, f)}\n`).join('')}${generationText(commit)}`;
}

const FILTERS: Readonly<Record<string, xt.NftChange['what']>> = {
  tables: 'table',
  chains: 'chain',
  rules: 'rule',
  sets: 'set',
  elements: 'element',
};

function wants(filter: string | null, c: xt.NftChange): boolean {
  const words = (filter ?? '').split(' ').filter((w) => w);
  const [verb] = words.filter((w) => w === 'new' || w === 'destroy');
  const [what] = words.filter((w) => FILTERS[w]);
  if (verb && (c.verb === 'delete') !== (verb === 'destroy')) return false;
  // Objects have no group of their own.
  if ((verb || what) && c.what === 'object') return false;
  return !what || FILTERS[what] === c.what;
}

/** Rules as they were when the program read the tables: counters in traces stand still. */
class RuleCache {
  private readonly texts = new WeakMap<xt.NftRule, string>();
  private readonly format: Format;

  constructor(format: Format) {
    this.format = format;
  }

  add(rule: xt.NftRule, family: xt.NftFamily): void {
    this.texts.set(rule, ruleText(rule.stmts, rule.comment, family, this.format));
  }

  text(rule: xt.NftRule): string {
    return this.texts.get(rule) ?? '';
  }
}

export function* monitor(p: Process, what: Monitored, f: Format, json: boolean): Task<number> {
  const { nft } = p.ns.nf;
  const queue = new WaitQueue();
  let text = '';
  const filter = what.filter ?? '';
  const tracing = filter === '' || filter.includes('trace');
  const events = !filter.includes('trace');
  const cache = new RuleCache(f);
  for (const table of nft.all()) for (const chain of table.chains.values()) for (const rule of chain.rules) cache.add(rule, table.family);
  const now = (): Format => ({ ...f, names: { ...f.names, now: p.ns.kernel.sim.now } });
  const onCommit = (commit: xt.NftCommit): void => {
    for (const c of commit.changes) {
      if (c.what === 'rule' && c.rule && c.verb !== 'delete') cache.add(c.rule, c.table.family);
      if (!events || !wants(filter, c)) continue;
      const line = json || what.json ? jsonText(changeJson(c, now())) : changeText(c, now());
      if (line !== null) text += `${line}\n`;
    }
    if (events && filter === '' && !json && !what.json) text += generationText(commit);
    queue.wakeAll();
  };
  const onTrace = (event: xt.NftTrace): void => {
    text += traceText(event, event.rule ? cache.text(event.rule) : '', f);
    queue.wakeAll();
  };
  const off = nft.listen(onCommit);
  if (tracing) nft.traces.add(onTrace);
  try {
    for (;;) {
      if (text !== '') {
        const chunk = text;
        text = '';
        yield* p.out(chunk);
      } else yield { on: [queue] };
    }
  } finally {
    off();
    nft.traces.delete(onTrace);
  }
}
