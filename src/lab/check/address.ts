/** address: a place has an address, or has it not. */

import { formatIp } from '../../wire/addr.ts';
import type { Check, Place } from '../lab.ts';
import { locate } from '../place.ts';
import type { CheckKind } from './kind.ts';

export interface AddressCheck extends Check {
  readonly on: Place;
  readonly address: string;
  readonly expect: 'absent' | 'present';
}

export const addressKind: CheckKind<AddressCheck> = {
  kind: 'address',
  defaults: { expect: 'present' },
  run({ world }, check) {
    const expected = `${check.on} ${check.expect === 'present' ? 'has' : 'does not have'} the address ${check.address}`;
    const spot = locate(world, check.on);
    if (typeof spot === 'string') return { passed: false, expected, actual: spot };
    const holders = [...spot.ns.devices.values()].filter((d) =>
      [...d.addrs4, ...d.addrs6].some((a) => formatIp(a.local) === check.address),
    );
    const actual = holders.length > 0 ? `${holders.map((d) => d.name).join(', ')} has it` : 'no device has it';
    return { passed: holders.length > 0 === (check.expect === 'present'), expected, actual };
  },
};
