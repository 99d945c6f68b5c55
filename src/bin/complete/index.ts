/** What Tab offers for each tool: importing this registers it. */

import './ip.ts';
import './netfilter.ts';
import './options.ts';
import './tools.ts';
import './wrappers.ts';
