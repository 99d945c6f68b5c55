/** What differs between the kernels that recordings were made on: version, build options, defaults. */

export interface KernelProfile {
  /** `uname -r`. */
  readonly release: string;
  /** CONFIG_BRIDGE_VLAN_FILTERING. */
  readonly bridgeVlanFiltering: boolean;
  /** Largest automatic TCP receive buffer, bytes: it decides the window scale that a SYN offers. */
  readonly tcpRmemMax: number;
}

/** The kernel that most recordings were made on. */
export const LINUX_6_18: KernelProfile = { release: '6.18.44', bridgeVlanFiltering: false, tcpRmemMax: 33_554_432 };

/** Debian 12's kernel: VLAN filtering is built in, buffers are those of a small machine. */
export const DEBIAN_6_1: KernelProfile = { release: '6.1.0-56-amd64', bridgeVlanFiltering: true, tcpRmemMax: 6_291_456 };

/** The profile for a release as a recording names it. */
export function profileOf(release: string | undefined): KernelProfile {
  return release?.startsWith('6.1.') ? DEBIAN_6_1 : LINUX_6_18;
}
