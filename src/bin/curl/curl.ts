/** curl 7.88.1 for HTTP: options, several URLs, retries, exit codes. Models src/tool_operate.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { concat, text, utf8 } from '../../wire/bytes.ts';
import { Connector, type Failure } from './connect.ts';
import { CookieJar } from './cookies.ts';
import { Debug } from './debug.ts';
import { fillIn, globUrl } from './glob.ts';
import { curlHelp } from './help.ts';
import { bytesOf } from './http.ts';
import { type CurlOptions, type GlobalOptions, warning } from './options.ts';
import { Output } from './output.ts';
import { parseCurl } from './params.ts';
import { Stdout } from './stdout.ts';
import { Transfer } from './transfer.ts';
import { parseUrl } from './url.ts';
import { writeOut } from './writeout.ts';

const LIBCURL =
  'libcurl/7.88.1 OpenSSL/3.0.19 zlib/1.2.13 brotli/1.0.9 zstd/1.5.4 libidn2/2.3.3 libpsl/0.21.2 (+libidn2/2.3.3) libssh2/1.10.0 nghttp2/1.52.0 librtmp/2.3 OpenLDAP/2.5.13';
const VERSION =
  `curl 7.88.1 (x86_64-pc-linux-gnu) ${LIBCURL}\n` +
  'Release-Date: 2023-02-20, security patched: 7.88.1-10+deb12u15\n' +
  'Protocols: dict file ftp ftps gopher gophers http https imap imaps ldap ldaps mqtt pop3 pop3s rtmp rtsp scp sftp smb smbs smtp smtps telnet tftp\n' +
  'Features: alt-svc AsynchDNS brotli GSS-API HSTS HTTP2 HTTPS-proxy IDN IPv6 Kerberos Largefile libz NTLM NTLM_WB PSL SPNEGO SSL threadsafe TLS-SRP UnixSockets zstd\n';

const RETRY_STATUS = [408, 429, 500, 502, 503, 504];

class Curl {
  private readonly p: Process;
  private readonly g: GlobalOptions;
  private readonly debug: Debug;
  private readonly cookies: CookieJar;
  private readonly connector: Connector;
  private firstMeter = true;
  private urlnum = 0;
  private readonly stdout: Stdout;
  private readonly errors: Errors;

  constructor(p: Process, g: GlobalOptions) {
    this.p = p;
    this.g = g;
    this.stdout = new Stdout(p);
    this.errors = new Errors(p, g.stderr, this.stdout);
    const { stdout, errors } = this;
    this.debug = new Debug(
      p,
      g,
      (data) => errors.write(data),
      function* (data: Uint8Array): Task<void> {
        yield* stdout.write(data);
      },
    );
    this.cookies = new CookieJar(p);
    this.connector = new Connector(p, this.debug);
  }

  *all(sets: readonly CurlOptions[]): Task<number> {
    let code = 0;
    if (this.g.warnings && !sets[0]?.silent) yield* this.errors.write(this.g.warnings);
    for (const o of sets) {
      this.debug.verbose = o.verbose;
      if (o.noBuffer) this.stdout.unbuffered = true;
      for (const file of o.cookieFiles)
        if (!this.cookies.load(file)) yield* this.debug.info(`WARNING: failed to open cookie file "${file}"`);
      if (o.cookieJar !== null) this.cookies.running = true;
      for (const [i, pattern] of o.urls.entries()) {
        const globbed = o.globOff ? ({ ok: true, urls: [{ url: pattern, parts: [] }] } as const) : globUrl(pattern);
        if (!globbed.ok) {
          if (!o.silent || o.showError) yield* this.errors.write(`curl: (3) ${globbed.message}\n`);
          code = 3;
          break;
        }
        for (const { url, parts } of globbed.urls) {
          code = yield* this.one(o, url, i, parts);
          if (code !== 0 && this.g.failEarly) return yield* this.end(o, code);
        }
      }
    }
    return yield* this.end(sets.at(-1) as CurlOptions, code);
  }

  private *end(o: CurlOptions, code: number): Task<number> {
    if (o.cookieJar !== null) {
      if (o.cookieJar === '-') yield* this.stdout.write(this.cookies.text());
      else if (!this.p.writeFile(o.cookieJar, this.cookies.text()).ok)
        yield* this.debug.info(`WARNING: failed to save cookies in ${o.cookieJar}`);
    }
    yield* this.stdout.flush();
    this.debug.verbose = false;
    for (const c of [...this.connector.pool]) {
      yield* c.tls?.close() ?? none();
      this.connector.close(c);
    }
    return code;
  }

  /** The file of a URL; the number is the exit status when it can have none. */
  private *target(o: CurlOptions, url: string, index: number, parts: readonly string[]): Task<string | null | number> {
    const given = index < o.outputs.length ? (o.outputs[index] as string | null) : o.remoteNameAll ? null : '-';
    let file: string;
    if (given === null) {
      const u = parseUrl(url);
      file = u.ok ? u.url.path.slice(u.url.path.lastIndexOf('/') + 1) : '';
      if (u.ok && file === '') {
        yield* this.errors.write('curl: Remote file name has no length!\n');
        if (!o.silent || o.showError) yield* this.errors.write('curl: (23) Failed writing received data to disk/application\n');
        return 23;
      }
    } else if (given === '-') return null;
    else file = fillIn(given, parts);
    return o.outputDir === null ? file : `${o.outputDir}/${file}`;
  }

  private *one(o: CurlOptions, url: string, index: number, parts: readonly string[]): Task<number> {
    const { p, errors } = this;
    const say = (line: string): Task<void> => errors.write(line);
    const complain = function* (f: Failure): Task<void> {
      if (!o.silent || o.showError) yield* errors.write(`curl: (${f.code}) ${f.message}\n${f.code === 60 ? MORE_60 : ''}`);
    };
    const file = yield* this.target(o, url, index, parts);
    if (typeof file === 'number') return file;
    if (o.upload !== null && o.upload !== '-' && o.upload !== '.' && !p.stat(o.upload).ok) {
      yield* errors.write(`curl: Can't open '${o.upload}'!\ncurl: try 'curl --help' or 'curl --manual' for more information\n`);
      yield* complain({ code: 26, message: 'Failed to open/read local data from file/application' });
      return 26;
    }
    if (o.user !== null && !o.user.includes(':')) {
      yield* p.err(`Enter host password for user '${o.user}':`);
      const password = yield* p.readLine(0);
      yield* p.err('\n');
      o.user = `${o.user}:${password ?? ''}`;
    }
    const began = p.sim.now;
    let delay = o.retryDelay > 0 ? o.retryDelay : 1;
    for (let left = o.retry; ; left--) {
      const out = new Output(p, o, this.stdout, say, file, this.g.styled);
      this.debug.tty = out.tty;
      const t = new Transfer(p, o, { connector: this.connector, cookies: this.cookies, debug: this.debug, say }, out, url, this.urlnum);
      const f = yield* t.run(this.firstMeter);
      this.firstMeter = false;
      yield* this.stdout.flush();
      const why = left > 0 ? retryReason(o, f, t.info.head?.status ?? 0) : null;
      if (why !== null && (o.retryMaxTime === 0 || p.sim.now - began < o.retryMaxTime * 1e6)) {
        if (f) yield* complain(f);
        if (!o.silent) yield* errors.write(warning(`Problem : ${why}. Will retry in ${delay} seconds. ${left} retries left.`));
        yield* p.sleep(delay * 1e6);
        if (o.retryDelay === 0) delay = Math.min(delay * 2, 600);
        if (out.written > 0 && file !== null) {
          if (!o.silent) yield* errors.write(`Throwing away ${out.written} bytes\n`);
          // What is no ordinary file cannot be cut back.
          const s = p.stat(file);
          if (!s.ok || s.value.kind !== 'file') {
            out.close();
            yield* complain({ code: 23, message: 'Failed to truncate file' });
            return 23;
          }
        }
        out.close();
        continue;
      }
      out.close();
      if (f && o.removeOnError && file !== null) p.unlink(file);
      this.urlnum++;
      if (f) yield* complain(f);
      if (o.writeOut !== null) yield* this.writeOut(o.writeOut, t);
      return f?.code ?? 0;
    }
  }

  private *writeOut(given: string, t: Transfer): Task<void> {
    const { p } = this;
    let format = given;
    if (given.startsWith('@')) {
      const name = given.slice(1);
      format = text(name === '-' ? yield* stdin(p) : fileOr(p, name)).replace(/[\r\n]/g, '');
    }
    const w = writeOut(format, t.info, LIBCURL);
    if (w.err) yield* this.errors.write(w.err);
    if (w.out) yield* this.stdout.write(w.out);
  }
}

const MORE_60 = `More details here: https://curl.se/docs/sslcerts.html

curl failed to verify the legitimacy of the server and therefore could not
establish a secure connection to it. To learn more about this situation and
how to fix it, please visit the web page mentioned above.
`;

function* none(): Task<void> {}

/** Standard error, or where --stderr has put it. */
class Errors {
  private readonly p: Process;
  private readonly stdout: Stdout;
  private readonly file: string | null;
  private fd = 2;

  constructor(p: Process, file: string | null, stdout: Stdout) {
    this.p = p;
    this.file = file;
    this.stdout = stdout;
    if (file === null || file === '-') return;
    const r = p.open(file, 'w');
    if (r.ok) this.fd = r.value;
  }

  *write(data: Uint8Array | string): Task<void> {
    const bytes = typeof data !== 'string' ? data : /^[\x00-\xff]*$/.test(data) ? bytesOf(data) : utf8(data);
    if (this.file === '-') yield* this.stdout.write(bytes);
    else yield* this.p.write(this.fd, bytes);
  }
}

/** All of standard input. */
function* stdin(p: Process): Task<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let n = 0; n < 100_000; n++) {
    const r = yield* p.read(0, 65_536);
    if (!r.ok || r.value.length === 0) break;
    parts.push(r.value);
  }
  return concat(parts);
}

function fileOr(p: Process, path: string): Uint8Array {
  const r = p.readFile(path);
  return r.ok ? r.value : new Uint8Array(0);
}

function retryReason(o: CurlOptions, f: Failure | null, status: number): string | null {
  if (f?.code === 28) return 'timeout';
  if (f?.code === 7 && o.retryConnrefused) return 'connection refused';
  if ((!f || f.code === 22) && RETRY_STATUS.includes(status)) return 'HTTP error';
  return f && o.retryAllErrors ? '(retrying all errors)' : null;
}

function* main(p: Process): Task<number> {
  const piped = p.argv.some((a, i) => a === '-' && /^(-\w*K|--config)$/.test(p.argv[i - 1] ?? '')) ? text(yield* stdin(p)) : '';
  const parsed = parseCurl(p.argv.slice(1), (path) => {
    if (path === '-') return piped;
    const r = p.readFile(path === '~/.curlrc' ? `${p.env.get('HOME') ?? ''}/.curlrc` : path);
    return r.ok ? text(r.value) : null;
  });
  if (!parsed.ok) {
    switch (parsed.kind) {
      case 'version':
        yield* p.out(VERSION);
        return 0;
      case 'help':
        yield* p.out(curlHelp(parsed.category));
        return 0;
      case 'not-emulated':
        yield* p.err(`curl: option ${parsed.option} is not emulated\n`);
        return 2;
      case 'error':
        yield* new Errors(p, parsed.stderr, new Stdout(p)).write(parsed.text);
        return parsed.code;
    }
  }
  if (parsed.globals.parallel) {
    yield* p.err('curl: option --parallel is not emulated\n');
    return 2;
  }
  return yield* new Curl(p, parsed.globals).all(parsed.options);
}

export const curl: Command = { name: 'curl', main };
