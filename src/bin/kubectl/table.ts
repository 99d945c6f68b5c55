/** Tables from the server as `get` prints them: namespace, kind and label columns, wide columns, headers once. Models cli-runtime/pkg/printers/tableprinter.go */

import { goValue } from './gofmt.ts';
import { isArray, isObject, type Json, type JsonObject, list, obj, sortedKeys, str } from './json.ts';
import { humanDuration } from './strconv.ts';
import type { TabWriter } from './tabwriter.ts';

export interface TableOptions {
  readonly noHeaders: boolean;
  readonly withNamespace: boolean;
  /** `deployment.apps` before each name; empty for none. */
  readonly kind: string;
  readonly wide: boolean;
  readonly showLabels: boolean;
  readonly columnLabels: readonly string[];
  readonly now: number;
}

interface Column {
  readonly name: string;
  readonly format: string;
  readonly type: string;
  readonly priority: number;
}

const META: readonly Column[] = [
  { name: 'Name', format: 'name', type: 'string', priority: 0 },
  { name: 'Age', format: '', type: 'string', priority: 0 },
];

const columnsOf = (table: JsonObject): Column[] =>
  list(table, 'columnDefinitions').map((c) => ({
    name: str(c, 'name'),
    format: str(c, 'format'),
    type: str(c, 'type'),
    priority: Number(str(c, 'priority') || 0),
  }));

/** Labels as `a=b,c=d`. */
export function labelsText(o: JsonObject): string {
  const keys = sortedKeys(o);
  return keys.length === 0 ? '<none>' : keys.map((k) => `${k}=${str(o, k)}`).join(',');
}

/** A cell up to its first line end; control characters shown as `^[`. */
function cellText(v: Json | undefined): string {
  if (v === null || v === undefined) return '';
  const s = typeof v === 'string' ? v : goValue(v);
  const cut = s.search(/[\n\r\f]/);
  return (cut < 0 ? s : `${s.slice(0, cut)}...`).replaceAll('\x1b', '^[');
}

/** RFC 3339 to seconds since 1970; NaN when it is none. */
export function timeOf(s: string): number {
  const m = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[-+]\d\d:\d\d)$/.exec(s);
  if (!m) return Number.NaN;
  const [y, mo, d, h, mi, sec] = m.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const zone = m[8] === 'Z' ? 0 : (m[8]?.startsWith('-') ? -1 : 1) * (Number(m[8]?.slice(1, 3)) * 3600 + Number(m[8]?.slice(4)) * 60);
  return Date.UTC(y, mo - 1, d, h, mi, sec) / 1000 + Number(m[7] ?? 0) - zone;
}

/** AGE of a time stamp: `<unknown>` without one. */
export function age(stamp: string, now: number): string {
  const t = timeOf(stamp);
  return Number.isNaN(t) ? '<unknown>' : humanDuration(now - t);
}

export class TablePrinter {
  private readonly o: TableOptions;
  private last: string | null = null;
  private lastColumns: readonly Column[] = [];
  private printedHeaders = false;

  constructor(o: TableOptions) {
    this.o = o;
  }

  /** A table, or any object without one (then name and age). `event` of --output-watch-events. */
  print(object: JsonObject, w: TabWriter, event = ''): void {
    if (object.kind === 'Table') {
      let columns = columnsOf(object);
      const key = JSON.stringify(columns);
      let noHeaders = this.o.noHeaders;
      if (this.printedHeaders && (columns.length === 0 || key === this.last)) noHeaders = true;
      if (columns.length === 0) columns = [...this.lastColumns];
      else if (key !== this.last) {
        this.last = key;
        this.lastColumns = columns;
        this.printedHeaders = false;
      }
      const rows = list(object, 'rows').map((r) => ({ cells: [...list(r, 'cells')], object: obj(r, 'object') }));
      if (rows.length > 0) this.printedHeaders = true;
      this.write(columns, rows, w, noHeaders, event);
      return;
    }
    const items = isArray(object.items) ? list(object, 'items').filter(isObject) : [object];
    const rows = items.map((i) => ({
      cells: [str(i, 'metadata', 'name'), age(str(i, 'metadata', 'creationTimestamp'), this.o.now)] as Json[],
      object: i as JsonObject,
    }));
    this.write(META, rows, w, this.o.noHeaders || this.last === 'default', event);
    this.last = 'default';
  }

  private write(
    columns: readonly Column[],
    rows: readonly { cells: Json[]; object: JsonObject }[],
    w: TabWriter,
    noHeaders: boolean,
    event: string,
  ): void {
    const { o } = this;
    const shown = columns.map((c) => o.wide || c.priority === 0);
    const nameColumn = o.kind === '' ? -1 : columns.findIndex((c) => c.format === 'name' && c.type === 'string');
    const extra = o.columnLabels.map((l) => (l.split('/').at(-1) as string).toUpperCase());
    if (!noHeaders) {
      if (rows.length === 0) return;
      const head = [
        ...(event === '' ? [] : ['EVENT']),
        ...(o.withNamespace ? ['NAMESPACE'] : []),
        ...columns.filter((_, i) => shown[i]).map((c) => c.name.toUpperCase()),
        ...extra,
        ...(o.showLabels ? ['LABELS'] : []),
      ];
      w.write(`${head.join('\t')}\n`);
    }
    for (const r of rows) {
      const labels = obj(r.object, 'metadata', 'labels');
      const cells = [
        ...(event === '' ? [] : [event.padEnd(8)]),
        ...(o.withNamespace ? [str(r.object, 'metadata', 'namespace')] : []),
        ...r.cells
          .slice(0, columns.length)
          .flatMap((c, i) => (shown[i] ? [i === nameColumn ? `${o.kind}/${cellText(c)}` : cellText(c)] : [])),
        ...o.columnLabels.map((l) => str(labels, l)),
        ...(o.showLabels ? [labelsText(labels)] : []),
      ];
      w.write(`${cells.join('\t')}\n`);
    }
  }
}
