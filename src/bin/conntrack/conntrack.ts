/** conntrack: lists, deletes, flushes, counts and watches tracked connections. Models conntrack-tools 1.4.7 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { xt } from '../../os/uapi.ts';
import { formatIp, zeroOf } from '../../wire/addr.ts';
import { chosen, wanted } from './filter.ts';
import { HELP } from './help.ts';
import { type CtOptions, parseOptions, Usage } from './options.ts';

const VERSION = 'conntrack v1.4.7 (conntrack-tools)';
const EMPTY_STATS = 'search_restart';

function line(p: Process, ct: xt.Connection, o: CtOptions, event: boolean, destroyed = false): string {
  if (o.output.has('xml')) return xml(p, ct);
  const text = xt.connectionText(ct, {
    now: p.ns.kernel.sim.now,
    layer3: o.output.has('extended'),
    timeout: !(event && destroyed && ct.expires <= p.ns.kernel.sim.now),
    state: true,
    counters: p.ns.sysctl.int('net.netfilter.nf_conntrack_acct') !== 0,
    mark: event ? ct.mark !== 0 : true,
    zone: 'given',
    use: event ? null : 1,
  });
  return o.output.has('id') ? `${text} id=${idOf(ct)}` : text;
}

/** The kernel's ids are a keyed hash: numbers without order. */
function idOf(ct: xt.Connection): number {
  return (Math.imul(ct.id, 2654435761) ^ 0x5bd1e995) >>> 0;
}

function xml(p: Process, ct: xt.Connection): string {
  const side = (dir: 'original' | 'reply'): string => {
    const t = ct[dir];
    const v4 = xt.tupleFamily(t) === 4;
    const ports = t.proto === 1 || t.proto === 58 ? '' : `<sport>${t.sport}</sport><dport>${t.dport}</dport>`;
    return (
      `<meta direction="${dir}"><layer3 protonum="${v4 ? 2 : 10}" protoname="${v4 ? 'ipv4' : 'ipv6'}"><src>${formatIp(t.src)}</src><dst>${formatIp(t.dst)}</dst></layer3>` +
      `<layer4 protonum="${t.proto}" protoname="${xt.protoText(t.proto)}">${ports}</layer4></meta>`
    );
  };
  const state = ct.tcp ? `<state>${ct.tcp.state}</state>` : '';
  const flags = `${ct.seenReply ? '' : '<unreplied/>'}${ct.assured ? '<assured/>' : ''}`;
  return (
    `<flow>${side('original')}${side('reply')}<meta direction="independent">${state}<timeout>${xt.secondsLeft(ct, p.ns.kernel.sim.now)}</timeout>` +
    `<mark>${ct.mark}</mark><use>1</use><id>${idOf(ct)}</id>${flags}</meta></flow>`
  );
}

const XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n';

function* list(p: Process, o: CtOptions): Task<number> {
  if (o.table === 'expect') {
    yield* p.err(`${VERSION}: 0 expectations have been shown.\n`);
    return 0;
  }
  const found = o.table === 'conntrack' ? chosen(p.ns, o) : [];
  let out = found.map((ct) => `${line(p, ct, o, false)}\n`).join('');
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
  const out = found.map((ct) => `${line(p, ct, o, false)}\n`).join('');
  for (const ct of found) p.ns.ct.destroy(ct, p.pid);
  if (out !== '') yield* p.out(out);
  yield* p.err(`${VERSION}: ${found.length} flow entries have been deleted.\n`);
  return found.length > 0 ? 0 : 1;
}

function* update(p: Process, o: CtOptions): Task<number> {
  const found = chosen(p.ns, { ...o, mark: undefined } as unknown as CtOptions);
  for (const ct of found) {
    if (o.mark) ct.mark = ((ct.mark & ~o.mark.mask) | o.mark.value) >>> 0;
    if (o.timeout !== undefined) ct.expires = p.ns.kernel.sim.now + o.timeout * 1_000_000;
  }
  if (found.length > 0) yield* p.out(found.map((ct) => `${line(p, ct, o, false)}\n`).join(''));
  yield* p.err(`${VERSION}: ${found.length} flow entries have been updated.\n`);
  return 0;
}

function* create(p: Process, o: CtOptions): Task<number> {
  const { proto } = o;
  if (proto === undefined) throw new Usage("You need to supply the `--protonum' option for this command");
  if (!o.src && !o.replySrc) throw new Usage("missing `--src' or `--reply-src' for this command");
  if (o.timeout === undefined) throw new Usage("You need to supply the `--timeout' option for this command");
  const family = typeof (o.src ?? o.replyDst)?.addr === 'bigint' ? 6 : 4;
  const original: xt.Tuple = {
    src: o.src?.addr ?? zeroOf(family),
    dst: o.dst?.addr ?? zeroOf(family),
    proto,
    sport: o.sport ?? o.icmpId ?? 0,
    dport: o.dport ?? o.icmpId ?? 0,
    icmpType: o.icmpType ?? 0,
    icmpCode: o.icmpCode ?? 0,
  };
  const reply = xt.invertTuple(original);
  if (!reply || p.ns.ct.find(original) || p.ns.ct.find(reply)) {
    yield* p.err(`${VERSION}: Operation failed: such conntrack exists\n`);
    return 1;
  }
  const ct = p.ns.ct.newConnection(original, reply, o.zone ?? 0);
  ct.mark = o.mark?.value ?? 0;
  ct.assured = o.status.has('ASSURED');
  ct.seenReply = o.status.has('SEEN_REPLY') || ct.assured;
  ct.expires = p.ns.kernel.sim.now + o.timeout * 1_000_000;
  if (proto === 6) ct.tcp = xt.tcpTrack((o.state ?? 'NONE') as xt.TcpState);
  p.ns.ct.insert(ct);
  yield* p.out(`${line(p, ct, o, false)}\n`);
  yield* p.err(`${VERSION}: 1 flow entries have been created.\n`);
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
  const stop = p.ns.ct.listen((e) => {
    if (!on(e.type) || !wanted(o, e.ct)) return;
    shown++;
    let stamp = '';
    if (o.output.has('timestamp')) {
      const us = sim.epochMs * 1000 + sim.now;
      const seconds = Math.floor(us / 1_000_000);
      stamp = `[${String(seconds).padEnd(8)}.${String(us - seconds * 1_000_000).padEnd(6)}]\t`;
    }
    const user = e.portid !== 0 ? ` [USERSPACE] portid=${e.portid}` : '';
    queue.push(`${stamp}${LABEL[e.type]}${line(p, e.ct, o, true, e.type === 'DESTROY')}${user}\n`);
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
  yield* p.err(`${VERSION}: ${shown} flow events have been shown.\n`);
  return 0;
}

function statsText(s: xt.CtStats): string {
  return (
    `cpu=0   \tfound=${s.found} invalid=${s.invalid} insert=0 insert_failed=${s.insertFailed} drop=${s.drop} early_drop=${s.earlyDrop} ` +
    `error=${s.error} ${EMPTY_STATS}=${s.searchRestart} clash_resolve=${s.clashResolve} chaintoolong=${s.chaintoolong} \n`
  );
}

function* run(p: Process, o: CtOptions): Task<number> {
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
      return yield* create(p, o);
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
      if (o.proto === undefined) throw new Usage("You need to supply the `--protonum' option for this command");
      const found = chosen(p.ns, o)[0];
      if (!found) {
        yield* p.err(`${VERSION}: Operation failed: such conntrack doesn't exist\n`);
        return 1;
      }
      yield* p.out(`${line(p, found, o, false)}\n`);
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
      yield* p.err(`${VERSION}: ${e.message}\nTry \`conntrack -h' or 'conntrack --help' for more information.\n`);
      return 2;
    }
  },
};
