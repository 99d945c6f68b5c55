/** YAML in and out, JSONPath, Go templates, columns and flags, against what Go's own packages do. */

import { describe, expect, test } from 'vitest';
import { Failure } from './errors.ts';
import { FlagSet } from './flags.ts';
import { GoTemplate } from './gotemplate.ts';
import type { Json } from './json.ts';
import { JsonPath, relaxed } from './jsonpath.ts';
import { toKyaml } from './kyaml.ts';
import { durationString, humanDuration, parseDuration } from './strconv.ts';
import { TabWriter } from './tabwriter.ts';
import { yamlDocuments, yamlToJson } from './yaml.ts';
import { toYaml } from './yamlout.ts';

const value = (text: string): unknown => {
  const r = yamlToJson(text);
  return r instanceof Failure ? r.message : r;
};

describe('YAML in', () => {
  test.each([
    [
      'a: yes\nb: n\nc: "yes"\nd: 0o17\ne: 1_000\nf: 1e3\ng: ~\nh: 10:30',
      { a: true, b: false, c: 'yes', d: 15, e: 1000, f: 1000, g: null, h: '10:30' },
    ],
    ['- a\n- - b\n  - c\n-\n  d: [1, {e: f}, g]', ['a', ['b', 'c'], { d: [1, { e: 'f' }, 'g'] }]],
    ['a: |\n  x\n   y\n\n  z\nb: >-\n  one\n  two\n\n  three\n', { a: 'x\n y\n\nz\n', b: 'one two\nthree' }],
    ['x: &a {k: 1}\ny: *a\nz:\n  <<: *a\n  m: 2', { x: { k: 1 }, true: { k: 1 }, z: { k: 1, m: 2 } }],
    ["a: \"x\\ty\\u0041\"\nb: 'it''s'\nc: plain text # note\n? d\n: e", { a: 'x\tyA', b: "it's", c: 'plain text', d: 'e' }],
    ['a: 1\na: 2', { a: 2 }],
  ])('%j', (text, wanted) => expect(value(text)).toEqual(wanted));

  test.each([
    ['a: b\nc: {name: a\nd: e', "yaml: line 2: did not find expected ',' or '}'"],
    ['a:\n\tb: c', 'yaml: line 2: found character that cannot start any token'],
    ['a: b: c', 'yaml: mapping values are not allowed in this context'],
    ['x: 1\na: b: c', 'yaml: line 2: mapping values are not allowed in this context'],
    ['a: "x\nb: c', 'yaml: line 2: found unexpected end of stream'],
    ['a:\n  b: 1\n c: 2', 'yaml: line 2: did not find expected key'],
    ['a: *x', "yaml: unknown anchor 'x' referenced"],
    ['a: 1\nb\nc: 2', "yaml: line 3: could not find expected ':'"],
  ])('%j is wrong', (text, wanted) => expect(value(text)).toBe(wanted));

  test('documents of a stream', () => {
    expect(yamlDocuments('---\na: 1\n---\n# nothing\n---\nb: 2\n').documents).toEqual([{ a: 1 }, null, { b: 2 }]);
    expect(yamlDocuments('{"a": 1}\n{"b": [2]}').documents).toEqual([{ a: 1 }, { b: [2] }]);
  });
});

test('YAML out', () => {
  const v: Json = {
    b: ['x', { c: 'true', d: '1' }, []],
    a: { t: '2026-11-20T20:19:57Z', e: '', m: 'a\nb\n', q: "it's: so", n: null, z: {} },
    'k: y': '10:30',
  };
  expect(toYaml(v)).toBe(
    'a:\n  e: ""\n  m: |\n    a\n    b\n  "n": null\n  q: \'it\'\'s: so\'\n  t: "2026-11-20T20:19:57Z"\n  z: {}\nb:\n- x\n- c: "true"\n  d: "1"\n- []\n\'k: y\': "10:30"\n',
  );
  expect(yamlToJson(toYaml(v))).toEqual(v);
  expect(toKyaml({ 'a.b/c': 'x\n y\n', n: ['1'] })).toBe(
    '---\n{\n  a.b/c: "\\\n     x\\n\\\n    \\ y\\n\\\n    ",\n  "n": [\n    "1",\n  ],\n}\n',
  );
  expect(toKyaml({ a: [{ b: 'x' }, { b: 'y' }], c: 1 })).toBe('---\n{\n  a: [{\n    b: "x",\n  }, {\n    b: "y",\n  }],\n  c: 1,\n}\n');
});

describe('JSONPath', () => {
  const data: Json = {
    items: [
      { name: 'a', port: 80, on: true },
      { name: 'b', port: 443 },
    ],
    map: { 'x.y': 'z' },
    none: null,
  };
  const run = (t: string): string => {
    const p = JsonPath.parse(t);
    if (p instanceof Failure) return p.message;
    const r = p.execute(data, false);
    return r instanceof Failure ? r.message : r;
  };
  test.each([
    ['{.items[*].name}', 'a b'],
    ['{range .items[*]}{.name}={.port}{"\\n"}{end}', 'a=80\nb=443\n'],
    ['{.items[?(@.port>100)].name}', 'b'],
    ['{.items[?(@.on)].name}', 'a'],
    ["{.items[?(@.name=='b')].port}", '443'],
    ['{.items[-1:].name}{.items[0:1].name}', 'ba'],
    ["{.map['x\\.y']}{.map.x\\.y}", 'z'],
    ['{..name}', 'a b'],
    ['{.items[0]}', '{"name":"a","on":true,"port":80}'],
    ["{.items[0]['name','port']}", 'a 80'],
    ['x{.nope}y', 'xy'],
    ['{.items[5].name}', 'array index out of bounds: index 5, length 2'],
    ['{.map[0]}', 'map[string]interface {} is not array or slice'],
    ['{.items', 'unclosed action'],
    ['{end}', 'not in range, nothing to end'],
    ['{.items[x]}', 'invalid array index x'],
    ['{foo}', 'unrecognized identifier foo'],
  ])('%s', (t, wanted) => expect(run(t)).toBe(wanted));

  test('may begin in several ways', () => {
    expect([relaxed('a.b'), relaxed('.a.b'), relaxed('{a.b}'), relaxed('{.a.b}')]).toEqual(Array(4).fill('{.a.b}'));
    expect(relaxed('{.a')).toBeInstanceOf(Failure);
  });
});

describe('Go templates', () => {
  const data: Json = {
    items: [
      { n: 'a', p: 1 },
      { n: 'b', p: 2 },
    ],
    m: { k: 'v' },
    s: 'aGk=',
  };
  const run = (t: string): string => {
    const p = GoTemplate.parse(t);
    if (p instanceof Failure) return p.message;
    const r = p.execute(data);
    return r.error ? r.error.message : r.text;
  };
  test.each([
    ['{{range .items}}{{.n}} {{end}}', 'a b '],
    ['{{range $i, $v := .items}}{{$i}}{{$v.n}}{{else}}none{{end}}', '0a1b'],
    ['{{if eq .m.k "v" "w"}}yes{{else if .no}}no{{end}}{{with .m}}{{.k}}{{end}}', 'yesv'],
    ['{{len .items}} {{index .items 1 "n"}} {{printf "%s-%03d" "x" 7}} {{.s | base64decode}}', '2 b x-007 hi'],
    ['a {{- /* c */ -}} b{{"\\n"}}{{.nope}}{{.m}}', 'ab\n<no value>map[k:v]'],
    ['{{$x := 1}}{{range .items}}{{$x = .p}}{{end}}{{$x}} {{not true}} {{and 1 0}} {{or "" "d"}}', '2 false 0 d'],
    ['{{range .items}}{{if eq .n "b"}}{{break}}{{end}}{{.n}}{{end}}', 'a'],
    ['{{foo}}', 'template: output:1: function "foo" not defined'],
    ['{{.a', 'template: output:1: unclosed action'],
    ['{{range .items}}', 'template: output:1: unexpected EOF'],
    ['{{$y}}', 'template: output:1: undefined variable "$y"'],
  ])('%s', (t, wanted) => expect(run(t)).toBe(wanted));
});

test('columns', () => {
  const w = new TabWriter(6, 3, true);
  w.write('NAME\tAGE\tX\nlonger-name\t1s\ty\n');
  expect(w.flush()).toBe('NAME          AGE   X\nlonger-name   1s    y\n');
  w.write('a\tb\tc\n');
  expect(w.flush()).toBe('a             b     c\n');
  const d = new TabWriter(0, 2);
  d.write('A:\tx\nLonger:\ty\nno cell\nB:\tz\n');
  expect(d.flush()).toBe('A:       x\nLonger:  y\nno cell\nB:  z\n');
});

test('flags', () => {
  const flags = [
    { name: 'output', short: 'o', type: 'string', usage: '' },
    { name: 'all', short: 'A', type: 'bool', usage: '' },
    { name: 'replicas', type: 'int32', usage: '' },
    { name: 'file', short: 'f', type: 'stringSlice', usage: '' },
    { name: 'dry-run', type: 'string', alone: 'unchanged', usage: '' },
  ] as const;
  const parse = (...args: string[]): FlagSet | string => {
    const f = new FlagSet(flags);
    return f.parse(args) ?? f;
  };
  const ok = parse('a', '-Aoyaml', 'b', '-f', 'x,"y,z"', '--file=w', '--dry-run', '--', '-q') as FlagSet;
  expect([ok.args, ok.bool('all'), ok.str('output'), ok.list('file'), ok.str('dry-run'), ok.dash]).toEqual([
    ['a', 'b', '-q'],
    true,
    'yaml',
    ['x', 'y,z', 'w'],
    'unchanged',
    2,
  ]);
  expect(parse('--foo')).toBe('unknown flag: --foo');
  expect(parse('-xA')).toBe("unknown shorthand flag: 'x' in -xA");
  expect(parse('-o')).toBe("flag needs an argument: 'o' in -o");
  expect(parse('--output')).toBe('flag needs an argument: --output');
  expect(parse('--replicas=x')).toBe('invalid argument "x" for "--replicas" flag: strconv.ParseInt: parsing "x": invalid syntax');
  expect(parse('--all=maybe')).toBe('invalid argument "maybe" for "-A, --all" flag: strconv.ParseBool: parsing "maybe": invalid syntax');
});

test('durations', () => {
  expect([5, 119, 120, 599, 600, 7200, 10_800, 86_400 * 3 + 7200].map(humanDuration)).toEqual([
    '5s',
    '119s',
    '2m',
    '9m59s',
    '10m',
    '120m',
    '3h',
    '3d2h',
  ]);
  expect([parseDuration('1h2m'), parseDuration('500ms'), durationString(90), durationString(0.5)]).toEqual([3720, 0.5, '1m30s', '500ms']);
});
