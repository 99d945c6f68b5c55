/** kubectl version, cluster-info and options. Models kubectl/pkg/cmd/version, clusterinfo, options */

import { Failure, failure } from './errors.ts';
import { optionsText } from './help.ts';
import { goJsonIndent, isObject, type JsonObject, list, num, str } from './json.ts';
import { pathOf } from './rest.ts';
import type { Verb } from './verb.ts';
import { toYaml } from './yamlout.ts';

const KUSTOMIZE = 'v5.8.1';
const CLIENT: JsonObject = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.3',
  gitTreeState: 'clean',
  compiler: 'gc',
  platform: 'linux/amd64',
};

/** What both are built from. */
const built = (server: JsonObject): JsonObject => ({
  gitCommit: str(server, 'gitCommit'),
  buildDate: str(server, 'buildDate'),
  goVersion: str(server, 'goVersion'),
});

function skew(server: string): string | null {
  const m = /^v?(\d+)\.(\d+)/.exec(server);
  if (!m || (m[1] === '1' && Math.abs(Number(m[2]) - 36) <= 1)) return null;
  return `version difference between client (1.36) and server (${m[1]}.${m[2]}) exceeds the supported minor version skew of +/-1`;
}

export const versionVerb: Verb = {
  name: 'version',
  use: 'version [flags]',
  short: 'Print the client and server version information',
  long: 'Print the client and server version information for the current context.',
  example: '# Print the client and server versions for the current context\nkubectl version',
  flags: [
    { name: 'client', type: 'bool', usage: 'If true, shows client version only (no server required).' },
    { name: 'output', short: 'o', type: 'string', usage: "One of 'yaml' or 'json'." },
  ],
  *run(ctx) {
    if (ctx.args.length > 0) return failure(`extra arguments: [${ctx.args.join(' ')}]`);
    const output = ctx.str('output');
    if (output !== '' && output !== 'yaml' && output !== 'json') return failure("--output must be 'yaml' or 'json'");
    const answer = ctx.bool('client') ? null : yield* ctx.rest.json('GET', '/version', { query: { timeout: '32s' } });
    const server = answer instanceof Failure ? null : answer;
    // The client is built from what the server is built from, where that is the same release.
    const client = server && str(server, 'gitVersion') === 'v1.36.3' ? { ...CLIENT, ...built(server) } : CLIENT;
    const all = { clientVersion: client, kustomizeVersion: KUSTOMIZE, ...(server ? { serverVersion: server } : {}) };
    if (output === 'yaml') yield* ctx.out(`${toYaml(all)}\n`);
    else if (output === 'json') yield* ctx.out(`${goJsonIndent(all, '  ', { sorted: false })}\n`);
    else
      yield* ctx.out(
        `Client Version: v1.36.3\nKustomize Version: ${KUSTOMIZE}\n${server ? `Server Version: ${str(server, 'gitVersion')}\n` : ''}`,
      );
    const warning = server ? skew(str(server, 'gitVersion')) : null;
    if (warning !== null) {
      if (ctx.bool('warnings-as-errors')) return failure(warning);
      yield* ctx.err(`Warning: ${warning}\n`);
    }
    return answer instanceof Failure ? answer : 0;
  },
};

export const clusterInfoVerb: Verb = {
  name: 'cluster-info',
  use: 'cluster-info [flags]',
  short: 'Display cluster information',
  long: "Display addresses of the control plane and services with label kubernetes.io/cluster-service=true. To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.",
  example: '# Print the address of the control plane and cluster services\nkubectl cluster-info',
  flags: [],
  *run(ctx) {
    if (ctx.args[0] === 'dump') return failure('kubectl: cluster-info dump is not emulated');
    const c = ctx.clientConfig.connection();
    if (c instanceof Failure) return c;
    const m = yield* ctx.mapper.find('services');
    const services =
      m instanceof Failure
        ? m
        : yield* ctx.rest.get(pathOf(m, ctx.str('namespace') || 'kube-system'), { labelSelector: 'kubernetes.io/cluster-service=true' });
    const tail = "\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n";
    if (services instanceof Failure) {
      yield* ctx.out(tail);
      return services;
    }
    const lines = [`Kubernetes control plane is running at ${c.server}\n`];
    for (const s of list(services, 'items').filter(isObject)) {
      const name = str(s, 'metadata', 'name');
      const ports = list(s, 'spec', 'ports');
      const ingress = list(s, 'status', 'loadBalancer', 'ingress')[0];
      let link = '';
      if (ingress) for (const port of ports) link += `http://${str(ingress, 'ip') || str(ingress, 'hostname')}:${num(port, 'port')} `;
      else {
        const first = ports[0];
        const https = first !== undefined && (str(first, 'name') === 'https' || num(first, 'port') === 443);
        const portName = str(first, 'name');
        const target = first === undefined ? name : https ? `https:${name}:${portName}` : portName === '' ? name : `${name}:${portName}`;
        link = `${c.server}/api/v1/namespaces/${str(s, 'metadata', 'namespace')}/services/${target}/proxy`;
      }
      lines.push(`${str(s, 'metadata', 'labels', 'kubernetes.io/name') || name} is running at ${link}\n`);
    }
    yield* ctx.out(lines.join('') + tail);
    return 0;
  },
};

export const optionsVerb: Verb = {
  name: 'options',
  use: 'options',
  short: 'Print the list of flags inherited by all commands',
  long: 'Print the list of flags inherited by all commands',
  example: '# Print flags inherited by all commands\nkubectl options',
  flags: [],
  *run(ctx) {
    yield* ctx.out(optionsText(ctx.p.winsize(1)?.cols ?? null));
    return 0;
  },
};
