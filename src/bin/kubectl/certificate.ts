/** kubectl certificate approve | deny. Models kubectl/pkg/cmd/certificates/certificates.go */

import type { Task } from '../../os/program.ts';
import { strftime } from '../strftime.ts';
import { Builder, filenameFlags } from './builder.ts';
import { emit } from './common.ts';
import { onlySubcommands } from './create/service.ts';
import { Failure, failure } from './errors.ts';
import { isObject, type JsonObject, list, str, withPath } from './json.ts';
import { PRINT_FLAGS, printerFor } from './printers.ts';
import type { Ctx, Verb } from './verb.ts';

interface Decision {
  readonly name: 'approve' | 'deny';
  readonly type: 'Approved' | 'Denied';
  readonly other: 'Approved' | 'Denied';
  readonly operation: string;
  readonly reason: string;
  readonly message: string;
}

const APPROVE: Decision = {
  name: 'approve',
  type: 'Approved',
  other: 'Denied',
  operation: 'approved',
  reason: 'KubectlApprove',
  message: 'This CSR was approved by kubectl certificate approve.',
};
const DENY: Decision = {
  name: 'deny',
  type: 'Denied',
  other: 'Approved',
  operation: 'denied',
  reason: 'KubectlDeny',
  message: 'This CSR was denied by kubectl certificate deny.',
};

function decided(ctx: Ctx, o: JsonObject, d: Decision): JsonObject | Failure | null {
  const have = list(o, 'status', 'conditions').filter(isObject);
  if (have.some((c) => str(c, 'type') === d.other))
    return failure(`certificate signing request "${str(o, 'metadata', 'name')}" is already ${d.other}`);
  if (have.some((c) => str(c, 'type') === d.type)) return null;
  const now = strftime('%Y-%m-%dT%H:%M:%SZ', Math.floor(ctx.now));
  const condition = { type: d.type, status: 'True', reason: d.reason, message: d.message, lastUpdateTime: now };
  return withPath(o, ['status', 'conditions'], [...have, condition]);
}

function* change(ctx: Ctx, d: Decision): Task<number | Failure> {
  const printer = printerFor(ctx, { operation: d.operation });
  if (printer instanceof Failure) return printer;
  if (ctx.args.length < 1 && ctx.list('filename').length === 0)
    return failure('one or more CSRs must be specified as <name> or -f <filename>');
  let found = 0;
  const wrong = yield* new Builder(ctx)
    .continueOnError()
    .filenames()
    .resourceNames('certificatesigningrequest', ...ctx.args)
    .flatten()
    .latest()
    .visit(function* (info) {
      const next = decided(ctx, info.object as JsonObject, d);
      if (next instanceof Failure) return next;
      if (next !== null || ctx.bool('force')) {
        const r = yield* ctx.rest.json('PUT', info.path('approval'), { json: next ?? (info.object as JsonObject) });
        if (r instanceof Failure) return r;
      }
      found++;
      return yield* emit(ctx, printer, info.object as JsonObject);
    });
  if (wrong) return wrong;
  if (found === 0) yield* ctx.err('No resources found\n');
  return 0;
}

const verb = (d: Decision, short: string, long: string): Verb => ({
  name: d.name,
  use: `${d.name} (-f FILENAME | NAME)`,
  short,
  long,
  flags: [
    ...PRINT_FLAGS,
    { name: 'force', type: 'bool', usage: 'Update the CSR even if it is already approved.' },
    ...filenameFlags('identifying the resource to update'),
  ],
  run: (ctx) => change(ctx, d),
});

export const certificateVerb: Verb = {
  name: 'certificate',
  use: 'certificate SUBCOMMAND',
  short: 'Modify certificate resources',
  long: 'Modify certificate resources.',
  flags: [],
  subcommands: [
    verb(
      APPROVE,
      'Approve a certificate signing request',
      'Approve a certificate signing request.\n\n kubectl certificate approve allows a cluster admin to approve a certificate signing request (CSR). This action tells a certificate signing controller to issue a certificate to the requester with the attributes requested in the CSR.',
    ),
    verb(
      DENY,
      'Deny a certificate signing request',
      'Deny a certificate signing request.\n\n kubectl certificate deny allows a cluster admin to deny a certificate signing request (CSR). This action tells a certificate signing controller to not to issue a certificate to the requester.',
    ),
  ],
  run: onlySubcommands,
};
