/** One link as text or JSON: full, brief, details and counters. Models print_linkinfo() of ip/ipaddress.c */

import {
  IFF_ALLMULTI,
  IFF_BROADCAST,
  IFF_DORMANT,
  IFF_DYNAMIC,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_MASTER,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_NOTRAILERS,
  IFF_POINTOPOINT,
  IFF_PROMISC,
  IFF_RUNNING,
  IFF_SLAVE,
  IFF_UP,
  type LinkMsg,
} from '../../../os/uapi.ts';
import type { Ctx } from '../ctx.ts';
import type { Printer } from '../lib/print.ts';
import { printStats } from './stats.ts';
import { linkType } from './types.ts';

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [IFF_LOOPBACK, 'LOOPBACK'],
  [IFF_BROADCAST, 'BROADCAST'],
  [IFF_POINTOPOINT, 'POINTOPOINT'],
  [IFF_MULTICAST, 'MULTICAST'],
  [IFF_NOARP, 'NOARP'],
  [IFF_ALLMULTI, 'ALLMULTI'],
  [IFF_PROMISC, 'PROMISC'],
  [IFF_MASTER, 'MASTER'],
  [IFF_SLAVE, 'SLAVE'],
  [IFF_DYNAMIC, 'DYNAMIC'],
  [IFF_NOTRAILERS, 'NOTRAILERS'],
  [IFF_UP, 'UP'],
  [IFF_LOWER_UP, 'LOWER_UP'],
  [IFF_DORMANT, 'DORMANT'],
];

/** `<NO-CARRIER,BROADCAST,UP,M-DOWN> ` */
export function printLinkFlags(pr: Printer, flags: number, masterDown: boolean): void {
  const names: string[] = [];
  if (flags & IFF_UP && !(flags & IFF_RUNNING)) names.push('NO-CARRIER');
  for (const [bit, name] of FLAG_NAMES) if (flags & bit) names.push(name);
  if (masterDown) names.push('M-DOWN');
  pr.openArray('flags', '<');
  for (const [i, name] of names.entries()) pr.any(null, name, `${i > 0 ? ',' : ''}${name}`);
  pr.closeArray('> ');
}

/** Prints `name@link`, padded when brief; true when the link below is down. */
export function printName(ctx: Ctx, m: LinkMsg, before: string, width: number, after: string): boolean {
  const { pr } = ctx;
  let text = m.name;
  let down = false;
  if (m.link !== null) {
    if (m.linkNetnsid !== null) {
      pr.jsonOnly('link_index', m.link);
      text += `@if${m.link}`;
    } else if (m.link === 0) {
      pr.jsonOnly('link', null);
      text += '@NONE';
    } else {
      const name = m.linkName ?? `if${m.link}`;
      pr.jsonOnly('link', name);
      text += `@${name}`;
      down = m.linkName !== null && !m.linkUp;
    }
  }
  pr.fp(before);
  pr.any('ifname', m.name, text.padEnd(width) + after, 'ifname');
  return down;
}

function printOperstate(ctx: Ctx, m: LinkMsg): void {
  const color = m.operstate === 'UP' ? 'up' : m.operstate === 'DOWN' ? 'down' : 'none';
  if (ctx.brief) ctx.pr.any('operstate', m.operstate, `${m.operstate.padEnd(14)} `, color);
  else ctx.pr.any('operstate', m.operstate, `${m.operstate} `, color, 'state ');
}

/** Link types as -N shows them. */
const ARPHRD: Readonly<Record<string, number>> = {
  ether: 1,
  loopback: 772,
  ipip: 768,
  tunnel6: 769,
  sit: 776,
  gre: 778,
  gre6: 823,
  none: 65534,
};

/** `link` lists links (`ip link`), `addr` heads the addresses of one, `inet6` is the short form of an IPv6 dump. */
export type LinkView = 'link' | 'addr' | 'inet6';

function printLinkBrief(ctx: Ctx, m: LinkMsg): void {
  const { pr } = ctx;
  const down = printName(ctx, m, '', 16, ' ');
  printOperstate(ctx, m);
  if (ctx.family !== 17) return;
  if (m.addressText !== null) pr.any('address', m.addressText, `${m.addressText} `, 'mac');
  printLinkFlags(pr, m.flags, down);
  pr.fp('\n');
}

export interface LinkPrint {
  view: LinkView;
  /** qlen is shown by listings, not by `ip monitor`. */
  queue?: boolean;
  deleted?: boolean;
}

export function printLink(ctx: Ctx, m: LinkMsg, how: LinkPrint): void {
  const { pr } = ctx;
  const isLink = how.view === 'link';
  if (how.deleted) pr.any('deleted', true, 'Deleted ');
  if (ctx.brief) {
    printLinkBrief(ctx, m);
    return;
  }
  pr.any('ifindex', m.ifindex, `${m.ifindex}: `);
  const down = printName(ctx, m, '', 0, ': ');
  printLinkFlags(pr, m.flags, down);
  pr.any('mtu', m.mtu, `mtu ${m.mtu} `);
  if (how.view !== 'inet6') pr.any('qdisc', m.qdisc, `qdisc ${m.qdisc} `);
  if (m.master && how.view !== 'inet6') pr.any('master', m.master.name, `master ${m.master.name} `);
  printOperstate(ctx, m);
  if (isLink) pr.any('linkmode', m.linkMode.toUpperCase(), `mode ${m.linkMode.toUpperCase()} `);
  if (how.view !== 'inet6') pr.any('group', ctx.names.group(m.group), `group ${ctx.names.group(m.group)} `);
  if (how.queue !== false && m.txqlen > 0) pr.any('txqlen', m.txqlen, `qlen ${m.txqlen}`);
  if (ctx.family === 0 || ctx.family === 17 || ctx.details > 0) printLladdr(ctx, m);
  if (m.linkNetnsid !== null && how.view !== 'inet6') printLinkNetns(ctx, m.linkNetnsid);
  if (m.protoDown && how.view !== 'inet6') pr.any('proto_down', true, ' protodown on ');
  if (ctx.details > 0) printDetails(ctx, m, isLink);
  if ((isLink || ctx.details > 0) && m.alias !== '') {
    pr.nl();
    pr.any('ifalias', m.alias, `    alias ${m.alias}`);
  }
  if (isLink && ctx.stats > 0) {
    pr.nl();
    printStats(ctx, m);
  }
  if (m.altnames.length > 0 && how.view !== 'inet6') {
    pr.openArray('altnames');
    for (const name of m.altnames) {
      pr.nl();
      pr.any(null, name, `    altname ${name}`);
    }
    pr.closeArray();
  }
  pr.fp('\n');
}

function printLladdr(ctx: Ctx, m: LinkMsg): void {
  const { pr } = ctx;
  pr.nl();
  const type = ctx.names.numeric ? `[${ARPHRD[m.linkType] ?? 65534}]` : m.linkType;
  pr.any('link_type', type, `    link/${type} `);
  if (m.addressText === null || m.broadcastText === null) return;
  pr.any('address', m.addressText, undefined, 'mac');
  if (m.flags & IFF_POINTOPOINT) {
    pr.fp(' peer ');
    pr.jsonOnly('link_pointtopoint', true);
  } else pr.fp(' brd ');
  pr.any('broadcast', m.broadcastText, undefined, 'mac');
}

function printLinkNetns(ctx: Ctx, nsid: number): void {
  if (ctx.pr.json) {
    ctx.pr.jsonOnly('link_netnsid', nsid);
    return;
  }
  const name = ctx.nameOfNsid(nsid);
  ctx.pr.fp(name === undefined ? ` link-netnsid ${nsid}` : ` link-netns ${name}`);
}

function printDetails(ctx: Ctx, m: LinkMsg, isLink: boolean): void {
  const { pr } = ctx;
  pr.any('promiscuity', m.promiscuity, ` promiscuity ${m.promiscuity} `);
  pr.any('allmulti', m.allmulti, ` allmulti ${m.allmulti} `);
  pr.any('min_mtu', m.minMtu, `minmtu ${m.minMtu} `);
  pr.any('max_mtu', m.maxMtu, `maxmtu ${m.maxMtu} `);
  if (m.kind !== null || m.slaveKind !== null) printLinkinfo(ctx, m);
  if (isLink) pr.any('inet6_addr_gen_mode', m.addrGenMode, `addrgenmode ${m.addrGenMode} `);
  pr.any('num_tx_queues', m.numTxQueues, `numtxqueues ${m.numTxQueues} `);
  pr.any('num_rx_queues', m.numRxQueues, `numrxqueues ${m.numRxQueues} `);
  const tso = m.kind === 'vxlan' || m.kind === null ? 65536 : 524280;
  for (const [name, n] of [
    ['gso_max_size', m.gsoMaxSize],
    ['gso_max_segs', m.gsoMaxSegs],
    ['tso_max_size', tso],
    ['tso_max_segs', 65535],
    ['gro_max_size', m.groMaxSize],
  ] as const) {
    pr.any(name, n, `${name} ${n} `);
  }
}

function printLinkinfo(ctx: Ctx, m: LinkMsg): void {
  const { pr } = ctx;
  pr.openObject('linkinfo');
  if (m.kind !== null) {
    pr.nl();
    pr.any('info_kind', m.kind, `    ${m.kind} `);
    const type = linkType(m.kind);
    if (type?.print && m.data) {
      pr.openObject('info_data');
      type.print(ctx, m);
      pr.closeObject();
    }
  }
  if (m.slaveKind !== null) {
    pr.nl();
    pr.any('info_slave_kind', m.slaveKind, `    ${m.slaveKind}_slave `);
    const type = linkType(`${m.slaveKind}_slave`);
    if (type?.print && (m.port || m.bondPort || m.vrfTable !== null)) {
      pr.openObject('info_slave_data');
      type.print(ctx, m);
      pr.closeObject();
    }
  }
  pr.closeObject();
}
