/** What one kind does on its way through the API: defaults, strategy, admission, validation, columns. Models registry/*\/strategy.go. */

import type { Client, UserInfo } from './client.ts';
import type { FieldError } from './field.ts';
import type { AnyObject, KubeObject, Stored } from './object.ts';
import type { ResourceDef } from './resources.ts';
import type { Failure } from './status.ts';

/** What a rule may look at and use while a request runs. */
export interface RequestContext {
  readonly user: UserInfo;
  readonly verb: 'create' | 'update' | 'delete';
  /** '' for the resource itself. */
  readonly subresource: string;
  readonly dryRun: boolean;
  /** Present time as metadata writes it: RFC 3339, whole seconds. */
  readonly now: string;
  /** Adds a Warning header. */
  warn(text: string): void;
  /** The stored object, unauthorised and at once. */
  get<T = AnyObject>(resource: string, namespace: string, name: string): T | undefined;
  list<T = AnyObject>(resource: string, namespace?: string): readonly T[];
  /** Uniform integer below n, from the API server's stream of that name. */
  random(stream: string, n: number): number;
  /** State that lives as long as the API server (allocators): made by `make` when it is asked for first. */
  state<T>(name: string, make: () => T): T;
  readonly options: ServerOptions;
  /** For objects that come and go with others; not while `dryRun`. */
  readonly client: Client;
  /** Makes the object or takes the place of the one of that name, whatever it says; unasked. */
  write(resource: string, object: KubeObject): void;
  remove(resource: string, namespace: string, name: string): void;
}

export interface ServerOptions {
  /** `--service-cluster-ip-range`; two, comma-separated, for dual stack. */
  readonly serviceClusterIPRange?: string;
  /** `--service-node-port-range` */
  readonly serviceNodePortRange?: string;
  /** Host of `kubernetes` Service's endpoint and of kubeconfigs. */
  readonly advertiseAddress?: string;
  readonly securePort?: number;
}

export type Allocated<T> = { readonly ok: true; readonly value: T; commit(): void; revert(): void } | Failure;

export type Admitted<T> = { readonly ok: true; readonly value: T } | Failure;

/** One column of a table as the server prints it. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: string;
  readonly description?: string;
  /** 0 always, 1 with -o wide. */
  readonly priority: number;
}

/** A rule is left out where a kind has none of its own. Objects come in with `namespace`, `apiVersion`, `kind`; none is changed in place. */
export interface KindRules<T extends KubeObject = AnyObject> {
  /** Fields that the API fills in; the same object when there are none. Must be idempotent. */
  defaults?(object: T): T;
  /** Without it, creation drops `status` of a kind with a status subresource. */
  prepareForCreate?(object: T, context: RequestContext): T;
  /** After the server has kept the old status (or, for `status`, everything but the status) and before generation is counted. */
  prepareForUpdate?(object: T, old: Stored<T>, context: RequestContext): T;
  /** Mutating, then validating admission; also of subresources (`context.subresource`). `old` is undefined for create; `object` is undefined for delete. */
  admit?(object: T, old: Stored<T> | undefined, context: RequestContext): Admitted<T>;
  admitDelete?(old: Stored<T>, context: RequestContext): Failure | undefined;
  /** Everything but metadata, whose general rules (name, labels, annotations …) the server checks by `nameCheck`. */
  validate?(object: T, context: RequestContext): readonly FieldError[];
  /** Includes what `validate` checks; the server calls only this one for an update of the main resource. */
  validateUpdate?(object: T, old: Stored<T>, context: RequestContext): readonly FieldError[];
  validateStatusUpdate?(object: T, old: Stored<T>, context: RequestContext): readonly FieldError[];
  /** Messages of a bad name (without field); default: a DNS subdomain. */
  nameCheck?(name: string, prefix: boolean): readonly string[];
  /** Warnings of create and update. */
  warnings?(object: T, old: Stored<T> | undefined): readonly string[];
  /**
   * Takes addresses and ports, as Store.BeginCreate and BeginUpdate do: after mutating admission and BEFORE prepareFor* and validate* (an
   * allocation error hides those of validation, as recorded). Of what it returns exactly one is called: `commit` when the object was
   * stored, `revert` when it was refused later or when the request was a dry run.
   */
  allocate?(object: T, old: Stored<T> | undefined, context: RequestContext): Allocated<T>;
  /** After an object is gone for good. */
  deleted?(old: Stored<T>, context: RequestContext): void;
  /** Other objects that come and go with this one (the IPAddress of a Service) are written by this, after the object was stored. */
  stored?(object: Stored<T>, old: Stored<T> | undefined, context: RequestContext): void;
  readonly columns?: readonly Column[];
  /** Cells in order of `columns`; `age` is filled from `now` by the rule itself (see humanDuration). */
  row?(object: Stored<T>, now: string): readonly unknown[];
  /** Values of fields that a field selector may name, beyond metadata.name and metadata.namespace. */
  readonly selectableFields?: Readonly<Record<string, (object: Stored<T>) => string>>;
  /** How the object leaves the server (fields that are computed on read). */
  decorate?(object: Stored<T>): Stored<T>;
  /** Fields of nothing but `spec` count for the generation unless this says otherwise. */
  generationChanged?(object: T, old: Stored<T>): boolean;
  readonly allowCreateOnUpdate?: boolean;
  /** What background deletion means by default; core v1 ReplicationController and old Jobs orphan. */
  readonly defaultPropagation?: 'Orphan' | 'Background';
  /** Grace period of a deletion; undefined: the object goes at once. */
  deletionGrace?(object: Stored<T>, asked: number | undefined): number | undefined;
}

/** JSON of a request to an object of the kind: types, unknown and double fields. */
export interface Decoder {
  /** `errors` refuse the request; `strict` are the texts of strict decoding (`unknown field "spec.portz"`), sorted as upstream sorts them. */
  decode(
    def: ResourceDef,
    kind: string,
    apiVersion: string,
    json: unknown,
    text: string,
  ): { readonly object: KubeObject; readonly error?: string; readonly strict: readonly string[] };
}

const RULES = new Map<string, KindRules<never>>();

/** Rules of a built-in kind, by `Kind` or `Kind.group`. Called when modules are loaded. */
export function registerKind<T extends KubeObject>(type: string, rules: KindRules<T>): void {
  RULES.set(type, { ...(RULES.get(type) as KindRules<T> | undefined), ...rules } as unknown as KindRules<never>);
}

const NONE: KindRules = {};

/** Rules that were registered for the kind itself. */
export function registeredRules(def: { readonly kind: string; readonly group: string }): KindRules | undefined {
  return RULES.get(def.group === '' ? def.kind : `${def.kind}.${def.group}`) as KindRules | undefined;
}

export function rulesOf(def: { readonly kind: string; readonly group: string; readonly rules?: KindRules }): KindRules {
  return (RULES.get(def.group === '' ? def.kind : `${def.kind}.${def.group}`) as KindRules | undefined) ?? def.rules ?? NONE;
}
