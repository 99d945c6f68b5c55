/** Protocols that are lines of text, and who speaks behind which TCP port. Models print-http.c, print-smtp.c, print-ftp.c, print-ssh.c, print-telnet.c, print-resp.c */

import { printDns } from './dns.ts';
import { type Ndo, safe } from './ndo.ts';

const HTTP =
  'GET PUT COPY HEAD LOCK MOVE POLL POST BCOPY BMOVE MKCOL TRACE LABEL MERGE DELETE SEARCH UNLOCK REPORT UPDATE NOTIFY BDELETE CONNECT OPTIONS CHECKIN PROPFIND CHECKOUT CCM_POST SUBSCRIBE PROPPATCH BPROPFIND BPROPPATCH UNCHECKOUT MKACTIVITY MKWORKSPACE UNSUBSCRIBE RPC_CONNECT VERSION-CONTROL BASELINE-CONTROL'.split(
    ' ',
  );
const FTP =
  'ACCT APPE CWD DELE FEAT HELP LIST MDTM MKD MODE NLST NOOP PASS PASV PORT PWD QUIT RETR RMD RNFR RNTO SITE SIZE STAT STOR STRU SYST TYPE USER'.split(
    ' ',
  );
const SMTP = 'HELO EHLO MAIL RCPT DATA RSET VRFY EXPN HELP NOOP QUIT STARTTLS AUTH'.split(' ');
const SIP = 'ACK BYE CANCEL DO INFO INVITE MESSAGE NOTIFY OPTIONS PRACK QAUTH REFER REGISTER SPRACK SUBSCRIBE UPDATE PUBLISH'.split(' ');
const RTSP = 'OPTIONS DESCRIBE ANNOUNCE SETUP PLAY PAUSE TEARDOWN GET_PARAMETER SET_PARAMETER REDIRECT RECORD'.split(' ');

interface Style {
  name: string;
  words: readonly string[];
  /** With a status line in answers: `HTTP/1.1 200 OK`. */
  status: boolean;
}

const STYLES: Readonly<Record<string, Style>> = {
  http: { name: 'http', words: HTTP, status: true },
  rtsp: { name: 'rtsp', words: RTSP, status: true },
  sip: { name: 'sip', words: SIP, status: true },
  ftp: { name: 'ftp', words: FTP, status: false },
  smtp: { name: 'smtp', words: SMTP, status: false },
};

export function printApplication(n: Ndo, at: number, length: number, sport: number, dport: number): void {
  const is = (...ports: number[]): boolean => ports.includes(sport) || ports.includes(dport);
  const lines = (style: string): void => {
    n.print(': ');
    printText(n, at, length, STYLES[style] as Style);
  };
  if (is(23)) printTelnet(n, at, length);
  else if (is(25)) lines('smtp');
  else if (is(6379)) printResp(n, at, length);
  else if (is(22)) printSsh(n, at, length);
  else if (is(21)) lines('ftp');
  else if (is(80, 8080)) lines('http');
  else if (is(554, 8554)) lines('rtsp');
  else if (is(53)) printDns(n, at, length, true, false);
}

export function printSip(n: Ndo, at: number, length: number): void {
  printText(n, at, length, STYLES.sip as Style);
}

/** fetch_token(): the word at `from` and what follows its blanks; null when it is none or the capture ends in it. */
function word(n: Ndo, from: number, to: number): { text: string; next: number } | null {
  let i = from;
  for (; i < to; i++) {
    if (i >= n.end) return null;
    const c = n.b[i] as number;
    if (c === 32 || c === 9 || c === 13 || c === 10) break;
    if (c < 32 || c > 126 || i - from > 126) return null;
  }
  if (i === from) return null;
  const text = String.fromCharCode(...n.b.subarray(from, i));
  while (i < to && i < n.end && (n.b[i] === 32 || n.b[i] === 9)) i++;
  return { text, next: i };
}

function isText(n: Ndo, at: number, to: number, style: Style): boolean {
  const first = word(n, at, to);
  if (!first) return false;
  if (style.words.some((w) => w.toLowerCase() === first.text.toLowerCase())) return true;
  const code = style.status ? word(n, first.next, to) : first;
  return code !== null && /^\d{3}$/.test(code.text);
}

/** txtproto_print(): the first line, and with -v all of them. */
function printText(n: Ndo, at: number, length: number, style: Style): void {
  n.protocol = style.name;
  const to = at + length;
  n.print(style.name.toUpperCase());
  if (!isText(n, at, to, style)) return;
  if (n.o.verbose === 0) {
    line(n, ': ', at, to);
    return;
  }
  n.print(`, length: ${length}`);
  for (let i = at; i < to; ) {
    i = line(n, '\n\t', i, to);
    if (i < 0) return;
  }
}

/** Prints a line without its end and returns where the next begins; -1 when it has no end or is no text. */
function line(n: Ndo, prefix: string, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    const c = n.u8(i);
    if (c === 13 && (i + 1 >= to || n.u8(i + 1) !== 10)) return -1;
    if (c === 10 || c === 13) {
      n.print(prefix + String.fromCharCode(...n.b.subarray(from, i)));
      return i + (c === 13 ? 2 : 1);
    }
    if ((c < 32 || c > 126) && c !== 9) return -1;
  }
  n.print(prefix + String.fromCharCode(...n.b.subarray(from, Math.min(to, from + 65_000))));
  n.truncated();
  return -1;
}

function printSsh(n: Ndo, at: number, length: number): void {
  n.protocol = 'ssh';
  const to = Math.min(at + length, n.end);
  if (String.fromCharCode(...n.b.subarray(at, at + 4)) !== 'SSH-') return;
  n.print(': SSH: ');
  let i = at;
  while (i < to && n.b[i] !== 13 && n.b[i] !== 10) i++;
  n.print(safe(n.b.subarray(at, i)));
}

const TELNET_COMMANDS: Record<number, string> = {
  236: 'EOF',
  237: 'SUSP',
  238: 'ABORT',
  239: 'EOR',
  240: 'SE',
  241: 'NOP',
  242: 'DMARK',
  243: 'BRK',
  244: 'IP',
  245: 'AO',
  246: 'AYT',
  247: 'EC',
  248: 'EL',
  249: 'GA',
  250: 'SB',
  251: 'WILL',
  252: 'WONT',
  253: 'DO',
  254: 'DONT',
  255: 'IAC',
};
const TELNET_OPTIONS =
  'BINARY,ECHO,RCP,SUPPRESS GO AHEAD,NAME,STATUS,TIMING MARK,RCTE,NAOL,NAOP,NAOCRD,NAOHTS,NAOHTD,NAOFFD,NAOVTS,NAOVTD,NAOLFD,EXTEND ASCII,LOGOUT,BYTE MACRO,DATA ENTRY TERMINAL,SUPDUP,SUPDUP OUTPUT,SEND LOCATION,TERMINAL TYPE,END OF RECORD,TACACS UID,OUTPUT MARKING,TTYLOC,3270 REGIME,X.3 PAD,NAWS,TSPEED,LFLOW,LINEMODE,XDISPLOC,OLD-ENVIRON,AUTHENTICATION,ENCRYPT,NEW-ENVIRON'.split(
    ',',
  );

function printTelnet(n: Ndo, at: number, length: number): void {
  n.protocol = 'telnet';
  const to = Math.min(at + length, n.end);
  let first = true;
  for (let i = at; i < to && n.b[i] === 255; ) {
    const command = n.u8(i + 1);
    if (command === 255) break;
    n.print(first ? ' [telnet ' : ', ');
    first = false;
    n.print(TELNET_COMMANDS[command] ?? `${command}`);
    i += 2;
    if (command >= 251 && command <= 254) n.print(` ${TELNET_OPTIONS[n.u8(i++)] ?? `${n.u8(i - 1)}`}`);
    else if (command === 250) {
      n.print(` ${TELNET_OPTIONS[n.u8(i++)] ?? `${n.u8(i - 1)}`}`);
      while (i < to && !(n.b[i] === 255 && n.b[i + 1] === 240)) i++;
      i += 2;
      n.print(' SE');
    }
  }
  if (!first) n.print(']');
}

/** Redis: the values of a message, quoted; inline commands as they stand. */
function printResp(n: Ndo, at: number, length: number): void {
  n.protocol = 'resp';
  n.print(': RESP');
  const to = Math.min(at + length, n.end);
  let i = at;
  const line = (): string | null => {
    const start = i;
    while (i < to && n.b[i] !== 13) i++;
    if (i + 1 >= to) return null;
    i += 2;
    return safe(n.b.subarray(start, i - 2));
  };
  for (let bound = 0; i < to && bound < 1000; bound++) {
    const kind = String.fromCharCode(n.b[i] as number);
    const text = line();
    if (text === null) break;
    const size = Number.parseInt(text.slice(1), 10);
    if (kind === '*') {
      if (size === 0) n.print(' empty');
      else if (size < 0) n.print(' null');
    } else if (kind === '$') {
      if (size < 0) n.print(' null');
      else {
        n.print(size === 0 ? ' empty' : ` "${safe(n.bytes(i, Math.min(size, to - i)))}"`);
        i += size + 2;
      }
    } else n.print(` "${':+-'.includes(kind) ? text.slice(1) : text}"`);
  }
}
