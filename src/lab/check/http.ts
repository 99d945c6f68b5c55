/** http: requests from a place; status or failure, the client address that the server saw, body, certificate, and who answered how often. */

import type { Check, Lab, Place } from '../lab.ts';
import { locate, targetUrl } from '../place.ts';
import { type HttpOutcome, type HttpSpec, http, httpOnly, parseUrl } from '../probe/http.ts';
import { meets, wordOf } from '../probe/outcome.ts';
import { trouble } from '../probe/report.ts';
import type { Probed } from '../probe/run.ts';
import { whoAnswers, whomItSaw } from '../probe/servers.ts';
import type { CheckKind, Finding } from './kind.ts';
import { regexFault } from './udp.ts';

/** Shares of all requests, 0 to 1. */
export interface Share {
  readonly min?: number;
  readonly max?: number;
}

export interface HttpCheck extends Check, Omit<HttpSpec, 'sni'> {
  readonly from: Place;
  /** Status code, how the connection must fail, `tls`: TLS must fail, `fails`: it must fail in any way. */
  readonly expect: number | string;
  /** Client address that the server must have seen. */
  readonly source?: string;
  /** Regular expression that the body must fit. */
  readonly body?: string;
  /** Regular expressions over header fields of the answer. */
  readonly answer?: Readonly<Record<string, string>>;
  readonly sni?: string;
  /** Regular expressions over the certificate that was shown. */
  readonly certificate?: { readonly subject?: string; readonly issuer?: string; readonly name?: string };
  /** How many requests, each over a connection of its own; all must be as expected. */
  readonly times: number;
  /** How many requests may be made until one is as expected: for what chance decides, and another check counts. */
  readonly tries: number;
  /** Share of the answers by the name of who answered; `each` stands for everybody, of whom there must be `of`. */
  readonly backends?: Readonly<Record<string, Share | number>>;
}

const WORDS: Record<string, string> = { tls: 'no TLS connection', fails: 'no answer, in whatever way it fails' };

export const httpKind: CheckKind<HttpCheck> = {
  kind: 'http',
  defaults: { expect: 200, times: 1, tries: 1 },
  run({ world }, check) {
    const expected = wish(check);
    const spot = locate(world, check.from);
    if (typeof spot === 'string') return { passed: false, expected, actual: spot };
    const url = targetUrl(world, check.url);
    if (typeof url !== 'string') return { passed: false, expected, actual: url.missing };
    const answered = new Map<string, number>();
    const spec = { ...check, url };
    for (let n = 1; n < check.tries; n++) {
      const found = judge(check, httpOnly(spot, spec));
      if (found.passed) return { passed: true, expected, actual: found.actual };
    }
    let outcome: HttpOutcome | null = null;
    for (let n = 1; n <= check.times; n++) {
      const watched: Probed<HttpOutcome> | null = check.times === 1 ? http(spot, spec) : null;
      outcome = watched?.outcome ?? httpOnly(spot, spec);
      const found = judge(check, outcome);
      if (!found.passed) {
        const actual = check.times > 1 ? `${found.actual} (request ${n} of ${check.times})` : found.actual;
        const { journey } = watched ?? http(spot, spec);
        return { passed: false, expected, actual, ...trouble(journey, outcome.kind !== 'answer') };
      }
      const who = outcome.kind === 'answer' ? whoAnswers(outcome.body) : null;
      if (who !== null) answered.set(who, (answered.get(who) ?? 0) + 1);
    }
    if (check.backends) return { expected, ...distribution(check, answered) };
    return { passed: true, expected, actual: outcome ? judge(check, outcome).actual : '' };
  },
  faults: (check: HttpCheck, _lab: Lab) => [
    ...(check.tries > 1 && check.times > 1 ? [{ field: 'tries', problem: 'and times say different things; keep one of them' }] : []),
    ...(/\{\{|(pod|service|node|host):/.test(check.url) || parseUrl(check.url)
      ? []
      : [{ field: 'url', problem: 'is no URL; write it like http://10.0.0.1:8080/' }]),
    ...regexFault('body', check.body),
  ],
  flows: (_, check) => [{ from: check.from, ask: { kind: 'http', spec: check } }],
};

function wish(check: HttpCheck): string {
  const { method = 'GET', times, tries, source, host, within } = check;
  const out = typeof check.expect === 'number' ? `status ${check.expect}` : (WORDS[check.expect] ?? check.expect);
  const parts = [
    `${method} ${check.url}${host ? ` (Host: ${host})` : ''} from ${check.from}${times > 1 ? `, ${times} times` : ''}${tries > 1 ? `, one of ${tries} requests` : ''}: ${out}`,
    ...(source ? [`seen by the server as ${source}`] : []),
    ...(check.body !== undefined ? [`a body like /${check.body}/`] : []),
    ...(within !== undefined ? [`within ${within} s`] : []),
    ...(check.certificate ? ['with the right certificate'] : []),
    ...(check.backends ? ['spread over the right backends'] : []),
  ];
  return parts.join(', ');
}

function judge(check: HttpCheck, o: HttpOutcome): { passed: boolean; actual: string } {
  if (o.kind === 'tls') return { passed: check.expect === 'tls' || check.expect === 'fails', actual: o.text };
  if (o.kind !== 'answer') return { passed: typeof check.expect === 'string' && meets(check.expect, wordOf(o)), actual: o.text };
  const seen = whomItSaw(o.body);
  let actual = `status ${o.status}${seen ? `, seen by the server as ${seen}` : ''}`;
  let passed = o.status === check.expect && (check.source === undefined || seen === check.source);
  const also = (good: boolean, text: string): void => {
    if (good) return;
    passed = false;
    actual += `, ${text}`;
  };
  const fits = (pattern: string | undefined, text: string): boolean => pattern === undefined || new RegExp(pattern, 'u').test(text);
  also(fits(check.body, o.body), `body: ${o.body.slice(0, 80).trim()}`);
  for (const [key, pattern] of Object.entries(check.answer ?? {})) {
    const value = o.headers[key.toLowerCase()];
    also(value !== undefined && fits(pattern, value), `${key}: ${value ?? 'is missing'}`);
  }
  const { subject, issuer, name } = check.certificate ?? {};
  if (check.certificate) {
    const c = o.certificate;
    also(c !== null && fits(subject, c.subject), `certificate of ${c?.subject ?? 'nobody'}`);
    also(c !== null && fits(issuer, c.issuer), `certificate issued by ${c?.issuer ?? 'nobody'}`);
    also(c !== null && (name === undefined || c.names.some((n) => fits(name, n))), `certificate for ${c?.names.join(', ') ?? 'nobody'}`);
  }
  return { passed, actual };
}

function distribution(check: HttpCheck, answered: ReadonlyMap<string, number>): Pick<Finding, 'passed' | 'actual'> {
  const { of, each, ...named } = check.backends as { of?: number; each?: Share } & Record<string, Share>;
  const share = (name: string): number => (answered.get(name) ?? 0) / check.times;
  const bad: string[] = [];
  const look = (name: string, want: Share): void => {
    const got = share(name);
    if (got < (want.min ?? 0) || got > (want.max ?? 1)) bad.push(name);
  };
  for (const [name, want] of Object.entries(named)) {
    const names = name.endsWith('*') ? [...answered.keys()].filter((n) => n.startsWith(name.slice(0, -1))) : [name];
    if (names.length === 0) bad.push(name);
    for (const n of names) look(n, want);
  }
  if (each) for (const name of answered.keys()) if (!(name in named)) look(name, each);
  const list = [...answered].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, n]) => `${name} ${n}`);
  const enough = of === undefined || answered.size === of;
  const actual = `answers by ${list.join(', ') || 'nobody'}${enough ? '' : ` (${answered.size} and not ${of})`}`;
  return { passed: bad.length === 0 && enough, actual };
}
