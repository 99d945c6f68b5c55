/** kubectl proxy: only its help is there. Models the text of kubectl/pkg/cmd/proxy */

import { failure } from './errors.ts';
import type { Verb } from './verb.ts';

export const proxyVerb: Verb = {
  name: 'proxy',
  use: 'proxy [--port=PORT] [--www=static-dir] [--www-prefix=prefix] [--api-prefix=prefix]',
  short: 'Run a proxy to the Kubernetes API server',
  long: 'Creates a proxy server or application-level gateway between localhost and the Kubernetes API server. It also allows serving static content over specified HTTP path. All incoming data enters through one port and gets forwarded to the remote Kubernetes API server port, except for the path matching the static content path.',
  flags: [
    { name: 'port', short: 'p', type: 'int', def: '8001', usage: 'The port on which to run the proxy. Set to 0 to pick a random port.' },
  ],
  // biome-ignore lint/correctness/useYield: it only refuses
  *run() {
    return failure('kubectl proxy is not emulated');
  },
};
