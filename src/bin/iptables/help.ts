/** The usage texts. Models xtables_printhelp() */

import { type Env, flavourText } from './env.ts';

let extensionHelp: Readonly<Record<string, string>> = {};

/** exthelp.ts brings its texts when it is loaded. */
export function provideHelp(texts: Readonly<Record<string, string>>): void {
  extensionHelp = texts;
}

const HELP = `@VER@

Usage: @PROG@ -[ACD] chain rule-specification [options]
       @PROG@ -I chain [rulenum] rule-specification [options]
       @PROG@ -R chain rulenum rule-specification [options]
       @PROG@ -D chain rulenum [options]
       @PROG@ -[LS] [chain [rulenum]] [options]
       @PROG@ -[FZ] [chain] [options]
       @PROG@ -[NX] chain
       @PROG@ -E old-chain-name new-chain-name
       @PROG@ -P chain target [options]
       @PROG@ -h (print this help information)

Commands:
Either long or short options are allowed.
  --append  -A chain		Append to chain
  --check   -C chain		Check for the existence of a rule
  --delete  -D chain		Delete matching rule from chain
  --delete  -D chain rulenum
				Delete rule rulenum (1 = first) from chain
  --insert  -I chain [rulenum]
				Insert in chain as rulenum (default 1=first)
  --replace -R chain rulenum
				Replace rule rulenum (1 = first) in chain
  --list    -L [chain [rulenum]]
				List the rules in a chain or all chains
  --list-rules -S [chain [rulenum]]
				Print the rules in a chain or all chains
  --flush   -F [chain]		Delete all rules in  chain or all chains
  --zero    -Z [chain [rulenum]]
				Zero counters in chain or all chains
  --new     -N chain		Create a new user-defined chain
  --delete-chain
            -X [chain]		Delete a user-defined chain
  --policy  -P chain target
				Change policy on chain to target
  --rename-chain
            -E old-chain new-chain
				Change chain name, (moving any references)

Options:
    --ipv4	-4		Nothing (line is ignored by ip6tables-restore)
    --ipv6	-6		Error (line is ignored by iptables-restore)
[!] --protocol	-p proto	protocol: by number or name, eg. \`tcp'
[!] --source	-s address[/mask][...]
				source specification
[!] --destination -d address[/mask][...]
				destination specification
[!] --in-interface -i input name[+]
				network interface name ([+] for wildcard)
 --jump	-j target
				target for rule (may load target extension)
  --goto      -g chain
			       jump to chain with no return
  --match	-m match
				extended match (may load extension)
  --numeric	-n		numeric output of addresses and ports
[!] --out-interface -o output name[+]
				network interface name ([+] for wildcard)
  --table	-t table	table to manipulate (default: \`filter')
  --verbose	-v		verbose mode
  --wait	-w [seconds]	maximum wait to acquire xtables lock before give up
  --line-numbers		print line numbers when listing
  --exact	-x		expand numbers (display exact values)
[!] --fragment	-f		match second or further fragments only
  --modprobe=<command>		try to insert modules using this command
  --set-counters -c PKTS BYTES	set the counter during insert/append
[!] --version	-V		print package version.
`;

const RESTORE_HELP = `Usage: @PROG@ [-c] [-v] [-V] [-t] [-h] [-n] [-T table] [-M command] [-4] [-6] [file]
	   [ --counters ]
	   [ --verbose ]
	   [ --version]
	   [ --test ]
	   [ --help ]
	   [ --noflush ]
	   [ --table=<TABLE> ]
	   [ --modprobe=<command> ]
	   [ --ipv4 ]
	   [ --ipv6 ]
`;

/** The usage, and below it what the extensions say that were named before -h. */
export function helpText(env: Env, extensions: readonly string[] = []): string {
  const own = (name: string): string => (env.family === 6 ? extensionHelp[`6:${name}`] : undefined) ?? extensionHelp[name] ?? '';
  return usage(env) + extensions.map((name) => `\n${own(name)}`).join('');
}

function usage(env: Env): string {
  return HELP.replace('@VER@', `${env.prog} ${flavourText(env)}`).replaceAll('@PROG@', env.prog);
}

const RESTORE_HELP_LEGACY = `Usage: @PROG@ [-c] [-v] [-V] [-t] [-h] [-n] [-w secs] [-W usecs] [-T table] [-M command] [file]
	   [ --counters ]
	   [ --verbose ]
	   [ --version]
	   [ --test ]
	   [ --help ]
	   [ --noflush ]
	   [ --wait=<seconds>
	   [ --table=<TABLE> ]
	   [ --modprobe=<command> ]
`;

export function restoreHelp(env: Env): string {
  if (env.legacy) return RESTORE_HELP_LEGACY.replaceAll('@PROG@', env.prog);
  return RESTORE_HELP.replaceAll('@PROG@', env.prog);
}
