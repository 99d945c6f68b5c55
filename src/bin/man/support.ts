/** What each program is, which release it is measured against, and what of it is not emulated. The manual and the site's page of limits read it. */

export interface Support {
  /** One line, as in a manual's NAME section. */
  readonly summary: string;
  readonly section: 1 | 8;
  /** The release whose output is reproduced; null for programs that exist only here. */
  readonly models: string | null;
  /** Arguments that make it print its usage; null when it has no such thing. */
  readonly help: readonly string[] | null;
  /** What the real one has and this one has not, with the reason where there is one beyond "not yet". */
  readonly missing: readonly string[];
}

const tool =
  (models: string | null, section: 1 | 8, help: readonly string[] | null) =>
  (summary: string, ...missing: readonly string[]): Support => ({ summary, section, models, help, missing });

const core = tool('coreutils 9.1', 1, ['--help']);
const builtin = tool('coreutils 9.1', 1, null);
const linux1 = tool('util-linux 2.38', 1, ['--help']);
const linux8 = tool('util-linux 2.38', 8, ['--help']);
const procps = tool('procps 4.0', 1, ['--help']);
const nettools = tool('net-tools 2.10', 8, ['--help']);
const iptables = tool('iptables 1.8.9', 8, ['-h']);
const NEVER_ROOT = 'file modes and owners are kept, but only some programs check them';

export const SUPPORT: Readonly<Record<string, Support>> = {
  '[': builtin('evaluates an expression'),
  arp: nettools('shows and changes the ARP cache'),
  arping: tool('arping 2.23', 8, ['--help'])('asks for addresses with ARP requests'),
  awk: tool('mawk 1.3.4', 1, null)('scans lines for patterns and processes them', 'long options of mawk'),
  base32: core('encodes and decodes base32'),
  base64: core('encodes and decodes base64'),
  basename: core('strips directories and a suffix from names'),
  bash: tool('bash 5.2', 1, ['--help'])(
    'the shell',
    'enable, complete and compgen; keys that run shell commands (bind -x)',
    'editing in vi mode',
    'named pipes',
    'coprocesses',
    'programs that fork while holding a here-document larger than the pipe',
  ),
  brctl: tool('bridge-utils 1.7', 8, ['--help'])('manages bridges, the old way'),
  bridge: tool('iproute2 6.1.0', 8, ['help'])('shows and changes bridges: ports, forwarding database, VLANs, groups'),
  cat: core('joins files on standard output'),
  chmod: core('changes file modes', NEVER_ROOT),
  chown: core('changes owners of files', NEVER_ROOT),
  clear: tool('ncurses 6.4', 1, null)('clears the terminal'),
  cmp: tool('diffutils 3.8', 1, ['--help'])('compares two files byte by byte'),
  column: linux1('lines up columns', 'JSON and tree output'),
  comm: core('compares two sorted files line by line'),
  conntrack: tool('conntrack-tools 1.4.7', 8, ['-h'])('shows, changes and watches tracked connections'),
  cp: core('copies files'),
  curl: tool('curl 7.88.1', 1, ['--help'])(
    'transfers a URL',
    'FTP, SMTP and other protocols than HTTP(S)',
    'HTTP/2 and HTTP/3',
    'compression',
  ),
  cut: core('prints parts of lines'),
  date: core('prints the virtual time', 'setting the clock: time belongs to the simulation', 'time zones other than UTC'),
  diff: tool('diffutils 3.8', 1, ['--help'])('compares files line by line', 'side-by-side and context output', 'directories'),
  dig: tool('bind9-dnsutils 9.18', 1, ['-h'])('asks DNS servers', 'DNS over TLS and HTTPS', 'TSIG'),
  dirname: core('strips the last part of names'),
  dmesg: linux1('prints the kernel log', 'levels and facilities: the emulated kernel has none'),
  download: tool(null, 1, ['--help'])('saves files of this host on your own computer'),
  dnsdomainname: nettools('prints the DNS domain of the host'),
  domainname: nettools('prints the NIS domain of the host'),
  echo: core('prints its arguments'),
  egrep: tool('grep 3.8', 1, ['--help'])('grep -E'),
  env: core('runs a program with a changed environment'),
  ethtool: tool('ethtool 6.1', 8, ['-h'])(
    'shows and changes settings of network devices',
    'firmware, modules and other hardware: virtual devices have none',
  ),
  expr: core('evaluates expressions'),
  false: builtin('fails'),
  fgrep: tool('grep 3.8', 1, ['--help'])('grep -F'),
  find: tool('findutils 4.9', 1, ['--help'])(
    'searches directories',
    'tests by access times, file systems and access lists',
    '-ls, -ok, -execdir',
  ),
  fold: core('wraps lines'),
  free: procps('shows memory', 'memory of processes is not modelled'),
  getent: tool('glibc 2.36', 1, ['--help'])('looks names up the way programs do'),
  grep: tool('grep 3.8', 1, ['--help'])('prints lines that match'),
  head: core('prints the first lines'),
  hexdump: tool('util-linux 2.38', 1, ['--help'])('shows bytes', 'formats of -e and the decimal and octal forms'),
  host: tool('bind9-host 9.18', 1, ['-h'])('looks up DNS names'),
  hostname: nettools('shows or sets the host name'),
  id: core('prints user and group ids'),
  ifconfig: nettools('configures interfaces, the old way'),
  ip: tool('iproute2 6.1.0', 8, ['help'])(
    'shows and changes links, addresses, routes, rules, neighbours, namespaces',
    'xfrm, macsec, l2tp, ila, sr, ioam and mptcp beyond empty lists',
    'XDP and other BPF programs',
  ),
  ip6tables: iptables('IPv6 packet filter rules'),
  ipmaddr: tool('net-tools 2.10', 8, null)('shows and changes multicast addresses'),
  ipcmk: linux1('makes System V IPC objects'),
  ipcrm: linux1('removes System V IPC objects'),
  ipcs: linux1('lists System V IPC objects'),
  ipset: tool('ipset 7.17', 8, ['help'])('sets of addresses, ports and networks for netfilter'),
  ipvsadm: tool('ipvsadm 1.31', 8, ['-h'])(
    'manages virtual services of IPVS',
    'services over IPv6',
    'schedulers lblc, lblcr, mh',
    'connection synchronisation',
  ),
  iptables: iptables('IPv4 packet filter and NAT rules'),
  jq: tool('jq 1.6', 1, ['--help'])('filters JSON', 'modules, streaming and dates'),
  join: core('joins lines of two files on a field'),
  journalctl: tool('systemd 252', 1, null)('shows the journal', 'matches by field, boots, files of other machines'),
  kill: procps('sends a signal'),
  killall: tool('psmisc 23.6', 1, null)('sends a signal to processes by name'),
  less: tool('less 590', 1, ['--help'])(
    'shows text screen by screen',
    'tags, log files, the mouse',
    'options by their long names while it runs',
  ),
  ln: core('makes links', 'hard links between directories'),
  ls: core('lists directories', 'SELinux contexts, hyperlinks, dired output'),
  lsns: linux8('lists namespaces', 'user and time namespaces'),
  lsof: tool('lsof 4.95', 8, ['-h'])('lists open files, above all sockets', 'libraries in memory', 'repeat mode'),
  man: tool('man-db 2.11', 1, null)('shows this manual', 'pages of programs that are not here'),
  md5sum: core('prints and checks MD5 digests'),
  'mii-tool': nettools('shows the state of a network device'),
  mkdir: core('makes directories'),
  mktemp: core('makes a temporary file'),
  more: linux1('shows text screen by screen, downwards', 'searching, running commands and the editor'),
  mount: linux8('mounts a file system', 'everything but tmpfs and bind mounts'),
  mtr: tool('mtr 0.95', 8, ['--help'])('traces a route again and again', 'the full-screen view'),
  mv: core('moves files'),
  nameif: nettools('names interfaces by their MAC addresses'),
  nano: tool('nano 7.2', 1, ['--help'])(
    'edits texts in the editor of the page',
    'its own screen and keys: the page has an editor',
    'standard input as a file',
  ),
  nc: tool('netcat-openbsd 1.219', 1, ['-h'])('reads and writes TCP, UDP and Unix sockets', 'TLS and RDMA options'),
  netstat: nettools('shows sockets, routes, counters, the old way'),
  nft: tool('nftables 1.0.6', 8, ['-h'])('nftables rule sets', 'flow tables that offload: there is no hardware', 'the interactive mode'),
  kubectl: tool('kubectl v1.36.3', 1, ['--help'])('controls a Kubernetes cluster', 'plugins, kustomize, convert', 'sessions over SPDY'),
  nginx: tool('nginx 1.22.1', 8, ['-h'])(
    'web server and reverse proxy',
    'modules outside the core, HTTP/2',
    'worker processes of their own',
  ),
  nisdomainname: nettools('prints the NIS domain of the host'),
  nl: core('numbers lines'),
  nohup: core('runs a program that survives a hang-up'),
  nproc: core('prints the number of processors'),
  nsenter: linux1('runs a program in namespaces of another', 'user, time and PID namespaces'),
  nslookup: tool('bind9-dnsutils 9.18', 1, null)('looks up DNS names'),
  nstat: tool('iproute2 6.1.0', 8, ['-h'])('shows kernel counters'),
  od: core('shows bytes as numbers', 'floating point and strings'),
  openssl: tool('openssl 3.0', 1, ['help'])(
    'certificates, keys, TLS by hand',
    'ciphers, engines and formats that no lesson meets',
    'session resumption, client certificates',
  ),
  paste: core('joins lines side by side'),
  pgrep: procps('finds processes'),
  pidof: tool('sysvinit 3.06', 8, null)('finds the PID of a program'),
  ping: tool('iputils 20221126', 8, ['-h'])('sends echo requests', 'node information queries'),
  pkill: procps('signals processes by name'),
  plipconfig: nettools('sets up PLIP devices: there are none'),
  poddns: tool(null, 1, null)('a DNS server with fixed records, for exercises'),
  podserver: tool(null, 1, ['--help'])('an HTTP or UDP server with fixed answers, for exercises'),
  printenv: core('prints the environment'),
  printf: core('formats and prints'),
  ps: tool('procps 4.0', 1, null)('lists processes', 'memory, threads, security labels'),
  rarp: nettools('the RARP table: kernels have none any more'),
  readlink: core('prints where a link points'),
  realpath: core('prints a canonical path'),
  rev: linux1('reverses lines'),
  rm: core('removes files'),
  rmdir: core('removes empty directories'),
  route: nettools('shows and changes routes, the old way'),
  sed: tool('sed 4.9', 1, ['--help'])('edits a stream', 'in-place links, sandbox, debug'),
  seq: core('prints numbers'),
  setsid: linux1('runs a program in a new session'),
  sha1sum: core('prints and checks SHA-1 digests'),
  sha256sum: core('prints and checks SHA-256 digests'),
  sha512sum: core('prints and checks SHA-512 digests'),
  shuf: core('shuffles lines'),
  sleep: core('waits'),
  sort: core('sorts lines', 'temporary files, parallel sorting'),
  ss: tool('iproute2 6.1.0', 8, ['-h'])('shows sockets', 'BPF, SELinux and cgroup columns'),
  stat: core('shows what a file is', 'file systems (-f)'),
  stty: core('shows and sets terminal settings', 'speeds and hardware flow control'),
  sudo: tool('sudo 1.9', 8, null)('runs a program as root; everybody may', 'rules, passwords, editing'),
  sysctl: procps('shows and sets kernel parameters', 'keys outside net.*, kernel.* and vm.* of a namespace'),
  systemctl: tool('systemd 252', 1, null)('controls services', 'timers, sockets, targets, slices, user managers, limits'),
  tac: core('prints lines backwards'),
  tail: core('prints the last lines'),
  tar: tool('tar 1.34', 1, ['--help'])('packs files into archives and out of them', 'compression'),
  tc: tool('iproute2 6.1.0', 8, ['help'])(
    'queueing disciplines, classes and filters of devices',
    'qdiscs: those besides pfifo, bfifo, pfifo_fast, tbf, netem, prio, htb, fq_codel, ingress and clsact',
    'filters besides u32 and matchall, actions besides gact and mirred',
    'hash tables of u32',
    'chain, actions, monitor, size tables, estimators, hardware offload',
  ),
  tcpdump: tool('tcpdump 4.99.3', 8, ['-h'])(
    'shows and saves packets',
    'decoders of protocols that do not occur here',
    'decryption and signatures (-E, -M), SMI modules (-m)',
    'filters: protochain, pppoes, subtypes of LLC',
  ),
  tee: core('copies input to files'),
  telnet: tool('telnet 0.17', 1, null)('a connection by hand', 'option negotiation'),
  test: builtin('evaluates an expression'),
  timeout: core('runs a program with a time limit'),
  top: procps('shows processes', 'the full-screen mode', 'memory'),
  touch: core('makes files, sets their times'),
  tr: core('translates characters'),
  tracepath: tool('iputils 20221126', 8, ['-h'])('finds the path and its MTU'),
  traceroute: tool('traceroute 2.1.2', 1, ['--help'])('finds the routers on the way', 'AS numbers: there is no registry'),
  true: builtin('succeeds'),
  truncate: core('sets the size of a file'),
  tty: core('prints the name of the terminal'),
  umount: linux8('takes a mount away'),
  uname: core('prints system information'),
  uniq: core('drops repeated lines'),
  unshare: linux1('runs a program in new namespaces', 'user, time and PID namespaces'),
  uptime: procps('tells how long the machine has been up'),
  vi: tool('vim 9.0', 1, ['--help'])(
    'edits texts in the editor of the page',
    'its own screen, modes and commands: the page has an editor',
    'directories',
    'scripts and ex mode',
  ),
  watch: procps('runs a program again and again'),
  wc: core('counts lines, words, bytes'),
  why: tool(null, 1, ['--help'])('runs a command and tells what happened to its packets'),
  wget: tool('wget 1.21.3', 1, ['--help'])('downloads', 'FTP, recursion, WARC, compression'),
  which: tool('debianutils 5.7', 1, null)('finds programs'),
  whoami: core('prints the user'),
  xargs: tool('findutils 4.9', 1, ['--help'])('builds command lines from input'),
  'xtables-monitor': iptables('shows changes of rules and traces of packets'),
  xxd: tool('xxd 2022-01-14', 1, null)('shows bytes in hexadecimal digits, and back', 'bit dumps, C output, little endian'),
  yes: core('repeats a line'),
  ypdomainname: nettools('prints the NIS domain of the host'),
};

/** Programs that are another under a further name. */
const VARIANTS: readonly (readonly [pattern: RegExp, base: string])[] = [
  [/^ip6tables/, 'ip6tables'],
  [/^iptables/, 'iptables'],
];

/** The entry of a program; variants of iptables share theirs. */
export function supportOf(name: string): Support | undefined {
  const own = SUPPORT[name];
  if (own) return own;
  const base = VARIANTS.find(([pattern]) => pattern.test(name))?.[1];
  return base ? SUPPORT[base] : undefined;
}
