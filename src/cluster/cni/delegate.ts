/** Plugins that run another plugin: address management as a rule. Models containernetworking/cni pkg/invoke/delegate.go, plugins pkg/ipam */

import type { Process, Task } from '../../os/process.ts';
import { execPlugin, findInPath } from './libcni.ts';
import { createResult, type Result } from './result.ts';
import { bad, good, type JsonObject, type Outcome } from './types.ts';

function* run(p: Process, plugin: string, stdin: string, command: string): Task<Outcome<string>> {
  const path = findInPath(
    p,
    plugin,
    (p.env.get('CNI_PATH') ?? '').split(':').filter((d) => d !== ''),
  );
  if (!path.ok) return path;
  const env = new Map(p.env);
  env.set('CNI_COMMAND', command);
  return yield* execPlugin(p, path.value, stdin, env);
}

/** DelegateAdd; what the plugin prints has the configuration's version when it names none. */
export function* delegateAdd(p: Process, plugin: string, stdin: string): Task<Outcome<Result>> {
  const out = yield* run(p, plugin, stdin, 'ADD');
  if (!out.ok) return out;
  let raw: JsonObject;
  try {
    raw = (JSON.parse(out.value) as JsonObject | null) ?? {};
  } catch {
    return bad(`failed to unmarshal raw result: ${out.value === '' ? 'unexpected end of JSON input' : 'invalid character'}`);
  }
  const given = raw.cniVersion;
  const version =
    typeof given === 'string' && given !== '' ? given : ((JSON.parse(stdin) as { cniVersion?: string }).cniVersion ?? '0.1.0');
  return createResult(version, { ...raw, cniVersion: version });
}

export function* delegateCheck(p: Process, plugin: string, stdin: string): Task<Outcome<null>> {
  const out = yield* run(p, plugin, stdin, 'CHECK');
  return out.ok ? good(null) : out;
}

export function* delegateDel(p: Process, plugin: string, stdin: string): Task<Outcome<null>> {
  const out = yield* run(p, plugin, stdin, 'DEL');
  return out.ok ? good(null) : out;
}

/** STATUS and GC go through to address management. */
export function* delegateOther(p: Process, plugin: string, stdin: string, command: 'STATUS' | 'GC'): Task<Outcome<null>> {
  const out = yield* run(p, plugin, stdin, command);
  return out.ok ? good(null) : out;
}
