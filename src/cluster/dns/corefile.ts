/** Corefile: server blocks and their directives. Models caddyfile's lexer and parser as CoreDNS uses them */

export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  readonly line: number;
  readonly file: string;
  readonly block: readonly Directive[];
  readonly hasBlock: boolean;
}

export interface ServerBlock {
  /** Zones in lower case without a final dot, each with its port. */
  readonly keys: readonly { readonly zone: string; readonly port: number }[];
  readonly directives: readonly Directive[];
}

/** What stands before `: ` in the message that CoreDNS ends with. */
export class CorefileError extends Error {}

export function directiveError(d: { file: string; line: number }, what: string): CorefileError {
  return new CorefileError(`${d.file}:${d.line} - Error during parsing: ${what}`);
}

export function argumentError(d: { file: string; line: number; name: string; args: readonly string[] }): CorefileError {
  return directiveError(d, `Wrong argument count or unexpected line ending after '${d.args.at(-1) ?? d.name}'`);
}

interface Token {
  text: string;
  line: number;
}

const MAX_TOKENS = 20_000;

function lex(text: string, env: (name: string) => string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let i = 0;
  while (i < text.length && tokens.length < MAX_TOKENS) {
    const c = text[i] as string;
    if (c === '\n') line++;
    if (/\s/.test(c)) {
      i++;
      continue;
    }
    if (c === '#') {
      while (i < text.length && text[i] !== '\n') i++;
      continue;
    }
    let word = '';
    const start = line;
    if (c === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) {
        if (text[i] === '\\' && text[i + 1] === '"') i++;
        if (text[i] === '\n') line++;
        word += text[i];
      }
      i++;
    } else while (i < text.length && !/\s/.test(text[i] as string)) word += text[i++];
    tokens.push({ text: word.replace(/\{\$(\w+)\}|\{%(\w+)%\}/g, (_, a: string, b: string) => env(a ?? b)), line: start });
  }
  return tokens;
}

/** @throws CorefileError that names file and line. */
export function parseCorefile(
  text: string,
  file: string,
  known: ReadonlySet<string>,
  env: (name: string) => string = () => '',
): ServerBlock[] {
  const tokens = lex(text, env);
  let at = 0;
  const blocks: ServerBlock[] = [];
  const snippets = new Map<string, Directive[]>();
  const peek = (): Token | undefined => tokens[at];
  const fault = (t: Token | undefined, what: string): CorefileError =>
    directiveError({ file, line: t?.line ?? tokens.at(-1)?.line ?? 1 }, what);

  function block(): Directive[] {
    const out: Directive[] = [];
    for (;;) {
      const t = peek();
      if (!t) throw fault(undefined, "Unexpected EOF, expecting '}'");
      at++;
      if (t.text === '}') return out;
      const args: string[] = [];
      let inner: Directive[] = [];
      let hasBlock = false;
      while (peek() && (peek() as Token).line === t.line && !hasBlock) {
        const a = tokens[at] as Token;
        if (a.text === '}') break;
        at++;
        if (a.text === '{') {
          inner = block();
          hasBlock = true;
        } else args.push(a.text);
      }
      if (t.text === 'import') {
        const used = snippets.get(args[0] ?? '');
        if (!used) throw fault(t, `File to import not found: ${args[0] ?? ''}`);
        out.push(...used);
      } else out.push({ name: t.text, args, line: t.line, file, block: inner, hasBlock });
    }
  }

  while (at < tokens.length) {
    const keys: Token[] = [];
    while (peek() && (peek() as Token).text !== '{') keys.push(tokens[at++] as Token);
    const open = peek();
    if (!open) throw fault(keys[0], `Unexpected token '${keys.at(-1)?.text ?? ''}', expecting '{'`);
    at++;
    const directives = block();
    const snippet = /^\((.+)\)$/.exec(keys[0]?.text ?? '');
    if (snippet) {
      snippets.set(snippet[1] as string, directives);
      continue;
    }
    for (const d of directives) if (!known.has(d.name)) throw directiveError(d, `Unknown directive '${d.name}'`);
    blocks.push({ keys: keys.flatMap((k) => k.text.split(',').filter((s) => s !== '')).map((k) => serverKey(k)), directives });
  }
  if (blocks.length === 0) throw new CorefileError(`${file}: no server blocks`);
  return blocks;
}

/** `.`, `cluster.local:5353`, `dns://example.org`, `10.0.0.0/8`. */
function serverKey(text: string): { zone: string; port: number } {
  let rest = text;
  const scheme = /^([a-z]+):\/\//.exec(rest);
  if (scheme) {
    if (scheme[1] !== 'dns') throw new CorefileError(`${scheme[1]}:// servers are not emulated`);
    rest = rest.slice(scheme[0].length);
  }
  const port = /:(\d+)$/.exec(rest);
  if (port) rest = rest.slice(0, -port[0].length);
  const net = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(8|16|24|32)$/.exec(rest);
  if (net)
    rest = `${net
      .slice(1, 1 + Number(net[5]) / 8)
      .reverse()
      .join('.')}.in-addr.arpa`;
  return { zone: rest.toLowerCase().replace(/\.$/, ''), port: port ? Number(port[1]) : 53 };
}

/** Go's time.ParseDuration for what stands in Corefiles, in µs; null when it is none. */
export function duration(text: string): number | null {
  const units: Record<string, number> = { us: 1, ms: 1000, s: 1e6, m: 60e6, h: 3600e6 };
  if (!/^(\d+(\.\d+)?(us|ms|s|m|h))+$/.test(text)) return null;
  let total = 0;
  for (const m of text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h)/g)) total += Number(m[1]) * (units[m[2] as string] as number);
  return total;
}
