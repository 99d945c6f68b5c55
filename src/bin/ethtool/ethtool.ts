/** ethtool: driver, link settings, offloads and counters of a device. Models ethtool 6.1 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { feature, type NetDevice, setFeature } from '../../os/uapi.ts';
import { formatMac } from '../../wire/mac.ts';
import { BIT_NAMES, BIT_ORDER, FEATURES, GROUPS } from './features.ts';
import { USAGE } from './usage.ts';

interface Answer {
  out: string;
  err: string;
  status: number;
}

const NO_DEVICE = 'netlink error: no device matches name (offset 24)\nnetlink error: No such device\n';
const UNSUPPORTED = 'netlink error: Operation not supported\n';
const BAD = 'ethtool: bad command line argument(s)\nFor more information run ethtool -h\n';

function say(out: string, status = 0, err = ''): Answer {
  return { out, err, status };
}

function refuse(err: string, status: number): Answer {
  return { out: '', err, status };
}

/** Virtual devices speak for the device below them. */
function base(dev: NetDevice): NetDevice {
  return dev.kind === 'macvlan' || dev.kind === 'vlan' ? base((dev as NetDevice & { lower: NetDevice }).lower) : dev;
}

function settings(dev: NetDevice): Answer {
  const link = `\tLink detected: ${dev.up && dev.carrier() ? 'yes' : 'no'}\n`;
  if (dev.kind === 'loopback') return say(`Settings for ${dev.name}:\n${link}`);
  if (dev.kind === 'ifb') return say('', 75, 'No data available\n');
  const lower = base(dev).kind;
  const wire = lower === 'veth' || lower === 'tun';
  const level = lower === 'tun' ? `        Current message level: 0x00000000 (0)\n${' '.repeat(30)}\n` : '';
  return say(
    `Settings for ${dev.name}:\n\tSupported ports: [  ]\n\tSupported link modes:   Not reported\n\tSupported pause frame use: No\n\tSupports auto-negotiation: No\n\tSupported FEC modes: Not reported\n\tAdvertised link modes:  Not reported\n\tAdvertised pause frame use: No\n\tAdvertised auto-negotiation: No\n\tAdvertised FEC modes: Not reported\n\tSpeed: ${wire ? '10000Mb/s' : 'Unknown!'}\n\tDuplex: ${wire ? 'Full' : 'Unknown! (255)'}\n\tAuto-negotiation: off\n\tPort: ${wire ? 'Twisted Pair' : 'Other'}\n\tPHYAD: 0\n\tTransceiver: internal\n${wire ? '\tMDI-X: Unknown\n' : ''}${level}${link}`,
  );
}

const DRIVERS: Readonly<Record<string, readonly [version: string, firmware: string, bus: string, stats: string]>> = {
  veth: ['1.0', '', '', 'yes'],
  bridge: ['2.3', 'N/A', 'N/A', 'no'],
  vxlan: ['0.1', '', '', 'no'],
  macvlan: ['0.1', '', '', 'no'],
  dummy: ['1.0', '', '', 'no'],
  vlan: ['1.8', 'N/A', '', 'no'],
  ether: ['1.0.0', '', '', 'yes'],
  tun: ['1.6', '', 'tap', 'no'],
  ifb: ['6.18.44', '', '', 'yes'],
};

/** Devices take as many queues as there are processors. */
const QUEUES = 2;

function queues(dev: NetDevice, which: 'rx' | 'tx'): number {
  return feature(dev, `${which}-queues-2`, false) ? 2 : 1;
}

function driver(dev: NetDevice): Answer {
  const d = DRIVERS[dev.kind];
  if (!d) return refuse('Cannot get driver information: Operation not supported\n', 71);
  const name = dev.kind === 'ether' ? 'virtio_net' : dev.kind === 'vlan' ? '802.1Q VLAN Support' : dev.kind;
  return say(
    `driver: ${name}\nversion: ${d[0]}\nfirmware-version: ${d[1]}\nexpansion-rom-version: \nbus-info: ${dev.hardware === 'none' ? 'tun' : d[2]}\nsupports-statistics: ${d[3]}\nsupports-test: no\nsupports-eeprom-access: no\nsupports-register-dump: no\nsupports-priv-flags: no\n`,
  );
}

function statistics(dev: NetDevice, words: readonly string[]): Answer {
  const [first, ...named] = words;
  if (first === '--all-groups') return say(`Standard stats for ${dev.name}:\n`);
  if (first === '--groups') {
    const known = ['eth-phy', 'eth-mac', 'eth-ctrl', 'rmon'];
    return named.every((n) => known.includes(n))
      ? say(`Standard stats for ${dev.name}:\n`)
      : refuse(`netlink error: bit name not found (offset 48)\n${UNSUPPORTED}`, 1);
  }
  if (first !== undefined) return refuse(`ethtool (-S): unknown parameter '${first}'\n`, 1);
  const each = (which: 'rx' | 'tx', names: readonly string[]): string[] =>
    Array.from({ length: queues(dev, which) }, (_, q) => names.map((n) => `${which}_queue_${q}_${n}: 0`)).flat();
  const rows =
    dev.kind === 'ifb'
      ? [...each('rx', ['packets', 'bytes']), ...each('tx', ['packets', 'bytes'])]
      : [
          `peer_ifindex: ${dev.iflink()}`,
          ...each('rx', ['xdp_packets', 'xdp_bytes', 'drops', 'xdp_redirect', 'xdp_drops', 'xdp_tx', 'xdp_tx_errors']),
          ...each('tx', ['xdp_xmit', 'xdp_xmit_errors']),
        ];
  if (dev.kind !== 'veth' && dev.kind !== 'ifb') return refuse('no stats available\n', 94);
  return say(`NIC statistics:\n${rows.map((r) => `     ${r}\n`).join('')}`);
}

const COLUMN: Readonly<Record<string, number>> = {
  veth: 0,
  ether: 0,
  bridge: 1,
  loopback: 2,
  vxlan: 3,
  macvlan: 4,
  vlan: 4,
  dummy: 0,
  tun: 5,
  ifb: 6,
};

function code(dev: NetDevice, states: string): string {
  return states[COLUMN[dev.kind] ?? 0] ?? 'x';
}

function isOn(dev: NetDevice, name: string): boolean {
  const members = GROUPS[name];
  if (members) return members.some((m) => isOn(dev, m));
  const row = FEATURES.find(([n]) => n === name);
  if (!row) return false;
  const c = code(dev, row[1]);
  return feature(dev, name, c === '1' || c === 'X');
}

function isFixed(dev: NetDevice, name: string): boolean {
  const row = FEATURES.find(([n]) => n === name);
  return !row || /x/i.test(code(dev, row[1]));
}

/** What was asked for: of a feature that has been dropped since, or that cannot be had here, not what is on. */
function wantedOn(dev: NetDevice, name: string): boolean {
  const row = FEATURES.find(([n]) => n === name);
  const c = row ? code(dev, row[1]) : 'x';
  return isOn(dev, name) || (c === 'w' && feature(dev, `${name}/wanted`, true)) || feature(dev, `${name}/dropped`, false);
}

function listFeatures(dev: NetDevice, _words: readonly string[], json: boolean): Answer {
  const children = new Set(Object.values(GROUPS).flat());
  let out = `Features for ${dev.name}:\n`;
  const rows: string[] = [];
  for (const [name, states] of FEATURES) {
    const group = GROUPS[name] !== undefined;
    const fixed = !group && /x/i.test(code(dev, states));
    const on = isOn(dev, name);
    const wanted = !fixed && !group && wantedOn(dev, name);
    const note = fixed ? ' [fixed]' : !group && wanted !== on ? ` [requested ${wanted ? 'on' : 'off'}]` : '';
    out += `${children.has(name) ? '\t' : ''}${name}: ${on ? 'on' : 'off'}${note}\n`;
    const more = group ? [null, null] : [fixed, wanted];
    rows.push(
      `        "${name}": {\n            "active": ${on},\n            "fixed": ${more[0]},\n            "requested": ${more[1]}\n        }`,
    );
  }
  return say(json ? `[ {\n        "ifname": "${dev.name}",\n${rows.join(',\n')}\n    } ]\n` : out);
}

const SHORT: Readonly<Record<string, string>> = {
  rx: 'rx-checksumming',
  tx: 'tx-checksumming',
  sg: 'scatter-gather',
  tso: 'tcp-segmentation-offload',
  gso: 'generic-segmentation-offload',
  gro: 'generic-receive-offload',
  lro: 'large-receive-offload',
  rxvlan: 'rx-vlan-offload',
  txvlan: 'tx-vlan-offload',
  ntuple: 'ntuple-filters',
  rxhash: 'receive-hashing',
};

const CHECKSUMMED = [
  'tx-udp-segmentation',
  'tx-tcp-segmentation',
  'tx-tcp-ecn-segmentation',
  'tx-tcp-mangleid-segmentation',
  'tx-tcp6-segmentation',
];

/** Segmentation needs checksumming: without it the kernel switches it off as well, and back on with it. */
function fixDependent(dev: NetDevice): void {
  const sums = isOn(dev, 'tx-checksum-ip-generic');
  for (const name of CHECKSUMMED) {
    if (sums || !isOn(dev, name)) continue;
    setFeature(dev, name, false);
    setFeature(dev, `${name}/dropped`, true);
  }
  if (!sums) return;
  for (const name of CHECKSUMMED) {
    if (!feature(dev, `${name}/dropped`, false)) continue;
    setFeature(dev, name, true);
    setFeature(dev, `${name}/dropped`, false);
  }
}

function changeFeatures(dev: NetDevice, words: readonly string[]): Answer {
  const wanted = new Map<string, boolean>();
  for (let i = 0; i < words.length; i += 2) {
    const word = words[i] as string;
    const value = words[i + 1];
    const name = SHORT[word] ?? Object.keys(BIT_NAMES).find((n) => BIT_NAMES[n] === word) ?? word;
    if (value !== 'on' && value !== 'off')
      return refuse(`ethtool (-K): flag '${value ?? '(null)'}' for parameter '(null)' is not followed by 'on' or 'off'\n`, 1);
    const members = GROUPS[name] ?? (FEATURES.some(([n]) => n === name) ? [name] : null);
    if (!members) return refuse(`netlink error: bit name not found (offset 56)\n${UNSUPPORTED}`, 92);
    for (const m of members) wanted.set(m, value === 'on');
  }
  const before = new Map(BIT_ORDER.map((n) => [n, isOn(dev, n)]));
  for (const [name, on] of wanted) if (!isFixed(dev, name)) setFeature(dev, name, on);
  fixDependent(dev);
  const lines: string[] = [];
  let surprise = false;
  for (const [name, was] of before) {
    const now = isOn(dev, name);
    const want = wanted.get(name);
    if (want === undefined && now === was) continue;
    if (want !== undefined && now === want && now === was) continue;
    const note = want === undefined ? ' [not requested]' : want !== now ? ` [requested ${want ? 'on' : 'off'}]` : '';
    if (note !== '') surprise = true;
    lines.push(`${BIT_NAMES[name] ?? name}: ${now ? 'on' : 'off'}${note}\n`);
  }
  const none = [...wanted].every(([name, on]) => isOn(dev, name) !== on);
  if (none)
    return { out: lines.length > 0 ? `Actual changes:\n${lines.join('')}` : '', err: 'Could not change any device features\n', status: 1 };
  return say(surprise ? `Actual changes:\n${lines.join('')}` : '');
}

function channels(dev: NetDevice, words: readonly string[]): Answer {
  if (words[0] !== undefined) return refuse(`ethtool: unexpected parameter '${words[0]}'\n`, 1);
  const block = (rx: number | string, tx: number | string, both: number | string): string =>
    `RX:\t\t${rx}\nTX:\t\t${tx}\nOther:\t\tn/a\nCombined:\t${both}\n`;
  const answer = (most: string, now: string): Answer =>
    say(`Channel parameters for ${dev.name}:\nPre-set maximums:\n${most}Current hardware settings:\n${now}`);
  if (dev.kind === 'tun') return answer(block('n/a', 'n/a', dev.numRxQueues), block('n/a', 'n/a', 0));
  if (dev.kind !== 'veth') return refuse(UNSUPPORTED, 1);
  return answer(block(QUEUES, QUEUES, 'n/a'), block(queues(dev, 'rx'), queues(dev, 'tx'), 'n/a'));
}

/** `name value …` with the values a name takes: a number, or one of some words. Null: fine. */
function badParameter(verb: string, words: readonly string[], known: Readonly<Record<string, readonly string[] | RegExp>>): Answer | null {
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i] as string;
    const value = words[i + 1];
    const takes = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!takes) return refuse(`ethtool (${verb}): unknown parameter '${name}'\n`, 1);
    if (value === undefined) return refuse(`ethtool (${verb}): no value for parameter '${name}'\n`, 1);
    if (takes instanceof RegExp ? takes.test(value) : takes.includes(value)) continue;
    const odd = name === 'wol' ? /[^pumbagsdf]/.exec(value)?.[0] : undefined;
    return refuse(
      odd === undefined
        ? `ethtool (${verb}): invalid value '${value}' for parameter '${name}'\n`
        : `ethtool (${verb}): invalid char '${odd}' in '${value}' for parameter 'wol'\n`,
      1,
    );
  }
  return null;
}

const NUMBER = /^(0x[0-9a-f]+|\d+)$/i;
const ONOFF = ['on', 'off'];
const numbers = (names: string): Record<string, RegExp> => Object.fromEntries(names.split(' ').map((n) => [n, NUMBER]));

const CHANNELS = numbers('rx tx other combined');
const CHANGE = {
  ...numbers('speed lanes phyad msglvl'),
  duplex: ['half', 'full'],
  port: ['tp', 'aui', 'bnc', 'mii', 'fibre', 'da'],
  mdix: ['auto', 'on', 'off'],
  autoneg: ONOFF,
  advertise: /^/,
  xcvr: ['internal', 'external'],
  wol: /^([pumbagsdf]+|\d+(\/\d+)?)$/,
  sopass: /^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i,
  'master-slave': ['preferred-master', 'preferred-slave', 'forced-master', 'forced-slave'],
};
const RING = {
  ...numbers('rx rx-mini rx-jumbo tx rx-buf-len cqe-size tx-push-buf-len'),
  'tcp-data-split': ['auto', 'on', 'off'],
  'tx-push': ONOFF,
  'rx-push': ONOFF,
};
const COALESCE = {
  ...numbers(
    'stats-block-usecs sample-interval pkt-rate-low pkt-rate-high rx-usecs rx-frames rx-usecs-irq rx-frames-irq tx-usecs tx-frames tx-usecs-irq ' +
      'tx-frames-irq rx-usecs-low rx-frames-low tx-usecs-low tx-frames-low rx-usecs-high rx-frames-high tx-usecs-high tx-frames-high',
  ),
  'adaptive-rx': ONOFF,
  'adaptive-tx': ONOFF,
  'cqe-mode-rx': ONOFF,
  'cqe-mode-tx': ONOFF,
};

function setChannels(dev: NetDevice, words: readonly string[]): Answer {
  const bad = badParameter('-L', words, CHANNELS);
  if (bad) return bad;
  if (dev.kind !== 'veth') return refuse(UNSUPPORTED, 1);
  for (let i = 0; i < words.length; i += 2) {
    const which = words[i] as string;
    const n = Number(words[i + 1]);
    if (n > (which === 'rx' || which === 'tx' ? QUEUES : 0))
      return refuse('netlink error: requested channel count exceeds maximum (offset 36)\nnetlink error: Invalid argument\n', 1);
    if (which === 'rx' || which === 'tx') setFeature(dev, `${which}-queues-2`, n === 2);
  }
  return say('');
}

function timestamping(dev: NetDevice): Answer {
  const sends = !['bridge', 'vxlan', 'ifb'].includes(dev.kind);
  return say(
    `Time stamping parameters for ${dev.name}:\nCapabilities:\n${sends ? '\tsoftware-transmit\n' : ''}\tsoftware-receive\n\tsoftware-system-clock\nPTP Hardware Clock: none\nHardware Transmit Timestamp Modes: none\nHardware Receive Filter Modes: none\n`,
  );
}

interface Verb {
  readonly names: readonly string[];
  run(dev: NetDevice, words: readonly string[], json: boolean): Answer;
  /** When there is no such device. */
  readonly missing?: Answer;
  /** Words behind the device's name that are needed. */
  readonly needs?: number;
  /** No word at all may follow; a complaint names it unless it is BAD. */
  readonly alone?: 'named' | 'bad';
  readonly json?: boolean;
}

const no = (names: string, err: string, status: number, more: Partial<Verb> = {}): Verb => ({
  names: names.split(' '),
  run: () => refuse(err, status),
  ...more,
});
const set = (names: string, known: Readonly<Record<string, readonly string[] | RegExp>>, status: number, empty?: Answer): Verb => {
  const list = names.split(' ');
  const verb = list[0] as string;
  return {
    names: list,
    run: (_dev, words) => (words.length === 0 && empty) || (badParameter(verb, words, known) ?? refuse(UNSUPPORTED, status)),
  };
};
const missing = (verb: string): Answer => refuse(`ethtool (${verb}): parameters missing\n`, 1);

const RULES = 'rxclass: Cannot get RX class rule count: Operation not supported\n';

const VERBS: readonly Verb[] = [
  { names: ['-i', '--driver'], run: driver, missing: refuse('Cannot get driver information: No such device\n', 71), alone: 'bad' },
  { names: ['-S', '--statistics'], run: statistics, missing: refuse('Cannot get stats strings information: No such device\n', 96) },
  { names: ['-k', '--show-features', '--show-offload'], run: listFeatures, alone: 'named', json: true },
  { names: ['-K', '--features', '--offload'], run: changeFeatures },
  {
    names: ['-P', '--show-permaddr'],
    run: (dev) => say(`Permanent address: ${dev.kind === 'ether' ? formatMac(dev.mac) : 'not set'}\n`),
    missing: refuse('netlink error: No such device\n', 1),
  },
  { names: ['-l', '--show-channels'], run: channels },
  { names: ['-L', '--set-channels'], run: setChannels },
  no('-a --show-pause', UNSUPPORTED, 1, { alone: 'named', json: true }),
  no('-g --show-ring', UNSUPPORTED, 1, { alone: 'named' }),
  no('-c --show-coalesce', UNSUPPORTED, 1, { alone: 'named' }),
  set('-A --pause', { autoneg: ONOFF, rx: ONOFF, tx: ONOFF }, 76),
  set('-G --set-ring', RING, 81),
  set('-C --coalesce', COALESCE, 1),
  set('-s --change', CHANGE, 75, say('')),
  no('-p --identify', 'Cannot identify NIC: Operation not supported\n', 255),
  no('-t --test', 'Cannot test: Operation not supported\n', 74),
  { names: ['-T', '--show-time-stamping'], run: timestamping, alone: 'named' },
  { names: ['-d', '--register-dump'], run: (dev) => noData(dev, 'Cannot get register dump', 72) },
  { names: ['-e', '--eeprom-dump'], run: (dev) => noData(dev, 'Cannot get EEPROM data', 74) },
  { names: ['-E', '--change-eeprom'], run: (dev) => noData(dev, 'Cannot set EEPROM data', 74) },
  {
    names: ['-n', '-u', '--show-nfc', '--show-ntuple'],
    run: (_dev, words) =>
      words[0] === 'rx-flow-hash'
        ? refuse('Cannot get RX network flow hashing options: Operation not supported\n', 1)
        : refuse(`Cannot get RX rings: Operation not supported\n${RULES}RX classification rule retrieval failed\n`, 1),
  },
  no('-N -U --config-nfc --config-ntuple', `${RULES}Cannot insert classification rule\n`, 1, { needs: 1 }),
  no('-x --show-rxfh-indir --show-rxfh', 'Cannot get RX ring count: Operation not supported\n', 1),
  no('-X --set-rxfh-indir --rxfh', 'Cannot get RX ring count: Operation not supported\n', 1, { needs: 1 }),
  {
    names: ['-m', '--dump-module-eeprom', '--module-info'],
    run: (_dev, words) => refuse(words.length > 0 ? 'Cannot get module EEPROM information: Operation not supported\n' : UNSUPPORTED, 1),
  },
  no('-r --negotiate', 'Cannot restart autonegotiation: Operation not supported\n', 255),
  { names: ['-f', '--flash'], run: () => say(''), needs: 1 },
  no('-w --get-dump', 'Can not get dump level: Operation not supported\n', 1),
  no('-W --set-dump', 'Can not set dump level: Operation not supported\n', 1, { needs: 1 }),
  no('--show-fec', UNSUPPORTED, 1, { json: true }),
  set('--set-fec', { encoding: ['auto', 'off', 'rs', 'baser', 'llrs'] }, 83, missing('--set-fec')),
  no('--show-eee', UNSUPPORTED, 1),
  set('--set-eee', { ...numbers('advertise tx-timer'), eee: ONOFF, 'tx-lpi': ONOFF }, 76, missing('--set-eee')),
  no('--phy-statistics', 'no stats available\n', 94),
  no('--get-phy-tunable', 'Cannot Get PHY downshift count: Operation not supported\n', 87, { needs: 1 }),
  no('--set-phy-tunable', 'Cannot Set PHY downshift count: Operation not supported\n', 87, { needs: 1 }),
  { names: ['--get-tunable'], run: (_dev, [name]) => (isTunable(name) ? refuse(`${name}: Cannot get tunable\n`, 255) : refuse(BAD, 1)) },
  {
    names: ['--set-tunable'],
    run: (_dev, [name]) => (isTunable(name) ? refuse(`${name}: Operation not supported\n`, 255) : refuse(BAD, 1)),
  },
  no('--show-priv-flags', UNSUPPORTED, 1),
  no('--set-priv-flags', UNSUPPORTED, 1),
  {
    names: ['--reset'],
    run: (_dev, [what]) =>
      what !== 'all' && what !== 'dedicated'
        ? refuse(BAD, 1)
        : say(`ETHTOOL_RESET 0x${what === 'all' ? 'ffffffff' : 'ffff'}\n`, 1, 'Cannot issue ETHTOOL_RESET: Operation not supported\n'),
  },
  no('--show-tunnels', `netlink error: device does not report tunnel offload info\n${UNSUPPORTED}`, 1),
  { names: ['--show-module'], run: (dev) => say(`Module parameters for ${dev.name}:\n`) },
  no('--set-module', `netlink error: Setting power mode policy is not supported by this device (offset 32)\n${UNSUPPORTED}`, 83),
  no('--cable-test', UNSUPPORTED, 1),
  no('--cable-test-tdr', UNSUPPORTED, 1),
  no('-Q --per-queue', 'Cannot get device per queue parameters: Operation not supported\n'.repeat(2), 242, { needs: 1 }),
];

function isTunable(name: string | undefined): boolean {
  return ['rx-copybreak', 'tx-copybreak', 'tx-buf-size', 'pfc-prevention-tout'].includes(name ?? '');
}

/** The driver is asked first what it is, and the loopback device has none. */
function noData(dev: NetDevice, what: string, early: number): Answer {
  return dev.kind === 'loopback'
    ? refuse('Cannot get driver information: Operation not supported\n', early)
    : refuse(`${what}: Operation not supported\n`, 74);
}

function run(p: Process, argv: readonly string[], json: boolean): Answer {
  const [first, name, ...words] = argv;
  if (first === undefined) return refuse(BAD, 1);
  if (first === '--version') return say('ethtool version 6.1\n');
  if (first === '-h' || first === '--help') return say(USAGE);
  if (!first.startsWith('-')) {
    if (json) return refuse(BAD, 1);
    const dev = p.ns.device(first);
    return dev ? settings(dev) : { out: 'No data available\n', err: NO_DEVICE.repeat(5), status: 75 };
  }
  const verb = VERBS.find((v) => v.names.includes(first));
  if (!verb || name === undefined || (json && !verb.json) || words.length < (verb.needs ?? 0)) return refuse(BAD, 1);
  if (verb.alone && words[0] !== undefined) return refuse(verb.alone === 'bad' ? BAD : `ethtool: unexpected parameter '${words[0]}'\n`, 1);
  const dev = p.ns.device(name);
  if (!dev) return verb.missing ?? refuse(NO_DEVICE, 1);
  return verb.run(dev, words, json);
}

function* main(p: Process): Task<number> {
  const argv = p.argv.slice(1);
  let json = false;
  for (; argv.length > 1; argv.shift()) {
    if (argv[0] === '--json') json = true;
    else if (argv[0] === '--debug' && NUMBER.test(argv[1] as string)) argv.shift();
    else if (argv[0] !== '-I' && argv[0] !== '--include-statistics') break;
  }
  if (argv[0] === '--monitor') {
    yield* p.out('listening...\n');
    for (;;) yield* p.sleep(3600e6);
  }
  const r = run(p, argv, json);
  if (r.out !== '') yield* p.out(r.out);
  if (r.err !== '') yield* p.err(r.err);
  return r.status;
}

export const ethtool: Command = { name: 'ethtool', main, path: '/usr/sbin/ethtool' };
