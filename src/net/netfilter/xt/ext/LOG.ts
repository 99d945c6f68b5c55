/** Targets LOG, NFLOG and TRACE. LOG writes to the kernel log as nf_log_syslog.c does. Models libxt_LOG.c */

import { formatIp } from '../../../../wire/addr.ts';
import { u16, u32 } from '../../../../wire/bytes.ts';
import { formatMac } from '../../../../wire/mac.ts';
import { Problem, type TargetExt } from '../ext.ts';
import { mayLog } from '../log.ts';
import { hasL4, type XtPacket } from '../packet.ts';
import { number, quote, uint } from '../parse.ts';

interface Log {
  level: number;
  prefix: string;
  seq: boolean;
  tcpOptions: boolean;
  ipOptions: boolean;
  uid: boolean;
  macdecode: boolean;
}

const LEVELS = ['emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug'];
const LEVEL_ALIAS: Readonly<Record<string, number>> = { panic: 0 };

const flagOption = (name: string, key: 'seq' | 'tcpOptions' | 'ipOptions' | 'uid' | 'macdecode') => ({
  name,
  arg: 'none' as const,
  set: (o: Log): void => {
    o[key] = true;
  },
});

function bits(o: Log): number {
  return (o.seq ? 1 : 0) | (o.tcpOptions ? 2 : 0) | (o.ipOptions ? 4 : 0) | (o.uid ? 8 : 0) | (o.macdecode ? 32 : 0);
}

export const LOG: TargetExt<Log> = {
  kind: 'target',
  name: 'LOG',
  init: () => ({ level: 4, prefix: '', seq: false, tcpOptions: false, ipOptions: false, uid: false, macdecode: false }),
  options: [
    {
      name: 'log-level',
      set: (o, arg) => {
        const n = number(arg, 0, 7);
        const named = LEVELS.indexOf(arg);
        const level = n ?? LEVEL_ALIAS[arg] ?? (named < 0 ? null : named);
        if (level === null) throw new Problem(`log level "${arg}" unknown\n`);
        o.level = level;
      },
    },
    {
      name: 'log-prefix',
      set: (o, arg) => {
        if (arg.includes('\n')) throw new Problem('LOG: Newlines not allowed in --log-prefix');
        if (arg === '') throw new Problem('Argument must have a minimum length of 1 characters\n');
        o.prefix = arg.slice(0, 29);
      },
    },
    flagOption('log-tcp-sequence', 'seq'),
    flagOption('log-tcp-options', 'tcpOptions'),
    flagOption('log-ip-options', 'ipOptions'),
    flagOption('log-uid', 'uid'),
    flagOption('log-macdecode', 'macdecode'),
  ],
  save: (o) =>
    (o.prefix ? ` --log-prefix ${quote(o.prefix)}` : '') +
    (o.level !== 4 ? ` --log-level ${o.level}` : '') +
    (o.seq ? ' --log-tcp-sequence' : '') +
    (o.tcpOptions ? ' --log-tcp-options' : '') +
    (o.ipOptions ? ' --log-ip-options' : '') +
    (o.uid ? ' --log-uid' : '') +
    (o.macdecode ? ' --log-macdecode' : ''),
  list: (o, cx) =>
    ` LOG${cx.numeric ? ` flags ${bits(o)} level ${o.level}` : ` level ${LEVELS[o.level] === 'warning' ? 'warn' : (LEVELS[o.level] ?? '')}`}` +
    (!cx.numeric && o.seq ? ' tcp-sequence' : '') +
    (!cx.numeric && o.tcpOptions ? ' tcp-options' : '') +
    (!cx.numeric && o.ipOptions ? ' ip-options' : '') +
    (!cx.numeric && o.uid ? ' uid' : '') +
    (!cx.numeric && o.macdecode ? ' macdecode' : '') +
    (o.prefix ? ` prefix "${o.prefix}"` : ''),
  nft: (o) => {
    const flags = [
      o.seq ? 'tcp sequence' : '',
      o.tcpOptions ? 'tcp options' : '',
      o.ipOptions ? 'ip options' : '',
      o.uid ? 'skuid' : '',
      o.macdecode ? 'ether' : '',
    ];
    const levels = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];
    const on = flags.filter((f) => f !== '');
    return `log${o.prefix ? ` prefix "${o.prefix}"` : ''}${o.level !== 4 ? ` level ${levels[o.level]}` : ''}${on.map((f) => ` flags ${f}`).join('')}`;
  },
  run: (o, ns) => (p) => {
    if (mayLog(ns)) ns.kernel.printk(o.prefix + logLine(p, o));
    return 'continue';
  },
};

/** A packet as nf_log_trace() writes it: with everything. */
export function traceLine(p: XtPacket): string {
  return logLine(p, { level: 4, prefix: '', seq: true, tcpOptions: true, ipOptions: true, uid: true, macdecode: false });
}

function logLine(p: XtPacket, o: Log): string {
  const b = p.skb.data;
  const info = p.skb.bridge;
  let s = `IN=${p.in?.name ?? ''} OUT=${p.out?.name ?? ''} `;
  if (info?.physIn && info.physIn !== p.in) s += `PHYSIN=${info.physIn.name} `;
  if (info?.physOut && info.physOut !== p.out) s += `PHYSOUT=${info.physOut.name} `;
  if (p.in)
    s += `MAC=${p.in.kind === 'loopback' ? '' : `${formatMac(p.skb.ethDst)}:${formatMac(p.skb.ethSrc)}:${p.family === 4 ? '08:00' : '86:dd'}`} `;
  s += `SRC=${formatIp(p.src)} DST=${formatIp(p.dst)} `;
  if (p.family === 4) {
    const tos = b[1] as number;
    const frag = u16(b, 6);
    const hex2 = (n: number): string => `0x${n.toString(16).toUpperCase().padStart(2, '0')}`;
    s += `LEN=${u16(b, 2)} TOS=${hex2(tos & 0x1e)} PREC=${hex2(tos & 0xe0)} TTL=${b[8]} ID=${u16(b, 4)} `;
    s += `${frag & 0x8000 ? 'CE ' : ''}${frag & 0x4000 ? 'DF ' : ''}${frag & 0x2000 ? 'MF ' : ''}${p.frag ? `FRAG:${p.frag / 8} ` : ''}`;
  } else
    s += `LEN=${b.length} TC=${((b[0] as number) & 15) * 16 + ((b[1] as number) >> 4)} HOPLIMIT=${b[7]} FLOWLBL=${u32(b, 0) & 0xfffff} `;
  s += layer4(p, o);
  if (o.uid && p.skb.sk) s += `UID=${p.skb.sk.uid} GID=${p.skb.sk.gid} `;
  if (p.skb.mark) s += `MARK=0x${p.skb.mark.toString(16)} `;
  return s;
}

const TCP_FLAGS: readonly (readonly [number, string])[] = [
  [128, 'CWR'],
  [64, 'ECE'],
  [32, 'URG'],
  [16, 'ACK'],
  [8, 'PSH'],
  [4, 'RST'],
  [2, 'SYN'],
  [1, 'FIN'],
];

function layer4(p: XtPacket, o: Log): string {
  const b = p.skb.data;
  const at = p.l4;
  if (p.proto === 6 && hasL4(p, 20)) {
    const flags = b[at + 13] as number;
    const seq = o.seq ? `SEQ=${u32(b, at + 4)} ACK=${u32(b, at + 8)} ` : '';
    const names = TCP_FLAGS.filter(([bit]) => flags & bit).map(([, name]) => `${name} `);
    const end = at + ((b[at + 12] as number) >> 4) * 4;
    const opt =
      o.tcpOptions && end > at + 20
        ? `OPT (${[...b.subarray(at + 20, end)].map((x) => x.toString(16).padStart(2, '0').toUpperCase()).join('')}) `
        : '';
    return `PROTO=TCP SPT=${u16(b, at)} DPT=${u16(b, at + 2)} ${seq}WINDOW=${u16(b, at + 14)} RES=0x00 ${names.join('')}URGP=${u16(b, at + 18)} ${opt}`;
  }
  if (p.proto === 17 && hasL4(p, 8)) return `PROTO=UDP SPT=${u16(b, at)} DPT=${u16(b, at + 2)} LEN=${u16(b, at + 4)} `;
  if (p.proto === 1 && hasL4(p, 8)) {
    const type = b[at] as number;
    const echo = type === 8 || type === 0 ? `ID=${u16(b, at + 4)} SEQ=${u16(b, at + 6)} ` : '';
    return `PROTO=ICMP TYPE=${type} CODE=${b[at + 1]} ${echo}`;
  }
  if (p.proto === 58 && hasL4(p, 8)) {
    const type = b[at] as number;
    const echo = type === 128 || type === 129 ? `ID=${u16(b, at + 4)} SEQ=${u16(b, at + 6)} ` : '';
    return `PROTO=ICMPv6 TYPE=${type} CODE=${b[at + 1]} ${echo}`;
  }
  return `PROTO=${p.proto} `;
}

interface Nflog {
  group: number;
  prefix: string;
  range: number | null;
  size: number | null;
  threshold: number;
}

/** Hands copies to user space; nobody listens there yet. */
export const NFLOG: TargetExt<Nflog> = {
  kind: 'target',
  name: 'NFLOG',
  init: () => ({ group: 0, prefix: '', range: null, size: null, threshold: 0 }),
  options: [
    {
      name: 'nflog-group',
      set: (o, arg) => {
        o.group = uint('NFLOG', 'nflog-group', arg, 0, 65535);
      },
    },
    {
      name: 'nflog-prefix',
      set: (o, arg) => {
        if (arg === '') throw new Problem('Argument must have a minimum length of 1 characters\n');
        o.prefix = arg.slice(0, 127);
      },
    },
    {
      name: 'nflog-range',
      excludes: ['nflog-size'],
      set: (o, arg, _invert, cx) => {
        o.range = uint('NFLOG', 'nflog-range', arg, 0, 0xffffffff);
        cx.warn('warn: --nflog-range has never worked and is no longer supported, please use --nflog-size instead\n');
      },
    },
    {
      name: 'nflog-size',
      excludes: ['nflog-range'],
      set: (o, arg) => {
        o.size = uint('NFLOG', 'nflog-size', arg, 0, 0xffffffff);
      },
    },
    {
      name: 'nflog-threshold',
      set: (o, arg) => {
        o.threshold = uint('NFLOG', 'nflog-threshold', arg, 0, 65535);
      },
    },
  ],
  save: (o) => nflogText(o, '--'),
  list: (o) => nflogText(o, ''),
  run: () => () => 'continue',
};

function nflogText(o: Nflog, dashes: string): string {
  return (
    (o.prefix ? ` ${dashes}nflog-prefix ${dashes === '' && !o.prefix.includes(' ') ? ` ${o.prefix}`.trim() : quote(o.prefix)}` : '') +
    (o.group ? ` ${dashes}nflog-group ${o.group}` : '') +
    (o.size !== null ? ` ${dashes}nflog-size ${o.size}` : '') +
    (o.threshold !== 0 ? ` ${dashes}nflog-threshold ${o.threshold}` : '')
  );
}

export const TRACE: TargetExt<Record<string, never>> = {
  kind: 'target',
  name: 'TRACE',
  init: () => ({}),
  options: [],
  save: () => '',
  list: () => '',
  run: () => (p) => {
    p.skb.nfTrace = true;
    return 'continue';
  },
};
