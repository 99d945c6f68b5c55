/** kubectl get. Models kubectl/pkg/cmd/get/get.go */

import type { Task } from '../../os/program.ts';
import { text } from '../../wire/bytes.ts';
import { Builder, filenameFlags, type Info, itemsOf } from './builder.ts';
import { COLUMN_FORMATS, columnsPrinter } from './columns.ts';
import { aggregate, Failure, failure } from './errors.ts';
import type { Flag } from './flags.ts';
import { GET_EXAMPLE, GET_LONG } from './gethelp.ts';
import { isArray, type Json, type JsonObject, str } from './json.ts';
import { ALL_FORMATS, dataPrinter, namePrinter, noPrinter, type Printer, TEMPLATE_FLAGS, templatePrinter } from './printers.ts';
import { apiVersionOf, type Mapping, pathOf, TABLE_ACCEPT } from './rest.ts';
import { sortBy, sortTable } from './sort.ts';
import { TablePrinter } from './table.ts';
import { TabWriter } from './tabwriter.ts';
import type { Ctx, Verb } from './verb.ts';
import { type WatchEvent, watchEvents } from './watch.ts';

const FORMATS = ['json', 'yaml', 'kyaml', 'name', ...ALL_FORMATS.slice(4), ...COLUMN_FORMATS, 'wide'];

const flags: readonly Flag[] = [
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
  {
    name: 'field-selector',
    type: 'string',
    usage:
      "Selector (field query) to filter on, supports '=', '==', and '!='.(e.g. --field-selector key1=value1,key2=value2). The server only supports a limited number of field queries per type.",
  },
  ...filenameFlags('identifying the resource to get from a server.').map((f) =>
    f.name === 'filename' ? { ...f, usage: 'Filename, directory, or URL to files identifying the resource to get from a server.' } : f,
  ),
  {
    name: 'ignore-not-found',
    type: 'bool',
    usage:
      'If set to true, suppresses NotFound error for specific objects that do not exist. Using this flag with commands that query for collections of resources has no effect when no resources are found.',
  },
  {
    name: 'label-columns',
    short: 'L',
    type: 'stringSlice',
    usage:
      'Accepts a comma separated list of labels that are going to be presented as columns. Names are case-sensitive. You can also use multiple flag options like -L label1 -L label2...',
  },
  {
    name: 'no-headers',
    type: 'bool',
    usage: "When using the default or custom-column output format, don't print headers (default print headers).",
  },
  {
    name: 'output',
    short: 'o',
    type: 'string',
    usage: `Output format. One of: (${FORMATS.join(', ')}). See custom columns [https://kubernetes.io/docs/reference/kubectl/#custom-columns], golang template [http://golang.org/pkg/text/template/#pkg-overview] and jsonpath template [https://kubernetes.io/docs/reference/kubectl/jsonpath/].`,
  },
  {
    name: 'output-watch-events',
    type: 'bool',
    usage: 'Output watch event objects when --watch or --watch-only is used. Existing objects are output as initial ADDED events.',
  },
  { name: 'raw', type: 'string', usage: 'Raw URI to request from the server.  Uses the transport specified by the kubeconfig file.' },
  {
    name: 'selector',
    short: 'l',
    type: 'string',
    usage:
      "Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'.(e.g. -l key1=value1,key2=value2,key3 in (value3)). Matching objects must satisfy all of the specified label constraints.",
  },
  {
    name: 'server-print',
    type: 'bool',
    def: 'true',
    usage: 'If true, have the server return the appropriate table output. Supports extension APIs and CRDs.',
  },
  { name: 'show-kind', type: 'bool', usage: 'If present, list the resource type for the requested object(s).' },
  { name: 'show-labels', type: 'bool', usage: 'When printing, show all labels as the last column (default hide labels column)' },
  {
    name: 'sort-by',
    type: 'string',
    usage:
      "If non-empty, sort list types using this field specification.  The field specification is expressed as a JSONPath expression (e.g. '{.metadata.name}'). The field in the API resource specified by this JSONPath expression must be an integer or a string.",
  },
  { name: 'subresource', type: 'string', usage: 'If specified, gets the subresource of the requested object.' },
  ...TEMPLATE_FLAGS,
  { name: 'watch', short: 'w', type: 'bool', usage: 'After listing/getting the requested object, watch for changes.' },
  { name: 'watch-only', type: 'bool', usage: 'Watch for changes to the requested object(s), without listing/getting first.' },
];

export const SUGGEST_API_RESOURCES = 'Use "kubectl api-resources" for a complete list of supported resources.';

/** utilerrors.FilterOut() */
function filterOut(f: Failure | null, drop: (f: Failure) => boolean): Failure | null {
  if (f === null) return null;
  if (f.kind === 'aggregate') return aggregate(f.errors.flatMap((e) => filterOut(e, drop) ?? []));
  return drop(f) ? null : f;
}

/** Reduce(Flatten(aggregate)) */
function reduced(errors: readonly Failure[]): Failure | null {
  const flat = (f: Failure): readonly Failure[] => (f.kind === 'aggregate' ? f.errors.flatMap(flat) : [f]);
  const all = errors.flatMap(flat);
  return all.length === 1 ? (all[0] as Failure) : aggregate(all);
}

class Get {
  private readonly ctx: Ctx;
  private readonly namespace: { name: string; explicit: boolean };
  private readonly output: string;
  private readonly human: boolean;
  private readonly serverPrint: boolean;
  private readonly sortField: string;

  constructor(ctx: Ctx, namespace: { name: string; explicit: boolean }) {
    this.ctx = ctx;
    this.namespace = namespace;
    this.output = ctx.str('output');
    this.human = (this.output === '' && ctx.str('template') === '') || this.output === 'wide';
    this.serverPrint = ctx.bool('server-print');
    this.sortField = ctx.str('sort-by');
  }

  private builder(): Builder {
    const { ctx } = this;
    const all = ctx.bool('all-namespaces');
    const table = this.human && this.serverPrint;
    return new Builder(ctx)
      .namespace(this.namespace.name, this.namespace.explicit && !all && ctx.list('filename').length > 0)
      .allNamespaces(all)
      .filenames()
      .selector()
      .fieldSelector()
      .chunksOf(this.sortField !== '' ? 0 : ctx.int('chunk-size'))
      .args(ctx.args, true)
      .latest()
      .requests(table ? TABLE_ACCEPT : undefined, table && this.sortField !== '' ? { includeObject: 'Object' } : {});
  }

  private tablePrinter(m: Mapping | null, withNamespace: boolean, withKind: boolean): TablePrinter {
    const { ctx } = this;
    const kind = m === null ? '' : m.group === '' ? m.kind.toLowerCase() : `${m.kind.toLowerCase()}.${m.group}`;
    return new TablePrinter({
      noHeaders: ctx.bool('no-headers'),
      withNamespace,
      kind: withKind || ctx.bool('show-kind') ? kind : '',
      wide: this.output === 'wide',
      showLabels: ctx.bool('show-labels'),
      columnLabels: ctx.list('label-columns'),
      now: ctx.now,
    });
  }

  /** Any format but tables. */
  private printer(): Printer | Failure {
    const { ctx } = this;
    const output = this.output === '' && ctx.str('template') !== '' ? 'go-template' : this.output;
    const t = templatePrinter(ctx, output);
    if (t) return t;
    const data = dataPrinter(output, ctx.bool('show-managed-fields'));
    if (data) return data;
    const c = columnsPrinter(ctx.p, output, ctx.str('template'), ctx.bool('no-headers'));
    if (c) return c;
    return output.toLowerCase() === 'name' ? namePrinter('') : noPrinter(output, FORMATS);
  }

  *run(): Task<number | Failure> {
    if (this.ctx.bool('watch') || this.ctx.bool('watch-only')) return yield* this.watch();
    const b = this.builder().subresource(this.ctx.str('subresource')).continueOnError().flatten();
    const { infos, error, single } = yield* b.infos();
    if (b.early && error) return error;
    const left = this.ctx.bool('ignore-not-found') ? filterOut(error, (f) => f.notFound) : error;
    return (yield* this.human ? this.printTables(infos, left) : this.printGeneric(infos, left, single)) ?? 0;
  }

  private *printTables(infos: readonly Info[], error: Failure | null): Task<Failure | null> {
    const { ctx } = this;
    const errors = error ? [error] : [];
    let sorted: readonly { info: Info; object: JsonObject }[] = infos.map((info) => ({ info, object: info.object ?? {} }));
    if (this.sortField !== '' && sorted.length > 0) {
      const r = this.sorted(sorted);
      if (r instanceof Failure) return r;
      sorted = r;
    }
    const first = infos[0]?.mapping ?? null;
    const withKind = infos.some(
      (i) => i.mapping?.kind !== first?.kind || (i.mapping && first && apiVersionOf(i.mapping) !== apiVersionOf(first)),
    );
    const all = ctx.bool('all-namespaces');
    const w = new TabWriter(6, 3, true);
    let printer: TablePrinter | null = null;
    let last: Mapping | null = null;
    let written = 0;
    let ready = false;
    let namespaced = !all;
    const flush = function* (): Task<void> {
      const out = w.flush();
      if (out === '') return;
      yield* ctx.out(ready ? `\n${out}` : out);
      ready = false;
      written += out.length;
    };
    for (const { info, object } of sorted) {
      const m = info.mapping;
      namespaced = namespaced && info.namespaced;
      if (printer === null || last === null || m === null || m.resource !== last.resource || m.group !== last.group) {
        yield* flush();
        w.forget();
        if (last !== null && !ctx.bool('no-headers') && written > 0) ready = true;
        printer = this.tablePrinter(m, all && m?.namespaced !== false, withKind);
        last = m;
      }
      printer.print(object, w);
    }
    yield* flush();
    if (written === 0 && !ctx.bool('ignore-not-found') && errors.length === 0)
      yield* ctx.err(namespaced ? `No resources found in ${this.namespace.name} namespace.\n` : 'No resources found\n');
    return aggregate(errors);
  }

  private sorted(all: readonly { info: Info; object: JsonObject }[]): readonly { info: Info; object: JsonObject }[] | Failure {
    const tables = all.filter((x) => x.object.kind === 'Table').length;
    if (tables === 0) return all.length === 1 ? all : sortBy(all, this.sortField, (x) => x.object);
    if (tables < all.length) return failure('sorting is not supported on mixed Table and non-Table object lists');
    const out: { info: Info; object: JsonObject }[] = [];
    for (const x of all) {
      const t = sortTable(x.object, this.sortField);
      if (t instanceof Failure) return t;
      out.push({ info: x.info, object: t });
    }
    return out;
  }

  private *printGeneric(infos: readonly Info[], error: Failure | null, single: boolean): Task<Failure | null> {
    if (error && single) return error;
    const errors = error ? [error] : [];
    if (infos.length === 0 && this.ctx.bool('ignore-not-found')) return reduced(errors);
    const printer = this.printer();
    if (printer instanceof Failure) return printer;
    let object: JsonObject;
    if (single && infos.length === 1 && !isArray(infos[0]?.object?.items)) object = infos[0]?.object ?? {};
    else {
      let items: readonly Json[] = infos.flatMap((i) => (i.object ? itemsOf(i.object) : []));
      if (this.sortField !== '') {
        const r = sortBy(items, this.sortField, (x) => x);
        if (r instanceof Failure) return r;
        items = r;
      }
      object = { apiVersion: 'v1', items, kind: 'List', metadata: { resourceVersion: '' } };
    }
    const { out, error: wrong } = printer.print(object);
    yield* this.ctx.out(out);
    if (wrong) errors.push(wrong);
    return reduced(errors);
  }

  private *watch(): Task<number | Failure> {
    const { ctx } = this;
    const b = this.builder().singleType();
    const { infos, error } = yield* b.infos();
    if (error) return error.notFound && ctx.bool('ignore-not-found') ? 0 : error;
    const info = infos[0];
    if (!info?.mapping || infos.length !== 1) return failure('you may only watch a single resource or type of resource at a time');
    const object = info.object ?? {};
    const isTable = object.kind === 'Table';
    const isList = isArray(object.items) || (isTable && info.name === '');
    const show = this.watchPrinter(info.mapping);
    if (show instanceof Failure) return show;
    if (!ctx.bool('watch-only')) {
      const objects = isArray(object.items) ? itemsOf(object) : [object];
      for (const o of objects) yield* show({ type: 'ADDED', object: o });
    }
    let suppress = !isList;
    const selectors = { labelSelector: ctx.str('selector').trim(), fieldSelector: ctx.str('field-selector').trim() };
    if (!isList) selectors.fieldSelector = `metadata.name=${info.name}`;
    const query = {
      ...(selectors.labelSelector === '' ? {} : { labelSelector: selectors.labelSelector }),
      ...(selectors.fieldSelector === '' ? {} : { fieldSelector: selectors.fieldSelector }),
      resourceVersion: isList ? info.resourceVersion : '0',
      watch: 'true',
    };
    const namespace = info.mapping.namespaced ? info.namespace : '';
    const wrong = yield* watchEvents(
      ctx.rest,
      pathOf(info.mapping, namespace),
      query,
      this.human && this.serverPrint ? TABLE_ACCEPT : undefined,
      function* (e) {
        if (!suppress) {
          const r = yield* show(e);
          if (r) return r;
        }
        suppress = false;
        return null;
      },
    );
    return wrong?.kind === 'status' ? wrong : 0;
  }

  /** Prints an event's object as it comes. */
  private watchPrinter(m: Mapping): ((e: WatchEvent) => Task<Failure | null>) | Failure {
    const { ctx } = this;
    const events = ctx.bool('output-watch-events');
    if (this.human) {
      const table = this.tablePrinter(m, ctx.bool('all-namespaces'), false);
      const w = new TabWriter(6, 3, true);
      return function* (e) {
        table.print(e.object, w, events ? e.type : '');
        yield* ctx.out(w.flush());
        return null;
      };
    }
    const printer = this.printer();
    if (printer instanceof Failure) return printer;
    return function* (this: Get, e: WatchEvent): Task<Failure | null> {
      const { out, error } = printer.print(events && this.output !== 'name' ? { type: e.type, object: e.object } : e.object);
      yield* ctx.out(out);
      return error;
    }.bind(this);
  }
}

function validate(ctx: Ctx): Failure | null {
  const output = ctx.str('output');
  if (ctx.str('raw') !== '') {
    if (ctx.bool('watch') || ctx.bool('watch-only') || ctx.str('selector') !== '')
      return failure('--raw may not be specified with other flags that filter the server request or alter the output');
    if (output !== '') return failure('--raw and --output are mutually exclusive');
    if (!/^(\/|[a-z]+:)/.test(ctx.str('raw')))
      return failure(`--raw must be a valid URL path: parse ${JSON.stringify(ctx.str('raw'))}: invalid URI for request`);
  }
  if (ctx.bool('show-labels') && output !== '' && output !== 'wide')
    return failure(`--show-labels option cannot be used with ${output} printer`);
  if (ctx.list('label-columns').length > 0 && output.startsWith('custom-columns'))
    return failure(`--label-columns option cannot be used with ${output} printer`);
  if (ctx.bool('output-watch-events') && !(ctx.bool('watch') || ctx.bool('watch-only')))
    return failure('--output-watch-events option can only be used with --watch or --watch-only');
  return null;
}

function* raw(ctx: Ctx): Task<number | Failure> {
  const r = yield* ctx.rest.open('GET', ctx.str('raw').replace(/^[a-z]+:\/\/[^/]*/, ''));
  if (r instanceof Failure) return r;
  for (;;) {
    const part = yield* r.read();
    if (part instanceof Failure) return part;
    if (part === null) return 0;
    yield* ctx.out(text(part));
  }
}

export const getVerb: Verb = {
  name: 'get',
  use: `get [(-o|--output=)${FORMATS.join('|')}] (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) [flags]`,
  short: 'Display one or many resources',
  long: GET_LONG,
  example: GET_EXAMPLE,
  flags,
  *run(ctx) {
    const isRaw = ctx.str('raw') !== '';
    if (isRaw && ctx.args.length > 0) return failure('arguments may not be passed when --raw is specified');
    const namespace = isRaw ? { name: '', explicit: false } : ctx.namespace();
    if (namespace instanceof Failure) return namespace;
    if (ctx.str('sort-by') !== '' && ctx.bool('watch'))
      yield* ctx.err('warning: --watch requested, --sort-by will be ignored for watch events received\n');
    else if (ctx.str('sort-by') !== '' && ctx.bool('watch-only'))
      yield* ctx.err('warning: --watch-only requested, --sort-by will be ignored\n');
    else if (
      !isRaw &&
      !ctx.bool('watch') &&
      !ctx.bool('watch-only') &&
      ctx.args.length === 0 &&
      ctx.list('filename').length === 0 &&
      ctx.str('kustomize') === ''
    ) {
      yield* ctx.err(`You must specify the type of resource to get. ${SUGGEST_API_RESOURCES}\n\n`);
      return ctx.usageError(
        'Required resource not specified.\nUse "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain pods).',
      );
    }
    const wrong = validate(ctx);
    if (wrong) return wrong;
    return isRaw ? yield* raw(ctx) : yield* new Get(ctx, namespace).run();
  },
};

/** The resource version of a list or an object. */
export const versionOf = (o: JsonObject): string => str(o, 'metadata', 'resourceVersion');
