/** htb on the command line: qdisc and classes. Models tc/q_htb.c */

import * as tc from '../../os/tc.ts';
import { type Args, matches, unsigned } from '../ip/lib/args.ts';
import { bad, type QdiscKind, type TcCtx } from './common.ts';
import { parseRate, parseSizeAndCell, showRate, showSize, xmitSize, xmitTime } from './units.ts';

const USAGE = `Usage: ... qdisc add ... htb [default N] [r2q N]
                      [direct_qlen P] [offload]
 default  minor id of class to which unclassified packets are sent {0}
 r2q      DRR quantums are computed as rate in Bps/r2q {10}
 debug    string of 16 numbers each 0-3 {0}

 direct_qlen  Limit of the direct queue {in packets}
 offload  enable hardware offload
... class add ... htb rate R1 [burst B1] [mpu B] [overhead O]
                      [prio P] [slot S] [pslot PS]
                      [ceil R2] [cburst B2] [mtu MTU] [quantum Q]
 rate     rate allocated to this class (class can still borrow)
 burst    max bytes burst which can be accumulated during idle period {computed}
 mpu      minimum packet size used in rate computations
 overhead per-packet size overhead used in rate computations
 linklay  adapting to a linklayer e.g. atm
 ceil     definite upper class rate (no borrows) {rate}
 cburst   burst but for ceil {computed}
 mtu      max packet size we create rate map for {1600}
 prio     priority of leaf; lower are served first {0}
 quantum  how much bytes to serve from leaf at once {use r2q}

TC HTB version 3.3
`;

function illegal(what: string): never {
  bad(`Illegal "${what}"\n${USAGE}`);
}

export const htb: QdiscKind = {
  parse(_ctx, a) {
    let r2q = 10;
    let defcls = 0;
    let directQlen: number | null = null;
    for (; a.more; a.step()) {
      if (a.matches('r2q')) r2q = decimal(a.next()) ?? illegal('r2q');
      else if (a.matches('default')) {
        const word = a.next();
        if (!/^(?:0[xX])?[0-9a-fA-F]+$/.test(word)) illegal('default');
        defcls = Number.parseInt(word, 16) >>> 0;
      } else if (a.matches('debug')) a.next();
      else if (a.matches('direct_qlen')) directQlen = decimal(a.next()) ?? illegal('direct_qlen');
      else if (a.matches('offload')) bad('tc: htb offload: not emulated\n');
      else bad(`What is "${a.word}"?\n${USAGE}`);
    }
    return { kind: 'htb', r2q, defcls, directQlen };
  },
  print(ctx, q) {
    if (!(q instanceof tc.Htb)) return;
    const { pr } = ctx;
    const def = q.defcls === 0 ? '0' : `0x${q.defcls.toString(16)}`;
    pr.any('r2q', q.r2q, `r2q ${q.r2q}`);
    pr.any('default', def, ` default ${def}`);
    pr.any('direct_packets_stat', q.directPackets, ` direct_packets_stat ${q.directPackets}`);
    if (ctx.details) pr.any('ver', '3.17', ' ver 3.17');
    pr.any('direct_qlen', q.directQlen, ` direct_qlen ${q.directQlen}`);
  },
};

function decimal(text: string, max?: number): number | null {
  return /^\d+$/.test(text) ? unsigned(text.replace(/^0+(?=\d)/, ''), max) : null;
}

export function parseHtbClass(a: Args): tc.HtbClassOptions {
  let prio = 0;
  let mtu = 1600;
  let mpu = 0;
  let overhead = 0;
  let quantum = 0;
  let buffer = 0;
  let cbuffer = 0;
  let rate = 0;
  let ceil = 0;
  for (; a.more; a.step()) {
    const name = a.word;
    if (matches(name, 'prio')) prio = decimal(a.next()) ?? illegal('prio');
    else if (matches(name, 'mtu')) mtu = decimal(a.next()) ?? illegal('mtu');
    else if (matches(name, 'mpu')) mpu = decimal(a.next(), 65535) ?? illegal('mpu');
    else if (matches(name, 'overhead')) overhead = decimal(a.next(), 65535) ?? illegal('overhead');
    else if (matches(name, 'linklayer')) {
      if (!matches(a.next(), 'ethernet')) illegal('linklayer');
    } else if (matches(name, 'quantum')) quantum = decimal(a.next()) ?? illegal('quantum');
    else if (matches(name, 'burst') || name === 'buffer' || name === 'maxburst') buffer = parseSizeAndCell(a.next()) ?? illegal(name);
    else if (matches(name, 'cburst') || name === 'cbuffer' || name === 'cmaxburst') cbuffer = parseSizeAndCell(a.next()) ?? illegal(name);
    else if (name === 'ceil') {
      a.next();
      if (ceil) bad('Double "ceil" spec\n');
      ceil = parseRate(a.word) ?? illegal('ceil');
    } else if (name === 'rate') {
      a.next();
      if (rate) bad('Double "rate" spec\n');
      rate = parseRate(a.word) ?? illegal('rate');
    } else if (name === 'help') bad(USAGE);
    else bad(`What is "${name}"?\n${USAGE}`);
  }
  if (rate === 0) bad('"rate" is required.\n');
  if (ceil === 0) ceil = rate;
  // The default burst: what goes in one tick of the kernel's clock, which has been 1 ns for long, and a packet.
  if (buffer === 0) buffer = Math.floor(rate / 1e9) + mtu;
  if (cbuffer === 0) cbuffer = Math.floor(ceil / 1e9) + mtu;
  return {
    kind: 'htb',
    rate: { rate, overhead, mpu },
    ceil: { rate: ceil, overhead, mpu },
    buffer: xmitTime(rate, buffer),
    cbuffer: xmitTime(ceil, cbuffer),
    prio,
    quantum,
  };
}

/** The parameters of a class as text: htb never learned JSON here. */
export function htbClassText(ctx: TcCtx, cl: tc.HtbClass): string {
  const rate = cl.rate.spec;
  const ceil = cl.ceil.spec;
  let s = '';
  if (cl.level === 0) {
    s += `prio ${cl.prio} `;
    if (ctx.details) s += `quantum ${cl.quantum} `;
  }
  s += `rate ${showRate(rate.rate, ctx.iec)} `;
  if (rate.overhead) s += `overhead ${rate.overhead} `;
  s += `ceil ${showRate(ceil.rate, ctx.iec)} `;
  const burst = showSize(xmitSize(rate.rate, cl.bufferTicks));
  const cburst = showSize(xmitSize(ceil.rate, cl.cbufferTicks));
  if (ctx.details) {
    s += `linklayer ethernet burst ${burst}/1 mpu ${showSize(rate.mpu)} cburst ${cburst}/1 mpu ${showSize(ceil.mpu)} level ${cl.level} `;
  } else s += `burst ${burst} cburst ${cburst} `;
  const hex = (n: number): string => n.toString(16).padStart(8, '0');
  if (ctx.raw) s += `buffer [${hex(cl.bufferTicks)}] cbuffer [${hex(cl.cbufferTicks)}] `;
  return s;
}
