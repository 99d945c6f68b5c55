/** conntrack: lists, deletes, flushes, counts and watches tracked connections. Models conntrack-tools 1.4.7 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { xt } from '../../os/uapi.ts';
import { zeroOf } from '../../wire/addr.ts';
import { text } from '../../wire/bytes.ts';
import { chosen, wanted } from './filter.ts';
import { HELP } from './help.ts';
import { type CtOptions, parseOptions, Usage } from './options.ts';
import { line } from './text.ts';

const VERSION = 'conntrack v1.4.7 (conntrack-tools)';
const EMPTY_STATS = 'search_restart';

const XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n';

function* list(p: Process, o: CtOptions): Task<number> {
  if (o.table === 'expect') {
    yield* p.err(`${VERSION}: 0 expectations have been shown.\n`);
    return 0;
  }
  if (o.status.has('SRC_NAT') || o.status.has('DST_NAT')) {
    yield* p.err(`${VERSION}: Operation failed: invalid parameters\n`);
    return 1;
  }
  if (o.output.has('labels')) yield* p.err('nfct_labelmap_new: No such file or directory\n');
  const found = o.table === 'conntrack' ? chosen(p.ns, o) : [];
  let out = found.map((ct) => `${line(p, ct, o)}\n`).join('');
  if (o.output.has('xml')) out = found.length > 0 ? `${XML_HEAD}${out}</conntrack>\n` : '';
  if (out !== '') yield* p.out(out);
  if (o.zero) {
    for (const ct of found) {
      ct.packets = { original: 0, reply: 0 };
      ct.bytes = { original: 0, reply: 0 };
    }
  }
  yield* p.err(`${VERSION}: ${found.length} flow entries have been shown.\n`);
  return 0;
}

function* remove(p: Process, o: CtOptions): Task<number> {
  const found = chosen(p.ns, o);
  const out = found.map((ct) => `${line(p, ct, o)}\n`).join('');
  for (const ct of found) p.ns.ct.destroy(ct, p.pid);
  if (out !== '') yield* p.out(out);
  yield* p.err(`${VERSION}: ${found.length} flow entries have been deleted.\n`);
  return found.length > 0 ? 0 : 1;
}

/** What -U may not touch has not changed: such entries are left out. Without an address the kernel refuses the tool's message. */
function* update(p: Process, o: CtOptions): Task<number> {
  const found = chosen(p.ns, { ...o, mark: undefined, status: new Set() } as unknown as CtOptions);
  const markOf = (ct: xt.Connection): number => (o.given.has('mark') && o.mark ? ((ct.mark & ~o.mark.mask) | o.mark.value) >>> 0 : ct.mark);
  const changed = found.filter(
    (ct) =>
      markOf(ct) !== ct.mark ||
      o.timeout !== undefined ||
      (o.status.has('ASSURED') && !ct.assured) ||
      (o.status.has('SEEN_REPLY') && !ct.seenReply),
  );
  if (changed.length > 0 && !o.src && !o.dst && !o.replySrc && !o.replyDst) {
    yield* p.err(`Operation failed: Operation not supported\n${VERSION}: Operation failed: Operation not supported\n`);
    return 1;
  }
  for (const ct of changed) {
    ct.mark = markOf(ct);
    if (o.status.has('ASSURED')) ct.assured = true;
    if (o.status.has('SEEN_REPLY')) ct.seenReply = true;
    if (o.timeout !== undefined) ct.expires = p.ns.kernel.sim.now + o.timeout * 1_000_000;
    p.ns.ct.changed(ct, p.pid);
  }
  if (changed.length > 0) yield* p.out(changed.map((ct) => `${line(p, ct, o)}\n`).join(''));
  yield* p.err(`${VERSION}: ${changed.length} flow entries have been updated.\n`);
  return changed.length > 0 ? 0 : 1;
}

/** The connection that -I and -A describe; null when one like it is there. */
function make(p: Process, o: CtOptions): xt.Connection | null {
  const proto = o.proto as number;
  const first = o.src ?? o.replySrc;
  const family = typeof first?.addr === 'bigint' ? 6 : 4;
  const given: xt.Tuple = {
    src: o.src?.addr ?? o.replyDst?.addr ?? zeroOf(family),
    dst: o.dst?.addr ?? o.replySrc?.addr ?? zeroOf(family),
    proto,
    sport: o.sport ?? o.icmpId ?? o.replyDport ?? 0,
    dport: o.dport ?? o.icmpId ?? o.replySport ?? 0,
    icmpType: o.icmpType ?? 0,
    icmpCode: o.icmpCode ?? 0,
  };
  const inverse = xt.invertTuple(given);
  if (!inverse) return null;
  const reply: xt.Tuple = {
    ...inverse,
    src: o.dstNat?.addr ?? o.replySrc?.addr ?? inverse.src,
    dst: o.srcNat?.addr ?? o.replyDst?.addr ?? inverse.dst,
    sport: o.dstNat?.port ?? o.replySport ?? inverse.sport,
    dport: o.srcNat?.port ?? o.replyDport ?? inverse.dport,
  };
  const zone = o.zone ?? 0;
  if (p.ns.ct.find(given, zone) || p.ns.ct.find(reply, zone)) return null;
  const ct = p.ns.ct.newConnection(given, reply, zone);
  ct.mark = o.given.has('mark') ? (o.mark?.value ?? 0) : 0;
  ct.assured = o.status.has('ASSURED');
  ct.seenReply = o.status.has('SEEN_REPLY');
  ct.srcNat = o.srcNat !== undefined;
  ct.dstNat = o.dstNat !== undefined;
  ct.srcNatDone = ct.srcNat || ct.dstNat;
  ct.dstNatDone = ct.srcNatDone;
  ct.expires = p.ns.kernel.sim.now + (o.timeout ?? 0) * 1_000_000;
  if (proto === 6) ct.tcp = xt.tcpTrack((o.state ?? 'NONE') as xt.TcpState);
  if (proto === 132) ct.sctp = o.state ?? 'NONE';
  p.ns.ct.insert(ct, p.pid);
  return ct;
}

function* create(p: Process, o: CtOptions): Task<number> {
  const ct = make(p, o);
  if (o.command === 'A') {
    yield* p.err(`${VERSION}: ${ct ? 1 : 0} flow entries have been added.\n`);
    return 0;
  }
  if (!ct) {
    yield* p.err(`${VERSION}: Operation failed: Such conntrack exists, try -U to update\n`);
    return 1;
  }
  yield* p.err(`${VERSION}: 1 flow entries have been created.\n`);
  return 0;
}

/** -R: every line of the file is a command line. */
function* load(p: Process, file: string): Task<number> {
  let content: string;
  if (file === '-') {
    const r = yield* p.readAll(0);
    content = r.ok ? text(r.value) : '';
  } else {
    const r = p.readFile(file);
    if (!r.ok) throw new Usage(`Failed to open file ${file} for reading`);
    content = text(r.value);
  }
  for (const row of content.split('\n')) {
    const words = row.trim().split(/\s+/);
    if (row.trim() === '' || row.startsWith('#')) continue;
    const o = parseOptions(words[0] === 'conntrack' ? words.slice(1) : words);
    if (o.command === 'A' || o.command === 'I') {
      if (!make(p, o) && o.command === 'I') {
        yield* p.err(`${VERSION}: Operation failed: Such conntrack exists, try -U to update\n`);
        return 1;
      }
    } else yield* run(p, o);
  }
  return 0;
}

const LABEL: Readonly<Record<xt.CtEventType, string>> = { NEW: '    [NEW] ', UPDATE: ' [UPDATE] ', DESTROY: '[DESTROY] ' };

function* events(p: Process, o: CtOptions): Task<number> {
  const queue: string[] = [];
  let shown = 0;
  let done = false;
  const { sim } = p.ns.kernel;
  const on = (type: xt.CtEventType): boolean =>
    o.events.size === 0 || o.events.has('ALL') || o.events.has(type === 'UPDATE' ? 'UPDATES' : type);
  if (o.buffer !== undefined) yield* p.err(`NOTICE: Netlink socket buffer size has been set to ${o.buffer * 2} bytes.\n`);
  const stop = p.ns.ct.listen((e) => {
    if (o.table === 'expect' || !on(e.type) || !wanted(o, e.ct)) return;
    shown++;
    let stamp = '';
    if (o.output.has('timestamp')) {
      const us = sim.epochMs * 1000 + sim.now;
      const seconds = Math.floor(us / 1_000_000);
      stamp = `[${String(seconds).padEnd(8)}.${String(us - seconds * 1_000_000).padEnd(6)}]\t`;
    }
    const user = e.portid !== 0 ? ` [USERSPACE] portid=${e.portid}` : '';
    const bare = o.output.has('xml') || o.output.has('save');
    if (o.output.has('xml') && shown === 1) queue.push(XML_HEAD);
    queue.push(bare ? `${line(p, e.ct, o, e.type)}\n` : `${stamp}${LABEL[e.type]}${line(p, e.ct, o, e.type, e.portid)}${user}\n`);
  });
  const end = (): void => {
    done = true;
  };
  p.onSignal('INT', end);
  p.onSignal('TERM', end);
  try {
    for (;;) {
      if (queue.length > 0) {
        yield* p.out(queue.splice(0).join(''));
        continue;
      }
      if (done) break;
      yield* p.wait({ on: [p.ns.ct.wq] });
    }
  } finally {
    stop();
  }
  if (o.output.has('xml') && shown > 0) yield* p.out('</conntrack>\n');
  yield* p.err(`${VERSION}: ${shown} ${o.table === 'expect' ? 'expectation' : 'flow'} events have been shown.\n`);
  return 0;
}

/** A line a processor; connections are all counted on the first one. */
function statsText(s: xt.CtStats): string {
  const none = 'invalid=0 insert=0 insert_failed=0 drop=0 early_drop=0';
  return (
    `cpu=0   \tfound=${s.found} invalid=${s.invalid} insert=0 insert_failed=${s.insertFailed} drop=${s.drop} early_drop=${s.earlyDrop} ` +
    `error=${s.error} ${EMPTY_STATS}=${s.searchRestart} clash_resolve=${s.clashResolve} chaintoolong=${s.chaintoolong} \n` +
    `cpu=1   \tfound=0 ${none} error=0 ${EMPTY_STATS}=0 clash_resolve=0 chaintoolong=0 \n`
  );
}

function* run(p: Process, o: CtOptions): Task<number> {
  if (o.warnings !== '') yield* p.err(o.warnings);
  if (p.uid !== 0 && o.command !== 'h' && o.command !== 'V' && o.command !== null) {
    yield* p.err(`${VERSION}: Operation failed: sorry, you must be root or get CAP_NET_ADMIN capability to do this\n`);
    return 1;
  }
  switch (o.command) {
    case 'L':
      return yield* list(p, o);
    case 'D':
      return yield* remove(p, o);
    case 'U':
      return yield* update(p, o);
    case 'I':
    case 'A':
      return yield* create(p, o);
    case 'R':
      return yield* load(p, o.file ?? '');
    case 'E':
      return yield* events(p, o);
    case 'F':
      if (o.table === 'expect') yield* p.err(`${VERSION}: expectation table has been emptied.\n`);
      else {
        p.ns.ct.flush(p.pid);
        yield* p.err(`${VERSION}: connection tracking table has been emptied.\n`);
      }
      return 0;
    case 'C':
      yield* p.out(`${o.table === 'expect' ? 0 : p.ns.ct.count}\n`);
      return 0;
    case 'S':
      yield* p.out(statsText(p.ns.ct.stats));
      return 0;
    case 'G': {
      const found = chosen(p.ns, o)[0];
      if (!found) {
        yield* p.err(`${VERSION}: Operation failed: such conntrack doesn't exist\n`);
        return 1;
      }
      yield* p.out(`${line(p, found, o)}\n`);
      yield* p.err(`${VERSION}: 1 flow entries have been shown.\n`);
      return 0;
    }
    case 'V':
      yield* p.out(`${VERSION}\n`);
      return 0;
    default:
      yield* p.out(HELP);
      return 0;
  }
}

export const conntrack: Command = {
  name: 'conntrack',
  path: '/usr/sbin/conntrack',
  *main(p) {
    try {
      return yield* run(p, parseOptions(p.argv.slice(1)));
    } catch (e) {
      if (!(e instanceof Usage)) throw e;
      yield* p.err(`${e.before}${VERSION}: ${e.message}\nTry \`conntrack -h' or 'conntrack --help' for more information.\n`);
      return 2;
    }
  },
};
