/** Flags that every kubectl command has. Models genericclioptions.ConfigFlags.AddFlags and kubectl/pkg/cmd/cmd.go */

import type { Flag } from './flags.ts';

const one = (name: string, type: Flag['type'], usage: string, more: Partial<Flag> = {}): Flag => ({ name, type, usage, ...more });

export const GLOBALS: readonly Flag[] = [
  one('as', 'string', 'Username to impersonate for the operation. User could be a regular user or a service account in a namespace.'),
  one('as-group', 'stringArray', 'Group to impersonate for the operation, this flag can be repeated to specify multiple groups.'),
  one('as-uid', 'string', 'UID to impersonate for the operation.'),
  one(
    'as-user-extra',
    'stringArray',
    'User extras to impersonate for the operation, this flag can be repeated to specify multiple values for the same key.',
  ),
  one('cache-dir', 'string', 'Default cache directory', { def: '/root/.kube/cache' }),
  one('certificate-authority', 'string', 'Path to a cert file for the certificate authority'),
  one('client-certificate', 'string', 'Path to a client certificate file for TLS'),
  one('client-key', 'string', 'Path to a client key file for TLS'),
  one('cluster', 'string', 'The name of the kubeconfig cluster to use'),
  one('context', 'string', 'The name of the kubeconfig context to use'),
  one('disable-compression', 'bool', 'If true, opt-out of response compression for all requests to the server'),
  one(
    'insecure-skip-tls-verify',
    'bool',
    "If true, the server's certificate will not be checked for validity. This will make your HTTPS connections insecure",
  ),
  one('kubeconfig', 'string', 'Path to the kubeconfig file to use for CLI requests.'),
  one(
    'kuberc',
    'string',
    'Path to the kuberc file to use for preferences. This can be disabled by exporting KUBECTL_KUBERC=false feature gate or turning off the feature KUBERC=off.',
  ),
  one('match-server-version', 'bool', 'Require server version to match client version'),
  one('namespace', 'string', 'If present, the namespace scope for this CLI request', { short: 'n' }),
  one('password', 'string', 'Password for basic authentication to the API server'),
  one('profile', 'string', 'Name of profile to capture. One of (none|cpu|heap|goroutine|threadcreate|block|mutex|trace)', { def: 'none' }),
  one('profile-output', 'string', 'Name of the file to write the profile to', { def: 'profile.pprof' }),
  one(
    'request-timeout',
    'string',
    "The length of time to wait before giving up on a single server request. Non-zero values should contain a corresponding time unit (e.g. 1s, 2m, 3h). A value of zero means don't timeout requests.",
    { def: '0' },
  ),
  one('server', 'string', 'The address and port of the Kubernetes API server', { short: 's' }),
  one(
    'tls-server-name',
    'string',
    'Server name to use for server certificate validation. If it is not provided, the hostname used to contact the server is used',
  ),
  one('token', 'string', 'Bearer token for authentication to the API server'),
  one('user', 'string', 'The name of the kubeconfig user to use'),
  one('username', 'string', 'Username for basic authentication to the API server'),
  one('v', 'int', 'number for the log level verbosity', { short: 'v' }),
  one(
    'vmodule',
    'string',
    'comma-separated list of pattern=N settings for file-filtered logging (only works for the default text log format)',
  ),
  one('warnings-as-errors', 'bool', 'Treat warnings received from the server as errors and exit with a non-zero exit code'),
];
