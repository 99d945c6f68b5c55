/** A flow as data: who asks whom for what. Checks name theirs, so that hints can try it and its parts in other worlds. */

import type { Place } from '../lab.ts';
import { locate, target, targetUrl } from '../place.ts';
import type { World } from '../world.ts';
import { dns } from './dns.ts';
import { type HttpSpec, http } from './http.ts';
import type { Journey } from './journey.ts';
import { wordOf } from './outcome.ts';
import { ping } from './ping.ts';
import { tcp } from './tcp.ts';
import { udp } from './udp.ts';

export type Question =
  | { readonly kind: 'ping'; readonly to: string; readonly size?: number; readonly df?: boolean; readonly ttl?: number }
  | { readonly kind: 'tcp' | 'udp'; readonly to: string; readonly port: number }
  | { readonly kind: 'http'; readonly spec: HttpSpec }
  | { readonly kind: 'dns'; readonly name: string; readonly type: string; readonly server?: string };

export interface Flow {
  readonly from: Place;
  readonly ask: Question;
}

export interface Answer {
  /** `ok`, or the word of the failure. */
  readonly word: string;
  readonly text: string;
  /** What the target's name stood for. */
  readonly to: string;
  /** Null when the place or the target does not exist. */
  readonly journey: Journey | null;
}

interface Outcome {
  readonly kind: string;
  readonly text?: string;
}

const GOOD = ['reply', 'ok', 'answer'];

export function ask(world: World, flow: Flow): Answer {
  const missing = (text: string): Answer => ({ word: 'unknown', text, to: '', journey: null });
  const spot = locate(world, flow.from);
  if (typeof spot === 'string') return missing(spot);
  const question = flow.ask;
  const answer = (to: string, { outcome, journey }: { readonly outcome: Outcome; readonly journey: Journey }): Answer => {
    const word = GOOD.includes(outcome.kind) ? 'ok' : wordOf(outcome as Parameters<typeof wordOf>[0]);
    return { word, text: outcome.text ?? outcome.kind, to, journey };
  };
  if (question.kind === 'http') {
    const url = targetUrl(world, question.spec.url);
    return typeof url === 'string' ? answer(url, http(spot, { ...question.spec, url })) : missing(url.missing);
  }
  if (question.kind === 'dns') {
    const server = question.server === undefined ? undefined : target(world, question.server);
    if (typeof server === 'object') return missing(server.missing);
    return answer(server ?? '', dns(spot, { name: question.name, type: question.type, ...(server === undefined ? {} : { server }) }));
  }
  const to = target(world, question.to);
  if (typeof to !== 'string') return missing(to.missing);
  if (question.kind !== 'ping') return answer(to, (question.kind === 'tcp' ? tcp : udp)(spot, { to, port: question.port }));
  const { size = 56, df = false, ttl } = question;
  return answer(to, ping(spot, { to, size, df, ...(ttl === undefined ? {} : { ttl }) }));
}

/** `ping from web-a to 10.244.2.7`. */
export function flowText(flow: Flow): string {
  const q = flow.ask;
  if (q.kind === 'http') return `${q.spec.method ?? 'GET'} ${q.spec.url} from ${flow.from}`;
  if (q.kind === 'dns') return `the name ${q.name} asked from ${flow.from}`;
  if (q.kind !== 'ping') return `${q.kind.toUpperCase()} from ${flow.from} to ${q.to} port ${q.port}`;
  const size = q.size === undefined || q.size === 56 ? '' : ` with ${q.size} bytes`;
  return `ping from ${flow.from} to ${q.to}${size}${q.df ? ', not to be fragmented' : ''}`;
}
