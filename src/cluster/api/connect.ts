/** How a program on a node reaches the API: a Client over a connection of its own. Models client-go/rest. */

import type { Process } from '../../os/process.ts';
import { startThread } from '../../os/thread.ts';
import { parseIp } from '../../wire/addr.ts';
import { clusterApiOf } from '../node/connect.ts';
import type {
  ApiResult,
  Client,
  DeleteOptions,
  ListOptions,
  ListResult,
  PatchType,
  UserInfo,
  Watch,
  WatchEvent,
  WriteOptions,
} from './client.ts';
import { type Link, LinkedWatch, newLink, runLink } from './link.ts';
import type { AnyObject, KubeObject, Stored } from './object.ts';
import type { ClientOptions } from './server.ts';
import { failure } from './status.ts';

class LinkedClient implements Client {
  readonly user: UserInfo;
  private readonly inner: Client;
  private readonly link: Link;
  private readonly url: string;

  constructor(inner: Client, link: Link, url: string) {
    this.inner = inner;
    this.user = inner.user;
    this.link = link;
    this.url = url;
  }

  private over<T>(request: () => ApiResult<T>): ApiResult<T> {
    if (!this.link.up)
      return failure(
        503,
        'ServiceUnavailable',
        `Get "${this.url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
      );
    this.link.ask();
    return request();
  }

  create<T extends KubeObject>(object: T, options?: WriteOptions): ApiResult<Stored<T>> {
    return this.over(() => this.inner.create(object, options));
  }

  get<T = AnyObject>(resource: string, namespace: string, name: string): ApiResult<T> {
    return this.over(() => this.inner.get<T>(resource, namespace, name));
  }

  list<T = AnyObject>(resource: string, options?: ListOptions): ApiResult<ListResult<T>> {
    return this.over(() => this.inner.list<T>(resource, options));
  }

  update<T extends KubeObject>(object: T, options?: WriteOptions): ApiResult<Stored<T>> {
    return this.over(() => this.inner.update(object, options));
  }

  patch<T = AnyObject>(
    resource: string,
    namespace: string,
    name: string,
    type: PatchType,
    body: unknown,
    options?: WriteOptions & { readonly force?: boolean },
  ): ApiResult<T> {
    return this.over(() => this.inner.patch<T>(resource, namespace, name, type, body, options));
  }

  delete<T = AnyObject>(resource: string, namespace: string, name: string, options?: DeleteOptions): ApiResult<T> {
    return this.over(() => this.inner.delete<T>(resource, namespace, name, options));
  }

  watch<T = AnyObject>(resource: string, options: ListOptions, on: (event: WatchEvent<T>) => void): Watch {
    const { link } = this;
    const watch = new LinkedWatch(link, on as unknown as (event: WatchEvent<AnyObject>) => void);
    link.watches.add(watch);
    link.ask();
    watch.inner = this.inner.watch<AnyObject>(resource, options, (event) => link.event(watch, event));
    return watch;
  }
}

export interface ConnectOptions extends ClientOptions {
  /** By the address of the Service `kubernetes`, as a pod knows it from its environment. */
  readonly inCluster?: boolean;
}

/**
 * The API of the world's cluster as `user` reaches it from this process; null in a world without one. The connection to the API
 * server's address is made in a thread of the process and made again whenever it breaks; requests fail while it does not work, and
 * watches then tell later what changed meanwhile.
 */
export function apiOf(p: Process, user: UserInfo, options: ConnectOptions = {}): Client | null {
  const cluster = clusterApiOf(p.sim);
  if (!cluster) return null;
  const { api } = cluster;
  const inner = api.client(user, options);
  const service = options.inCluster ? p.env.get('KUBERNETES_SERVICE_HOST') : undefined;
  const host = service ?? api.options.advertiseAddress ?? '';
  const address = parseIp(host);
  if (address === null) return inner;
  const port = service === undefined ? (api.options.securePort ?? 6443) : Number(p.env.get('KUBERNETES_SERVICE_PORT') ?? 443);
  const link = newLink(p.sim);
  startThread(p, runLink(p, link, address, port));
  return new LinkedClient(inner, link, `https://${host}:${port}`);
}
