/** Requests and answers of the API between HTTP and the registry. */

import type { UserInfo } from './client.ts';

/** Who asks, as authentication found out. */
export interface RequestUser extends UserInfo {
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface RestRequest {
  readonly method: string;
  /** Without the query, still percent-encoded. */
  readonly path: string;
  /** In order; names may come more than once. */
  readonly query: readonly (readonly [string, string])[];
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  readonly user: RequestUser;
}

export interface RestResponse {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** An answer that goes on: a watch. `open` starts it; `close` of what it returns ends it. */
export interface RestStream {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  open(write: (text: string) => void, end: () => void): { close(): void };
}

/** The request is to be passed on to another host: a kubelet, a pod, a service. */
export interface RestProxy {
  readonly proxy: {
    readonly host: string;
    readonly port: number;
    readonly tls: boolean;
    /** Path with query. */
    readonly target: string;
    /** Put in front of `Location` and absolute links. */
    readonly prefix: string;
  };
  /** Kubelet: the API server shows its own client certificate. */
  readonly kubelet: boolean;
}

export type RestResult = RestResponse | RestStream | RestProxy;

export function isStream(r: RestResult): r is RestStream {
  return 'open' in r;
}

export function isProxy(r: RestResult): r is RestProxy {
  return 'proxy' in r;
}

export function parameter(request: RestRequest, name: string): string | undefined {
  return request.query.find(([k]) => k === name)?.[1];
}

/** `a=1&b=%20` to pairs; `+` is a blank. */
export function parseQuery(text: string): (readonly [string, string])[] {
  if (text === '') return [];
  return text.split('&').flatMap((part): (readonly [string, string])[] => {
    if (part === '') return [];
    const i = part.indexOf('=');
    return [[percent(i < 0 ? part : part.slice(0, i)), i < 0 ? '' : percent(part.slice(i + 1))]];
  });
}

export function percent(text: string): string {
  const plain = text.replace(/\+/g, ' ');
  if (!plain.includes('%')) return plain;
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
}

export function emitQuery(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([k, v]) => `${encodeURIComponent(k)}=${encodeURIComponent(v)}`).join('&');
}
