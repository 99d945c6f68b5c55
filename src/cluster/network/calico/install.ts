/** install: the init container that writes Calico's CNI configuration on a node. Models cni-plugin pkg/install */

import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import { makeDirs } from '../../cni/cache.ts';

const DIR = '/host/etc/cni/net.d';

function* main(p: Process): Task<number> {
  const template = p.env.get('CNI_NETWORK_CONFIG') ?? '';
  if (template === '') {
    yield* p.err('[FATAL] cni-installer/install.go: Unable to create cni config without CNI_NETWORK_CONFIG\n');
    return 1;
  }
  const text = template
    .replaceAll('__KUBERNETES_NODE_NAME__', p.env.get('KUBERNETES_NODE_NAME') ?? p.hostname)
    .replaceAll('__CNI_MTU__', p.env.get('CNI_MTU') || '0')
    .replaceAll('__KUBECONFIG_FILEPATH__', '/etc/cni/net.d/calico-kubeconfig');
  makeDirs(p, DIR);
  const file = `${DIR}/${p.env.get('CNI_CONF_NAME') || '10-calico.conflist'}`;
  const r = p.writeFile(file, text);
  yield* p.err(r.ok ? `[INFO] cni-installer/install.go: Wrote config ${file}\n` : `[FATAL] cni-installer/install.go: ${r.errno}\n`);
  return r.ok ? 0 : 1;
}

export const calicoInstall: Command = { name: 'calico-install', path: '/opt/cni/bin/install', main };
