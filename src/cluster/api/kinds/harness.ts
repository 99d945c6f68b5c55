/** One request through the rules of a kind, without a server: for tests. */

import type { Client } from '../client.ts';
import { decoder } from '../decode.ts';
import { errorText } from '../field.ts';
import { type RequestContext, rulesOf } from '../kind.ts';
import { nameIsSubdomain } from '../names.ts';
import type { AnyObject, KubeObject } from '../object.ts';
import { BUILT_IN } from '../resources.ts';

export interface Outcome {
  readonly object: AnyObject;
  /** Error text of the decoder, of an allocation, of admission. */
  readonly error?: string;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

export class Harness {
  readonly objects = new Map<string, AnyObject>();
  private readonly states = new Map<string, unknown>();
  private draws = 0;

  context(verb: 'create' | 'update' = 'create', dryRun = false): RequestContext {
    return {
      user: { name: 'admin', groups: ['system:masters', 'system:authenticated'] },
      verb,
      subresource: '',
      dryRun,
      now: '2026-11-20T20:31:44Z',
      warn: () => undefined,
      get: <T>(resource: string, namespace: string, name: string) => this.objects.get(`${resource}/${namespace}/${name}`) as T | undefined,
      list: <T>(resource: string, namespace?: string) =>
        [...this.objects].filter(([k]) => k.startsWith(`${resource}/${namespace ?? ''}`)).map(([, v]) => v as unknown as T),
      random: (_stream, n) => (++this.draws * 7919) % n,
      state: <T>(name: string, make: () => T): T => {
        if (!this.states.has(name)) this.states.set(name, make());
        return this.states.get(name) as T;
      },
      write: (resource, object) =>
        void this.objects.set(`${resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`, object as AnyObject),
      remove: (resource, namespace, name) => void this.objects.delete(`${resource}/${namespace}/${name}`),
      options: {},
      get client(): Client {
        throw new Error('rules write with write and remove');
      },
    };
  }

  /** Creates, or updates what is there, and keeps the result when it is valid. */
  apply(given: unknown, dryRun = false): Outcome {
    const { apiVersion, kind } = given as KubeObject;
    const [version, group] = apiVersion.split('/').reverse();
    const def = BUILT_IN.find((d) => d.kind === kind && d.group === (group ?? '') && d.version === version);
    if (!def) throw new Error(`no ${kind} in ${apiVersion}`);
    const rules = rulesOf(def);
    const decoded = decoder.decode(def, kind, apiVersion, given, '');
    const nothing: Outcome = { object: decoded.object as AnyObject, errors: [], warnings: [] };
    if (decoded.error) return { ...nothing, error: decoded.error };
    if (decoded.strict.length > 0) return { ...nothing, error: `strict decoding error: ${decoded.strict.join(', ')}` };
    let object = decoded.object as AnyObject;
    if (def.namespaced && !object.metadata.namespace) object = { ...object, metadata: { ...object.metadata, namespace: 'default' } };
    object = rules.defaults?.(object) ?? object;
    const resource = def.group === '' ? def.plural : `${def.plural}.${def.group}`;
    const key = `${resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`;
    const old = this.objects.get(key);
    const context = this.context(old ? 'update' : 'create', dryRun);
    const admitted = rules.admit?.(object, old, context);
    if (admitted && !admitted.ok) return { ...nothing, object, error: admitted.status.message ?? '' };
    object = admitted?.value ?? object;
    const allocated = rules.allocate?.(object, old, context);
    if (allocated && !allocated.ok) return { ...nothing, object, error: allocated.status.message ?? '' };
    object = allocated?.value ?? object;
    object = (old ? rules.prepareForUpdate?.(object, old, context) : rules.prepareForCreate?.(object, context)) ?? object;
    const names = (rules.nameCheck ?? nameIsSubdomain)(object.metadata.name, false).map((m) => `metadata.name: ${m}`);
    const found = (old ? rules.validateUpdate?.(object, old, context) : rules.validate?.(object, context)) ?? [];
    const errors = [...names, ...found.map(errorText)];
    const warnings = rules.warnings?.(object, old) ?? [];
    if (errors.length > 0 || dryRun) allocated?.revert();
    else {
      allocated?.commit();
      this.objects.set(key, object);
      rules.stored?.(object, old, context);
    }
    return { object, errors, warnings };
  }
}
