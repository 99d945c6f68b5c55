/** tuning: sysctls, address, MTU and modes of a container's interface. Models plugins/meta/tuning/tuning.go */

import type { Process } from '../../../os/process.ts';
import { IFF_ALLMULTI, IFF_PROMISC, type NetDevice, type Netns, setLink } from '../../../os/uapi.ts';
import { makeDirs } from '../cache.ts';
import { BOOL, INT, map, prefixed, quoted, STRING, struct, unmarshal } from '../gojson.ts';
import { errnoText, goMac, inNetns, linkByName, macOf, openNetns, step } from '../link.ts';
import { loadArgs, type NetConf, netConf, prevResult } from '../netconf.ts';
import { printResult, type Result } from '../result.ts';
import { atOnce, type CmdArgs, type Plugin, type Printed } from '../skel.ts';
import { bad, good, type Outcome } from '../types.ts';

interface Settings {
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly mac?: string;
  readonly promisc?: boolean;
  readonly mtu?: number;
  readonly allmulti?: boolean;
}

interface Raw extends NetConf, Settings {
  readonly dataDir?: string;
  readonly runtimeConfig?: { readonly mac?: string };
  readonly args?: { readonly cni?: Settings };
}

interface TuningConf extends Settings {
  readonly cniVersion: string;
  readonly dataDir: string;
  readonly sysctl: Readonly<Record<string, string>>;
  readonly mac: string;
  readonly promisc: boolean;
  readonly mtu: number;
  readonly prev: Result | null;
}

const FIELDS = { sysctl: map(STRING), mac: STRING, promisc: BOOL, mtu: INT, allmulti: BOOL };
const SCHEMA = netConf('main.TuningConf', {
  ...FIELDS,
  dataDir: STRING,
  runtimeConfig: struct('struct', { mac: STRING }),
  args: struct('struct', { cni: struct('main.IPAMArgs', FIELDS) }),
});
const DEFAULT_DIR = '/run/cni/tuning';

/** `withResult`: ADD and CHECK need the result so far, DEL does not look at it. */
function parse(args: CmdArgs, withResult: boolean): Outcome<TuningConf> {
  const r = unmarshal<Raw>(args.stdin, SCHEMA);
  if (!r.ok) return prefixed('failed to load netconf', r.error);
  const raw = r.value;
  const env = loadArgs(args.args, ['MAC']);
  if (!env.ok) return env;
  let prev: Result | null = null;
  if (withResult) {
    const read = prevResult(raw);
    if (!read.ok) return read;
    if (!read.value) return bad('Required prevResult missing');
    prev = read.value;
  }
  const wish = raw.args?.cni ?? {};
  const allmulti = wish.allmulti ?? raw.allmulti;
  return good({
    cniVersion: raw.cniVersion ?? '',
    dataDir: raw.dataDir || DEFAULT_DIR,
    sysctl: { ...raw.sysctl, ...wish.sysctl },
    mac: wish.mac ?? (raw.runtimeConfig?.mac || env.value.get('MAC') || raw.mac || ''),
    promisc: wish.promisc ?? raw.promisc ?? false,
    mtu: wish.mtu ?? raw.mtu ?? 0,
    ...(allmulti === undefined ? {} : { allmulti }),
    prev,
  });
}

const MODES = { promisc: IFF_PROMISC, allmulti: IFF_ALLMULTI } as const;

function mode(dev: NetDevice, which: keyof typeof MODES, on: boolean): Outcome<null> {
  return step(setLink(dev, on ? { set: MODES[which] } : { clear: MODES[which] }));
}

function changeMac(dev: NetDevice, text: string): Outcome<null> {
  const mac = goMac(text);
  if (!mac.ok) return bad(`invalid args ${text} for MAC addr: ${mac.error.msg}`);
  return step(setLink(dev, { address: mac.value }));
}

const isOn = (dev: NetDevice, flag: number): boolean => (dev.userFlags() & flag) !== 0;

interface Backup {
  readonly mac?: string;
  readonly promisc?: boolean;
  readonly mtu?: number;
  readonly allmulti?: boolean;
}

const backupFile = (conf: TuningConf, args: CmdArgs): string => `${conf.dataDir}/${args.containerID}_${args.ifName}.json`;

function writeBackup(p: Process, conf: TuningConf, args: CmdArgs, dev: NetDevice): Outcome<null> {
  const backup: Backup = {
    ...(conf.mac ? { mac: macOf(dev) } : {}),
    ...(conf.promisc ? { promisc: dev.promiscuity !== 0 } : {}),
    ...(conf.mtu ? { mtu: dev.mtu } : {}),
    ...(conf.allmulti === undefined ? {} : { allmulti: isOn(dev, IFF_ALLMULTI) }),
  };
  if (!makeDirs(p, conf.dataDir, 0o600)) return bad(`failed to create backup directory: mkdir ${conf.dataDir}: not a directory`);
  const r = p.writeFile(backupFile(conf, args), JSON.stringify(backup, null, 1));
  return r.ok ? good(null) : bad(`failed to save file ${args.ifName}.json: ${errnoText(r.errno)}`);
}

/** What a restore could not do is not told. */
function restore(p: Process, conf: TuningConf, args: CmdArgs, ns: Netns): void {
  const file = backupFile(conf, args);
  const text = p.readText(file);
  const dev = ns.device(args.ifName);
  if (text === null || !dev) return;
  let backup: Backup;
  try {
    backup = JSON.parse(text) as Backup;
  } catch {
    return;
  }
  const done = [
    backup.mtu ? step(setLink(dev, { mtu: backup.mtu })) : good(null),
    backup.mac ? changeMac(dev, backup.mac) : good(null),
    backup.promisc === undefined ? good(null) : mode(dev, 'promisc', backup.promisc),
    backup.allmulti === undefined ? good(null) : mode(dev, 'allmulti', backup.allmulti),
  ];
  if (done.every((r) => r.ok)) p.unlink(file);
}

function setSysctl(p: Process, args: CmdArgs, given: string, value: string): Outcome<null> {
  const key = given.replace('IFNAME', args.ifName);
  const file = clean(`/proc/sys/${key.replaceAll('.', '/')}`);
  if (!file.startsWith('/proc/sys/net/')) return bad(`invalid net sysctl key: ${quoted(key)}`);
  const open = p.stat(file);
  if (!open.ok) return bad(`open ${file}: ${errnoText(open.errno)}`);
  const r = p.writeFile(file, value);
  return r.ok ? good(null) : bad(`write ${file}: ${errnoText(r.errno)}`);
}

/** filepath.Clean. */
function clean(path: string): string {
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') out.pop();
    else if (part !== '' && part !== '.') out.push(part);
  }
  return `/${out.join('/')}`;
}

function tune(p: Process, ns: Netns, conf: TuningConf, args: CmdArgs): Outcome<null> {
  for (const [key, value] of Object.entries(conf.sysctl)) {
    const r = setSysctl(p, args, key, value);
    if (!r.ok) return r;
  }
  if (!conf.mac && !conf.mtu && !conf.promisc && conf.allmulti === undefined) return good(null);
  const found = linkByName(ns, args.ifName);
  if (!found.ok) return bad(`failed to get ${quoted(args.ifName)}: ${found.error.msg}`);
  const dev = found.value;
  const steps: readonly (() => Outcome<null>)[] = [
    (): Outcome<null> => writeBackup(p, conf, args, dev),
    (): Outcome<null> => (conf.mac ? changeMac(dev, conf.mac) : good(null)),
    (): Outcome<null> => (conf.promisc ? mode(dev, 'promisc', true) : good(null)),
    (): Outcome<null> => (conf.mtu ? step(setLink(dev, { mtu: conf.mtu })) : good(null)),
    (): Outcome<null> => (conf.allmulti === undefined ? good(null) : mode(dev, 'allmulti', conf.allmulti)),
  ];
  for (const one of steps) {
    const r = one();
    if (!r.ok) return r;
  }
  return good(null);
}

function add(p: Process, args: CmdArgs): Printed {
  const parsed = parse(args, true);
  if (!parsed.ok) return parsed;
  const conf = parsed.value;
  const ns = openNetns(p, args.netns);
  if (!ns.ok) return ns;
  const done = inNetns(p, ns.value, () => tune(p, ns.value, conf, args));
  if (!done.ok) return done;
  const prev = conf.prev as Result;
  const interfaces = prev.interfaces.map((i) => (conf.mac && i.name === args.ifName ? { ...i, mac: conf.mac } : i));
  return printResult({ ...prev, interfaces }, conf.cniVersion);
}

function del(p: Process, args: CmdArgs): Printed {
  const parsed = parse(args, false);
  if (!parsed.ok) return parsed;
  const ns = openNetns(p, args.netns);
  if (ns.ok) inNetns(p, ns.value, () => restore(p, parsed.value, args, ns.value));
  return good('');
}

function verify(p: Process, ns: Netns, conf: TuningConf, args: CmdArgs): Outcome<null> {
  for (const [key, value] of Object.entries(conf.sysctl)) {
    const file = clean(`/proc/sys/${key.replaceAll('.', '/')}`);
    const text = p.readText(file);
    if (text === null) return bad(`open ${file}: no such file or directory`);
    const now = text.replace(/\n$/, '');
    if (now !== value) return bad(`Error: Tuning configured value of ${file} is ${value}, current value is ${now}`);
  }
  const found = linkByName(ns, args.ifName);
  if (!found.ok) return bad(`Cannot find container link ${args.ifName}`);
  const dev = found.value;
  if (conf.mac && conf.mac !== macOf(dev))
    return bad(`Error: Tuning configured Ethernet of ${args.ifName} is ${conf.mac}, current value is ${macOf(dev)}`);
  if (conf.promisc !== (dev.promiscuity !== 0))
    return bad(`Error: Tuning link ${args.ifName} configured promisc is ${conf.promisc}, current value is ${dev.promiscuity}`);
  if (conf.mtu && conf.mtu !== dev.mtu)
    return bad(`Error: Tuning configured MTU of ${args.ifName} is ${conf.mtu}, current value is ${dev.mtu}`);
  const allmulti = isOn(dev, IFF_ALLMULTI);
  if (conf.allmulti !== undefined && conf.allmulti !== allmulti)
    return bad(`Error: Tuning configured all-multicast mode of ${args.ifName} is 0xc000012345, current value is ${allmulti}`);
  return good(null);
}

function check(p: Process, args: CmdArgs): Printed {
  const parsed = parse(args, true);
  if (!parsed.ok) return parsed;
  const ns = openNetns(p, args.netns);
  if (!ns.ok) return ns;
  const r = inNetns(p, ns.value, () => verify(p, ns.value, parsed.value, args));
  return r.ok ? good('') : r;
}

export const tuning: Plugin = { name: 'tuning', add: atOnce(add), check: atOnce(check), del: atOnce(del) };
