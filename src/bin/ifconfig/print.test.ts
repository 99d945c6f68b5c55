import { expect, it } from 'vitest';
import { natural } from './print.ts';

it('numbers are compared as numbers, numbered aliases follow their interface, named ones follow all', () => {
  const names = ['lo', 'eth10', 'eth0:web', 'eth0', 'br-ab12', 'eth0:10', 'eth2', 'eth0:2', 'eth1'];
  expect(names.sort(natural)).toEqual(['br-ab12', 'eth0', 'eth0:2', 'eth0:10', 'eth1', 'eth2', 'eth10', 'eth0:web', 'lo']);
});
