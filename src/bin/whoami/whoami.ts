/** whoami and id. */

import type { Command } from '../../os/program.ts';
import { specs } from '../getopt.ts';
import { options } from '../text.ts';

export const whoami: Command = {
  name: 'whoami',
  *main(p) {
    const user = p.machine.users(p).find((u) => u.uid === p.uid);
    if (!user) {
      yield* p.err(`whoami: cannot find name for user ID ${p.uid}\n`);
      return 1;
    }
    yield* p.out(`${user.name}\n`);
    return 0;
  },
};

export const id: Command = {
  name: 'id',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('u.user g.group G.groups n.name r.real'),
      help: 'Usage: id [OPTION]... [USER]...\nPrint user and group information for each specified USER.\n',
    });
    if (typeof o === 'number') return o;
    const users = p.machine.users(p);
    const name = o.operands[0];
    const user = name === undefined ? users.find((u) => u.uid === p.uid) : users.find((u) => u.name === name);
    if (!user) {
      yield* p.err(`id: ‘${name ?? p.uid}’: no such user\n`);
      return 1;
    }
    const group = p.machine.groups(p).find((g) => g.gid === user.gid)?.name ?? String(user.gid);
    const on = new Set(o.options.map(([k]) => k));
    const named = on.has('name');
    if (on.has('user')) yield* p.out(`${named ? user.name : user.uid}\n`);
    else if (on.has('group') || on.has('groups')) yield* p.out(`${named ? group : user.gid}\n`);
    else yield* p.out(`uid=${user.uid}(${user.name}) gid=${user.gid}(${group}) groups=${user.gid}(${group})\n`);
    return 0;
  },
};
