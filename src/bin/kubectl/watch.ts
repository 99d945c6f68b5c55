/** Events of a watch, line by line. Models client-go/rest/watch and apimachinery/pkg/watch */

import type { Task } from '../../os/program.ts';
import { text } from '../../wire/bytes.ts';
import { Failure, failure, statusFailure } from './errors.ts';
import { isObject, type JsonObject, str } from './json.ts';
import { parseJson, type Query, type Rest } from './rest.ts';

export interface WatchEvent {
  readonly type: string;
  readonly object: JsonObject;
}

/** A watch's callback ends it with a Failure, or with `stop`. */
export const STOP: Failure = failure('stop', 'stop');

/** Calls back for each event until the server, the deadline (virtual time) or the callback ends it. */
export function* watchEvents(
  rest: Rest,
  path: string,
  query: Query,
  accept: string | undefined,
  on: (e: WatchEvent) => Task<Failure | null>,
  deadline?: number,
): Task<Failure | null> {
  const s = yield* rest.open('GET', path, { query, ...(accept ? { accept } : {}) });
  if (s instanceof Failure) return s;
  const timeout = rest.timeout();
  const limits = [deadline, typeof timeout === 'number' && timeout > 0 ? rest.p.sim.now + timeout * 1e6 : undefined].filter(
    (x) => x !== undefined,
  );
  const until = limits.length > 0 ? Math.min(...limits) : undefined;
  let buffer = '';
  for (;;) {
    const part = yield* s.read(until);
    if (part instanceof Failure || part === null) {
      yield* s.close();
      return part instanceof Failure && deadline !== undefined && rest.p.sim.now >= deadline ? failure('timed out', 'timeout') : part;
    }
    buffer += text(part);
    for (let nl = buffer.indexOf('\n'); nl >= 0; nl = buffer.indexOf('\n')) {
      const event = parseJson(buffer.slice(0, nl));
      buffer = buffer.slice(nl + 1);
      if (!isObject(event) || !isObject(event.object)) continue;
      const type = str(event, 'type');
      if (type === 'BOOKMARK') continue;
      const end = type === 'ERROR' ? statusFailure(event.object) : yield* on({ type, object: event.object });
      if (end) {
        yield* s.close();
        return end;
      }
    }
  }
}
