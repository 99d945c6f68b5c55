/** Kubeconfig files and certificates on the disks of nodes. Models kubeadm's kubeconfig and certs phases. */

import { RegularFile } from '../../os/inode.ts';
import type { Machine } from '../../os/machine.ts';
import { utf8 } from '../../wire/bytes.ts';
import { toBase64 } from '../../wire/der.ts';
import { pkiOf } from './apiserver.ts';
import { CA_PEM, type Pki } from './pki.ts';
import type { ApiServer } from './server.ts';

export interface KubeconfigUser {
  readonly name: string;
  readonly groups: readonly string[];
}

export const ADMIN: KubeconfigUser = { name: 'kubernetes-admin', groups: ['kubeadm:cluster-admins'] };

const encode = (text: string): string => toBase64(utf8(text));

export function kubeconfigText(pki: Pki, server: string, user: KubeconfigUser): string {
  const pair = pki.client(user.name, user.groups);
  return `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${encode(CA_PEM)}
    server: ${server}
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: ${user.name}
  name: ${user.name}@kubernetes
current-context: ${user.name}@kubernetes
kind: Config
users:
- name: ${user.name}
  user:
    client-certificate-data: ${encode(pair.certificate)}
    client-key-data: ${encode(pair.key)}
`;
}

function put(machine: Machine, path: string, text: string | (() => string), mode: number): void {
  const slash = path.lastIndexOf('/');
  machine.directory(path.slice(0, slash)).link(path.slice(slash + 1), new RegularFile(text, mode));
}

/** `https://ADDRESS:6443` */
export const serverUrl = (api: ApiServer): string => {
  const host = api.options.advertiseAddress || '127.0.0.1';
  return `https://${host.includes(':') ? `[${host}]` : host}:${api.options.securePort ?? 6443}`;
};

/** admin.conf, and the same as root's ~/.kube/config; keys are made when somebody reads the file. */
export function installKubeconfig(machine: Machine, api: ApiServer, path = '/root/.kube/config', user: KubeconfigUser = ADMIN): void {
  put(machine, path, () => kubeconfigText(pkiOf(api), serverUrl(api), user), 0o600);
}

/** What kubeadm leaves on a node under /etc/kubernetes. */
export function installNodeFiles(machine: Machine, api: ApiServer, node: string, controlPlane: boolean): void {
  const pki = (): Pki => pkiOf(api);
  const url = serverUrl(api);
  put(machine, '/etc/kubernetes/pki/ca.crt', CA_PEM, 0o644);
  put(
    machine,
    '/var/lib/kubelet/pki/kubelet-client-current.pem',
    () => {
      const pair = pki().client(`system:node:${node}`, ['system:nodes']);
      return pair.certificate + pair.key;
    },
    0o600,
  );
  const kubelet = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${encode(CA_PEM)}
    server: ${url}
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: system:node:${node}
  name: system:node:${node}@kubernetes
current-context: system:node:${node}@kubernetes
kind: Config
users:
- name: system:node:${node}
  user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem
`;
  put(machine, '/etc/kubernetes/kubelet.conf', kubelet, 0o600);
  if (!controlPlane) return;
  installKubeconfig(machine, api, '/etc/kubernetes/admin.conf');
  installKubeconfig(machine, api);
  installKubeconfig(machine, api, '/etc/kubernetes/super-admin.conf', { name: 'kubernetes-super-admin', groups: ['system:masters'] });
  installKubeconfig(machine, api, '/etc/kubernetes/controller-manager.conf', { name: 'system:kube-controller-manager', groups: [] });
  installKubeconfig(machine, api, '/etc/kubernetes/scheduler.conf', { name: 'system:kube-scheduler', groups: [] });
}
