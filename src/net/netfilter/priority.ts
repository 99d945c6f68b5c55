/** Order at a hook. Models enum nf_ip_hook_priorities */

/** NF_IP_PRI_*: smaller runs earlier. */
export const PRIORITY = {
  defrag: -400,
  raw: -300,
  conntrack: -200,
  mangle: -150,
  dnat: -100,
  filter: 0,
  security: 50,
  snat: 100,
  confirm: 2147483647,
} as const;
