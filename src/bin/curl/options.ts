/** The values that curl's options can have. Models src/tool_cfgable.h of curl 7.88.1 */

export interface CurlOptions {
  urls: string[];
  /** One entry per -o or -O in order: a file name, or null for the remote's name. */
  outputs: (string | null)[];
  outputDir: string | null;
  createDirs: boolean;
  silent: boolean;
  showError: boolean;
  verbose: boolean;
  include: boolean;
  head: boolean;
  get: boolean;
  fail: boolean;
  failWithBody: boolean;
  location: boolean;
  maxRedirs: number;
  /** --post301, --post302, --post303. */
  post: [boolean, boolean, boolean];
  insecure: boolean;
  noProgress: boolean;
  globOff: boolean;
  noBuffer: boolean;
  compressed: boolean;
  method: string | null;
  headers: string[];
  data: { kind: 'data' | 'raw' | 'binary' | 'urlencode' | 'json'; value: string }[];
  /** -F and --form-string, in order. */
  forms: { value: string; literal: boolean }[];
  upload: string | null;
  user: string | null;
  bearer: string | null;
  agent: string | null;
  referer: string | null;
  cookies: string[];
  cookieFiles: string[];
  range: string | null;
  /** Seconds; 0 is no limit. */
  maxTime: number;
  connectTimeout: number;
  resolve: string[];
  connectTo: string[];
  interface: string | null;
  localPort: [number, number] | null;
  family: 4 | 6 | null;
  http: '1.0' | '1.1' | '2';
  /** A version was asked for. */
  httpGiven: boolean;
  proxy: string | null;
  noproxy: string | null;
  writeOut: string | null;
  dumpHeader: string | null;
  retry: number;
  retryDelay: number;
  retryMaxTime: number;
  retryConnrefused: boolean;
  retryAllErrors: boolean;
  urlQuery: string[];
  requestTarget: string | null;
  remoteNameAll: boolean;
  /** -J: the name that Content-Disposition gives. */
  remoteHeaderName: boolean;
  /** -C: bytes to skip; 'auto' is what the output file has. */
  resumeFrom: number | 'auto' | null;
  maxFilesize: number;
  /** Bytes a second; 0 is no limit. */
  limitRate: number;
  progressBar: boolean;
  proxyUser: string | null;
  proxyTunnel: boolean;
  unixSocket: string | null;
  abstractSocket: boolean;
  /** Bytes a second and seconds of -Y and -y; 0 seconds is no limit. */
  speedLimit: number;
  speedTime: number;
  pathAsIs: boolean;
  protoDefault: string | null;
  /** Null: all. */
  protocols: string[] | null;
  cookieJar: string | null;
  timeCond: string | null;
  cacert: string | null;
  capath: string | null;
  cert: string | null;
  key: string | null;
  /** TLS versions as 12, 13. */
  tlsMin: number;
  tlsMax: number;
  alpn: boolean;
  removeOnError: boolean;
  noClobber: boolean;
  suppressConnectHeaders: boolean;
}

/** What holds for the whole command, whatever --next says. Models struct GlobalConfig. */
export interface GlobalOptions {
  /** File of --trace or --trace-ascii; '-' and '%' are stdout and stderr. */
  trace: { file: string; kind: 'bin' | 'ascii' } | null;
  traceTime: boolean;
  /** --stderr. */
  stderr: string | null;
  failEarly: boolean;
  parallel: boolean;
  styled: boolean;
  /** Warnings of the command line, said before anything else. */
  warnings: string;
}

export const globals = (): GlobalOptions => ({
  trace: null,
  traceTime: false,
  stderr: null,
  failEarly: false,
  parallel: false,
  styled: true,
  warnings: '',
});

/** warnf(): wrapped for a terminal of 79 columns. */
export function warning(text: string): string {
  const prefix = 'Warning: ';
  const width = 79 - prefix.length;
  let out = '';
  let rest = text;
  while (rest.length > width) {
    let cut = width - 1;
    while (cut > 0 && rest[cut] !== ' ') cut--;
    if (cut === 0) cut = width - 1;
    out += `${prefix}${rest.slice(0, cut + 1)}\n`;
    rest = rest.slice(cut + 1);
  }
  return rest === '' ? out : `${out}${prefix}${rest}\n`;
}

export function defaults(): CurlOptions {
  return {
    urls: [],
    outputs: [],
    outputDir: null,
    createDirs: false,
    silent: false,
    showError: false,
    verbose: false,
    include: false,
    head: false,
    get: false,
    fail: false,
    failWithBody: false,
    location: false,
    maxRedirs: 50,
    post: [false, false, false],
    insecure: false,
    noProgress: false,
    globOff: false,
    noBuffer: false,
    compressed: false,
    method: null,
    headers: [],
    data: [],
    forms: [],
    upload: null,
    user: null,
    bearer: null,
    agent: null,
    referer: null,
    cookies: [],
    cookieFiles: [],
    range: null,
    maxTime: 0,
    connectTimeout: 0,
    resolve: [],
    connectTo: [],
    interface: null,
    localPort: null,
    family: null,
    http: '1.1',
    httpGiven: false,
    proxy: null,
    noproxy: null,
    writeOut: null,
    dumpHeader: null,
    retry: 0,
    retryDelay: 0,
    retryMaxTime: 0,
    retryConnrefused: false,
    retryAllErrors: false,
    urlQuery: [],
    requestTarget: null,
    remoteNameAll: false,
    remoteHeaderName: false,
    resumeFrom: null,
    maxFilesize: 0,
    limitRate: 0,
    progressBar: false,
    proxyUser: null,
    proxyTunnel: false,
    unixSocket: null,
    abstractSocket: false,
    speedLimit: 0,
    speedTime: 0,
    pathAsIs: false,
    protoDefault: null,
    protocols: null,
    cookieJar: null,
    timeCond: null,
    cacert: null,
    capath: null,
    cert: null,
    key: null,
    tlsMin: 12,
    tlsMax: 13,
    alpn: true,
    removeOnError: false,
    noClobber: false,
    suppressConnectHeaders: false,
  };
}
