/** Waiting until something holds for one object: list, then watch. Models client-go/tools/watch UntilWithSync */

import type { Task } from '../../os/program.ts';
import { Failure, failure } from './errors.ts';
import { isObject, type JsonObject, list, str } from './json.ts';
import { apiVersionOf, type Mapping, pathOf } from './rest.ts';
import type { Ctx } from './verb.ts';
import { watchEvents } from './watch.ts';

/** An object as it is now and with each change; null when it is gone. `true` ends it, a Failure too. */
export type Test = (object: JsonObject | null) => boolean | Failure | Task<boolean | Failure>;

function* asked(test: Test, object: JsonObject | null): Task<boolean | Failure> {
  const r = test(object);
  return typeof r === 'boolean' || r instanceof Failure ? r : yield* r;
}

const DONE = failure('done', 'done');
const ROUNDS = 10_000;

/** `timeout`: the deadline (virtual time) passed. */
export function* until(
  ctx: Ctx,
  m: Mapping,
  namespace: string,
  name: string,
  deadline: number,
  test: Test,
): Task<true | 'timeout' | Failure> {
  const path = pathOf(m, namespace);
  const fieldSelector = `metadata.name=${name}`;
  for (let round = 0; round < ROUNDS; round++) {
    const found = yield* ctx.rest.json('GET', path, { query: { fieldSelector } });
    if (found instanceof Failure) return found;
    const first = list(found, 'items')[0];
    const done = yield* asked(test, isObject(first) ? { apiVersion: apiVersionOf(m), kind: m.kind, ...first } : null);
    if (done !== false) return done;
    if (ctx.p.sim.now >= deadline) return 'timeout';
    const query = { fieldSelector, resourceVersion: str(found, 'metadata', 'resourceVersion'), watch: 'true' };
    const end = yield* watchEvents(
      ctx.rest,
      path,
      query,
      undefined,
      function* (e) {
        const r = yield* asked(test, e.type === 'DELETED' ? null : e.object);
        return r === false ? null : r === true ? DONE : r;
      },
      deadline,
    );
    if (end === DONE) return true;
    if (end?.tag === 'timeout' || ctx.p.sim.now >= deadline) return 'timeout';
    if (end && end.kind !== 'url' && !end.status) return end;
    if (end?.reason === 'Forbidden') return end;
  }
  return 'timeout';
}

const SECOND = 1_000_000;
const WEEK = 168 * 3600;

/** A deadline in virtual time; a week when the flag says 0. */
export const deadlineOf = (ctx: Ctx, seconds: number): number => ctx.p.sim.now + (seconds === 0 ? WEEK : seconds) * SECOND;

export function* sleep(ctx: Ctx, seconds: number): Task<void> {
  yield { until: ctx.p.sim.now + seconds * SECOND };
}
