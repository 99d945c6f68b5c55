/** The frame of every plugin: environment, standard input, versions, and how errors are told. Models containernetworking/cni pkg/skel */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { text } from '../../wire/bytes.ts';
import { marshalIndent, quoted, STRING, struct, unmarshal } from './gojson.ts';
import { validContainerID, validInterfaceName, validNetworkName } from './names.ts';
import { bad, type CniErrorBody, ERR, good, type Outcome } from './types.ts';
import { VERSIONS_1_0, VERSIONS_1_1, versionAtLeast } from './version.ts';

/** Where the packaged plugins of release 1.1.1 lie, which speak up to 1.0.0. */
export const PACKAGED_DIR = '/usr/lib/cni';
export const UPSTREAM_DIR = '/opt/cni/bin';

export interface CmdArgs {
  readonly containerID: string;
  readonly netns: string;
  readonly ifName: string;
  readonly args: string;
  readonly path: string;
  readonly stdin: string;
}

/** What goes to standard output; '' for nothing. */
export type Printed = Outcome<string>;
export type Call = (p: Process, args: CmdArgs) => Task<Printed>;

export interface Plugin {
  readonly name: string;
  /** The first version of the specification that it speaks; the lowest when not given. */
  readonly from?: string;
  readonly add: Call;
  readonly check: Call;
  readonly del: Call;
  /** Whether an ADD can be served (spec 1.1); yes when not given. */
  readonly status?: Call;
  /** Frees what belongs to no valid attachment (spec 1.1); nothing to do when not given. */
  readonly gc?: Call;
  /** Only under /opt/cni/bin: not in the package. */
  readonly upstreamOnly?: boolean;
}

const NAMED = { ...struct('', { name: STRING }), go: 'struct { Name string "json:\\"name\\"" }' };
const VERSIONED = { ...struct('', { cniVersion: STRING }), go: 'struct { CNIVersion string "json:\\"cniVersion\\"" }' };

/** Variables in the order in which missing ones are named, and the commands that need them. */
const VARIABLES: readonly (readonly [name: string, neededBy: readonly string[]])[] = [
  ['CNI_COMMAND', ['ADD', 'CHECK', 'DEL']],
  ['CNI_CONTAINERID', ['ADD', 'CHECK', 'DEL']],
  ['CNI_NETNS', ['ADD', 'CHECK']],
  ['CNI_IFNAME', ['ADD', 'CHECK', 'DEL']],
  ['CNI_ARGS', []],
  ['CNI_PATH', ['ADD', 'CHECK', 'DEL']],
];

function supportedBy(plugin: Plugin, p: Process): readonly string[] {
  const all: readonly string[] = p.exe.startsWith(`${UPSTREAM_DIR}/`) ? VERSIONS_1_1 : VERSIONS_1_0;
  return plugin.from === undefined ? all : all.slice(all.indexOf(plugin.from));
}

function configVersion(stdin: string): Outcome<string> {
  const r = unmarshal<{ cniVersion?: string }>(stdin, VERSIONED);
  return r.ok ? good(r.value.cniVersion || '0.1.0') : bad(`decoding version from network config: ${r.error.msg}`, ERR.decoding);
}

function* versionedCall(p: Process, args: CmdArgs, supported: readonly string[], call: Call): Task<Printed> {
  const version = configVersion(args.stdin);
  if (!version.ok) return version;
  if (!supported.includes(version.value)) {
    const details = `config is ${quoted(version.value)}, plugin supports [${supported.map(quoted).join(' ')}]`;
    return bad('incompatible CNI versions', ERR.incompatibleVersion, details);
  }
  return yield* call(p, args);
}

function* check(plugin: Plugin, p: Process, args: CmdArgs, supported: readonly string[]): Task<Printed> {
  const version = configVersion(args.stdin);
  if (!version.ok) return version;
  const able = versionAtLeast(version.value, '0.4.0');
  if (!able.ok) return able;
  if (!able.value) return bad('config version does not allow CHECK', ERR.incompatibleVersion);
  for (const known of supported) {
    const enough = versionAtLeast(known, version.value);
    if (!enough.ok) return enough;
    if (enough.value) return yield* versionedCall(p, args, supported, plugin.check);
  }
  return bad('plugin version does not allow CHECK', ERR.incompatibleVersion);
}

/** STATUS and GC came with 1.1.0. */
function* newer(plugin: Plugin, p: Process, args: CmdArgs, supported: readonly string[], command: 'STATUS' | 'GC'): Task<Printed> {
  const version = configVersion(args.stdin);
  if (!version.ok) return version;
  const able = versionAtLeast(version.value, '1.1.0');
  if (!able.ok) return able;
  if (!able.value) return bad(`config version does not allow ${command}`, ERR.incompatibleVersion);
  const call = command === 'STATUS' ? plugin.status : plugin.gc;
  return yield* versionedCall(p, args, supported, call ?? nothing);
}

/** CPU time in µs of a plugin that only asks files and netlink. */
const COST = 40;

/** A call that never waits. */
export function atOnce(call: (p: Process, args: CmdArgs) => Printed): Call {
  return function* (p, args) {
    yield* p.charge(COST);
    return call(p, args);
  };
}

const nothing = atOnce(() => good(''));

function* dispatch(plugin: Plugin, p: Process, supported: readonly string[]): Task<Printed> {
  const value = (name: string): string => p.env.get(name) ?? '';
  const command = value('CNI_COMMAND');
  const missing = VARIABLES.filter(([name, by]) => value(name) === '' && (by.includes(command) || name === 'CNI_COMMAND'));
  if (missing.length > 0) return bad(`required env variables [${missing.map(([name]) => name).join(',')}] missing`, ERR.invalidEnvironment);
  let stdin = '';
  if (command !== 'VERSION') {
    const read = yield* p.readAll(0);
    if (!read.ok) return bad(`error reading from stdin: ${read.errno}`, ERR.io);
    stdin = text(read.value);
  }
  const args: CmdArgs = {
    containerID: value('CNI_CONTAINERID'),
    netns: value('CNI_NETNS'),
    ifName: value('CNI_IFNAME'),
    args: value('CNI_ARGS'),
    path: value('CNI_PATH'),
    stdin,
  };
  const speaks11 = supported.includes('1.1.0');
  if (command !== 'VERSION') {
    const named = unmarshal<{ name?: string }>(stdin, NAMED);
    if (!named.ok) return bad(`error unmarshall network config: ${named.error.msg}`, ERR.decoding);
    if (!named.value.name) return bad('missing network name', ERR.invalidConfig);
    const forContainer = !(speaks11 && (command === 'STATUS' || command === 'GC'));
    const wrong =
      validNetworkName(named.value.name) ?? (forContainer ? (validContainerID(args.containerID) ?? validInterfaceName(args.ifName)) : null);
    if (wrong) return { ok: false, error: wrong };
  }
  switch (command) {
    case 'ADD':
      return yield* versionedCall(p, args, supported, plugin.add);
    case 'CHECK':
      return yield* check(plugin, p, args, supported);
    case 'DEL':
      return yield* versionedCall(p, args, supported, plugin.del);
    case 'VERSION':
      return good(`${JSON.stringify({ cniVersion: supported.at(-1), supportedVersions: supported })}\n`);
    default:
      if (speaks11 && (command === 'STATUS' || command === 'GC')) return yield* newer(plugin, p, args, supported, command);
      return bad(`unknown CNI_COMMAND: ${command}`, ERR.invalidEnvironment);
  }
}

/** As types.Error prints itself. */
function printedError({ code, msg, details }: CniErrorBody): string {
  return marshalIndent(details ? { code, msg, details } : { code, msg });
}

/** The plugin as an executable in each place where one is looked for. */
export function commandsOf(plugin: Plugin): Command[] {
  function* main(p: Process): Task<number> {
    const supported = supportedBy(plugin, p);
    if (!p.env.get('CNI_COMMAND')) {
      yield* p.err(`CNI ${plugin.name} plugin version unknown\nCNI protocol versions supported: ${supported.join(', ')}\n`);
      return 0;
    }
    const r = yield* dispatch(plugin, p, supported);
    const out = r.ok ? r.value : printedError(r.error);
    if (out !== '') yield* p.out(out);
    return r.ok ? 0 : 1;
  }
  const places = plugin.upstreamOnly ? [UPSTREAM_DIR] : [UPSTREAM_DIR, PACKAGED_DIR];
  return places.map((dir) => ({
    name: `${dir === UPSTREAM_DIR ? 'cni' : 'cni-packaged'}-${plugin.name}`,
    path: `${dir}/${plugin.name}`,
    main,
  }));
}
