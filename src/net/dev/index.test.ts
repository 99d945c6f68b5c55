import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { linkKinds } from './index.ts';

it('the table of link kinds names every kind in the folder', () => {
  const kinds: string[] = [];
  for (const file of readdirSync(import.meta.dirname)) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
    const kind = /^ {2}readonly kind = '(\w+)'/m.exec(readFileSync(`${import.meta.dirname}/${file}`, 'utf8'))?.[1];
    if (kind) kinds.push(kind);
  }
  expect(Object.keys(linkKinds).sort()).toEqual(kinds.sort());
});
