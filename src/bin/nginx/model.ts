/** What nginx's configuration comes to: listeners, servers, locations, upstreams, maps. */

import type { Identity } from '../../os/tls/server.ts';
import type { Directive } from './syntax.ts';
import { DEFAULT_FORMAT, type LogFormat } from './variables.ts';

export interface Listen {
  addr: number | bigint;
  port: number;
  /** As it stands in messages: `0.0.0.0:80`. */
  text: string;
  defaultServer: boolean;
  ssl: boolean;
}

/** A step of the rewrite phase. Models ngx_http_rewrite_module.c */
export type Step =
  | { kind: 'return'; status: number; text: string | null }
  | { kind: 'rewrite'; pattern: RegExp; to: string; flag: 'last' | 'break' | 'redirect' | 'permanent' | null }
  | { kind: 'set'; name: string; value: string }
  | { kind: 'break' }
  | { kind: 'if'; test: string[]; inside: Location };

export interface Access {
  allow: boolean;
  net: string;
}

export interface Location {
  modifier: '' | '=' | '^~' | '~' | '~*' | '@';
  path: string;
  root: string;
  alias: string | null;
  index: string[];
  tryFiles: string[] | null;
  steps: Step[];
  headers: [string, string, boolean][];
  errorPages: { statuses: number[]; to: string; as: number | null }[];
  access: Access[];
  internal: boolean;
  autoindex: boolean;
  stubStatus: boolean;
  defaultType: string;
  types: Map<string, string>;
  accessLog: { path: string; format: LogFormat }[] | null;
  tokens: boolean;
  maxBody: number;
  proxy: { url: string; at: Directive } | null;
  proxyHeaders: [string, string][];
  proxyVersion: string;
  proxyTimeouts: { connect: number; read: number };
  proxyIntercept: boolean;
  proxyRedirect: boolean;
  proxyHide: string[];
  locations: Location[];
}

export interface Server {
  listens: Listen[];
  names: string[];
  base: Location;
  pairs: Identity[];
  /** TLS versions as 12, 13. */
  protocols: number[];
  reject: boolean;
  file: string;
  line: number;
}

export interface Peer {
  addr: number | bigint;
  port: number;
  shown: string;
  weight: number;
  maxFails: number;
  failTimeout: number;
  backup: boolean;
  down: boolean;
}

export interface Upstream {
  name: string;
  peers: Peer[];
  method: 'round' | 'least' | 'hash';
}

export interface MapBlock {
  source: string;
  fallback: string;
  entries: { key: string; regex: RegExp | null; value: string }[];
}

export interface Config {
  servers: Server[];
  upstreams: Map<string, Upstream>;
  maps: Map<string, MapBlock>;
  errorLog: string;
  pid: string;
  daemon: boolean;
  /** There is an events block, without which nginx does not start. */
  events: boolean;
  /** `[warn]` lines of the check. */
  warnings: string[];
  files: { path: string; text: string }[];
}

export function fresh(parent: Location | null, types: Map<string, string>): Location {
  return {
    modifier: '',
    path: '/',
    root: '/usr/share/nginx/html',
    index: ['index.html'],
    headers: [],
    errorPages: [],
    access: [],
    autoindex: false,
    defaultType: 'text/plain',
    accessLog: [{ path: '/var/log/nginx/access.log', format: DEFAULT_FORMAT }],
    tokens: true,
    maxBody: 1 << 20,
    proxyHeaders: [],
    proxyVersion: '1.0',
    proxyTimeouts: { connect: 60, read: 60 },
    proxyIntercept: false,
    proxyRedirect: true,
    proxyHide: [],
    types,
    ...(parent ?? {}),
    alias: null,
    tryFiles: null,
    steps: [],
    internal: false,
    stubStatus: false,
    proxy: null,
    locations: [],
  };
}
