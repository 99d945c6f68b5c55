/** -j TPROXY: hands packets to a local socket with IP_TRANSPARENT; where none listens they are lost. Models xt_TPROXY.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { formatIp, type IpAddr } from '../../../../wire/addr.ts';
import { Problem, type TargetExt } from '../ext.ts';
import { servicePort } from '../names.ts';
import { hex, host, markMask, number } from '../parse.ts';

interface Tproxy {
  port: number;
  addr: IpAddr | null;
  mark: number;
  mask: number;
}

const any = (family: 4 | 6): string => (family === 4 ? '0.0.0.0' : '::');

export const TPROXY: TargetExt<Tproxy> = {
  kind: 'target',
  name: 'TPROXY',
  tables: ['mangle'],
  hooks: ['PREROUTING'],
  init: () => ({ port: 0, addr: null, mark: 0, mask: 0 }),
  options: [
    {
      name: 'on-port',
      mandatory: true,
      set: (o, arg, _invert, cx) => {
        const port = number(arg) ?? servicePort(arg, cx.proto);
        if (port === null) throw new Problem(`Port "${arg}" does not resolve to anything.\n`);
        o.port = port & 0xffff;
      },
    },
    {
      name: 'on-ip',
      set: (o, arg, _invert, cx) => {
        o.addr = host(arg, cx.family);
      },
    },
    {
      name: 'tproxy-mark',
      set: (o, arg) => {
        const m = markMask('TPROXY', 'tproxy-mark', arg);
        Object.assign(o, { mark: m.value, mask: m.mask });
      },
    },
  ],
  checkentry: (_o, _ns, proto) => (proto === 6 || proto === 17 ? ok() : fail('EINVAL')),
  save: (o, family) =>
    ` --on-port ${o.port} --on-ip ${o.addr === null ? any(family) : formatIp(o.addr)} --tproxy-mark ${hex(o.mark)}/${hex(o.mask)}`,
  list: (o, cx) => ` TPROXY redirect ${o.addr === null ? any(cx.family) : formatIp(o.addr)}:${o.port} mark ${hex(o.mark)}/${hex(o.mask)}`,
  run: () => () => 'drop',
};
