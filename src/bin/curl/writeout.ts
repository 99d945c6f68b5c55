/** curl's -w: variables of a finished transfer. Models src/tool_writeout.c */

import { formatIp, type IpAddr } from '../../wire/addr.ts';
import { header, type ResponseHead } from './http.ts';

export interface TransferInfo {
  url: string;
  effectiveUrl: string;
  urlnum: number;
  scheme: string;
  method: string;
  code: number;
  error: string | null;
  head: ResponseHead | null;
  headerCount: number;
  file: string | null;
  redirects: number;
  redirectUrl: string | null;
  referer: string | null;
  connects: number;
  local: { addr: IpAddr; port: number } | null;
  remote: { addr: IpAddr; port: number } | null;
  sizeDownload: number;
  sizeUpload: number;
  sizeHeader: number;
  sizeRequest: number;
  /** µs since the start of the transfer. */
  /** Status of the proxy's answer to CONNECT. */
  connectStatus: number;
  /** Certificates that the server sent, and what X509_verify_cert() said of them. */
  certs: number;
  verifyResult: number;
  times: {
    appConnect: number;
    nameLookup: number;
    connect: number;
    preTransfer: number;
    startTransfer: number;
    redirect: number;
    total: number;
  };
}

type Variable = (t: TransferInfo) => string | number | null;

const sec = (us: number): string => (us / 1e6).toFixed(6);

const VARIABLES: Record<string, Variable> = {
  certs: () => '',
  content_type: (t) => (t.head ? header(t.head, 'Content-Type') : null),
  errormsg: (t) => t.error,
  exitcode: (t) => t.code,
  filename_effective: (t) => t.file,
  ftp_entry_path: () => null,
  http_code: (t) => t.head?.status ?? 0,
  http_connect: (t) => t.connectStatus,
  http_version: (t) => t.head?.version ?? '0',
  local_ip: (t) => (t.local ? formatIp(t.local.addr) : ''),
  local_port: (t) => t.local?.port ?? 0,
  method: (t) => t.method,
  num_certs: (t) => t.certs,
  num_connects: (t) => t.connects,
  num_headers: (t) => t.headerCount,
  num_redirects: (t) => t.redirects,
  proxy_ssl_verify_result: () => 0,
  redirect_url: (t) => t.redirectUrl,
  referer: (t) => t.referer,
  remote_ip: (t) => (t.remote ? formatIp(t.remote.addr) : ''),
  remote_port: (t) => t.remote?.port ?? 0,
  response_code: (t) => t.head?.status ?? 0,
  scheme: (t) => (t.head || t.remote ? t.scheme.toUpperCase() : null),
  size_download: (t) => t.sizeDownload,
  size_header: (t) => t.sizeHeader,
  size_request: (t) => t.sizeRequest,
  size_upload: (t) => t.sizeUpload,
  speed_download: (t) => (t.times.total > 0 ? Math.floor(t.sizeDownload / (t.times.total / 1e6)) : 0),
  speed_upload: (t) => (t.times.total > 0 ? Math.floor(t.sizeUpload / (t.times.total / 1e6)) : 0),
  ssl_verify_result: (t) => t.verifyResult,
  time_appconnect: (t) => sec(t.times.appConnect),
  time_connect: (t) => sec(t.times.connect),
  time_namelookup: (t) => sec(t.times.nameLookup),
  time_pretransfer: (t) => sec(t.times.preTransfer),
  time_redirect: (t) => sec(t.times.redirect),
  time_starttransfer: (t) => sec(t.times.startTransfer),
  time_total: (t) => sec(t.times.total),
  url: (t) => t.url,
  url_effective: (t) => t.effectiveUrl,
  urlnum: (t) => t.urlnum,
};

function json(t: TransferInfo, version: string): string {
  const fields = Object.entries(VARIABLES).map(([name, get]) => {
    const v = get(t);
    return `"${name}":${name.startsWith('time_') ? v : JSON.stringify(v)}`;
  });
  return `{${fields.join(',')},"curl_version":"${version}"}`;
}

export interface WriteOut {
  out: string;
  err: string;
}

export function writeOut(format: string, t: TransferInfo, version: string): WriteOut {
  const result: WriteOut = { out: '', err: '' };
  let to: 'out' | 'err' = 'out';
  for (let i = 0; i < format.length; i++) {
    const c = format[i] as string;
    if (c === '\\') {
      const e = format[++i];
      result[to] += e === 'n' ? '\n' : e === 'r' ? '\r' : e === 't' ? '\t' : e === undefined ? '\\' : `\\${e}`;
      continue;
    }
    if (c !== '%' || i + 1 >= format.length) {
      result[to] += c;
      continue;
    }
    if (format[i + 1] === '%') {
      result[to] += '%';
      i++;
      continue;
    }
    const m = /^%(?:header)?\{([^}]*)\}/.exec(format.slice(i));
    if (!m) {
      result[to] += `%${format[++i]}`;
      continue;
    }
    i += m[0].length - 1;
    const name = m[1] as string;
    if (m[0].startsWith('%header')) result[to] += (t.head && header(t.head, name)) ?? '';
    else if (name === 'stderr') to = 'err';
    else if (name === 'stdout') to = 'out';
    else if (name === 'onerror') {
      if (t.code === 0) break;
    } else if (name === 'json') result[to] += json(t, version);
    else if (name === 'header_json') {
      const all = new Map<string, string[]>();
      for (const [k, v] of t.head?.headers ?? []) all.set(k.toLowerCase(), [...(all.get(k.toLowerCase()) ?? []), v]);
      result[to] += `{${[...all].map(([k, v]) => `"${k}":${JSON.stringify(v)}`).join(',\n')}\n}`;
    } else {
      const get = VARIABLES[name];
      if (!get) result.err += `curl: unknown --write-out variable: '${name}'\n`;
      else {
        const v = get(t);
        result[to] += name === 'http_code' || name === 'response_code' || name === 'http_connect' ? String(v).padStart(3, '0') : (v ?? '');
      }
    }
  }
  return result;
}
