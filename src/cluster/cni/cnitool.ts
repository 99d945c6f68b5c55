/** cnitool: connects a network namespace to a network by hand. Models containernetworking/cni cnitool */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { sha512 } from '../../os/sha512.ts';
import { ANY, map, quoted, unmarshal } from './gojson.ts';
import { Cni, CONF_DIR, loadNetwork, type RuntimeConf } from './libcni.ts';
import { createResult, printResult } from './result.ts';
import { bad, good, type JsonObject, type Outcome } from './types.ts';

const USAGE = `cnitool: Add, check, or remove network interfaces from a network namespace
  cnitool add   <net> <netns>
  cnitool check <net> <netns>
  cnitool del   <net> <netns>
`;

function parseArgs(text: string): Outcome<(readonly [string, string])[]> {
  const pairs: (readonly [string, string])[] = [];
  for (const pair of text.split(';')) {
    const [key, value, ...more] = pair.split('=');
    if (!key || !value || more.length > 0) return bad(`invalid CNI_ARGS pair ${quoted(pair)}`);
    pairs.push([key, value]);
  }
  return good(pairs);
}

function absolute(p: Process, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${p.cwd}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** The container is named after its namespace's path. */
function runtimeConf(p: Process, path: string): Outcome<RuntimeConf> {
  const wanted = p.env.get('CAP_ARGS');
  const capabilityArgs: Outcome<JsonObject> = wanted ? unmarshal<JsonObject>(wanted, map(ANY)) : good({});
  if (!capabilityArgs.ok) return capabilityArgs;
  const given = p.env.get('CNI_ARGS');
  const args: Outcome<(readonly [string, string])[]> = given ? parseArgs(given) : good([]);
  if (!args.ok) return args;
  const netns = absolute(p, path);
  const digest = sha512(new TextEncoder().encode(netns)).subarray(0, 10);
  const containerID = `cnitool-${Array.from(digest, (b) => b.toString(16).padStart(2, '0')).join('')}`;
  return good({ containerID, netns, ifName: p.env.get('CNI_IFNAME') ?? 'eth0', args: args.value, capabilityArgs: capabilityArgs.value });
}

/** What is printed before cnitool ends. */
function* run(p: Process, verb: string, name: string, path: string): Task<Outcome<string>> {
  const list = loadNetwork(p, p.env.get('NETCONFPATH') || CONF_DIR, name);
  if (!list.ok) return list;
  const rt = runtimeConf(p, path);
  if (!rt.ok) return rt;
  const cni = new Cni((p.env.get('CNI_PATH') ?? '').split(':').filter((dir) => dir !== ''));
  if (verb === 'add') {
    const added = yield* cni.addNetworkList(p, list.value, rt.value);
    if (!added.ok) return added;
    const result = createResult(added.value.cniVersion, added.value as unknown as JsonObject);
    return result.ok ? printResult(result.value, added.value.cniVersion) : result;
  }
  if (verb === 'check' || verb === 'del') {
    const done =
      verb === 'check' ? yield* cni.checkNetworkList(p, list.value, rt.value) : yield* cni.delNetworkList(p, list.value, rt.value);
    return done.ok ? good('') : done;
  }
  return good('');
}

export const cnitool: Command = {
  name: 'cnitool',
  path: '/usr/local/bin/cnitool',
  *main(p: Process): Task<number> {
    const [verb, name, netns] = p.argv.slice(1);
    if (verb === undefined || name === undefined || netns === undefined) {
      yield* p.err(USAGE);
      return 1;
    }
    const done = yield* run(p, verb, name, netns);
    if (done.ok) yield* p.out(done.value);
    else yield* p.err(`${done.error.msg}${done.error.details ? `; ${done.error.details}` : ''}\n`);
    return done.ok ? 0 : 1;
  },
};
