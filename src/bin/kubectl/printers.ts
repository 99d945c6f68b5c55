/** What -o means: json, yaml, kyaml, name, Go templates and JSONPath. Models cli-runtime/pkg/genericclioptions print flags and pkg/printers */

import type { Process } from '../../os/process.ts';
import { strerror } from '../../sim/errno.ts';
import { text } from '../../wire/bytes.ts';
import { Failure, failure } from './errors.ts';
import type { Flag } from './flags.ts';
import { goSyntax, goValue } from './gofmt.ts';
import { GoTemplate } from './gotemplate.ts';
import { goJson, goJsonIndent, isArray, isObject, type Json, type JsonObject, list, str, withPath } from './json.ts';
import { JsonPath } from './jsonpath.ts';
import { toKyaml } from './kyaml.ts';
import { quote } from './strconv.ts';
import type { Ctx } from './verb.ts';
import { toYaml } from './yamlout.ts';

const TEMPLATES = ['go-template', 'go-template-file', 'template', 'templatefile', 'jsonpath', 'jsonpath-as-json', 'jsonpath-file'];
/** Formats of -o by family. */
export const FORMATS = { data: ['json', 'yaml', 'kyaml'], name: ['name'], template: TEMPLATES } as const;
export const ALL_FORMATS: readonly string[] = [...FORMATS.data, ...FORMATS.name, ...FORMATS.template];

export const TEMPLATE_FLAGS: readonly Flag[] = [
  {
    name: 'allow-missing-template-keys',
    type: 'bool',
    def: 'true',
    usage:
      'If true, ignore any errors in templates when a field or map key is missing in the template. Only applies to golang and jsonpath output formats.',
  },
  { name: 'show-managed-fields', type: 'bool', usage: 'If true, keep the managedFields when printing objects in JSON or YAML format.' },
  {
    name: 'template',
    type: 'string',
    usage:
      'Template string or path to template file to use when -o=go-template, -o=go-template-file. The template format is golang templates [http://golang.org/pkg/text/template/#pkg-overview].',
  },
];

/** Flags of commands that print the object they made. */
export const PRINT_FLAGS: readonly Flag[] = [
  ...TEMPLATE_FLAGS,
  { name: 'output', short: 'o', type: 'string', usage: `Output format. One of: (${ALL_FORMATS.join(', ')}).` },
];

/** What a printer prints, and the error that came with it. */
export interface Printed {
  readonly out: string;
  readonly error: Failure | null;
}

export interface Printer {
  print(object: JsonObject): Printed;
}

const printed = (out: string): Printed => ({ out, error: null });

export interface PrinterOptions {
  /** Behind the name: `created`, `created (dry run)`. */
  readonly operation?: string;
  /** All formats that the command takes, for the error's text. */
  readonly allowed?: readonly string[];
  /** -o when none is given. */
  readonly output?: string;
  /** Keys as they were put (a Go struct), not sorted, in JSON. */
  readonly struct?: boolean;
}

const withoutManaged = (o: JsonObject): JsonObject => {
  const own = isObject(o.metadata) && o.metadata.managedFields !== undefined ? withPath(o, ['metadata', 'managedFields'], undefined) : o;
  return isArray(own.items) ? { ...own, items: own.items.map((i) => (isObject(i) ? withoutManaged(i) : i)) } : own;
};

/** `deployment.apps/web`, then what was done. */
export function nameLine(o: JsonObject, operation = ''): string {
  const api = str(o, 'apiVersion');
  const group = api.includes('/') ? (api.split('/')[0] as string) : '';
  const kind = str(o, 'kind').toLowerCase();
  return `${kind}${group === '' ? '' : `.${group}`}/${str(o, 'metadata', 'name') || '<unknown>'}${operation === '' ? '' : ` ${operation}`}\n`;
}

function templateOf(
  p: Process,
  output: string,
  argument: string,
  names: readonly string[],
): { format: string; value: string } | Failure | null {
  let format = output;
  let value = argument;
  if (value === '') {
    const name = names.find((n) => output.startsWith(`${n}=`));
    if (name) {
      format = name;
      value = output.slice(name.length + 1);
    }
  }
  if (!names.includes(format)) return null;
  if (value === '') return failure('template format specified but no template given');
  if (format === 'templatefile' || format.endsWith('-file')) {
    const r = p.readFile(value);
    if (!r.ok) return failure(`error reading --template ${value}, open ${value}: ${strerror(r.errno).toLowerCase()}`);
    value = text(r.value);
  }
  return { format, value };
}

function jsonPathPrinter(template: string, asJson: boolean, allowMissing: boolean): Printer | Failure {
  const path = JsonPath.parse(template, allowMissing);
  if (path instanceof Failure) return failure(`error parsing jsonpath ${template}, ${path.message}`);
  return {
    print(o) {
      const r = path.execute(o, asJson);
      if (!(r instanceof Failure)) return printed(r);
      const more = `Error executing template: ${r.message}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t${template}\n\tobject given to jsonpath engine was:\n\t\t${goSyntax(o)}\n\n`;
      return { out: '', error: failure(`error executing jsonpath ${quote(template)}: ${more}\n`) };
    },
  };
}

function goTemplatePrinter(template: string, missingKeys: boolean): Printer | Failure {
  const t = GoTemplate.parse(template, missingKeys);
  if (t instanceof Failure) return failure(`error parsing template ${template}, ${t.message}`);
  return {
    print(o) {
      const r = t.execute(o);
      if (!r.error) return printed(r.text);
      const more = `Error executing template: ${r.error.message}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t${template}\n\traw data was:\n\t\t${goJson(o)}\n\n\tobject given to template engine was:\n\t\t${goValue(o)}\n\n`;
      return { out: r.text + more, error: failure(`error executing template ${quote(template)}: ${r.error.message}`) };
    },
  };
}

/** Templates of either language; null when -o means something else. */
export function templatePrinter(ctx: Ctx, output: string): Printer | Failure | null {
  const missing = ctx.bool('allow-missing-template-keys');
  const argument = ctx.str('template');
  const path = templateOf(ctx.p, output, argument, FORMATS.template.slice(4));
  if (path instanceof Failure) return path;
  if (path) return jsonPathPrinter(path.value, path.format === 'jsonpath-as-json', missing);
  const go = templateOf(ctx.p, output, argument, FORMATS.template.slice(0, 4));
  if (go instanceof Failure) return go;
  return go ? goTemplatePrinter(go.value, missing) : null;
}

/** json, yaml and kyaml; null for other formats. */
export function dataPrinter(output: string, managed: boolean, struct = false): Printer | null {
  const shown = (o: JsonObject): JsonObject => (managed ? o : withoutManaged(o));
  let count = 0;
  switch (output.toLowerCase()) {
    case 'json':
      return { print: (o) => printed(`${goJsonIndent(shown(o), '    ', { sorted: !struct })}\n`) };
    case 'yaml':
      return { print: (o) => printed(`${count++ > 0 ? '---\n' : ''}${toYaml(shown(o))}`) };
    case 'kyaml':
      return { print: (o) => printed(toKyaml(shown(o))) };
    default:
      return null;
  }
}

/** -o name, and (without -o) the name with what was done. */
export function namePrinter(operation: string): Printer {
  return {
    print(o) {
      const items = isArray(o.items) ? list(o, 'items').filter(isObject) : [o];
      return printed(items.map((i) => nameLine(i as JsonObject, operation)).join(''));
    },
  };
}

export const noPrinter = (output: string, allowed: readonly string[]): Failure =>
  failure(
    `unable to match a printer suitable for the output format ${quote(output)}, allowed formats are: ${[...allowed].sort().join(',')}`,
  );

/** PrintFlags.ToPrinter() */
export function printerFor(ctx: Ctx, o: PrinterOptions = {}): Printer | Failure {
  let output = ctx.changed('output') ? ctx.str('output') : (o.output ?? '');
  if (ctx.str('template') !== '' && !ctx.changed('output')) output = 'go-template';
  const data = dataPrinter(output, ctx.bool('show-managed-fields'), o.struct);
  if (data) return data;
  if (output === '' || output.toLowerCase() === 'name') return namePrinter(output === '' ? (o.operation ?? '') : '');
  return templatePrinter(ctx, output) ?? noPrinter(output, o.allowed ?? ALL_FORMATS);
}

/** A value as a template shows it. */
export const shownValue = (v: Json): string => goValue(v);
