/** The other tools: hosts, devices, units, settings, processes and users where they belong. As bash-completion for each of them */

import { SUPPORT } from '../man/support.ts';
import { type Completer, commandNames, completers } from '../sh/complete.ts';
import { devices, hostNames, listed, pids, processNames, units, userNames } from './lists.ts';

/** Options -> what they take; the rest of the words; null leaves options to the usage text and other words to files. */
const tool =
  (rows: readonly (readonly [RegExp, Completer])[], rest: Completer | null): Completer =>
  (at) => {
    for (const [option, completer] of rows) if (option.test(at.previous)) return completer(at);
    return at.current.startsWith('-') || !rest ? null : rest(at);
  };

const hosts: Completer = ({ sh }) => hostNames(sh);
const device: Completer = ({ sh }) => devices(sh);
const file: Completer = () => ({ files: 'all' });
const nothing: Completer = () => [];
const fixed =
  (text: string): Completer =>
  () =>
    text.split(' ');

const IFACE = /^(-I|-i|--interface|--dev|--device)$/;
completers.set(
  'ping',
  tool(
    [
      [/^-I$/, device],
      [/^-[cilsStTwWmMpQ]$/, nothing],
    ],
    hosts,
  ),
);
for (const name of ['ping4', 'ping6']) completers.set(name, tool([[/^-I$/, device]], hosts));
completers.set('arping', tool([[/^-[iI]$/, device]], hosts));
for (const name of ['traceroute', 'tracepath', 'mtr', 'telnet', 'host', 'nslookup', 'nc'])
  completers.set(name, tool([[IFACE, device]], hosts));
completers.set('ssh', hosts);
completers.set('dig', ({ sh, current, previous }) => {
  if (previous === '-t') return 'A AAAA ANY CNAME MX NS PTR SOA SRV TXT'.split(' ');
  if (current.startsWith('@')) return hostNames(sh).map((h) => `@${h}`);
  if (current.startsWith('+'))
    return '+short +noall +answer +trace +tcp +notcp +search +nosearch +recurse +norecurse +dnssec +stats +nostats +comments +question +authority +additional +time= +tries= +ndots= +multiline'.split(
      ' ',
    );
  return current.startsWith('-')
    ? '-4 -6 -b -c -f -k -p -q -t -u -x'.split(' ')
    : [...hostNames(sh), ...'A AAAA ANY CNAME MX NS PTR SOA SRV TXT'.split(' ')];
});
completers.set(
  'curl',
  tool(
    [
      [/^(--interface)$/, device],
      [/^(-X|--request)$/, fixed('GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH')],
      [/^(-o|--output|-T|--upload-file|--cacert|--cert|--key|-K|--config|-D|--dump-header|-b|--cookie)$/, file],
      [/^(-d|--data|-F|--form)$/, file],
      [/^(-H|--header|-m|--max-time|--connect-timeout|-u|--user|-w|--write-out|-A|-e|--resolve|--retry)$/, nothing],
    ],
    ({ sh, current }) => {
      const scheme = /^https?:\/\//.exec(current)?.[0] ?? '';
      return {
        words: [...hostNames(sh).map((h) => scheme + h), ...(scheme === '' ? ['http://', 'https://'] : [])],
        suffix: scheme === '' && /^h?t?t?p?s?:?\/?\/?$/.test(current) ? '' : ' ',
      };
    },
  ),
);
completers.set('wget', tool([[/^(-O|--output-document|-o)$/, file]], hosts));

const PRIMITIVES =
  'host net port portrange src dst tcp udp icmp icmp6 arp ip ip6 ether vlan and or not proto less greater broadcast multicast'.split(' ');
completers.set(
  'tcpdump',
  tool(
    [
      [/^-\w*i$|^--interface$/, ({ sh }) => [...devices(sh), 'any']],
      [/^-\w*[rwFV]$/, file],
      [/^(-Q|--direction)$/, fixed('in out inout')],
      [/^-\w*[csTyzECGMW]$/, nothing],
      [/^(host|src|dst)$/, ({ sh, previous }) => [...hostNames(sh), ...(previous === 'host' ? [] : ['host', 'net', 'port', 'portrange'])]],
      [/^(port|portrange|net|less|greater)$/, nothing],
    ],
    fixed(PRIMITIVES.join(' ')),
  ),
);
completers.set('ethtool', ({ sh, words, current, previous }) =>
  current.startsWith('-')
    ? null
    : words.length === 2 || previous.startsWith('-')
      ? devices(sh)
      : 'rx tx tso gso gro sg lro on off speed duplex autoneg'.split(' '),
);
completers.set('ifconfig', ({ sh, words }) =>
  words.length <= 2 ? devices(sh) : 'up down netmask broadcast mtu promisc -promisc arp -arp add del hw ether'.split(' '),
);
completers.set('brctl', ({ sh, words }) =>
  words.length === 2
    ? 'addbr delbr addif delif hairpin setageing setfd sethello setmaxage setpathcost setportprio setbridgeprio show showmacs showstp stp'.split(
        ' ',
      )
    : devices(sh),
);
completers.set('route', ({ sh, words, current, previous }) =>
  current.startsWith('-')
    ? null
    : previous === 'dev'
      ? devices(sh)
      : words.length === 2
        ? ['add', 'del', 'flush']
        : 'default dev gw netmask metric mss reject -net -host'.split(' '),
);
completers.set('arp', tool([[IFACE, device]], hosts));
completers.set(
  'ss',
  tool(
    [
      [/^(-f|--family)$/, fixed('unix inet inet6 link netlink vsock')],
      [
        /^(state|exclude)$/,
        fixed(
          'established syn-sent syn-recv fin-wait-1 fin-wait-2 time-wait closed close-wait last-ack listening closing all connected synchronized bucket big',
        ),
      ],
    ],
    fixed('state exclude sport dport src dst and or not'),
  ),
);
completers.set('sysctl', function* ({ sh, current, previous }) {
  if (/^(-p|--load|-f)$/.test(previous)) return { files: 'all' };
  if (current.startsWith('-')) return null;
  const slashes = current.includes('/') && !current.includes('.');
  const keys = yield* listed(sh, ['sysctl', '-aN'], /^\S+$/);
  return { words: slashes ? keys.map((k) => k.replaceAll('.', '/')) : keys, suffix: previous === '-w' ? '=' : ' ' };
});
const VERBS =
  'list-units list-sockets list-timers list-dependencies start stop reload restart try-restart reload-or-restart kill is-active is-failed status show cat set-property help reset-failed list-unit-files enable disable reenable preset is-enabled mask unmask link revert add-wants edit get-default set-default list-jobs daemon-reload daemon-reexec is-system-running poweroff reboot'.split(
    ' ',
  );
completers.set('systemctl', ({ sh, words, current }) => {
  const rest = words.slice(1, -1).filter((w) => !w.startsWith('-'));
  if (current.startsWith('-')) return null;
  return rest.length === 0 ? VERBS : /^(daemon-|list-|is-system|get-default|poweroff|reboot)/.test(rest[0] as string) ? [] : units(sh);
});
completers.set(
  'journalctl',
  tool(
    [
      [/^(-u|--unit)$/, ({ sh }) => units(sh)],
      [/^(-o|--output)$/, fixed('short short-iso short-full json json-pretty cat verbose')],
      [/^(-p|--priority)$/, fixed('emerg alert crit err warning notice info debug')],
    ],
    nothing,
  ),
);
for (const name of ['man', 'apropos', 'whatis'])
  completers.set(name, ({ sh, current }) => (current.startsWith('-') ? null : Object.keys(SUPPORT).filter((n) => sh.p.which(n).ok)));
for (const name of ['pgrep', 'pkill', 'pidof', 'killall'])
  completers.set(
    name,
    tool([[/^(-u|-U|--euid|--uid)$/, ({ sh }) => userNames(sh)]], ({ sh }) => processNames(sh)),
  );
completers.set(
  'ps',
  tool(
    [
      [/^(-p|-q|--pid|--ppid)$/, ({ sh }) => pids(sh)],
      [/^(-C)$/, ({ sh }) => processNames(sh)],
      [/^(-u|-U|--user)$/, ({ sh }) => userNames(sh)],
    ],
    nothing,
  ),
);
completers.set(
  'lsof',
  tool(
    [
      [/^-p$/, ({ sh }) => pids(sh)],
      [/^-u$/, ({ sh }) => userNames(sh)],
    ],
    null,
  ),
);
for (const name of ['id', 'groups', 'su']) completers.set(name, ({ sh, current }) => (current.startsWith('-') ? null : userNames(sh)));
completers.set('chown', ({ sh, words, current }) =>
  current.startsWith('-') ? null : words.filter((w) => !w.startsWith('-')).length <= 2 ? userNames(sh) : { files: 'all' },
);
completers.set('getent', ({ sh, words, current }) =>
  current.startsWith('-')
    ? null
    : words.length === 2
      ? 'ahosts ahostsv4 ahostsv6 hosts passwd group services protocols networks'.split(' ')
      : /hosts/.test(words[1] ?? '')
        ? hostNames(sh)
        : /passwd|group/.test(words[1] ?? '')
          ? userNames(sh)
          : [],
);
completers.set('umount', function* ({ sh, current }) {
  return current.startsWith('-') ? null : yield* listed(sh, ['mount'], / on (\S+) type/);
});
completers.set('bash', ({ sh, current, previous }) =>
  current.startsWith('-')
    ? null
    : previous === '-o'
      ? ['errexit', 'nounset', 'pipefail', 'xtrace', 'noglob']
      : { files: 'all', words: current === '' ? [] : commandNames(sh, current).slice(0, 0) },
);
completers.set('openssl', ({ words, current }) =>
  words.length === 2 && !current.startsWith('-')
    ? 'dgst ecparam genpkey genrsa pkey rand req rsa s_client verify version x509'.split(' ')
    : null,
);
