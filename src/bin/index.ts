/** The table of all programs, sorted by name. */

import '../os/whole.ts';
import './complete/index.ts';
import './iptables/exthelp.ts';
import './sh/engine.ts';
import type { Command } from '../os/program.ts';
import { arp } from './arp/arp.ts';
import { arping } from './arping/arping.ts';
import { brctl } from './brctl/brctl.ts';
import { bridge } from './bridge/bridge.ts';
import { conntrack } from './conntrack/conntrack.ts';
import { curl } from './curl/curl.ts';
import { dig } from './dig/dig.ts';
import { dmesg } from './dmesg/dmesg.ts';
import { download } from './download/download.ts';
import { ethtool } from './ethtool/ethtool.ts';
import { everyday, helped } from './everyday.ts';
import { free } from './free/free.ts';
import { getent } from './getent/getent.ts';
import { host } from './host/host.ts';
import { ifconfig } from './ifconfig/ifconfig.ts';
import { ip } from './ip/ip.ts';
import { ipcmk } from './ipc/ipcmk.ts';
import { ipcrm } from './ipc/ipcrm.ts';
import { ipcs } from './ipc/ipcs.ts';
import { ipset } from './ipset/ipset.ts';
import { iptablesCommands } from './iptables/iptables.ts';
import { ipvsadm } from './ipvsadm/ipvsadm.ts';
import { journalctl } from './journalctl/journalctl.ts';
import { kubectl } from './kubectl/kubectl.ts';
import { less } from './less/less.ts';
import { lsns } from './lsns/lsns.ts';
import { lsof } from './lsof/lsof.ts';
import { man } from './man/man.ts';
import { more } from './more/more.ts';
import { mtr } from './mtr/mtr.ts';
import { nano } from './nano/nano.ts';
import { nc } from './nc/nc.ts';
import { netstat } from './netstat/netstat.ts';
import { smallTools } from './nettools/small.ts';
import { nft } from './nft/nft.ts';
import { nginx } from './nginx/nginx.ts';
import { nohup, setsid } from './nohup/nohup.ts';
import { nsenter } from './nsenter/nsenter.ts';
import { nslookup } from './nslookup/nslookup.ts';
import { nstat } from './nstat/nstat.ts';
import { openssl } from './openssl/openssl.ts';
import { killall, pgrep } from './pgrep/pgrep.ts';
import { ping } from './ping/ping.ts';
import { poddns } from './poddns/poddns.ts';
import { podserver } from './podserver/podserver.ts';
import { route } from './route/route.ts';
import { bash } from './sh/sh.ts';
import { ss } from './ss/ss.ts';
import { sysctl } from './sysctl/sysctl.ts';
import { systemctl } from './systemctl/systemctl.ts';
import { tar } from './tar/tar.ts';
import { tc } from './tc/tc.ts';
import { tcpdump } from './tcpdump/tcpdump.ts';
import { telnet } from './telnet/telnet.ts';
import { top } from './top/top.ts';
import { tracepath } from './tracepath/tracepath.ts';
import { traceroute } from './traceroute/traceroute.ts';
import { stty, tty } from './tty/tty.ts';
import { unshare } from './unshare/unshare.ts';
import { nproc, uptime } from './uptime/uptime.ts';
import { vi } from './vi/vi.ts';
import { wget } from './wget/wget.ts';
import { why } from './why/why.ts';

const table: readonly Command[] = [
  ...everyday,
  ...iptablesCommands,
  ...smallTools,
  arp,
  arping,
  bash,
  brctl,
  bridge,
  conntrack,
  curl,
  dig,
  dmesg,
  download,
  ethtool,
  free,
  getent,
  host,
  ifconfig,
  ip,
  ipcmk,
  ipcrm,
  ipcs,
  ipset,
  ipvsadm,
  killall,
  journalctl,
  less,
  lsns,
  lsof,
  man,
  more,
  mtr,
  nano,
  nc,
  netstat,
  nft,
  kubectl,
  nginx,
  nohup,
  nproc,
  nsenter,
  nslookup,
  nstat,
  openssl,
  pgrep,
  ping,
  poddns,
  podserver,
  route,
  setsid,
  ss,
  stty,
  sysctl,
  systemctl,
  tar,
  tc,
  tcpdump,
  telnet,
  top,
  tracepath,
  traceroute,
  tty,
  unshare,
  uptime,
  vi,
  wget,
  why,
];

export const commands: readonly Command[] = table.map(helped);
