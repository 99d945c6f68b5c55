/** The program's own options, and which of them may stand with which command. Models xshared.h and commands_v_options[] */

export type CommandKey = 'A' | 'C' | 'D' | 'I' | 'R' | 'L' | 'S' | 'F' | 'Z' | 'N' | 'X' | 'E' | 'P';

export interface GlobalOption {
  readonly long: string;
  readonly key: string;
  readonly arg: 'none' | 'required' | 'optional';
}

export const GLOBALS: readonly GlobalOption[] = [
  { long: 'append', key: 'A', arg: 'required' },
  { long: 'delete', key: 'D', arg: 'required' },
  { long: 'check', key: 'C', arg: 'required' },
  { long: 'insert', key: 'I', arg: 'required' },
  { long: 'replace', key: 'R', arg: 'required' },
  { long: 'list', key: 'L', arg: 'optional' },
  { long: 'list-rules', key: 'S', arg: 'optional' },
  { long: 'flush', key: 'F', arg: 'optional' },
  { long: 'zero', key: 'Z', arg: 'optional' },
  { long: 'new-chain', key: 'N', arg: 'required' },
  { long: 'delete-chain', key: 'X', arg: 'optional' },
  { long: 'rename-chain', key: 'E', arg: 'required' },
  { long: 'policy', key: 'P', arg: 'required' },
  { long: 'source', key: 's', arg: 'required' },
  { long: 'destination', key: 'd', arg: 'required' },
  { long: 'src', key: 's', arg: 'required' },
  { long: 'dst', key: 'd', arg: 'required' },
  { long: 'protocol', key: 'p', arg: 'required' },
  { long: 'in-interface', key: 'i', arg: 'required' },
  { long: 'jump', key: 'j', arg: 'required' },
  { long: 'table', key: 't', arg: 'required' },
  { long: 'match', key: 'm', arg: 'required' },
  { long: 'numeric', key: 'n', arg: 'none' },
  { long: 'out-interface', key: 'o', arg: 'required' },
  { long: 'verbose', key: 'v', arg: 'none' },
  { long: 'wait', key: 'w', arg: 'optional' },
  { long: 'wait-interval', key: 'W', arg: 'optional' },
  { long: 'exact', key: 'x', arg: 'none' },
  { long: 'fragments', key: 'f', arg: 'none' },
  { long: 'version', key: 'V', arg: 'none' },
  { long: 'help', key: 'h', arg: 'optional' },
  { long: 'line-numbers', key: '0', arg: 'none' },
  { long: 'modprobe', key: 'M', arg: 'required' },
  { long: 'set-counters', key: 'c', arg: 'required' },
  { long: 'goto', key: 'g', arg: 'required' },
  { long: 'ipv4', key: '4', arg: 'none' },
  { long: 'ipv6', key: '6', arg: 'none' },
];

/** Options that may stand with a command; others are illegal there. */
export const ALLOWED: Readonly<Record<CommandKey, string>> = {
  A: 'sdpjviofcgm4',
  C: 'sdpjviofgm4',
  D: 'sdpjviofcgm4',
  I: 'sdpjviofcgm4',
  R: 'sdpjviofcgm4',
  L: 'nvx0',
  S: 'v',
  F: 'v',
  Z: 'v',
  N: 'v',
  X: 'v',
  E: 'v',
  P: 'vc',
};
export const ORDER = 'nsdpjvxiof0cg';
export const MAX_CHAIN = 29;
