import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { linkKinds } from './index.ts';

/** Kinds that a file's devices have: `readonly kind = 'x'`, or the members of a type that lists several. */
function kindsIn(source: string): string[] {
  const single = [...source.matchAll(/^ {2}readonly kind = '(\w+)'/gm)].map((m) => m[1] as string);
  const lists = [...source.matchAll(/^export type \w*Kind = ((?:'\w+'(?: \| )?)+);/gm)].flatMap((m) =>
    [...(m[1] as string).matchAll(/'(\w+)'/g)].map((k) => k[1] as string),
  );
  return [...single, ...lists];
}

it('the table of link kinds names every kind in the folder', () => {
  const kinds: string[] = [];
  for (const file of readdirSync(import.meta.dirname)) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts') || file === 'device.ts') continue;
    kinds.push(...kindsIn(readFileSync(`${import.meta.dirname}/${file}`, 'utf8')));
  }
  expect(Object.keys(linkKinds).sort()).toEqual([...new Set(kinds)].sort());
});
