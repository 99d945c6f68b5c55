/** The table of check kinds. */

import type { Check } from '../lab.ts';
import { addressKind } from './address.ts';
import { dnsKind } from './dns.ts';
import { duringKind } from './during.ts';
import { eventsKind } from './events.ts';
import { httpKind } from './http.ts';
import { invariantKind } from './invariant.ts';
import type { CheckKind } from './kind.ts';
import { matrixKind } from './matrix.ts';
import { mutationKind } from './mutation.ts';
import { objectKind } from './object.ts';
import { pathKind } from './path.ts';
import { pingKind } from './ping.ts';
import { questionKind } from './question.ts';
import { scriptKind } from './script.ts';
import { stateKind } from './state.ts';
import { tcpKind } from './tcp.ts';
import { udpKind } from './udp.ts';
import { unchangedKind } from './unchanged.ts';

/** Each kind's file is named after the field that it has in lab.yaml. */
export const KINDS: readonly CheckKind<never>[] = [
  addressKind,
  httpKind,
  pingKind,
  tcpKind,
  udpKind,
  dnsKind,
  pathKind,
  matrixKind,
  questionKind,
  unchangedKind,
  mutationKind,
  duringKind,
  invariantKind,
  scriptKind,
  eventsKind,
  objectKind,
  stateKind,
];

const BY_NAME = new Map(KINDS.map((k) => [k.kind, k as unknown as CheckKind]));

/** @throws Error for a kind that is not in the table: readLab refuses such a lab. */
export function kindOf(check: Check): CheckKind {
  const kind = BY_NAME.get(check.kind);
  if (!kind) throw new Error(`check ${check.id}: there is no kind "${check.kind}"`);
  return kind;
}

/** A check and all that are nested in it, each with the keys that lead from it to its kind's field. */
export function withNested(check: Check): readonly { readonly check: Check; readonly where: readonly (string | number)[] }[] {
  const { kind, nested = [] } = kindOf(check);
  const parts = nested.flatMap((field) =>
    ((check as unknown as Record<string, readonly Check[] | undefined>)[field] ?? []).flatMap((part, i) =>
      withNested(part).map((p) => ({ check: p.check, where: [kind, field, i, ...p.where] })),
    ),
  );
  return [{ check, where: [kind] }, ...parts];
}
