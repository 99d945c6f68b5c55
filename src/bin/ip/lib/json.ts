/** JSON text as iproute2 writes it, compact or pretty. Models lib/json_writer.c */

export type JsonValue = string | number | boolean | null;

export class JsonWriter {
  private text = '';
  private depth = 0;
  private sep = '';
  private readonly pretty: boolean;

  constructor(pretty: boolean) {
    this.pretty = pretty;
  }

  private eol(): void {
    if (this.pretty) this.text += `\n${'    '.repeat(this.depth)}`;
  }

  private eor(): void {
    this.text += this.sep;
    this.sep = ',';
  }

  private begin(c: string): void {
    this.eor();
    this.text += c;
    this.depth++;
    this.sep = '';
  }

  private end(c: string): void {
    this.depth--;
    if (this.sep !== '') this.eol();
    this.text += c;
    this.sep = ',';
  }

  name(name: string): void {
    this.eor();
    this.eol();
    this.sep = '';
    this.text += `${JSON.stringify(name)}:${this.pretty ? ' ' : ''}`;
  }

  startObject(): void {
    this.begin('{');
  }

  endObject(): void {
    this.end('}');
  }

  startArray(): void {
    this.begin('[');
    if (this.pretty) this.text += ' ';
  }

  endArray(): void {
    if (this.pretty && this.sep !== '') this.text += ' ';
    this.sep = '';
    this.end(']');
  }

  value(v: JsonValue): void {
    this.eor();
    this.text += JSON.stringify(v);
  }

  /** Takes what was written so far. */
  take(): string {
    const t = this.text;
    this.text = '';
    return t;
  }
}
