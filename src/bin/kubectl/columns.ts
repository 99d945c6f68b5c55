/** -o custom-columns and custom-columns-file. Models kubectl/pkg/cmd/get/customcolumn.go */

import type { Process } from '../../os/process.ts';
import { strerror } from '../../sim/errno.ts';
import { text } from '../../wire/bytes.ts';
import { Failure, failure } from './errors.ts';
import { goValue } from './gofmt.ts';
import { isArray, isObject, type JsonObject, list } from './json.ts';
import { JsonPath, relaxed } from './jsonpath.ts';
import type { Printer } from './printers.ts';
import { TabWriter } from './tabwriter.ts';

const FORMATS = ['custom-columns', 'custom-columns-file'];
export const COLUMN_FORMATS: readonly string[] = FORMATS;

interface Column {
  readonly header: string;
  readonly path: JsonPath;
}

function column(header: string, spec: string): Column | Failure {
  const path = relaxed(spec);
  if (path instanceof Failure) return path;
  const parsed = JsonPath.parse(path);
  return parsed instanceof Failure ? parsed : { header, path: parsed };
}

function fromSpec(spec: string): Column[] | Failure {
  const out: Column[] = [];
  for (const part of spec.split(',')) {
    const colon = part.indexOf(':');
    if (colon < 0) return failure(`unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`);
    const c = column(part.slice(0, colon), part.slice(colon + 1));
    if (c instanceof Failure) return c;
    out.push(c);
  }
  return out;
}

function fromFile(source: string): Column[] | Failure {
  const lines = source.split('\n');
  const words = (l: string | undefined): string[] => (l ?? '').split(/\s+/).filter((w) => w !== '');
  const wanted = 'Expected format is one line of space separated headers, one line of space separated column specs.';
  if (source === '') return failure(`invalid template, missing header line. ${wanted}`);
  if (lines.length < 2 || (lines.length === 2 && lines[1] === '')) return failure(`invalid template, missing spec line. ${wanted}`);
  const headers = words(lines[0]);
  const specs = words(lines[1]);
  if (headers.length !== specs.length)
    return failure(`number of headers (${headers.length}) and field specifications (${specs.length}) don't match`);
  const out: Column[] = [];
  for (const [i, h] of headers.entries()) {
    const c = column(h, specs[i] as string);
    if (c instanceof Failure) return c;
    out.push(c);
  }
  return out;
}

/** Null when -o means something else. */
export function columnsPrinter(p: Process, output: string, template: string, noHeaders: boolean): Printer | Failure | null {
  let format = output;
  let value = template;
  if (value === '') {
    const name = FORMATS.find((f) => output.startsWith(`${f}=`));
    if (name) {
      format = name;
      value = output.slice(name.length + 1);
    }
  }
  if (!FORMATS.includes(format)) return null;
  if (value === '') return failure('custom-columns format specified but no custom columns given');
  let columns: Column[] | Failure;
  if (format === 'custom-columns') columns = fromSpec(value);
  else {
    const r = p.readFile(value);
    if (!r.ok) return failure(`error reading template ${value}, open ${value}: ${strerror(r.errno).toLowerCase()}\n`);
    columns = fromFile(text(r.value));
  }
  if (columns instanceof Failure) return columns;
  const all = columns;
  const w = new TabWriter(6, 3, true);
  let headed = noHeaders;
  return {
    print(object: JsonObject) {
      if (!headed) w.write(`${all.map((c) => c.header).join('\t')}\n`);
      headed = true;
      const items = isArray(object.items) ? list(object, 'items').filter(isObject) : [object];
      for (const item of items) {
        const cells: string[] = [];
        for (const c of all) {
          const found = c.path.find(item as JsonObject);
          if (found instanceof Failure) return { out: w.flush(), error: found };
          const values = found.flat();
          cells.push(
            found.length === 0 || found[0]?.length === 0 ? ['<none>', ...values.map(goValue)].join(',') : values.map(goValue).join(','),
          );
        }
        w.write(`${cells.join('\t').replaceAll('\x1b', '^[')}\n`);
      }
      return { out: w.flush(), error: null };
    },
  };
}
