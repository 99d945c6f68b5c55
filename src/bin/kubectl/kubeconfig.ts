/** Kubeconfig files: finding, merging, the current context, the command line's overrides. Models client-go/tools/clientcmd */

import type { Process } from '../../os/process.ts';
import { strerror } from '../../sim/errno.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { aggregate, Failure, failure } from './errors.ts';
import type { FlagSet } from './flags.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { quote } from './strconv.ts';
import { yamlToJson } from './yaml.ts';

export interface Named {
  readonly name: string;
  /** As it stands in the file. */
  readonly value: JsonObject;
  /** The file that it came from. */
  readonly file: string;
}

export interface Kubeconfig {
  readonly clusters: readonly Named[];
  readonly contexts: readonly Named[];
  readonly users: readonly Named[];
  readonly currentContext: string;
}

export const SECTIONS = { clusters: 'cluster', contexts: 'context', users: 'user' } as const;
export type Section = keyof typeof SECTIONS;

const string = (v: Json | undefined): string => (typeof v === 'string' ? v : '');

/** The files that are read, and the one that changes go to when nothing says otherwise. */
export function configFiles(p: Process, flags: FlagSet): { files: string[]; explicit: boolean } {
  const given = flags.str('kubeconfig');
  if (given !== '') return { files: [given], explicit: true };
  const env = p.env.get('KUBECONFIG') ?? '';
  if (env !== '') return { files: [...new Set(env.split(':').filter((f) => f !== ''))], explicit: false };
  const home = p.env.get('HOME') ?? '/root';
  return { files: [`${home}/.kube/config`], explicit: false };
}

/** A file's parts; null when it is not there. */
export function readConfigFile(p: Process, file: string): Kubeconfig | Failure | null {
  const r = p.readFile(file);
  if (!r.ok) return r.errno === 'ENOENT' ? null : failure(`open ${file}: ${strerror(r.errno).toLowerCase()}`);
  const parsed = yamlToJson(text(r.value));
  if (parsed instanceof Failure) return failure(`error loading config file ${quote(file)}: ${parsed.message}`);
  if (parsed === null || parsed === undefined) return { clusters: [], contexts: [], users: [], currentContext: '' };
  if (!isObject(parsed))
    return failure(
      `error loading config file ${quote(file)}: couldn't get version/kind; json parse error: json: cannot unmarshal ${typeof parsed} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    );
  const named = (section: Section): Named[] => {
    const list = parsed[section];
    if (!Array.isArray(list)) return [];
    const out: Named[] = [];
    for (const item of list) {
      if (!isObject(item) || typeof item.name !== 'string') continue;
      const value = item[SECTIONS[section]];
      if (!out.some((x) => x.name === item.name)) out.push({ name: item.name, value: isObject(value) ? value : {}, file });
    }
    return out;
  };
  return {
    clusters: named('clusters'),
    contexts: named('contexts'),
    users: named('users'),
    currentContext: string(parsed['current-context']),
  };
}

/** All files merged: of two entries of one name the first file's wins. */
export function loadConfig(p: Process, flags: FlagSet): Kubeconfig | Failure {
  const { files, explicit } = configFiles(p, flags);
  const errors: Failure[] = [];
  let all: Kubeconfig = { clusters: [], contexts: [], users: [], currentContext: '' };
  for (const file of files) {
    const one = readConfigFile(p, file);
    if (one === null) {
      if (explicit) return failure(`stat ${file}: no such file or directory`);
      continue;
    }
    if (one instanceof Failure) {
      errors.push(one);
      continue;
    }
    const join = (a: readonly Named[], b: readonly Named[]): Named[] => [...a, ...b.filter((x) => !a.some((y) => y.name === x.name))];
    all = {
      clusters: join(all.clusters, one.clusters),
      contexts: join(all.contexts, one.contexts),
      users: join(all.users, one.users),
      currentContext: all.currentContext || one.currentContext,
    };
  }
  return aggregate(errors) ?? all;
}

/** What a connection needs. */
export interface Connection {
  readonly server: string;
  readonly caData: string | null;
  readonly insecure: boolean;
  readonly serverName: string;
  readonly token: string;
  readonly basic: string;
  readonly certData: string | null;
  readonly keyData: string | null;
  readonly impersonate: string;
  readonly impersonateGroups: readonly string[];
  readonly impersonateUid: string;
}

export class ClientConfig {
  private readonly p: Process;
  private readonly flags: FlagSet;
  private loaded: Kubeconfig | Failure | null = null;
  private made: Connection | Failure | null = null;

  constructor(p: Process, flags: FlagSet) {
    this.p = p;
    this.flags = flags;
  }

  get raw(): Kubeconfig | Failure {
    this.loaded ??= loadConfig(this.p, this.flags);
    return this.loaded;
  }

  private contextName(c: Kubeconfig): string {
    return this.flags.str('context') || c.currentContext;
  }

  namespace(): { name: string; explicit: boolean } | Failure {
    const c = this.raw;
    if (c instanceof Failure) return c;
    const given = this.flags.str('namespace');
    if (given !== '') return { name: given, explicit: true };
    const wanted = this.contextName(c);
    const context = c.contexts.find((x) => x.name === wanted);
    if (wanted !== '' && !context && this.flags.str('context') !== '')
      return invalid([`context was not found for specified context: ${wanted}`]);
    const name = string(context?.value.namespace);
    if (name === '') {
      const inPod = this.inCluster(c) ? this.p.readFile('/var/run/secrets/kubernetes.io/serviceaccount/namespace') : null;
      if (inPod?.ok) return { name: text(inPod.value).trim() || 'default', explicit: false };
    }
    return { name: name || 'default', explicit: false };
  }

  /** A pod without a kubeconfig uses its service account. */
  private inCluster(c: Kubeconfig): boolean {
    return (
      c.clusters.length === 0 &&
      c.users.length === 0 &&
      this.flags.str('server') === '' &&
      this.p.env.has('KUBERNETES_SERVICE_HOST') &&
      this.p.env.has('KUBERNETES_SERVICE_PORT') &&
      this.p.stat('/var/run/secrets/kubernetes.io/serviceaccount/token').ok
    );
  }

  connection(): Connection | Failure {
    this.made ??= this.resolve();
    return this.made;
  }

  private file(path: string, base: string): string {
    return path.startsWith('/') || base === '' ? path : `${base.slice(0, base.lastIndexOf('/') + 1)}${path}`;
  }

  private resolve(): Connection | Failure {
    const { p, flags } = this;
    const c = this.raw;
    if (c instanceof Failure) return c;
    const wanted = this.contextName(c);
    const context = c.contexts.find((x) => x.name === wanted);
    if (wanted !== '' && !context) return invalid([`context was not found for specified context: ${wanted}`]);
    // A verb's own --user (`create rolebinding`, `set subject`) hides this one.
    const asked = flags.flag('user')?.type === 'string' ? flags.str('user') : '';
    const userName = asked || string(context?.value.user);
    const user = c.users.find((x) => x.name === userName);
    if (asked !== '' && !user) return failure(`auth info ${quote(userName)} does not exist`);
    const clusterName = flags.str('cluster') || string(context?.value.cluster);
    const cluster = c.clusters.find((x) => x.name === clusterName);
    if (flags.str('cluster') !== '' && !cluster) return failure(`cluster ${quote(clusterName)} does not exist`);
    const server = flags.str('server') || string(cluster?.value.server);
    const problems: string[] = [];
    if (context && !cluster && server === '') problems.push(`cluster was not found for context: ${wanted}`);
    if (context && userName !== '' && !user) problems.push(`user ${quote(userName)} was not found for context ${quote(wanted)}`);
    if (cluster && server === '') problems.push(`no server found for cluster ${quote(clusterName)}`);
    if (problems.length > 0) return invalid(problems);
    if (this.inCluster(c)) return this.podConnection();

    const read = (path: string, what: string): string | Failure => {
      const r = p.readFile(path);
      return r.ok
        ? text(r.value)
        : failure(
            `unable to read ${what} ${path} for ${what === 'certificate-authority' ? clusterName : userName} due to open ${path}: ${strerror(r.errno).toLowerCase()}`,
          );
    };
    const part = (given: string, entry: Named | undefined, key: string): string | null | Failure => {
      if (given !== '') return read(given, key);
      const data = string(entry?.value[`${key}-data`]);
      if (data !== '') {
        const bytes = fromBase64(data);
        return bytes ? text(bytes) : failure('illegal base64 data at input byte 0');
      }
      const path = string(entry?.value[key]);
      return path === '' ? null : read(this.file(path, entry?.file ?? ''), key);
    };
    const insecure = flags.changed('insecure-skip-tls-verify')
      ? flags.bool('insecure-skip-tls-verify')
      : cluster?.value['insecure-skip-tls-verify'] === true;
    const ca = insecure ? null : part(flags.str('certificate-authority'), cluster, 'certificate-authority');
    const cert = part(flags.str('client-certificate'), user, 'client-certificate');
    const key = part(flags.str('client-key'), user, 'client-key');
    const wrong = [ca, cert, key].filter((x) => x instanceof Failure);
    if (wrong.length > 0) return invalid(wrong.map((w) => (w as Failure).message));
    let token = flags.str('token') || string(user?.value.token);
    const tokenFile = string(user?.value.tokenFile);
    if (token === '' && tokenFile !== '') {
      const r = p.readFile(this.file(tokenFile, user?.file ?? ''));
      if (r.ok) token = text(r.value).trim();
    }
    const name = flags.str('username') || string(user?.value.username);
    const address =
      server === ''
        ? 'http://localhost:8080'
        : /^[a-z]+:\/\//.test(server)
          ? server
          : `${ca !== null || cert !== null || token !== '' ? 'https' : 'http'}://${server}`;
    return {
      server: address.replace(/\/+$/, ''),
      caData: ca as string | null,
      insecure,
      serverName: flags.str('tls-server-name') || string(cluster?.value['tls-server-name']),
      token,
      basic: name === '' ? '' : toBase64(utf8(`${name}:${flags.str('password') || string(user?.value.password)}`)),
      certData: token !== '' && flags.str('token') !== '' ? null : (cert as string | null),
      keyData: key as string | null,
      impersonate: flags.str('as'),
      impersonateGroups: flags.list('as-group'),
      impersonateUid: flags.str('as-uid'),
    };
  }

  private podConnection(): Connection | Failure {
    const { p } = this;
    const base = '/var/run/secrets/kubernetes.io/serviceaccount';
    const token = p.readFile(`${base}/token`);
    const ca = p.readFile(`${base}/ca.crt`);
    const host = p.env.get('KUBERNETES_SERVICE_HOST') as string;
    return {
      server: `https://${host.includes(':') ? `[${host}]` : host}:${p.env.get('KUBERNETES_SERVICE_PORT')}`,
      caData: ca.ok ? text(ca.value) : null,
      insecure: false,
      serverName: '',
      token: token.ok ? text(token.value).trim() : '',
      basic: '',
      certData: null,
      keyData: null,
      impersonate: this.flags.str('as'),
      impersonateGroups: this.flags.list('as-group'),
      impersonateUid: this.flags.str('as-uid'),
    };
  }
}

function invalid(texts: readonly string[]): Failure {
  const errors = texts.map((t) => failure(t));
  return new Failure('config', texts.length === 1 ? `invalid configuration: ${texts[0]}` : `invalid configuration: [${texts.join(', ')}]`, {
    errors,
  });
}
