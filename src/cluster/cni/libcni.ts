/** The runtime's side of CNI: configuration lists, chains of plugins, cached results. Models containernetworking/cni libcni and pkg/invoke */

import type { Process, Task } from '../../os/process.ts';
import { readCache, removeCache, writeCache } from './cache.ts';
import { execute } from './exec.ts';
import { validContainerID, validInterfaceName, validNetworkName } from './names.ts';
import { bad, type CniResult, good, type Json, type JsonObject, type Outcome } from './types.ts';
import { isAtLeast, versionAtLeast } from './version.ts';

export const CONF_DIR = '/etc/cni/net.d';
export const BIN_DIR = '/opt/cni/bin';
const CACHE_DIR = '/var/lib/cni';

/** Who is to be connected, and what the runtime asks of plugins that advertise a capability. */
export interface RuntimeConf {
  readonly containerID: string;
  /** Path of the network namespace; may be empty for a deletion. */
  readonly netns: string;
  readonly ifName: string;
  /** CNI_ARGS. */
  readonly args?: readonly (readonly [string, string])[];
  /** `portMappings`, `bandwidth`, `ips`, `mac`, `ipRanges`, `dns`, `aliases` … */
  readonly capabilityArgs?: JsonObject;
}

export interface PluginConfig {
  readonly type: string;
  readonly name: string;
  readonly capabilities: readonly string[];
  readonly conf: JsonObject;
}

export interface NetworkConfigList {
  readonly name: string;
  readonly cniVersion: string;
  readonly disableCheck: boolean;
  readonly disableGC: boolean;
  readonly plugins: readonly PluginConfig[];
  /** The file's text. */
  readonly source: string;
}

export interface GcAttachment {
  readonly containerID: string;
  readonly ifname: string;
}

// ---- configuration

const isObject = (v: Json | undefined): v is JsonObject => typeof v === 'object' && v !== null && !Array.isArray(v);

function parseJson(source: string): Outcome<JsonObject> {
  try {
    const value = JSON.parse(source) as Json;
    return isObject(value) ? good(value) : bad('error parsing configuration: not an object');
  } catch {
    return bad('error parsing configuration: invalid JSON');
  }
}

function pluginConfig(conf: Json): Outcome<PluginConfig> {
  if (!isObject(conf)) return bad('error parsing configuration: json: cannot unmarshal into Go value of type types.PluginConf');
  const { type, name, capabilities } = conf;
  if (typeof type !== 'string' || type === '') return bad("error parsing configuration: missing 'type'");
  const wanted = isObject(capabilities) ? Object.keys(capabilities).filter((k) => capabilities[k] === true) : [];
  return good({ type, name: typeof name === 'string' ? name : '', capabilities: wanted, conf });
}

/** A configuration list from its text; a single plugin's configuration becomes a list of one. */
export function networkConfig(source: string): Outcome<NetworkConfigList> {
  const raw = parseJson(source);
  if (!raw.ok) return raw;
  const { name, cniVersion, plugins, disableCheck, disableGC } = raw.value;
  if (plugins === undefined && typeof raw.value.type === 'string') {
    const only = pluginConfig(raw.value);
    if (!only.ok) return only;
    const version = typeof cniVersion === 'string' ? cniVersion : '';
    return good({ name: only.value.name, cniVersion: version, disableCheck: false, disableGC: false, plugins: [only.value], source });
  }
  if (name === undefined) return bad('error parsing configuration list: no name');
  if (typeof name !== 'string') return bad('error parsing configuration list: invalid name type');
  if (plugins === undefined) return bad('no plugin configs found');
  if (!Array.isArray(plugins)) return bad("error parsing configuration list: invalid 'plugins' type");
  if (plugins.length === 0) return bad('error parsing configuration list: no plugins in list');
  const list: PluginConfig[] = [];
  for (const [i, conf] of (plugins as readonly Json[]).entries()) {
    const plugin = pluginConfig(conf);
    if (!plugin.ok) return bad(`failed to parse plugin config ${i}: ${plugin.error.msg}`);
    list.push(plugin.value);
  }
  const truth = (v: Json | undefined): boolean => v === true || (typeof v === 'string' && v.toLowerCase() === 'true');
  return good({
    name,
    cniVersion: typeof cniVersion === 'string' ? cniVersion : '',
    disableCheck: truth(disableCheck),
    disableGC: truth(disableGC),
    plugins: list,
    source,
  });
}

/** Configuration files of a directory, in the order of their names. */
export function confFiles(p: Process, dir: string): string[] {
  const names = p.readdir(dir);
  if (!names.ok) return [];
  return names.value
    .filter((n) => /\.(conf|conflist|json)$/.test(n))
    .sort()
    .map((n) => `${dir}/${n}`);
}

const parsed = new Map<string, NetworkConfigList>();

function loadFile(p: Process, file: string): Outcome<NetworkConfigList> {
  const source = p.readText(file);
  if (source === null) return bad(`error reading ${file}: open ${file}: no such file or directory`);
  const known = parsed.get(source);
  if (known) return good(known);
  const list = networkConfig(source);
  if (list.ok && parsed.size < 64) parsed.set(source, list.value);
  return list;
}

/** What containerd uses: the first usable file by name. */
export function defaultNetwork(p: Process, dir = CONF_DIR): Outcome<NetworkConfigList> {
  for (const file of confFiles(p, dir)) {
    const list = loadFile(p, file);
    if (list.ok && list.value.plugins.length > 0) return list;
  }
  return bad(`no network config found in ${dir}: cni plugin not initialized`);
}

/** The network of that name. */
export function loadNetwork(p: Process, dir: string, name: string): Outcome<NetworkConfigList> {
  const files = confFiles(p, dir);
  if (files.length === 0) return bad(`no net configurations found in ${dir}`);
  for (const file of [...files.filter((f) => f.endsWith('.conflist')), ...files.filter((f) => !f.endsWith('.conflist'))]) {
    const list = loadFile(p, file);
    if (!list.ok) return list;
    if (list.value.name === name) return list;
  }
  return bad(`no net configuration with name "${name}" in ${dir}`);
}

// ---- running plugins

/** Full path of a plugin. */
export function findInPath(p: Process, plugin: string, path: readonly string[]): Outcome<string> {
  if (plugin === '') return bad('no plugin name provided');
  if (plugin.includes('/')) return bad(`invalid plugin name: ${plugin}`);
  if (path.length === 0) return bad('no paths provided');
  for (const dir of path) {
    const full = `${dir.replace(/\/+$/, '')}/${plugin}`;
    const stat = p.stat(full);
    if (stat.ok && stat.value.kind === 'file') return good(full);
  }
  return bad(`failed to find plugin ${JSON.stringify(plugin)} in path [${path.join(' ')}]`);
}

/** Runs a plugin; its standard output, or the error that it printed. What it writes to standard error goes on to ours. */
export function* execPlugin(p: Process, path: string, stdin: string, env: Map<string, string>): Task<Outcome<string>> {
  const ran = yield* execute(p, [path], { stdin, env });
  if (!ran.ok)
    return bad(
      `netplugin failed with no error message: fork/exec ${path}: ${ran.errno === 'EACCES' ? 'permission denied' : 'no such file or directory'}`,
      0,
    );
  const { status, stdout, stderr } = ran.value;
  if (status === 0) {
    if (stderr !== '') yield* p.err(stderr);
    return good(stdout);
  }
  if (stdout === '') {
    return stderr === ''
      ? bad(`netplugin failed with no error message: exit status ${status}`, 0)
      : bad(`netplugin failed: ${JSON.stringify(stderr)}`, 0);
  }
  try {
    const { code = 0, msg = '', details = '' } = JSON.parse(stdout) as { code?: number; msg?: string; details?: string };
    return bad(msg, code, details);
  } catch {
    return bad(`netplugin failed but error parsing its diagnostic message ${JSON.stringify(stdout)}: invalid character`, 0);
  }
}

/** A plugin's result; one without a version has that of the configuration. */
export function readResult(stdout: string, cniVersion: string): Outcome<CniResult> {
  try {
    const raw = (JSON.parse(stdout) ?? {}) as Partial<CniResult>;
    return good({ dns: {}, ...raw, cniVersion: raw.cniVersion || cniVersion });
  } catch {
    return bad(`failed to unmarshal raw result: ${stdout === '' ? 'unexpected end of JSON input' : 'invalid character'}`);
  }
}

export class Cni {
  readonly path: readonly string[];
  readonly cacheDir: string;

  constructor(path: readonly string[] = [BIN_DIR], cacheDir = CACHE_DIR) {
    this.path = path;
    this.cacheDir = cacheDir;
  }

  /** Runs the chain with ADD, each plugin with the result of the one before; remembers the last result. */
  *addNetworkList(p: Process, list: NetworkConfigList, rt: RuntimeConf): Task<Outcome<CniResult>> {
    let result: CniResult | null = null;
    for (const plugin of list.plugins) {
      const added: Outcome<CniResult> = yield* this.addNetwork(p, list, plugin, result, rt);
      if (!added.ok) return failed(plugin, 'add', added.error);
      result = added.value;
    }
    if (!result) return bad('no plugin configs found');
    const cached = writeCache(p, this.cacheDir, list, rt, result);
    if (!cached.ok) return bad(`failed to set network ${JSON.stringify(list.name)} cached result: ${cached.error.msg}`);
    return good(result);
  }

  private *addNetwork(
    p: Process,
    list: NetworkConfigList,
    plugin: PluginConfig,
    prevResult: CniResult | null,
    rt: RuntimeConf,
  ): Task<Outcome<CniResult>> {
    const path = findInPath(p, plugin.type, this.path);
    if (!path.ok) return path;
    for (const wrong of [validContainerID(rt.containerID), validNetworkName(list.name), validInterfaceName(rt.ifName)])
      if (wrong) return { ok: false, error: wrong };
    const ran = yield* execPlugin(p, path.value, oneConfig(list, plugin, prevResult, rt), this.env(p, 'ADD', rt));
    return ran.ok ? readResult(ran.value, list.cniVersion) : ran;
  }

  private *without(
    p: Process,
    command: 'CHECK' | 'DEL' | 'GC' | 'STATUS',
    plugin: PluginConfig,
    stdin: string,
    rt: RuntimeConf,
  ): Task<Outcome<null>> {
    const path = findInPath(p, plugin.type, this.path);
    if (!path.ok) return path;
    const ran = yield* execPlugin(p, path.value, stdin, this.env(p, command, rt));
    return ran.ok ? good(null) : ran;
  }

  *checkNetworkList(p: Process, list: NetworkConfigList, rt: RuntimeConf): Task<Outcome<null>> {
    const able = versionAtLeast(list.cniVersion, '0.4.0');
    if (!able.ok) return able;
    if (!able.value) return bad(`configuration version ${JSON.stringify(list.cniVersion)} does not support CHECK command`);
    if (list.disableCheck) return good(null);
    const cached = readCache(p, this.cacheDir, list.name, rt);
    for (const plugin of list.plugins) {
      const r = yield* this.without(p, 'CHECK', plugin, oneConfig(list, plugin, cached, rt), rt);
      if (!r.ok) return r;
    }
    return good(null);
  }

  /** Runs the chain backwards with DEL and forgets the cached result. */
  *delNetworkList(p: Process, list: NetworkConfigList, rt: RuntimeConf): Task<Outcome<null>> {
    const able = versionAtLeast(list.cniVersion, '0.4.0');
    if (!able.ok) return able;
    const cached = able.value ? readCache(p, this.cacheDir, list.name, rt) : null;
    for (const plugin of [...list.plugins].reverse()) {
      const r = yield* this.without(p, 'DEL', plugin, oneConfig(list, plugin, cached, rt), rt);
      if (!r.ok) return failed(plugin, 'delete', r.error);
    }
    removeCache(p, this.cacheDir, list.name, rt);
    return good(null);
  }

  /** Whether all plugins can take an ADD (spec 1.1). */
  *statusNetworkList(p: Process, list: NetworkConfigList): Task<Outcome<null>> {
    if (!isAtLeast(list.cniVersion, '1.1.0')) return good(null);
    for (const plugin of list.plugins) {
      const r = yield* this.without(p, 'STATUS', plugin, injected(list, plugin, {}), NOBODY);
      if (!r.ok) return r;
    }
    return good(null);
  }

  /** Gives the plugins the attachments that are still in use (spec 1.1). */
  *gcNetworkList(p: Process, list: NetworkConfigList, valid: readonly GcAttachment[]): Task<Outcome<null>> {
    if (list.disableGC || !isAtLeast(list.cniVersion, '1.1.0')) return good(null);
    const attachments = valid.map(({ containerID, ifname }) => ({ containerID, ifname }));
    const more = { 'cni.dev/valid-attachments': attachments, 'cni.dev/attachments': attachments };
    for (const plugin of list.plugins) {
      const r = yield* this.without(p, 'GC', plugin, injected(list, plugin, more), NOBODY);
      if (!r.ok) return bad(`failed to GC plugin ${plugin.type}: ${r.error.msg}`, r.error.code, r.error.details);
    }
    return good(null);
  }

  private env(p: Process, command: string, rt: RuntimeConf): Map<string, string> {
    const env = new Map(p.env);
    env.set('CNI_COMMAND', command);
    env.set('CNI_CONTAINERID', rt.containerID);
    env.set('CNI_NETNS', rt.netns);
    env.set('CNI_ARGS', (rt.args ?? []).map(([k, v]) => `${k}=${v}`).join(';'));
    env.set('CNI_IFNAME', rt.ifName);
    env.set('CNI_PATH', this.path.join(':'));
    return env;
  }
}

const NOBODY: RuntimeConf = { containerID: '', netns: '', ifName: '' };

function injected(list: NetworkConfigList, plugin: PluginConfig, more: JsonObject): string {
  return JSON.stringify({ ...plugin.conf, name: list.name, cniVersion: list.cniVersion, ...more });
}

/** A plugin's standard input: its own configuration with name, version, the result so far and the capabilities that it asks for. */
function oneConfig(list: NetworkConfigList, plugin: PluginConfig, prevResult: CniResult | null, rt: RuntimeConf): string {
  const runtime = plugin.capabilities.filter((c) => rt.capabilityArgs?.[c] !== undefined);
  return injected(list, plugin, {
    ...(prevResult ? { prevResult: prevResult as unknown as JsonObject } : {}),
    ...(runtime.length > 0 ? { runtimeConfig: Object.fromEntries(runtime.map((c) => [c, rt.capabilityArgs?.[c] as Json])) } : {}),
  });
}

function failed(plugin: PluginConfig, action: string, error: { code: number; msg: string; details?: string }): Outcome<never> {
  const named = plugin.name ? ` name=${JSON.stringify(plugin.name)}` : '';
  return bad(`plugin type=${JSON.stringify(plugin.type)}${named} failed (${action}): ${error.msg}`, error.code, error.details);
}
