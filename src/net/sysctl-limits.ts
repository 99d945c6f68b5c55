/** What a sysctl takes: bounds and units of each key, and how the kernel reads numbers. Models kernel/sysctl.c, net/core/sysctl_net_core.c */

import { fail, ok, type Result } from '../sim/errno.ts';

/** Unit in which the value is kept: reading back shows what is left of it. */
type Unit = 'plain' | 'flag' | 'ms' | 'ticks' | 's';

interface Limit {
  readonly unit: Unit;
  readonly least: number;
  readonly most: number;
}

const INT = 2 ** 31 - 1;
const UINT = 2 ** 32 - 1;
const LONG = 2 ** 63;
const HZ = 250;

const limit = (least: number, most: number, unit: Unit = 'plain'): Limit => ({ unit, least, most });
const ANY = limit(-INT - 1, INT);

/** Rows of [bounds, names]; names are the last part of the key, with a directory in front where two differ. */
const ROWS: readonly (readonly [Limit, string])[] = [
  [
    limit(0, 255),
    'fwmark_reflect igmp_link_local_mcast_reports ip_dynaddr ip_early_demux ip_forward_use_pmtu ip_no_pmtu_disc ip_nonlocal_bind ' +
      'tcp_abort_on_overflow tcp_comp_sack_nr tcp_dsack tcp_early_demux tcp_fack tcp_frto tcp_fwmark_accept tcp_keepalive_probes ' +
      'tcp_moderate_rcvbuf tcp_mtu_probing tcp_no_metrics_save tcp_orphan_retries tcp_plb_suspend_rto_sec tcp_recovery tcp_retrans_collapse ' +
      'tcp_retries1 tcp_retries2 tcp_rfc1337 tcp_sack tcp_slow_start_after_idle tcp_stdurg tcp_synack_retries tcp_syncookies ' +
      'tcp_thin_linear_timeouts tcp_timestamps tcp_tso_rtt_log tcp_tso_win_divisor tcp_window_scaling tcp_workaround_signed_windows ' +
      'udp_early_demux anycast_src_echo_reply bindv6only ndisc_tclass flowlabel_consistency flowlabel_state_ranges icmp/echo_ignore_all ' +
      'echo_ignore_anycast echo_ignore_multicast syn_retrans_before_tcp_fallback nf_conntrack_log_invalid nf_conntrack_tcp_max_retrans',
  ],
  [
    limit(0, 1),
    'tstamp_allow_data txrehash fib_multipath_use_neigh icmp_echo_enable_probe icmp_echo_ignore_all icmp_echo_ignore_broadcasts ' +
      'icmp_errors_use_inbound_ifaddr icmp_ignore_bogus_error_responses ip_autobind_reuse ip_forward_update_priority nexthop_compat_mode ' +
      'raw_l3mdev_accept tcp_autocorking tcp_backlog_ack_defer tcp_ecn_fallback tcp_l3mdev_accept tcp_migrate_req ' +
      'tcp_no_ssthresh_metrics_save tcp_plb_enabled tcp_reflect_tos tcp_shrink_window udp_l3mdev_accept force_forwarding ioam6_enabled ' +
      'ndisc_evict_nocarrier ra_honor_pio_life ra_honor_pio_pflag rpl_seg_enabled error_anycast_as_unicast skip_notify_on_dev_down ' +
      'allow_join_initial_addr_port checksum_enabled enabled pm_type nf_conntrack_acct nf_conntrack_checksum nf_conntrack_tcp_be_liberal ' +
      'nf_conntrack_tcp_ignore_invalid_rst nf_conntrack_tcp_loose nf_conntrack_timestamp nf_hooks_lwtunnel',
  ],
  [
    limit(0, INT),
    'optmem_max somaxconn icmp_msgs_burst icmp_msgs_per_sec ipfrag_max_dist app_solicit mcast_resolicit mcast_solicit proxy_qlen ' +
      'ucast_solicit unres_qlen_bytes tcp_fastopen_blackhole_timeout_sec blackhole_timeout',
  ],
  [limit(0, 2), 'fib_notify_on_flag_change tcp_ecn tcp_ecn_option tcp_tw_reuse accept_untracked_na nf_conntrack_events'],
  [limit(0, 3), 'fib_multipath_hash_policy tcp_ecn_option_beacon auto_flowlabels addr_gen_mode'],
  [limit(0, UINT), 'xfrm_aevent_etime xfrm_aevent_rseqth fib_multipath_hash_seed tcp_notsent_lowat ioam6_id_wide stale_loss_cnt'],
  [limit(1, INT), 'igmp_qrv tcp_max_reordering tcp_rto_min_us udp_rmem_min udp_wmem_min tcp_rmem tcp_wmem'],
  [limit(1, 255), 'ip_default_ttl tcp_min_tso_segs tcp_pingpong_thresh hop_limit'],
  [limit(0, 31), 'tcp_app_win tcp_plb_idle_rehash_rounds tcp_plb_rehash_rounds'],
  [limit(1, 4095), 'fib_multipath_hash_fields'],
  [limit(48, 65_535), 'tcp_min_snd_mss tcp_mtu_probe_floor'],
  [limit(0, 1000), 'tcp_pacing_ca_ratio tcp_pacing_ss_ratio'],
  [limit(0, 65_535), 'ioam6_id'],
  [limit(1, UINT), 'ra_defrtr_metric'],
  [limit(-1, INT), 'router_solicitations'],
  [
    limit(0, 2 ** 64),
    'ipfrag_high_thresh ip6frag_high_thresh nf_conntrack_frag6_high_thresh tcp_comp_sack_delay_ns tcp_comp_sack_slack_ns',
  ],
  [limit(0, 2 ** 64), 'ipfrag_low_thresh ip6frag_low_thresh nf_conntrack_frag6_low_thresh'],
  [limit(1, 65_535), 'ip_local_port_range'],
  [limit(0, 65_535), 'ip_unprivileged_port_start'],
  [limit(0, UINT - 1), 'ping_group_range'],
  [limit(68, INT), 'min_pmtu'],
  [limit(-31, 31), 'tcp_adv_win_scale'],
  [limit(0, 2 ** 24), 'tcp_child_ehash_entries'],
  [limit(0, 4), 'tcp_early_retrans'],
  [limit(0, 86_400), 'tcp_min_rtt_wlen'],
  [limit(0, 256), 'tcp_plb_cong_thresh'],
  [limit(0, 17_179_869), 'tcp_probe_interval'],
  [limit(1, INT), 'tcp_reordering'],
  [limit(1000, 120_000), 'tcp_rto_max_ms'],
  [limit(0, 127), 'tcp_syn_linear_timeouts'],
  [limit(1, 127), 'tcp_syn_retries'],
  [limit(1, 60_000), 'tcp_tw_reuse_delay'],
  [limit(0, 65_536), 'udp_child_hash_entries'],
  [limit(0, 7), 'flowlabel_reflect'],
  [limit(0, 2 ** 24 - 1), 'ipv6/ioam6_id'],
  [limit(0, 2 ** 56 - 1), 'ipv6/ioam6_id_wide'],
  [limit(1280, INT), 'mtu'],
  [limit(0, 1_027_504), 'unres_qlen'],
  [
    limit(-INT - 1, INT, 'flag'),
    'bridge-nf-call-arptables bridge-nf-call-ip6tables bridge-nf-call-iptables bridge-nf-filter-pppoe-tagged bridge-nf-filter-vlan-tagged bridge-nf-pass-vlan-input-dev',
  ],
  [
    limit(-8_589_934, 8_589_934, 's'),
    'ipfrag_time base_reachable_time delay_first_probe_time gc_stale_time mtu_expires tcp_fin_timeout tcp_keepalive_intvl tcp_keepalive_time ' +
      'router_probe_interval router_solicitation_delay router_solicitation_interval router_solicitation_max_interval idgen_delay ip6frag_time ' +
      'gc_interval gc_min_interval gc_timeout add_addr_timeout close_timeout',
  ],
  [
    limit(0, INT, 'ms'),
    'icmp_ratelimit base_reachable_time_ms retrans_time_ms tcp_invalid_ratelimit mldv1_unsolicited_report_interval ' +
      'mldv2_unsolicited_report_interval ratelimit gc_min_interval_ms',
  ],
  [limit(1, INT, 'ms'), 'interval_probe_time_ms'],
  [limit(-LONG, LONG, 'ticks'), 'anycast_delay locktime proxy_delay ipv4/retrans_time'],
];

const LIMITS: ReadonlyMap<string, Limit> = new Map(ROWS.flatMap(([l, names]) => names.split(' ').map((n): [string, Limit] => [n, l])));
const SECONDS = limit(-8_589_934, 8_589_934, 's');

function limitOf(path: string): Limit {
  const parts = path.split('/');
  const name = parts.at(-1) as string;
  // `ipv6/…` rows are of the family's own directory, `icmp/…` of one below; retrans_time counts ticks in IPv4 only.
  const own = LIMITS.get(`${name === 'retrans_time' ? parts[1] : parts.at(-2)}/${name}`) ?? LIMITS.get(name);
  if (own) return own;
  return name.startsWith('nf_conntrack_') && name.includes('timeout') ? SECONDS : ANY;
}

/** Bounds that depend on another key's value: [key, is it the least?]. */
export const BOUND_BY: Readonly<Record<string, readonly [string, 'least' | 'most']>> = {
  'net/ipv4/ipfrag_high_thresh': ['net/ipv4/ipfrag_low_thresh', 'least'],
  'net/ipv4/ipfrag_low_thresh': ['net/ipv4/ipfrag_high_thresh', 'most'],
  'net/ipv6/ip6frag_high_thresh': ['net/ipv6/ip6frag_low_thresh', 'least'],
  'net/ipv6/ip6frag_low_thresh': ['net/ipv6/ip6frag_high_thresh', 'most'],
  'net/netfilter/nf_conntrack_frag6_high_thresh': ['net/netfilter/nf_conntrack_frag6_low_thresh', 'least'],
  'net/netfilter/nf_conntrack_frag6_low_thresh': ['net/netfilter/nf_conntrack_frag6_high_thresh', 'most'],
  'net/ipv4/tcp_reordering': ['net/ipv4/tcp_max_reordering', 'most'],
  'net/ipv4/ip_unprivileged_port_start': ['net/ipv4/ip_local_port_range', 'most'],
};

/** strtoul_lenient() of base 0: 0x10, 010 and 16, a sign in front; null when something else follows. */
function number(word: string): number | null {
  const m = /^(-?)(?:(0x[0-9a-f]+)|(0[0-7]*)|([1-9]\d*))$/i.exec(word);
  if (!m) return null;
  const n = m[2] ? Number(m[2]) : m[3] ? Number.parseInt(m[3], 8) : Number(m[4]);
  return m[1] ? -n : n;
}

/** What the kept value looks like when it is read again, in jiffies of 4 ms where time is kept so. */
function kept(n: number, unit: Unit): string {
  if (unit === 'flag') return n === 0 ? '0' : '1';
  if (unit === 'ms') return String(Math.sign(n) * Math.ceil(Math.abs(n) / (1000 / HZ)) * (1000 / HZ) || 0);
  if (unit === 'ticks') {
    const ticks = Math.floor((Math.floor((Math.abs(n) * HZ) / 100) * 100) / HZ);
    return `${n < 0 ? '-' : ''}${ticks}`;
  }
  return String(n);
}

/** The numbers of a write, as they will be read again: at most `count`, what comes behind them is not looked at. EINVAL otherwise. */
export function parseNumbers(path: string, text: string, count: number, bound: number | null): Result<string[]> {
  const { unit, least, most } = limitOf(path);
  const by = BOUND_BY[path]?.[1];
  const low = by === 'least' && bound !== null ? bound : least;
  const high = by === 'most' && bound !== null ? bound : most;
  const out: string[] = [];
  for (const word of text
    .trim()
    .split(/[ \t\n]+/)
    .slice(0, count)) {
    let n = number(word);
    if (n === null || Math.abs(n) >= 2 ** 64) return fail('EINVAL');
    // Milliseconds are cut to an int before anyone looks.
    if (unit === 'ms') n = Number(BigInt.asIntN(32, BigInt(n)));
    if (n < low || n > high) return fail('EINVAL');
    out.push(kept(n, unit));
  }
  return ok(out);
}

/** Keys that hold a set of numbers below this. */
const BITMAPS: Readonly<Record<string, number>> = { 'net/ipv4/ip_local_reserved_ports': 65_536, 'net/ipv6/icmp/ratemask': 256 };

/** Keys with a text of their own form, normalised; null when the key is none of them. Models proc_do_large_bitmap() and bitmap_parse(). */
export function parseText(path: string, text: string): Result<string> | null {
  const bits = BITMAPS[path];
  if (bits !== undefined) return bitmap(text.trim(), bits);
  if (path === 'net/core/rps_default_mask') return cpuMask(text.trim());
  return null;
}

function bitmap(text: string, bits: number): Result<string> {
  const on = new Uint8Array(bits);
  for (const word of text === '' ? [] : text.split(',')) {
    const m = /^(\d+)(?:-(\d+))?$/.exec(word);
    const from = Number(m?.[1]);
    const to = Number(m?.[2] ?? m?.[1]);
    if (!m || from >= bits || to >= bits || to < from) return fail('EINVAL');
    on.fill(1, from, to + 1);
  }
  return ok(ranges(on));
}

function ranges(on: Uint8Array): string {
  const out: string[] = [];
  for (let i = 0; i < on.length; i++) {
    if (!on[i]) continue;
    const from = i;
    while (i + 1 < on.length && on[i + 1]) i++;
    out.push(from === i ? `${from}` : `${from}-${i}`);
  }
  return out.join(',');
}

/** The machine has two processors. */
const CPUS = 2;

function cpuMask(text: string): Result<string> {
  if (!/^[0-9a-f, ]*$/i.test(text)) return fail('EINVAL');
  const chunks = text.split(/[ ,]/).filter((c) => c !== '');
  if (chunks.some((c) => c.length > 8) || Number.parseInt(chunks.join('') || '0', 16) >= 2 ** CPUS) return fail('EOVERFLOW');
  return ok(Number.parseInt(chunks.join('') || '0', 16).toString(16));
}
