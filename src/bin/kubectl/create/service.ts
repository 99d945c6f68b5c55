/** kubectl create service clusterip | nodeport | loadbalancer | externalname. Models kubectl/pkg/cmd/create/create_service.go */

import type { Task } from '../../../os/program.ts';
import { exitWith, Failure, failure } from '../errors.ts';
import type { Flag } from '../flags.ts';
import { helpText } from '../help.ts';
import type { JsonObject } from '../json.ts';
import { quote } from '../strconv.ts';
import { dns1123Subdomain, portName, portNumber } from '../validation.ts';
import type { Ctx, Verb } from '../verb.ts';
import { builtin, createVerb, head } from './spec.ts';

const TCP: Flag = { name: 'tcp', type: 'stringSlice', usage: "Port pairs can be specified as '<port>:<targetPort>'." };
const SERVICES = builtin('', 'v1', 'Service', 'services');

/** utilsnet.ParsePort(), with zero allowed. */
function parsePort(s: string): number | Failure {
  if (!/^\d+$/.test(s)) return failure(`strconv.ParseUint: parsing ${quote(s)}: invalid syntax`);
  if (Number(s) > 65_535) return failure(`strconv.ParseUint: parsing ${quote(s)}: value out of range`);
  return Number(s);
}

/** parsePorts() */
function ports(spec: string): { port: number; targetPort: number | string } | Failure {
  const parts = spec.split(':');
  const port = parsePort(parts[0] as string);
  if (port instanceof Failure) return port;
  const target = parts[1];
  if (target === undefined) return { port, targetPort: port };
  if (/^[-+]?\d+$/.test(target)) {
    const wrong = portNumber(Number(target));
    return wrong.length > 0 ? failure(wrong.join(',')) : { port, targetPort: Number(target) };
  }
  const wrong = portName(target);
  return wrong.length > 0 ? failure(wrong.join(',')) : { port, targetPort: target };
}

type ServiceType = 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';

function service(ctx: Ctx, name: string, type: ServiceType): JsonObject | Failure {
  const tcp = ctx.list('tcp');
  const clusterIP = type === 'ClusterIP' ? ctx.str('clusterip') : '';
  const externalName = type === 'ExternalName' ? ctx.str('external-name') : '';
  if (clusterIP !== 'None' && tcp.length === 0 && type !== 'ExternalName')
    return failure('at least one tcp port specifier must be provided');
  if (type === 'ExternalName' && dns1123Subdomain(externalName).length > 0) return failure(`invalid service external name ${externalName}`);
  const list: JsonObject[] = [];
  const nodePort = type === 'NodePort' ? ctx.int('node-port') : 0;
  for (const t of tcp) {
    const p = ports(t);
    if (p instanceof Failure) return p;
    list.push({ name: t.replaceAll(':', '-'), protocol: 'TCP', ...p, ...(nodePort === 0 ? {} : { nodePort }) });
  }
  return {
    ...head('v1', 'Service', { name, labels: { app: name } }),
    spec: {
      ...(list.length > 0 ? { ports: list } : {}),
      selector: { app: name },
      ...(clusterIP === '' ? {} : { clusterIP }),
      type,
      ...(externalName === '' ? {} : { externalName }),
    },
    status: { loadBalancer: {} },
  };
}

function kind(
  name: string,
  type: ServiceType,
  use: string,
  short: string,
  flags: readonly Flag[],
  more: { long: string; example: string },
): Verb {
  return createVerb({
    name,
    use,
    short,
    ...more,
    flags,
    required: type === 'ExternalName' ? ['external-name'] : [],
    mapping: SERVICES,
    failed: `failed to create ${type} service: `,
    saves: false,
    generate: (ctx, n) => service(ctx, n, type),
  });
}

const CLUSTER_IP: Flag = {
  name: 'clusterip',
  type: 'string',
  usage: "Assign your own ClusterIP or set to 'None' for a 'headless' service (no loadbalancing).",
};
const NODE_PORT: Flag = { name: 'node-port', type: 'int', usage: 'Port used to expose the service on each node in a cluster.' };
const EXTERNAL_NAME: Flag = { name: 'external-name', type: 'string', usage: 'External name of service' };

const SUBCOMMANDS: readonly Verb[] = [
  kind(
    'clusterip',
    'ClusterIP',
    'clusterip NAME [--tcp=<port>:<targetPort>] [--dry-run=server|client|none]',
    'Create a ClusterIP service',
    [TCP, CLUSTER_IP],
    {
      long: 'Create a ClusterIP service with the specified name.',
      example:
        '  # Create a new ClusterIP service named my-cs\n  kubectl create service clusterip my-cs --tcp=5678:8080\n  \n  # Create a new ClusterIP service named my-cs (in headless mode)\n  kubectl create service clusterip my-cs --clusterip="None"',
    },
  ),
  kind(
    'externalname',
    'ExternalName',
    'externalname NAME --external-name external.name [--dry-run=server|client|none]',
    'Create an ExternalName service',
    [TCP, EXTERNAL_NAME],
    {
      long: 'Create an ExternalName service with the specified name.\n\n ExternalName service references to an external DNS address instead of only pods, which will allow application authors to reference services that exist off platform, on other clusters, or locally.',
      example: '  # Create a new ExternalName service named my-ns\n  kubectl create service externalname my-ns --external-name bar.com',
    },
  ),
  kind(
    'loadbalancer',
    'LoadBalancer',
    'loadbalancer NAME [--tcp=port:targetPort] [--dry-run=server|client|none]',
    'Create a LoadBalancer service',
    [TCP],
    {
      long: 'Create a LoadBalancer service with the specified name.',
      example: '  # Create a new LoadBalancer service named my-lbs\n  kubectl create service loadbalancer my-lbs --tcp=5678:8080',
    },
  ),
  kind(
    'nodeport',
    'NodePort',
    'nodeport NAME [--tcp=port:targetPort] [--dry-run=server|client|none]',
    'Create a NodePort service',
    [TCP, NODE_PORT],
    {
      long: 'Create a NodePort service with the specified name.',
      example: '  # Create a new NodePort service named my-ns\n  kubectl create service nodeport my-ns --tcp=5678:8080',
    },
  ),
];

/** DefaultSubCommandRun(): help on standard error, and an error status. */
export function* onlySubcommands(ctx: Ctx): Task<number | Failure> {
  if (ctx.args.length > 0) return ctx.usageError(`unknown command ${quote(ctx.args.join(' '))}`);
  yield* ctx.err(helpText(ctx.verb, ctx.path, ctx.p.winsize(1)?.cols ?? null));
  return exitWith(1);
}

export const createServiceVerb: Verb = {
  name: 'service',
  aliases: ['svc'],
  use: 'service [flags]',
  short: 'Create a service using a specified subcommand',
  long: 'Create a service using a specified subcommand.',
  flags: [],
  subcommands: SUBCOMMANDS,
  run: onlySubcommands,
};
