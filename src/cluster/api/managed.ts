/** Who manages which fields. The record is kept as a chain of writes and worked out when somebody asks. Models fieldmanager. */

import type { AnyObject } from './object.ts';
import type { ResourceDef } from './resources.ts';
import type { Call } from './write.ts';

/** One write: what it made of what. */
export interface WriteNote {
  readonly manager: string;
  readonly subresource: string;
  readonly time: string;
  readonly def: ResourceDef;
  readonly object: AnyObject;
  readonly old: AnyObject | undefined;
}

const NOTES = new WeakMap<AnyObject, WriteNote>();

export function noteWrite(call: Call, def: ResourceDef, object: AnyObject, old: AnyObject | undefined): void {
  NOTES.set(object, { manager: call.manager, subresource: call.write.subresource ?? '', time: call.server.now, def, object, old });
}

export function noteOf(object: AnyObject): WriteNote | undefined {
  return NOTES.get(object);
}
