/** Which container IDs, network names and interface names are allowed. Models containernetworking/cni pkg/utils */

import { type CniErrorBody, ERR } from './types.ts';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const MAX_INTERFACE_NAME = 15;

export function validContainerID(id: string): CniErrorBody | null {
  if (id === '') return { code: ERR.unknownContainer, msg: 'missing containerID' };
  return NAME.test(id) ? null : { code: ERR.invalidEnvironment, msg: 'invalid characters in containerID', details: id };
}

export function validNetworkName(name: string): CniErrorBody | null {
  if (name === '') return { code: ERR.invalidConfig, msg: 'missing network name:' };
  return NAME.test(name) ? null : { code: ERR.invalidConfig, msg: 'invalid characters found in network name', details: name };
}

export function validInterfaceName(name: string): CniErrorBody | null {
  const wrong = (msg: string, details?: string): CniErrorBody => ({ code: ERR.invalidEnvironment, msg, ...(details ? { details } : {}) });
  if (name === '') return wrong('interface name is empty');
  if (new TextEncoder().encode(name).length > MAX_INTERFACE_NAME)
    return wrong('interface name is too long', `interface name should be less than ${MAX_INTERFACE_NAME + 1} characters`);
  if (name === '.' || name === '..') return wrong('interface name is . or ..');
  return /[/:\s\u0085]/.test(name) ? wrong('interface name contains / or : or whitespace characters') : null;
}
