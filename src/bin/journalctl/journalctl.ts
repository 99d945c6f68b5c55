/** journalctl: the journal of the machine's services and its kernel. Models systemd 252 */

import type { Command } from '../../os/program.ts';
import { Systemd, systemdOf } from '../../os/systemd.ts';
import { getopt, specs } from '../getopt.ts';
import { type Entry, entries, line, OUTPUTS, type Output } from './entries.ts';

const SPECS = specs(
  'u:unit n?lines f.follow k.dmesg b?boot e.pager-end x.catalog r.reverse o:output p:priority t:identifier S:since U:until q.quiet a.all g:grep .no-pager .no-hostname .utc .list-boots .disk-usage .rotate :vacuum-size D:directory h.help .version',
);
const PRIORITIES = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];
const NOT_EMULATED = new Set(['list-boots', 'disk-usage', 'rotate', 'directory', 'vacuum-size', 'no-hostname']);

/** `HH:MM[:SS]`, `YYYY-MM-DD[ HH:MM:SS]`, `-5min`, `5 min ago`, `now`, `today` in virtual µs; null when it is none of them. */
function moment(text: string, now: number, epochMs: number): number | null {
  const ago = /^(?:-(\d+)\s*(s|sec|m|min|h|d)\w*|(\d+)\s*(s|sec|m|min|h|hour|d|day)\w* ago)$/.exec(text);
  if (ago) {
    const unit = { s: 1, m: 60, h: 3600, d: 86400 }[(ago[2] ?? ago[4] ?? 's')[0] as 's' | 'm' | 'h' | 'd'];
    return now - Number(ago[1] ?? ago[3]) * unit * 1e6;
  }
  if (text === 'now') return now;
  const wall = new Date(epochMs + now / 1000);
  const day = wall.toISOString().slice(0, 10);
  if (text === 'today') return (Date.parse(`${day}T00:00:00Z`) - epochMs) * 1000;
  const clock = /^(?:(\d{4}-\d\d-\d\d)[ T]?)?(?:(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text);
  if (!clock || text === '') return null;
  const at = Date.parse(`${clock[1] ?? day}T${clock[2] ?? '00'}:${clock[3] ?? '00'}:${clock[4] ?? '00'}Z`);
  return Number.isNaN(at) ? null : (at - epochMs) * 1000;
}

/** `-n 20` is `-n20`: the next word counts when it is a number. */
function joined(args: readonly string[]): string[] {
  const out: string[] = [];
  for (const [i, a] of args.entries()) {
    if (/^\d+$/.test(a) && /^(-\w*n|--lines)$/.test(args[i - 1] ?? '')) out[out.length - 1] += (args[i - 1] === '--lines' ? '=' : '') + a;
    else if (/^[-+]?\d+$/.test(a) && /^(-\w*b|--boot)$/.test(args[i - 1] ?? ''))
      out[out.length - 1] += (args[i - 1] === '--boot' ? '=' : '') + a;
    else out.push(a);
  }
  return out;
}

export const journalctl: Command = {
  name: 'journalctl',
  *main(p) {
    const o = getopt(joined(p.argv.slice(1)), SPECS);
    if (o.error !== null) {
      yield* p.err(`journalctl: ${o.error}\n`);
      return 1;
    }
    const on = new Map(o.options);
    for (const name of on.keys())
      if (NOT_EMULATED.has(name)) {
        yield* p.err(`journalctl: option --${name} is not emulated\n`);
        return 1;
      }
    if (o.operands.length > 0) {
      yield* p.err(`Failed to add match '${o.operands[0]}': matches by field are not emulated\n`);
      return 1;
    }
    if (!['', '0'].includes(on.get('boot') ?? '')) {
      yield* p.err('Data from the specified boot is not available: No such boot ID in journal\n');
      return 1;
    }
    const output = (on.get('output') ?? 'short') as Output;
    if (!OUTPUTS.includes(output)) {
      yield* p.err(`Unknown output format '${output}'.\n`);
      return 1;
    }
    const top = on.get('priority');
    const priority = top === undefined ? 7 : /^[0-7]$/.test(top) ? Number(top) : PRIORITIES.indexOf(top === 'error' ? 'err' : top);
    if (priority < 0) {
      yield* p.err(`Unknown log level ${top}\n`);
      return 1;
    }
    const units = o.options.filter(([k]) => k === 'unit').map(([, v]) => Systemd.fullName(v));
    const times: { since: number; until: number } = { since: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY };
    for (const key of ['since', 'until'] as const) {
      const text = on.get(key);
      if (text === undefined) continue;
      const at = moment(text, p.sim.now, p.sim.epochMs);
      if (at === null) {
        yield* p.err(`Failed to parse timestamp: ${text}\n`);
        return 1;
      }
      times[key] = at;
    }
    let pattern: RegExp | null = null;
    try {
      const text = on.get('grep');
      if (text !== undefined) pattern = new RegExp(text, text === text.toLowerCase() ? 'i' : '');
    } catch {
      yield* p.err(`Bad pattern "${on.get('grep')}"\n`);
      return 1;
    }
    const wanted = (e: Entry): boolean =>
      (units.length === 0 || (e.unit !== null && units.includes(e.unit))) &&
      (!on.has('dmesg') || e.identifier === 'kernel') &&
      (on.get('identifier') === undefined || e.identifier === on.get('identifier')) &&
      e.priority <= priority &&
      e.time >= times.since &&
      e.time <= times.until &&
      (pattern === null || pattern.test(e.message));
    let list = entries(p).filter(wanted);
    const count = on.get('lines');
    const given = count === undefined ? (on.has('follow') ? 10 : null) : count === '' ? 10 : Number(count);
    if (given !== null && !(given >= 0)) {
      yield* p.err(`Failed to parse lines '${count}'\n`);
      return 1;
    }
    if (given !== null) list = list.slice(Math.max(0, list.length - given));
    if (on.has('reverse')) list.reverse();
    for (const e of list) yield* p.out(line(p, e, output));
    if (list.length === 0 && !on.has('follow') && !on.has('quiet')) yield* p.out('-- No entries --\n');
    if (!on.has('follow')) return 0;
    const { journal } = systemdOf(p.machine);
    for (let last = p.sim.now; ; ) {
      if ((yield* p.wait({ on: [journal.written], until: p.sim.now + 100_000 })) === 'signal') return 0;
      const now = p.sim.now;
      const fresh = entries(p).filter((e) => e.time > last && wanted(e));
      for (const e of fresh) yield* p.out(line(p, e, output));
      last = fresh.length > 0 ? (fresh.at(-1) as Entry).time : Math.min(last, now);
    }
  },
};
