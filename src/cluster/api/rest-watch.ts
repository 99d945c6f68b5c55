/** Watches over HTTP: one JSON text a line. Models endpoints/handlers/watch.go and the watch cache. */

import type { WatchEvent } from './client.ts';
import { parameter, type RestResult } from './http-types.ts';
import type { AnyObject } from './object.ts';
import { objectText, partialText, tableText, toJson } from './render.ts';
import { refuse } from './rest.ts';
import { type Handling, listOptions } from './rest-resource.ts';
import { failure } from './status.ts';

export function watchRequest(h: Handling): RestResult {
  const { server, def, request } = h;
  const filter = server.filter(def, listOptions(h));
  if (!filter.ok) return refuse(filter);
  const table = server.table(def);
  const from = parameter(request, 'resourceVersion') ?? '';
  const initial = parameter(request, 'sendInitialEvents') === 'true';
  const since = from === '' || from === '0' || initial ? undefined : Number(from);
  if (since !== undefined && !Number.isInteger(since))
    return refuse(
      failure(
        400,
        'BadRequest',
        `resourceVersion: Invalid value: ${toJson(from)}: strconv.ParseUint: parsing ${toJson(from)}: invalid syntax`,
      ),
    );
  const seconds = Number(parameter(request, 'timeoutSeconds') ?? '0') || 0;
  return {
    status: 200,
    headers: [['Content-Type', 'application/json'], ...h.warnings],
    open(write, end) {
      let first = true;
      const body = (object: AnyObject): string => {
        const converted = server.converted(def, [object])[0] as AnyObject;
        if (h.accept.as === 'partial') return partialText(def, converted);
        if (h.accept.as !== 'table') return objectText(def, converted);
        const include = parameter(request, 'includeObject');
        const text = tableText(
          server,
          def,
          [converted],
          { resourceVersion: object.metadata.resourceVersion },
          include === 'None' || include === 'Object' ? include : 'Metadata',
          h.accept.version,
          first,
        );
        first = false;
        return text;
      };
      const on = (event: WatchEvent<AnyObject>): void => write(`{"type":"${event.type}","object":${body(event.object)}}\n`);
      if (since !== undefined && since < table.forgotten) {
        const gone = failure(410, 'Expired', `too old resource version: ${since} (${table.forgotten})`);
        write(`{"type":"ERROR","object":${toJson(gone.status)}}\n`);
        end();
        return { close: () => {} };
      }
      const watch = table.watch(filter.value, on, since);
      const bookmark = initial
        ? server.sim.schedule(1000, () =>
            write(bookmarkText(def.kind, h.accept.as === 'table' ? 'meta.k8s.io/v1' : groupVersionOf(h), String(server.resourceVersion))),
          )
        : null;
      const timer =
        seconds > 0
          ? server.sim.schedule(seconds * 1_000_000, () => {
              watch.stop();
              end();
            })
          : null;
      return {
        close: () => {
          watch.stop();
          server.sim.cancel(timer);
          server.sim.cancel(bookmark);
        },
      };
    },
  };
}

const groupVersionOf = (h: Handling): string => (h.def.group === '' ? h.def.version : `${h.def.group}/${h.def.version}`);

function bookmarkText(kind: string, apiVersion: string, resourceVersion: string): string {
  return `${toJson({ type: 'BOOKMARK', object: { kind, apiVersion, metadata: { resourceVersion, annotations: { 'k8s.io/initial-events-end': 'true' } } } })}\n`;
}
