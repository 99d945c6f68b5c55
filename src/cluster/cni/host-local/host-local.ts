/** host-local: addresses out of ranges, remembered on the host's disk. Models plugins/ipam/host-local/main.go, backend/allocator/allocator.go */

import type { Process } from '../../../os/process.ts';
import { formatIp, type IpAddr } from '../../../wire/addr.ts';
import { nextIp } from '../addr.ts';
import { ANY, list, STRING, struct, unmarshal } from '../gojson.ts';
import { type IpConfig, printResult } from '../result.ts';
import { atOnce, type CmdArgs, type Plugin, type Printed } from '../skel.ts';
import { bad, type CniDns, good, type Outcome } from '../types.ts';
import { contains, loadConf, type Range, type RangeSet, rangeSetText } from './conf.ts';
import { Store } from './store.ts';

/** Addresses in turn from the one after the last reserved one, or from the start; each once. */
function* candidates(set: RangeSet, last: IpAddr | null): Generator<{ readonly ip: IpAddr; readonly range: Range }> {
  let index = last === null ? -1 : set.findIndex((r) => contains(r, last));
  let current: IpAddr | null = index < 0 ? null : last;
  if (index < 0) index = 0;
  let start: IpAddr | null = null;
  for (;;) {
    let range = set[index] as Range;
    if (current === null) {
      current = range.start;
      start = current;
    } else {
      if (current === range.end) {
        index = (index + 1) % set.length;
        range = set[index] as Range;
        current = range.start;
      } else current = nextIp(current);
      if (start === null) start = current;
      else if (current === start) return;
    }
    if (current !== range.gateway) yield { ip: current, range };
  }
}

function allocate(store: Store, set: RangeSet, rangeID: number, args: CmdArgs, requested: IpAddr | null): Outcome<IpConfig> {
  const { containerID, ifName } = args;
  if (requested !== null) {
    const range = set.find((r) => contains(r, requested)) as Range;
    if (requested === range.gateway) return bad(`requested ip ${formatIp(requested)} is subnet's gateway`);
    const got = store.reserve(containerID, ifName, requested, rangeID);
    if (!got.ok) return got;
    if (!got.value) return bad(`requested IP address ${formatIp(requested)} is not available in range set ${rangeSetText(set)}`);
    return good({ iface: null, address: { addr: requested, len: range.subnet.len }, gateway: range.gateway });
  }
  for (const ip of store.addressesOf(containerID, ifName))
    if (set.some((r) => contains(r, ip)))
      return bad(`${formatIp(ip)} has been allocated to ${containerID}, duplicate allocation is not allowed`);
  for (const { ip, range } of candidates(set, store.lastReserved(rangeID))) {
    const got = store.reserve(containerID, ifName, ip, rangeID);
    if (!got.ok) return got;
    if (got.value) return good({ iface: null, address: { addr: ip, len: range.subnet.len }, gateway: range.gateway });
  }
  return bad(`no IP addresses available in range set: ${rangeSetText(set)}`);
}

function parseResolvConf(p: Process, file: string): Outcome<CniDns> {
  const text = p.readText(file);
  if (text === null) return bad(`open ${file}: no such file or directory`);
  const dns: { nameservers: string[]; domain?: string; search: string[]; options: string[] } = { nameservers: [], search: [], options: [] };
  for (const line of text.split('\n')) {
    const [key = '', ...values] = line.trim().split(/\s+/);
    if (key === '' || key.startsWith('#') || key.startsWith(';') || values.length === 0) continue;
    if (key === 'nameserver') dns.nameservers.push(values[0] as string);
    else if (key === 'domain') dns.domain = values[0] as string;
    else if (key === 'search') dns.search.push(...values);
    else if (key === 'options') dns.options.push(...values);
  }
  return good(dns);
}

function add(p: Process, args: CmdArgs): Printed {
  const loaded = loadConf(args.stdin, args.args);
  if (!loaded.ok) return loaded;
  const conf = loaded.value;
  let dns: CniDns = {};
  if (conf.resolvConf !== '') {
    const read = parseResolvConf(p, conf.resolvConf);
    if (!read.ok) return read;
    dns = read.value;
  }
  const opened = Store.open(p, conf.network, conf.dataDir);
  if (!opened.ok) return opened;
  const store = opened.value;
  const open = new Set(conf.requested);
  const ips: IpConfig[] = [];
  for (const [i, set] of conf.ranges.entries()) {
    const requested = [...open].find((ip) => set.some((r) => contains(r, ip))) ?? null;
    if (requested !== null) open.delete(requested);
    const got = allocate(store, set, i, args, requested);
    if (!got.ok) {
      if (ips.length > 0) store.release(args.containerID, args.ifName);
      return bad(`failed to allocate for range ${i}: ${got.error.msg}`);
    }
    ips.push(got.value);
  }
  if (open.size > 0) {
    store.release(args.containerID, args.ifName);
    return bad(`failed to allocate all requested IPs: ${[...open].map(formatIp).join(' ')}`);
  }
  return printResult({ version: '1.0.0', interfaces: [], ips, routes: conf.routes, dns }, conf.cniVersion);
}

function withStore(p: Process, args: CmdArgs): Outcome<Store> {
  const conf = loadConf(args.stdin, args.args);
  return conf.ok ? Store.open(p, conf.value.network, conf.value.dataDir) : conf;
}

function check(p: Process, args: CmdArgs): Printed {
  const store = withStore(p, args);
  if (!store.ok) return store;
  if (store.value.find(args.containerID, args.ifName)) return good('');
  return bad(`host-local: Failed to find address added by container ${args.containerID}`);
}

function del(p: Process, args: CmdArgs): Printed {
  const store = withStore(p, args);
  if (!store.ok) return store;
  store.value.release(args.containerID, args.ifName);
  return good('');
}

function status(p: Process, args: CmdArgs): Printed {
  const store = withStore(p, args);
  return store.ok ? good('') : store;
}

const ATTACHMENTS = struct('struct', {
  'cni.dev/valid-attachments': list(struct('types.GCAttachment', { containerID: STRING, ifname: STRING })),
  ipam: ANY,
});

function gc(p: Process, args: CmdArgs): Printed {
  const store = withStore(p, args);
  if (!store.ok) return store;
  const conf = unmarshal<{ 'cni.dev/valid-attachments'?: readonly { containerID?: string; ifname?: string }[] }>(args.stdin, ATTACHMENTS);
  if (!conf.ok) return conf;
  const valid = conf.value['cni.dev/valid-attachments'] ?? [];
  store.value.collect(new Set(valid.map((a) => `${a.containerID ?? ''}\r\n${a.ifname ?? ''}`)));
  return good('');
}

export const hostLocal: Plugin = {
  name: 'host-local',
  add: atOnce(add),
  check: atOnce(check),
  del: atOnce(del),
  status: atOnce(status),
  gc: atOnce(gc),
};
