/** kubectl events. Models kubectl/pkg/cmd/events */

import { splitTypeName } from './builder.ts';
import { Failure, failure } from './errors.ts';
import { isObject, type JsonObject, list, num, str } from './json.ts';
import { PRINT_FLAGS, printerFor } from './printers.ts';
import { apiVersionOf } from './rest.ts';
import { age, timeOf } from './table.ts';
import { TabWriter } from './tabwriter.ts';
import type { Ctx, Verb } from './verb.ts';
import { watchEvents } from './watch.ts';

/** When it was last seen, as its series or its times say. */
const lastSeen = (e: JsonObject): number =>
  timeOf(str(e, 'series', 'lastObservedTime') || str(e, 'lastTimestamp') || str(e, 'eventTime')) || 0;

/** `5s`, `5s (x3 over 10m)` */
function interval(e: JsonObject, now: number): string {
  const first = age(str(e, 'eventTime') || str(e, 'firstTimestamp'), now);
  if (isObject(e.series)) return `${age(str(e.series, 'lastObservedTime'), now)} (x${num(e.series, 'count')} over ${first})`;
  return num(e, 'count') > 1 ? `${age(str(e, 'lastTimestamp'), now)} (x${num(e, 'count')} over ${first})` : first;
}

function line(ctx: Ctx, e: JsonObject, all: boolean): string {
  const where = all ? `${str(e, 'metadata', 'namespace')}\t` : '';
  return `${where}${interval(e, ctx.now)}\t${str(e, 'type')}\t${str(e, 'reason')}\t${str(e, 'involvedObject', 'kind')}/${str(e, 'involvedObject', 'name')}\t${str(e, 'message').trim()}\n`;
}

export const eventsVerb: Verb = {
  name: 'events',
  use: 'events [(-o|--output=)json|yaml|kyaml|name|go-template|go-template-file|template|templatefile|jsonpath|jsonpath-as-json|jsonpath-file] [--for TYPE/NAME] [--watch] [--types=Normal,Warning]',
  short: 'List events',
  long: `Display events.

 Prints a table of the most important information about events. You can request events for a namespace, for all namespace, or filtered to only those pertaining to a specified resource.`,
  example: `# List recent events in the default namespace
kubectl events

# List recent events in all namespaces
kubectl events --all-namespaces

# List recent events for the specified pod, then wait for more events and list them as they arrive
kubectl events --for pod/web-pod-13je7 --watch

# List recent events in YAML format
kubectl events -oyaml

# List recent only events of type 'Warning' or 'Normal'
kubectl events --types=Warning,Normal`,
  flags: [
    {
      name: 'all-namespaces',
      short: 'A',
      type: 'bool',
      usage:
        'If present, list the requested object(s) across all namespaces. Namespace in current context is ignored even if specified with --namespace.',
    },
    {
      name: 'chunk-size',
      type: 'int64',
      def: '500',
      usage: 'Return large lists in chunks rather than all at once. Pass 0 to disable. This flag is beta and may change in the future.',
    },
    { name: 'for', type: 'string', usage: 'Filter events to only those pertaining to the specified resource.' },
    { name: 'no-headers', type: 'bool', usage: "When using the default output format, don't print headers." },
    { name: 'types', type: 'stringSlice', usage: 'Output only events of given types.' },
    { name: 'watch', short: 'w', type: 'bool', usage: 'After listing the requested events, watch for more events.' },
    ...PRINT_FLAGS,
  ],
  *run(ctx) {
    const ns = ctx.namespace();
    if (ns instanceof Failure) return ns;
    const all = ctx.bool('all-namespaces');
    let fieldSelector = '';
    if (ctx.str('for') !== '') {
      const target = splitTypeName(ctx.str('for'));
      if (target instanceof Failure) return target;
      if (target === null) return failure('--for must be in resource/name form');
      const m = yield* ctx.mapper.find(target.resource.toLowerCase());
      if (m instanceof Failure) return m;
      fieldSelector = `involvedObject.kind=${m.kind},involvedObject.apiVersion=${apiVersionOf(m)},involvedObject.name=${target.name}`;
    }
    const types = ctx.list('types').map((t) => t.toLowerCase());
    if (types.some((t) => t !== 'normal' && t !== 'warning')) return failure('valid --types are Normal or Warning');
    const wanted = (e: JsonObject): boolean => types.length === 0 || types.includes(str(e, 'type').toLowerCase());
    const printer = ctx.str('output') === '' && ctx.str('template') === '' ? null : printerFor(ctx);
    if (printer instanceof Failure) return printer;
    const path = all ? '/api/v1/events' : `/api/v1/namespaces/${ns.name}/events`;
    const query = fieldSelector === '' ? {} : { fieldSelector };
    const w = new TabWriter(6, 3, true);
    const head = `${all ? 'NAMESPACE\t' : ''}LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n`;
    if (ctx.bool('watch')) {
      let headed = ctx.bool('no-headers');
      const wrong = yield* watchEvents(ctx.rest, path, { ...query, watch: 'true' }, undefined, function* (e) {
        if (e.type === 'DELETED' || !wanted(e.object)) return null;
        if (printer) yield* ctx.out(printer.print(e.object).out);
        else {
          w.write(`${headed ? '' : head}${line(ctx, e.object, all)}`);
          headed = true;
          yield* ctx.out(w.flush());
        }
        return null;
      });
      return wrong?.status ? wrong : 0;
    }
    const r = yield* ctx.rest.list(path, query, 500);
    if (r instanceof Failure) return r;
    const events = list(r, 'items')
      .filter(isObject)
      .filter(wanted)
      .sort((a, b) => lastSeen(a) - lastSeen(b));
    if (events.length === 0) {
      yield* ctx.err(all ? 'No events found.\n' : `No events found in ${ns.name} namespace.\n`);
      return 0;
    }
    if (printer) {
      const { out, error } = printer.print({
        apiVersion: 'v1',
        items: events.map((e) => ({ apiVersion: 'v1', kind: 'Event', ...e })),
        kind: 'EventList',
        metadata: {},
      });
      yield* ctx.out(out);
      return error ?? 0;
    }
    w.write(`${ctx.bool('no-headers') ? '' : head}${events.map((e) => line(ctx, e, all)).join('')}`);
    yield* ctx.out(w.flush());
    return 0;
  },
};
