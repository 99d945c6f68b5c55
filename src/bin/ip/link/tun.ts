/** Details of TUN and TAP devices; they are made by `ip tuntap`. Models ip/iptuntap.c */

import type { LinkType } from './types.ts';

export const tun: LinkType = {
  name: 'tun',
  print(ctx, m) {
    if (m.data?.kind !== 'tun') return;
    const o = m.data.options;
    const { pr } = ctx;
    const onOff = (name: string, on: boolean): void => pr.any(name, on, `${name} ${on ? 'on' : 'off'} `);
    pr.any('type', o.type, `type ${o.type} `);
    onOff('pi', o.pi);
    onOff('vnet_hdr', o.vnetHdr);
    if (o.multiQueue) {
      pr.any('multi_queue', true, 'multi_queue ');
      pr.any('numqueues', 0, 'numqueues 0 ');
      pr.any('numdisabled', 0, 'numdisabled 0 ');
    } else pr.jsonOnly('multi_queue', false);
    onOff('persist', true);
    if (o.owner >= 0) pr.any('user', userName(ctx, o.owner, '/etc/passwd'), `user ${userName(ctx, o.owner, '/etc/passwd')} `);
    if (o.group >= 0) pr.any('group', userName(ctx, o.group, '/etc/group'), `group ${userName(ctx, o.group, '/etc/group')} `);
  },
};

/** The name of a user or group by the third field of its file, else the number. */
function userName(ctx: Parameters<NonNullable<LinkType['print']>>[0], id: number, file: string): string {
  const r = ctx.p.readFile(file);
  const lines = r.ok ? new TextDecoder().decode(r.value).split('\n') : [];
  return lines.map((l) => l.split(':')).find((f) => f[2] === String(id))?.[0] ?? String(id);
}
