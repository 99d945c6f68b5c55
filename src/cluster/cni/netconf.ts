/** What every plugin reads from its configuration: the common fields, the result so far, CNI_ARGS. Models pkg/types NetConf, args.go, pkg/version ParsePrevResult */

import { ANY, BOOL, map, quoted, type Schema, STRING, struct, unmarshal } from './gojson.ts';
import { createResult, DNS, type Result } from './result.ts';
import { bad, type CniDns, good, type JsonObject, type Outcome } from './types.ts';

export interface NetConf {
  readonly cniVersion?: string;
  readonly name?: string;
  readonly type?: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly ipam?: { readonly type?: string };
  readonly dns?: CniDns;
  readonly prevResult?: JsonObject;
}

const COMMON: Readonly<Record<string, Schema>> = {
  cniVersion: STRING,
  name: STRING,
  type: STRING,
  capabilities: map(BOOL),
  ipam: struct('types.IPAM', { type: STRING }),
  dns: DNS,
  prevResult: map(ANY),
};

/** The schema of a plugin's configuration: the common fields and its own. */
export function netConf(go: string, fields: Readonly<Record<string, Schema>> = {}): Schema {
  return struct(go, { ...COMMON, ...fields });
}

const PLAIN = netConf('types.NetConf');

export function plainConf(stdin: string): Outcome<NetConf> {
  return unmarshal<NetConf>(stdin, PLAIN);
}

/** The result of the plugins before; null when there is none. */
export function prevResult(conf: NetConf): Outcome<Result | null> {
  if (conf.prevResult === undefined) return good(null);
  const version = conf.cniVersion ?? '';
  const created = createResult(version, { CNIVersion: version, ...conf.prevResult });
  return created.ok ? created : bad(`could not parse prevResult: ${created.error.msg}`);
}

/** CNI_ARGS: `K=V;K2=V2`. `known` are the keys that a plugin takes; others are an error unless IgnoreUnknown is set. */
export function loadArgs(text: string, known: readonly string[]): Outcome<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  if (text === '') return good(found);
  const unknown: string[] = [];
  let ignore = false;
  for (const pair of text.split(';')) {
    const kv = pair.split('=');
    if (kv.length !== 2) return bad(`ARGS: invalid pair ${quoted(pair)}`);
    const [key, value] = kv as [string, string];
    if (key === 'IgnoreUnknown') {
      const low = value.toLowerCase();
      if (!['1', 'true', '0', 'false'].includes(low))
        return bad(`ARGS: error parsing value of pair ${quoted(pair)}: boolean unmarshal error: invalid input ${low}`);
      ignore = low === '1' || low === 'true';
    } else if (known.includes(key)) found.set(key, value);
    else unknown.push(pair);
  }
  if (unknown.length > 0 && !ignore) return bad(`ARGS: unknown args [${unknown.map(quoted).join(' ')}]`);
  return good(found);
}
