/** Where the probe of HTTP finds TLS: whoever loads a world with servers for it brings it. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import type { Stream } from '../../os/stream.ts';

/** Who a server says it is. */
export interface Shown {
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly string[];
}

export interface Secure {
  readonly stream: Stream;
  readonly certificate: Shown;
  close(): Task<void>;
}

export type Securing = (
  p: Process,
  stream: Stream,
  whom: { readonly name: string; readonly ca: string | undefined; readonly authority: string | null; readonly deadline: number },
) => Task<Secure | { readonly kind: 'tls'; readonly text: string; readonly certificate: Shown | null }>;

let made: Securing | null = null;

/** TLS comes with the worlds that have servers for it. */
export function provideTls(make: Securing): void {
  made = make;
}

/** Null where no world has brought it. */
export const securing = (): Securing | null => made;
