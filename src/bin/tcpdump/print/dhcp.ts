/** Models print-bootp.c */

import { bits, hex, type Ndo } from './ndo.ts';

/** Code to form and name: a text, i addresses, l/s/b numbers of 4, 2, 1 bytes, L signed, B booleans, p pairs, $ special. */
const TAGS: Record<number, string> = Object.fromEntries(
  '0 =PAD,1 iSubnet-Mask,2 LTime-Zone,3 iDefault-Gateway,4 iTime-Server,5 iIEN-Name-Server,6 iDomain-Name-Server,7 iLOG,8 iCS,9 iLPR-Server,10 iIM,11 iRL,12 aHostname,13 sBS,14 aDP,15 aDomain-Name,16 iSS,17 aRP,18 aEP,19 BIPF,20 BSRT,21 pPF,22 sRSZ,23 bTTL,24 lMTU-Timeout,25 sMTU-Table,26 sMTU,27 BLSN,28 iBR,29 BMD,30 BMS,31 BRouter-Discovery,32 iRSA,33 pStatic-Route,34 BUT,35 lAT,36 BIE,37 bTT,38 lKI,39 BKG,40 aYD,41 iYS,42 iNTP,43 bVendor-Option,44 iNetbios-Name-Server,45 iWDD,46 $Netbios-Node,47 aNetbios-Scope,48 iXFS,49 iXDM,50 iRequested-IP,51 lLease-Time,52 $OO,53 =DHCP-Message,54 iServer-ID,55 bParameter-Request,56 aMSG,57 sMSZ,58 lRN,59 lRB,60 aVendor-Class,61 $Client-ID,64 sN+D,65 iN+S,66 aTFTP,67 aBF,68 iMH,69 iSMTP,70 iPOP3,71 iNNTP,72 iWWW,73 iFG,74 iIRC,75 iSTS,76 iSTDA,77 $User-Class,78 bSLP-DA,79 bSLP-SCOPE,81 $FQDN,82 $Agent-Information,83 bARMT,88 aTZSTR,89 bFQDNS,90 bAUTH,91 LLast-Transaction-Time,92 iAssociated-IP,93 sARCH,94 bNDI,95 aLDAP,97 bGUID,100 aPOSIX-TZ,101 aTZ-Name,112 iNI,113 aNITAG,114 aURL,116 BNOAUTO,117 sNSSEARCH,118 iSUBNET,121 $Classless-Static-Route,150 iTFTP-Server-Address,161 aMUD-URL,249 $Classless-Static-Route-Microsoft,255 =END'
    .split(',')
    .map((s) => [s.slice(0, s.indexOf(' ')), s.slice(s.indexOf(' ') + 1)]),
);
const MESSAGES = 'Discover,Offer,Request,Decline,ACK,NACK,Release,Inform,,LeaseQuery,LeaseUnassigned,LeaseUnknown,LeaseActive'.split(',');
const HARDWARE: Record<number, string> = { 1: 'ether', 6: 'ieee802', 7: 'arcnet', 15: 'frelay', 23: 'strip', 24: 'ieee1394' };
const AGENT: Record<number, string> = { 1: 'Circuit-ID', 2: 'Remote-ID', 6: 'Subscriber-ID' };
const FLAGS = [[0x8000, 'Broadcast']] as const;

export function printDhcp(n: Ndo, at: number, length: number): void {
  n.protocol = 'bootp';
  const op = n.u8(at);
  n.print(`BOOTP/DHCP, ${op === 1 ? 'Request' : op === 2 ? 'Reply' : `unknown (0x${hex(op, 2)})`}`);
  const [htype, hlen] = [n.u8(at + 1), n.u8(at + 2)];
  const ethernet = htype === 1 && hlen === 6;
  if (ethernet && op === 1) n.print(` from ${n.mac(at + 28)}`);
  n.print(`, length ${length}`);
  if (n.o.verbose === 0) return;
  if (!n.has(at + 8, 2)) {
    n.truncated();
    return;
  }
  if (htype !== 1) n.print(`, htype ${htype}`);
  if (!ethernet) n.print(`, hlen ${hlen}`);
  if (n.u8(at + 3) !== 0) n.print(`, hops ${n.u8(at + 3)}`);
  if (n.u32(at + 4) !== 0) n.print(`, xid 0x${hex(n.u32(at + 4))}`);
  if (n.u16(at + 8) !== 0) n.print(`, secs ${n.u16(at + 8)}`);
  const flags = n.u16(at + 10);
  n.print(`, Flags [${bits(FLAGS, flags)}]${n.o.verbose > 1 ? ` (0x${hex(flags, 4)})` : ''}`);
  for (const [offset, name] of [
    [12, 'Client-IP'],
    [16, 'Your-IP'],
    [20, 'Server-IP'],
    [24, 'Gateway-IP'],
  ] as const)
    if (n.u32(at + offset) !== 0) n.print(`\n\t  ${name} ${n.ip4(at + offset)}`);
  if (ethernet) n.print(`\n\t  Client-Ethernet-Address ${n.mac(at + 28)}`);
  for (const [offset, size, name] of [
    [44, 64, 'sname'],
    [108, 128, 'file'],
  ] as const) {
    if (n.u8(at + offset) === 0) continue;
    n.print(`\n\t  ${name} "`);
    const whole = n.zeroTerminated(at + offset, size);
    n.print('"');
    if (!whole) {
      n.truncated();
      return;
    }
  }
  if (!n.has(at + 236, 4)) {
    n.truncated();
    return;
  }
  const cookie = n.u32(at + 236);
  if (cookie === 0x63825363) options(n, at + 236);
  else if (cookie !== 0) n.print(`\n\t  Vendor-#0x${hex(cookie)}`);
}

function options(n: Ndo, from: number): void {
  n.print(`\n\t  Vendor-rfc1048 Extensions\n\t    Magic Cookie 0x${hex(n.u32(from), 8)}`);
  const v = n.o.verbose;
  for (let at = from + 4; n.has(at, 1); ) {
    const tag = n.u8(at++);
    if (tag === 0 && v < 3) continue;
    if (tag === 255 && v < 3) return;
    const spec = TAGS[tag] ?? '?Unknown';
    const length = tag === 0 || tag === 255 ? 0 : n.u8(at++);
    n.print(`\n\t    ${spec.slice(1)} (${tag}), length ${length}${length > 0 ? ': ' : ''}`);
    if (tag === 0) {
      let more = 1;
      while (n.has(at, 1) && n.u8(at) === 0) {
        at++;
        more++;
      }
      if (more > 1) n.print(`, occurs ${more}`);
    }
    if (!n.has(at, length)) {
      n.truncated();
      return;
    }
    if (tag === 53 && length === 1) n.print(MESSAGES[n.u8(at) - 1] || `Unknown (${n.u8(at)})`);
    else if (tag === 55)
      for (let i = 0; i < length; i++) {
        const inner = n.u8(at + i);
        n.print(`${i % 4 === 0 ? '\n\t      ' : ', '}${(TAGS[inner] ?? '?Unknown').slice(1)} (${inner})`);
      }
    else value(n, at, length, tag, spec.charAt(0));
    at += length;
  }
}

function value(n: Ndo, at: number, length: number, tag: number, form: string): void {
  const kind = form === '?' ? (length & 1 ? 'b' : length & 2 ? 's' : 'l') : form;
  const list = (size: number, text: (where: number) => string, separator = ','): void => {
    const count = Math.floor(length / size);
    n.print([...Array(count).keys()].map((i) => text(at + i * size)).join(separator));
    if (length % size !== 0) n.print(`\n\t  trailing data length ${length % size}`);
  };
  switch (kind) {
    case 'a':
      n.print('"');
      n.text(at, length);
      n.print('"');
      break;
    case 'i':
      list(4, (x) => n.ip4(x));
      break;
    case 'l':
      list(4, (x) => String(n.u32(x)));
      break;
    case 'L':
      list(4, (x) => String(n.u32(x) | 0));
      break;
    case 'p':
      list(8, (x) => `(${n.ip4(x)}:${n.ip4(x + 4)})`);
      break;
    case 's':
      list(2, (x) => String(n.u16(x)));
      break;
    case 'B':
      list(1, (x) => ['N', 'Y'][n.u8(x)] ?? `${n.u8(x)}?`);
      break;
    case '$':
      special(n, at, length, tag);
      break;
    default:
      list(1, (x) => String(n.u8(x)), '.');
  }
}

function special(n: Ndo, at: number, length: number, tag: number): void {
  const short = (least: number): boolean => {
    if (length >= least) return false;
    n.print(`[ERROR: length < ${least} bytes]`);
    return true;
  };
  const one = (names: Record<number, string>): void => {
    if (short(1)) return;
    n.print(names[n.u8(at)] ?? `#${n.u8(at)}`);
    if (length > 1) n.print(`\n\t  trailing data length ${length - 1}`);
  };
  switch (tag) {
    case 46:
      one({ 1: 'b-node', 2: 'p-node', 4: 'm-node', 8: 'h-node' });
      break;
    case 52:
      one({ 1: 'file', 2: 'sname', 3: 'file+sname' });
      break;
    case 81: {
      if (short(3)) return;
      const flags = n.u8(at);
      if (flags & 0xf0) n.print(`[ERROR: MBZ nibble 0x${hex(flags >> 4)} != 0] `);
      if (flags & 15) n.print(`[${['S', 'O', 'E', 'N'].filter((_, i) => flags & (1 << i)).join('')}] `);
      if (n.u8(at + 1) || n.u8(at + 2)) n.print(`${n.u8(at + 1)}/${n.u8(at + 2)} `);
      n.print('"');
      n.text(at + 3, length - 3);
      n.print('"');
      break;
    }
    case 61: {
      if (short(1)) return;
      const type = n.u8(at);
      if (type === 0) {
        n.print('"');
        n.text(at + 1, length - 1);
        n.print('"');
      } else n.print(`${HARDWARE[type] ?? `hardware-type ${type},`} ${[...n.bytes(at + 1, length - 1)].map((x) => hex(x, 2)).join(':')}`);
      break;
    }
    case 82:
      for (let i = 0; i + 2 <= length; ) {
        const [code, size] = [n.u8(at + i), n.u8(at + i + 1)];
        i += 2;
        const past = size > length - i;
        n.print(`\n\t      ${AGENT[code] ?? 'Unknown'} SubOption ${code}, length ${size}: ${past ? 'length goes past end of option' : ''}`);
        if (past) return;
        if (AGENT[code]) n.text(at + i, size);
        else n.unknownData(at + i, '\n\t\t', size);
        i += size;
      }
      break;
    case 121:
    case 249:
      routes(n, at, length, short);
      break;
    case 77:
      if (short(2)) return;
      for (let i = 0, number = 1; i < length; number++) {
        const size = n.u8(at + i++);
        n.print(`\n\t      instance#${number}: `);
        if (size === 0 || size > length - i) {
          n.print(size === 0 ? '[ERROR: suboption length must be non-zero]' : '[ERROR: invalid option]');
          return;
        }
        n.print('"');
        n.text(at + i, size);
        n.print(`", length ${size}`);
        i += size;
      }
      break;
    default:
      n.print(`[unknown special tag ${tag}, size ${length}]`);
  }
}

function routes(n: Ndo, at: number, length: number, short: (least: number) => boolean): void {
  if (short(5)) return;
  for (let i = 0; i < length; ) {
    if (i > 0) n.print(',');
    const width = n.u8(at + i++);
    if (width > 32) {
      n.print(`[ERROR: Mask width (${width}) > 32]`);
      return;
    }
    const octets = (width + 7) >> 3;
    if (length - i < octets + 4) {
      n.print(`[ERROR: Remaining length (${length - i}) < ${octets + 4} bytes]`);
      return;
    }
    const digits = [...n.bytes(at + i, octets), 0, 0, 0, 0].slice(0, 4);
    n.print(`(${width === 0 ? 'default' : `${digits.join('.')}/${width}`}:${n.ip4(at + i + octets)})`);
    i += octets + 4;
  }
}
