/** Output that is text or JSON from one description, with colours. Models lib/json_print.c and lib/color.c */

import { type JsonValue, JsonWriter } from './json.ts';

export type Color = 'ifname' | 'mac' | 'inet' | 'inet6' | 'up' | 'down' | 'none';

const CODES: Record<Color, string> = {
  ifname: '\x1b[36m',
  mac: '\x1b[33m',
  inet: '\x1b[35m',
  inet6: '\x1b[34m',
  up: '\x1b[32m',
  down: '\x1b[31m',
  none: '',
};

export class Printer {
  /** Text for stdout so far. */
  out = '';
  json: JsonWriter | null = null;
  colored = false;
  oneline = false;

  /** `\` with -o, a line feed otherwise. */
  get sl(): string {
    return this.oneline ? '\\' : '\n';
  }

  newJson(pretty: boolean): void {
    this.json = new JsonWriter(pretty);
    this.json.startArray();
  }

  deleteJson(): void {
    if (!this.json) return;
    this.json.endArray();
    this.out += `${this.json.take()}\n`;
    this.json = null;
  }

  /** Both: in JSON under `key` (or as an array element when null), in text `text`, `value` itself when not given. */
  any(key: string | null, value: JsonValue, text?: string, color: Color = 'none', lead = ''): void {
    if (this.json) this.jsonOnly(key, value);
    else this.out += lead + this.paint(text ?? String(value), color);
  }

  /** Text mode only. */
  fp(text: string, color: Color = 'none'): void {
    if (!this.json) this.out += this.paint(text, color);
  }

  jsonOnly(key: string | null, value: JsonValue): void {
    if (!this.json) return;
    if (key !== null) this.json.name(key);
    this.json.value(value);
  }

  nl(): void {
    this.fp(this.sl);
  }

  openObject(key: string | null = null): void {
    if (!this.json) return;
    if (key !== null) this.json.name(key);
    this.json.startObject();
  }

  closeObject(): void {
    this.json?.endObject();
  }

  openArray(key: string, text = ''): void {
    if (this.json) {
      this.json.name(key);
      this.json.startArray();
    } else this.out += text;
  }

  closeArray(text = ''): void {
    if (this.json) this.json.endArray();
    else this.out += text;
  }

  /** A flag that JSON has as null or true and text as a word. */
  flag(key: string, text: string, value: JsonValue = null): void {
    this.any(key, value, text);
  }

  private paint(text: string, color: Color): string {
    return this.colored && color !== 'none' && text !== '' ? `${CODES[color]}${text}\x1b[0m` : text;
  }
}

export function familyColor(a: number | bigint): Color {
  return typeof a === 'number' ? 'inet' : 'inet6';
}
