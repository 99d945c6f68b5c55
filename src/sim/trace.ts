/**
 * The typed trace: what happened to every packet, rule, route, socket and object, in order.
 * Layers add their kinds by declaration merging:
 *   declare module '../sim/trace.ts' { interface TraceEvents { 'net.drop': { skb: number; reason: string } } }
 */

// biome-ignore lint/suspicious/noEmptyInterface: filled by the layers above
export interface TraceEvents {}

export type TraceKind = keyof TraceEvents;
export type TraceEvent = { [K in TraceKind]: { kind: K; time: number } & TraceEvents[K] }[TraceKind];
export type TraceListener = (event: TraceEvent) => void;

export class Trace {
  /** True when anyone listens; hot paths check it before they build an event. */
  on = false;
  private listeners: TraceListener[] = [];
  private readonly clock: { readonly now: number };

  constructor(clock: { readonly now: number }) {
    this.clock = clock;
  }

  emit<K extends TraceKind>(kind: K, data: TraceEvents[K]): void {
    if (!this.on) return;
    const event = { kind, time: this.clock.now, ...data } as unknown as TraceEvent;
    for (const listener of this.listeners) listener(event);
  }

  /** Returns the function that stops listening. */
  listen(listener: TraceListener): () => void {
    this.listeners.push(listener);
    this.on = true;
    return () => {
      this.listeners = this.listeners.filter((l) => l !== listener);
      this.on = this.listeners.length > 0;
    };
  }
}

/** Running 53-bit hash of all trace events; equal runs have equal digests in every engine. */
export class TraceHash {
  private h1 = 0xdeadbeef | 0;
  private h2 = 0x41c6ce57 | 0;
  count = 0;

  readonly listener: TraceListener = (event) => {
    this.count++;
    this.add(canonical(event));
  };

  private add(text: string): void {
    let { h1, h2 } = this;
    for (let i = 0; i < text.length; i++) {
      const ch = text.charCodeAt(i);
      h1 = Math.imul(h1 ^ ch, 2654435761);
      h2 = Math.imul(h2 ^ ch, 1597334677);
    }
    this.h1 = h1;
    this.h2 = h2;
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    const a = Math.imul(this.h1 ^ (this.h1 >>> 16), 2246822507) ^ Math.imul(this.h2 ^ (this.h2 >>> 13), 3266489909);
    const b = Math.imul(this.h2 ^ (this.h2 >>> 16), 2246822507) ^ Math.imul(this.h1 ^ (this.h1 >>> 13), 3266489909);
    return (b >>> 0).toString(16).padStart(8, '0') + (a >>> 0).toString(16).padStart(8, '0');
  }
}

function canonical(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || typeof value !== 'object') return String(value);
  if (value instanceof Uint8Array) return value.join(',');
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const object = value as Record<string, unknown>;
  return `{${Object.keys(object)
    .sort()
    .map((k) => `${k}:${canonical(object[k])}`)
    .join()}}`;
}
