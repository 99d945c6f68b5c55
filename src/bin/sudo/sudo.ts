/** sudo: runs a command as root, which the shells of the course already are. */

import type { Command } from '../../os/program.ts';
import { getopt, specs } from '../getopt.ts';

const USAGE = `usage: sudo -h | -K | -k | -V
usage: sudo [-E] [-u user] [VAR=value] [-i | -s] [command [arg ...]]
`;

export const sudo: Command = {
  name: 'sudo',
  *main(p) {
    const o = getopt(
      p.argv.slice(1),
      specs('E.preserve-env H.set-home i.login s.shell n.non-interactive k.reset-timestamp u:user g:group h.help V.version'),
      true,
    );
    if (o.error !== null) {
      yield* p.err(`sudo: ${o.error}\n${USAGE}`);
      return 1;
    }
    const on = new Map(o.options);
    const user = p.machine.users(p).find((u) => u.name === (on.get('user') ?? 'root'));
    if (!user) {
      yield* p.err(`sudo: unknown user ${on.get('user')}\nsudo: error initializing audit plugin sudoers_audit\n`);
      return 1;
    }
    const asked = on.get('group');
    const group = asked === undefined ? user : p.machine.groups(p).find((g) => g.name === asked || `#${g.gid}` === asked);
    if (!group) {
      yield* p.err(`sudo: unknown group ${asked}\nsudo: error initializing audit plugin sudoers_audit\n`);
      return 1;
    }
    const rest = [...o.operands];
    while (rest[0] && /^[A-Za-z_]\w*=/.test(rest[0])) {
      const pair = rest.shift() as string;
      p.env.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    if (on.has('login') || on.has('shell')) rest.unshift('bash', ...(rest.length > 0 ? ['-c', rest.splice(0).join(' ')] : []));
    const [name] = rest;
    if (name === undefined) {
      yield* p.err(USAGE);
      return 1;
    }
    if (!p.which(name).ok) {
      yield* p.err(`sudo: ${name}: command not found\n`);
      return 1;
    }
    p.uid = user.uid;
    p.gid = group.gid;
    return yield* p.exec(rest);
  },
};
