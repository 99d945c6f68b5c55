/** Columns of the listing: their titles, numbers that fit. Models print_title() and print_largenum() of ipvsadm 1.31 */

import type { ServerConfig } from '../../os/uapi.ts';

export const FORWARDING: Readonly<Record<ServerConfig['forward'], string>> = {
  masq: 'Masq',
  local: 'Local',
  tunnel: 'Tunnel',
  route: 'Route',
};

export function title(flags: ReadonlySet<string>): string {
  const head = 'Prot LocalAddress:Port'.padEnd(33);
  const wide = (names: readonly string[]): string => `${head} ${names.map((n) => n.padStart(8)).join(' ')}\n  -> RemoteAddress:Port\n`;
  if (flags.has('stats')) return wide(['Conns', 'InPkts', 'OutPkts', 'InBytes', 'OutBytes']);
  if (flags.has('rate')) return wide(['CPS', 'InPPS', 'OutPPS', 'InBPS', 'OutBPS']);
  const counts = `${'ActiveConn'.padEnd(10)} ${'InActConn'.padEnd(10)}\n  -> RemoteAddress:Port\n`;
  if (flags.has('thresholds')) return `${head} ${'Uthreshold'.padEnd(10)} ${'Lthreshold'.padEnd(10)} ${counts}`;
  if (flags.has('persistent-conn')) return `${head} ${'Weight'.padEnd(9)} ${'PersistConn'.padEnd(11)} ${counts}`;
  return 'Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n';
}

/** Nine columns, in thousands and more when it does not fit. */
export function large(n: number, exact: boolean): string {
  if (exact) return String(n).padStart(Math.max(9, String(n).length + 1));
  if (n < 1e8) return String(n).padStart(9);
  if (n < 1e9) return `${String(Math.floor(n / 1e3)).padStart(8)}K`;
  if (n < 1e11) return `${String(Math.floor(n / 1e6)).padStart(8)}M`;
  return `${String(Math.floor(n / 1e9)).padStart(8)}G`;
}
