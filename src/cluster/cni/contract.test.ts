/** What every plugin must do, over the whole table; and chains of them as a runtime runs them. */

import { describe, expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { addNetns } from '../../net/rtnl/netns.ts';
import { Machine } from '../../os/machine.ts';
import type { Task } from '../../os/program.ts';
import { runCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { cniCommands, PLUGINS } from './index.ts';
import { Cni, networkConfig, type RuntimeConf } from './libcni.ts';
import type { CniResult, Outcome } from './types.ts';

function node(): Machine {
  const kernel = new Kernel(new Sim(7), 'node');
  kernel.init.lo.setUp();
  const m = new Machine(kernel, cniCommands);
  addNetns(kernel, 'pod');
  return m;
}

const NETNS = '/var/run/netns/pod';
const env = (command: string, more: Record<string, string> = {}): Record<string, string> => ({
  CNI_COMMAND: command,
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: NETNS,
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
  ...more,
});

function call(m: Machine, plugin: string, command: string, conf: unknown, more: Record<string, string> = {}, dir = '/opt/cni/bin') {
  const stdin = typeof conf === 'string' ? conf : JSON.stringify(conf);
  const r = runCommand(m, [`${dir}/${plugin}`], { stdin, env: env(command, more) });
  return { rc: r.exitCode, out: r.stdout === '' ? null : JSON.parse(r.stdout), err: r.stderr };
}

describe.each(PLUGINS.map((p) => [p.name, p] as const))('%s', (name, plugin) => {
  test('tells its versions, the packaged one up to 1.0.0', () => {
    const m = node();
    const upstream = call(m, name, 'VERSION', '').out;
    expect(upstream.cniVersion).toBe('1.1.0');
    expect(upstream.supportedVersions[0]).toBe(plugin.from ?? '0.1.0');
    if (plugin.upstreamOnly) return;
    expect(call(m, name, 'VERSION', '', {}, '/usr/lib/cni').out.supportedVersions.at(-1)).toBe('1.0.0');
  });

  test('refuses what the specification forbids, with its codes', () => {
    const m = node();
    const conf = { cniVersion: '1.0.0', name: 'net', type: name };
    expect(call(m, name, 'ADD', '{').out.code).toBe(6);
    expect(call(m, name, 'ADD', { cniVersion: '1.0.0' }).out).toEqual({ code: 7, msg: 'missing network name' });
    expect(call(m, name, 'ADD', { ...conf, cniVersion: '9.9.9' }).out.code).toBe(1);
    expect(call(m, name, 'ADD', conf, { CNI_CONTAINERID: '' }).out).toEqual({
      code: 4,
      msg: 'required env variables [CNI_CONTAINERID] missing',
    });
    expect(call(m, name, 'FROB', conf).out.msg).toBe('unknown CNI_COMMAND: FROB');
    expect(call(m, name, 'CHECK', { ...conf, cniVersion: '0.3.1' }).out.msg).toBe('config version does not allow CHECK');
    expect(call(m, name, 'STATUS', conf).out.msg).toBe('config version does not allow STATUS');
  });

  test('says what it is when nobody asks for anything', () => {
    const r = call(node(), name, '', '');
    expect(r.rc).toBe(0);
    expect(r.err).toContain(`CNI ${name} plugin`);
  });
});

const RT: RuntimeConf = { containerID: 'c1', netns: NETNS, ifName: 'eth0', capabilityArgs: { portMappings: [] } };

function chain(m: Machine, run: (cni: Cni, ...args: Parameters<Cni['addNetworkList']>) => Task<Outcome<unknown>>, source: string): unknown {
  const list = networkConfig(source);
  if (!list.ok) throw new Error(list.error.msg);
  const cni = new Cni();
  let outcome: Outcome<unknown> | null = null;
  const p = m.init.fork(function* (p) {
    outcome = yield* run(cni, p, list.value, RT);
    return 0;
  });
  if (!p.ok) throw new Error(p.errno);
  while (!p.value.dead && m.sim.step(m.sim.now + 30e6));
  const done = outcome as Outcome<unknown> | null;
  return done?.ok ? (done.value ?? 'ok') : done?.error.msg;
}

const LIST = JSON.stringify({
  cniVersion: '1.1.0',
  name: 'cbr0',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.1.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] },
    },
    { type: 'tuning', mtu: 1400 },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
});

test('a chain adds, checks and deletes; the result stays in the cache meanwhile', () => {
  const m = node();
  const added = chain(m, (c, p, l, rt) => c.addNetworkList(p, l, rt), LIST) as CniResult;
  expect(added.ips?.[0]).toEqual({ interface: 2, address: '10.244.1.2/24', gateway: '10.244.1.1' });
  expect(added.interfaces?.map((i) => i.name.replace(/^veth.*/, 'veth'))).toEqual(['cni0', 'veth', 'eth0']);
  expect(m.kernel.named.get('pod')?.device('eth0')?.mtu).toBe(1400);
  expect(m.init.readdir('/var/lib/cni/results')).toMatchObject({ value: ['cbr0-c1-eth0'] });
  expect(chain(m, (c, p, l, rt) => c.checkNetworkList(p, l, rt), LIST)).toBe('ok');
  expect(chain(m, (c, p, l) => c.statusNetworkList(p, l), LIST)).toBe('ok');
  expect(chain(m, (c, p, l, rt) => c.delNetworkList(p, l, rt), LIST)).toBe('ok');
  expect(m.kernel.named.get('pod')?.device('eth0')).toBeUndefined();
  expect(m.init.readdir('/var/lib/cni/results')).toMatchObject({ value: [] });
  expect(m.init.readText('/var/lib/cni/networks/cbr0/10.244.1.2')).toBeNull();
});

test('garbage collection frees addresses of attachments that are gone', () => {
  const m = node();
  chain(m, (c, p, l, rt) => c.addNetworkList(p, l, rt), LIST);
  expect(chain(m, (c, p, l) => c.gcNetworkList(p, l, [{ containerID: 'c1', ifname: 'eth0' }]), LIST)).toBe('ok');
  expect(m.init.readText('/var/lib/cni/networks/cbr0/10.244.1.2')).not.toBeNull();
  expect(chain(m, (c, p, l) => c.gcNetworkList(p, l, []), LIST)).toBe('ok');
  expect(m.init.readText('/var/lib/cni/networks/cbr0/10.244.1.2')).toBeNull();
});

test('an error names the plugin that failed', () => {
  const m = node();
  const wrong = LIST.replace('10.244.1.0/24', '10.244.1.1/24');
  expect(chain(m, (c, p, l, rt) => c.addNetworkList(p, l, rt), wrong)).toBe(
    'plugin type="bridge" failed (add): invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 10.244.1.0',
  );
});

test('cnitool adds, checks and removes a network by its name', () => {
  const m = node();
  const conf = {
    cniVersion: '1.0.0',
    name: 'net',
    plugins: [{ type: 'bridge', bridge: 'cni0', ipam: { type: 'host-local', subnet: '10.9.0.0/24' } }],
  };
  m.directory('/etc/cni/net.d');
  m.init.writeFile('/etc/cni/net.d/10-net.conflist', JSON.stringify(conf));
  const tool = (...words: string[]) => runCommand(m, ['cnitool', ...words], { env: { PATH: '/usr/local/bin', CNI_PATH: '/opt/cni/bin' } });
  const added = tool('add', 'net', NETNS);
  expect(JSON.parse(added.stdout).ips).toEqual([{ interface: 2, address: '10.9.0.2/24', gateway: '10.9.0.1' }]);
  expect(tool('check', 'net', NETNS)).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  expect(tool('del', 'net', NETNS).exitCode).toBe(0);
  expect(tool('check', 'net', NETNS).stderr).toContain('host-local: Failed to find address added by container cnitool-');
  expect(tool('add', 'other', NETNS).stderr).toBe('no net configuration with name "other" in /etc/cni/net.d\n');
  expect(tool().stderr).toContain('cnitool add   <net> <netns>');
});
