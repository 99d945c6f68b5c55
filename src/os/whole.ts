/** The parts of the kernel that only programs reach: they are loaded with the table of programs, after a page has its prompt. */

import '../net/netfilter/xt/ext/index.ts';
import '../net/netfilter/nft/tables.ts';
import '../net/rtnl/kinds.ts';
import './procnet.ts';
import './sysfs.ts';
