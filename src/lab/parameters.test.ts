import { expect, test } from 'vitest';
import { drawValues, holds, ParameterError, substitute } from './parameters.ts';

const PARAMETERS = {
  ip: { address: { in: '10.244.1.0/24', except: ['10.244.1.0/28'] } },
  other: { address: { in: '10.244.1.0/24', except: ['10.244.1.0/28'] }, 'different-from': ['ip'] },
  port: { number: { from: 8000, to: 8003, except: [8001] } },
  victim: {
    'one-of': [
      { name: 'node-1', ip: '192.168.56.11' },
      { name: 'node-2', ip: '192.168.56.12' },
    ],
  },
  two: { 'some-of': ['a', 'b', 'c'], count: 2 },
  url: { text: 'http://{{ip}}:{{port}}/' },
  near: { address: { in: '{{victim.ip}}/29', except: ['{{victim.ip}}'] } },
  order: { 'one-of': ['{{ip}} {{other}}', '{{other}} {{ip}}'] },
} as const;

test('values keep to their ranges, differ where they must, and are the same for the same seed', () => {
  const seen = new Set<unknown>();
  for (let seed = 0; seed < 200; seed++) {
    const v = drawValues('lab', PARAMETERS, seed);
    expect(drawValues('lab', PARAMETERS, seed)).toEqual(v);
    const last = Number(String(v.ip).split('.')[3]);
    expect(last).toBeGreaterThan(15);
    expect(last).toBeLessThan(255);
    expect(v.other).not.toBe(v.ip);
    expect([8000, 8002, 8003]).toContain(v.port);
    expect(new Set(v.two as unknown as string[]).size).toBe(2);
    expect(v.url).toBe(`http://${v.ip}:${v.port}/`);
    expect(String(v.near)).toMatch(/^192\.168\.56\.(9|1[0-4])$/);
    expect(String(v.order).split(' ').sort()).toEqual([v.ip, v.other].sort());
    seen.add(v.ip);
  }
  expect(seen.size).toBeGreaterThan(100);
});

test('a new parameter does not change what the others draw', () => {
  const { url: _, ...fewer } = PARAMETERS;
  expect(drawValues('lab', PARAMETERS, 5)).toMatchObject(drawValues('lab', fewer, 5));
});

test('texts get values, a text that is one reference becomes the value itself', () => {
  const values = drawValues('lab', PARAMETERS, 1);
  const out = substitute(
    { size: '{{port}}', text: 'on {{victim.name}} and {{ two }}', template: '{{.spec.ip}} {{range .items}}x{{end}}' },
    values,
  );
  expect(out.size).toBe(values.port);
  expect(out.text).toMatch(/^on node-[12] and [abc] [abc]$/);
  expect(out.template).toBe('{{.spec.ip}} {{range .items}}x{{end}}');
});

test.each([
  ['an unknown name', { a: { text: '{{nothing}}' } }, /there is no parameter "nothing"/],
  ['an unknown field', { ...PARAMETERS, a: { text: '{{victim.mac}}' } }, /victim has no "mac"/],
  ['a prefix that is none', { a: { address: { in: '10.244.1.0/99' } } }, /is no IPv4 address or prefix/],
  ['nothing left to draw', { a: { number: { from: 1, to: 1, except: [1] } } }, /no number from 1 to 1 is left/],
  ['nothing left to differ', { a: { 'one-of': [1] }, b: { 'one-of': [1], 'different-from': ['a'] } }, /b cannot differ from a/],
])('%s is told', (_, parameters, message) => {
  expect(() => drawValues('lab', parameters, 1)).toThrow(ParameterError);
  expect(() => drawValues('lab', parameters, 1)).toThrow(message);
});

test('when compares two texts', () => {
  expect([holds(undefined), holds('mtu = mtu'), holds('mtu = tc'), holds('mtu != tc')]).toEqual([true, true, false, true]);
});
