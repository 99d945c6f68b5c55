/** The small old tools: ipmaddr, mii-tool, nameif, plipconfig, rarp. Models net-tools 2.10 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { groups } from '../../os/uapi.ts';

const MII_USAGE = `usage: mii-tool [-VvRrwl] [-A media,... | -F media] [-p addr] <interface ...>
       -V, --version               display version information
       -v, --verbose               more verbose output
       -R, --reset                 reset MII to poweron state
       -r, --restart               restart autonegotiation
       -w, --watch                 monitor for link status changes
       -l, --log                   with -w, write events to syslog
       -A, --advertise=media,...   advertise only specified media
       -F, --force=media           force specified media technology
       -p, --phy=addr              set PHY (MII address) to report
media: 1000baseTx-HD, 1000baseTx-FD,
       100baseT4, 100baseTx-FD, 100baseTx-HD,
       10baseT-FD, 10baseT-HD,
       (to advertise both HD and FD) 1000baseTx, 100baseTx, 10baseT
`;

const PLIP_USAGE = `Usage: plipconfig interface [nibble NN] [trigger NN]
       plipconfig -V | --version
       plipconfig -h | --help
`;

const NAMEIF_USAGE = 'usage: nameif [-c configurationfile] [-s] {ifname macaddress}\n';

/** `ipmaddr [show] [dev] NAME`, with `ipv4`, `ipv6` or `link` for one family. */
function* ipmaddr(p: Process): Task<number> {
  const words = p.argv.slice(1);
  if (words.includes('-V') || words.includes('--version')) {
    yield* p.out('net-tools 2.10\nAlexey Kuznetsov\n');
    return 0;
  }
  let family = '';
  let only: string | null = null;
  for (const word of words) {
    if (['show', 'list', 'lst', 'dev'].includes(word)) continue;
    if (word === 'add' || word === 'delete' || word === 'del') {
      yield* p.err(`ipmaddr: ${word} is not emulated\n`);
      return 1;
    }
    if (['ipv4', 'ipv6', 'link', 'all'].includes(word)) family = word;
    else only = word;
  }
  let text = '';
  for (const dev of p.ns.devices.values()) {
    if (only !== null && dev.name !== only) continue;
    const g = groups(dev);
    const rows = [
      ...(family === '' || family === 'all' || family === 'link' ? g.link.map((a) => `\tlink  ${a}`) : []),
      ...(family === '' || family === 'all' || family === 'ipv4' ? g.inet.map((a) => `\tinet  ${a}`) : []),
      ...(family === '' || family === 'all' || family === 'ipv6' ? g.inet6.map((a) => `\tinet6 ${a}`) : []),
    ];
    if (rows.length > 0) text += `${dev.ifindex}:\t${dev.name}\n${rows.join('\n')}\n`;
  }
  yield* p.out(text);
  return 0;
}

/** No device here has a PHY. */
function* miiTool(p: Process): Task<number> {
  const names = p.argv.slice(1).filter((w) => !w.startsWith('-'));
  if (names.length === 0) {
    yield* p.err(`No interface specified\n${MII_USAGE}`);
    return 2;
  }
  for (const name of names)
    yield* p.err(`SIOCGMIIPHY on '${name}' failed: ${p.ns.device(name) ? 'Operation not supported' : 'No such device'}\n`);
  return 1;
}

function* nameif(p: Process): Task<number> {
  const option = p.argv.slice(1).find((w) => w.startsWith('-'));
  if (option !== undefined) {
    yield* p.err(`${option === '-c' || option === '-s' ? '' : `nameif: invalid option -- '${option[1]}'\n`}${NAMEIF_USAGE}`);
    return 0;
  }
  if (p.argv.length > 1) {
    yield* p.err('nameif: renaming is not emulated\n');
    return 1;
  }
  yield* p.err('opening configuration file /etc/mactab: No such file or directory\n');
  return 1;
}

function* plipconfig(p: Process): Task<number> {
  yield* p.err(PLIP_USAGE);
  return 3;
}

function* rarp(p: Process): Task<number> {
  yield* p.err('This kernel does not support RARP.\n');
  return 1;
}

export const smallTools: readonly Command[] = [
  { name: 'ipmaddr', main: ipmaddr, path: '/usr/sbin/ipmaddr' },
  { name: 'mii-tool', main: miiTool, path: '/usr/sbin/mii-tool' },
  { name: 'nameif', main: nameif, path: '/usr/sbin/nameif' },
  { name: 'plipconfig', main: plipconfig, path: '/usr/sbin/plipconfig' },
  { name: 'rarp', main: rarp, path: '/usr/sbin/rarp' },
];
