/** curl 7.88.1 for HTTP: options, several URLs, retries, exit codes. Models src/tool_operate.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { text } from '../../wire/bytes.ts';
import { Connector, type Failure } from './connect.ts';
import { bytesOf } from './http.ts';
import { type CurlOptions, parseCurl } from './options.ts';
import { HELP } from './optiontable.ts';
import { Stdout } from './stdout.ts';
import { type Sink, Transfer } from './transfer.ts';
import { globUrl, parseUrl } from './url.ts';
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
  private readonly connector: Connector;
  private verbose = false;
  private firstMeter = true;
  private urlnum = 0;
  private readonly stdout: Stdout;

  constructor(p: Process) {
    this.p = p;
    this.stdout = new Stdout(p);
    const info = function* (this: Curl, line: string): Task<void> {
      if (this.verbose) yield* this.p.err(`* ${line}\n`);
    }.bind(this);
    this.connector = new Connector(p, info);
  }

  *all(sets: readonly CurlOptions[]): Task<number> {
    let code = 0;
    for (const o of sets) {
      this.verbose = o.verbose;
      if (o.noBuffer) this.stdout.unbuffered = true;
      for (const [i, pattern] of o.urls.entries()) {
        const urls = o.globOff ? [pattern] : (globUrl(pattern) ?? [pattern]);
        for (const url of urls) {
          code = yield* this.one(o, url, i);
          if (code !== 0 && o.failEarly) {
            yield* this.stdout.flush();
            return code;
          }
        }
      }
    }
    yield* this.stdout.flush();
    for (const c of [...this.connector.pool]) this.connector.close(c);
    return code;
  }

  private *one(o: CurlOptions, url: string, index: number): Task<number> {
    const { p } = this;
    const say = function* (line: string): Task<void> {
      yield* p.err(bytesOf(line).length === line.length && /^[\x00-\xff]*$/.test(line) ? bytesOf(line) : line);
    };
    const complain = function* (f: Failure): Task<void> {
      if (!o.silent || o.showError) yield* p.err(`curl: (${f.code}) ${f.message}\n`);
    };
    let file: string | null = null;
    if (index < o.outputs.length) {
      const given = o.outputs[index] as string | null;
      if (given === null) {
        const u = parseUrl(url);
        const name = u.ok ? u.url.path.slice(u.url.path.lastIndexOf('/') + 1) : '';
        if (u.ok && name === '') {
          yield* p.err('curl: Remote file name has no length!\n');
          yield* complain({ code: 23, message: 'Failed writing received data to disk/application' });
          return 23;
        }
        file = name;
      } else if (given !== '-') file = given;
      if (file !== null && o.outputDir !== null) file = `${o.outputDir}/${file}`;
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
      const sink: Sink = { file, fd: -1 };
      const t = new Transfer(p, o, this.connector, sink, this.stdout, say, url, this.urlnum);
      const f = yield* t.run(this.firstMeter);
      this.firstMeter = false;
      if (sink.fd >= 0) p.close(sink.fd);
      yield* this.stdout.flush();
      const why = left > 0 ? retryReason(o, f, t.info.head?.status ?? 0) : null;
      if (why !== null && (o.retryMaxTime === 0 || p.sim.now - began < o.retryMaxTime * 1e6)) {
        if (!o.silent) yield* p.err(`Warning: Problem : ${why}. Will retry in ${delay} seconds. ${left} retries left.\n`);
        yield* p.sleep(delay * 1e6);
        if (o.retryDelay === 0) delay = Math.min(delay * 2, 600);
        continue;
      }
      this.urlnum++;
      if (f) yield* complain(f);
      if (o.writeOut !== null) {
        const format = o.writeOut.startsWith('@') ? text(fileOr(p, o.writeOut.slice(1))) : o.writeOut;
        const w = writeOut(format, t.info, LIBCURL);
        if (w.err) yield* p.err(w.err);
        if (w.out) yield* this.stdout.write(w.out);
      }
      return f?.code ?? 0;
    }
  }
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
  const parsed = parseCurl(p.argv.slice(1));
  if (!parsed.ok) {
    switch (parsed.kind) {
      case 'version':
        yield* p.out(VERSION);
        return 0;
      case 'help':
        if (parsed.category !== null) {
          yield* p.err(`curl: --help ${parsed.category} is not emulated\n`);
          return 2;
        }
        yield* p.out(HELP);
        return 0;
      case 'not-emulated':
        yield* p.err(`curl: option ${parsed.option} is not emulated\n`);
        return 2;
      case 'error':
        yield* p.err(parsed.text);
        return 2;
    }
  }
  return yield* new Curl(p).all(parsed.options);
}

export const curl: Command = { name: 'curl', main };
