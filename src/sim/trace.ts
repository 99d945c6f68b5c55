/**
 * The typed trace: what happened to every packet, rule, route, socket and object, in order.
 * Layers add their kinds by declaration merging:
 *   declare module '../sim/trace.ts' { interface TraceEvents { 'net.drop': { skb: number; reason: string } } }
 */

// biome-ignore lint/suspicious/noEmptyInterface: filled by the layers above
export interface TraceEvents {}

export type TraceKind = keyof TraceEvents;
export type TraceEvent = { [K in TraceKind]: { kind: K; time: number } & TraceEvents[K] }[TraceKind];
/**
 * `packet` and `about` are the kernel's own objects that an event tells of (the packet; the rule, route, neighbour or connection), to look
 * at and never to change. They are no part of the record: who keeps runs or compares them reads `event` alone.
 */
export type TraceListener = (event: TraceEvent, packet: unknown, about: unknown) => void;

export class Trace {
  /** True when anyone listens; hot paths check it before they build an event. */
  on = false;
  private listeners: TraceListener[] = [];
  private readonly clock: { readonly now: number };

  constructor(clock: { readonly now: number }) {
    this.clock = clock;
  }

  emit<K extends TraceKind>(kind: K, data: TraceEvents[K], packet: unknown = null, about: unknown = null): void {
    if (!this.on) return;
    const event = { kind, time: this.clock.now, ...(data as object) } as unknown as TraceEvent;
    for (const listener of this.listeners) listener(event, packet, about);
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
    this.value(event);
  };

  /** Keys count in their order of insertion, which is that of the code that emits and so the same in every engine. */
  private value(value: unknown): void {
    if (typeof value === 'number') this.text(Number.isInteger(value) && Math.abs(value) < 0x7fffffff ? null : String(value), value);
    else if (value === null || typeof value !== 'object') this.text(String(value), 0);
    else if (value instanceof Uint8Array) {
      for (let i = 0; i < value.length; i++) this.word(value[i] as number);
      this.word(value.length);
    } else if (Array.isArray(value)) {
      for (const item of value) this.value(item);
      this.word(value.length);
    } else {
      const object = value as Record<string, unknown>;
      for (const key in object) {
        this.text(key, 0);
        this.value(object[key]);
      }
    }
  }

  /** Mixes in a text, or the small whole number itself when there is none. */
  private text(text: string | null, number: number): void {
    if (text === null) {
      this.word(number);
      return;
    }
    for (let i = 0; i < text.length; i++) this.word(text.charCodeAt(i));
    this.word(text.length);
  }

  private word(word: number): void {
    this.h1 = Math.imul(this.h1 ^ word, 2654435761);
    this.h2 = Math.imul(this.h2 ^ word, 1597334677);
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    const a = Math.imul(this.h1 ^ (this.h1 >>> 16), 2246822507) ^ Math.imul(this.h2 ^ (this.h2 >>> 13), 3266489909);
    const b = Math.imul(this.h2 ^ (this.h2 >>> 16), 2246822507) ^ Math.imul(this.h1 ^ (this.h1 >>> 13), 3266489909);
    return (b >>> 0).toString(16).padStart(8, '0') + (a >>> 0).toString(16).padStart(8, '0');
  }
}
