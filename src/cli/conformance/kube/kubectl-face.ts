/** The API server's process for the kubectl recordings, with kubeconfigs of their two users. */

import { kubeApiserverCommand, pkiOf } from '../../../cluster/api/apiserver.ts';
import { CA_PEM } from '../../../cluster/api/pki.ts';
import type { ApiServer } from '../../../cluster/api/server.ts';
import { provideApi } from '../../../cluster/node/connect.ts';
import type { Machine } from '../../../os/machine.ts';
import { startCommand } from '../../../os/run.ts';

const kubeconfig = (user: string): string => `apiVersion: v1
clusters:
- cluster:
    certificate-authority: pki/ca.crt
    server: https://192.168.56.10:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: ${user}
  name: ${user}@kubernetes
current-context: ${user}@kubernetes
kind: Config
users:
- name: ${user}
  user:
    client-certificate: pki/${user}.crt
    client-key: pki/${user}.key
`;

const USERS = [
  ['admin', 'kubernetes-admin', 'system:masters'],
  ['alice', 'alice', 'devs'],
] as const;

/** A certificate of an authority that signed nothing here (CN=Some Root CA). */
const STRANGER = ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', ''].join('\n');

/** Writes certificates and kubeconfigs into `folder` and serves on :6443. */
export function serveApi(machine: Machine, api: ApiServer, folder: string): void {
  provideApi(machine.sim, { api, kubernetes: {} as never, rootCA: CA_PEM, nodes: new Map() });
  const pki = pkiOf(api);
  machine.directory(`${folder}/pki`);
  machine.directory('/etc/ssl/certs');
  machine.init.writeFile('/etc/ssl/certs/ca-certificates.crt', STRANGER);
  const write = (name: string, body: string): unknown => machine.init.writeFile(`${folder}/${name}`, body);
  write('pki/ca.crt', CA_PEM);
  for (const [user, name, group] of USERS) {
    const pair = pki.client(name, [group]);
    write(`pki/${user}.crt`, pair.certificate);
    write(`pki/${user}.key`, pair.key);
    write(`${user}.conf`, kubeconfig(user));
  }
  machine.install([{ ...kubeApiserverCommand, hidden: false, path: '/usr/local/bin/kube-apiserver' }]);
  startCommand(machine, ['kube-apiserver', '--secure-port=6443']);
}
