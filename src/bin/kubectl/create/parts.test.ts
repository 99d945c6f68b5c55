import { expect, test } from 'vitest';
import { Failure } from '../errors.ts';
import { changeTaints, parseTaints } from '../node/taint.ts';
import { clean, fileSpec, withoutShortcuts } from '../pod/cp.ts';
import { labelSelector } from '../selector.ts';
import { ingressRules, ingressTls } from './ingress.ts';
import { resourceList } from './policy.ts';

const message = (v: unknown): unknown => (v instanceof Failure ? v.message : v);

test('ingress rules', () => {
  const path = (name: string, number: number, at: string, pathType: string) => ({
    backend: { service: { name, port: { number } } },
    path: at,
    pathType,
  });
  expect(ingressRules(['a.example/x*=svc:80,tls=sec', 'a.example/y=other:81', '/=all:82'])).toEqual([
    { host: 'a.example', http: { paths: [path('svc', 80, '/x', 'Prefix'), path('other', 81, '/y', 'Exact')] } },
    { http: { paths: [path('all', 82, '/', 'Exact')] } },
  ]);
  expect(ingressTls(['a.example/x*=svc:80,tls=sec', '/=all:82'])).toEqual([{ hosts: ['a.example'], secretName: 'sec' }]);
});

test('taints', () => {
  expect(parseTaints(['a=b:NoSchedule', 'c-', 'd:NoExecute-'])).toMatchObject({
    add: [{ key: 'a', value: 'b', effect: 'NoSchedule' }],
    remove: [
      { key: 'c', effect: '' },
      { key: 'd', effect: 'NoExecute' },
    ],
  });
  expect(message(parseTaints(['a=b:Foo']))).toBe('invalid taint effect: Foo, unsupported taint effect');
  expect(message(changeTaints([], [], [{ key: 'zz', value: '', effect: '' }], false))).toBe('taint "zz" not found');
});

test('file specifications of cp', () => {
  expect(fileSpec('ns/pod:/a')).toEqual({ namespace: 'ns', pod: 'pod', file: '/a' });
  expect(fileSpec('./a')).toEqual({ namespace: '', pod: '', file: './a' });
  expect(message(fileSpec(':a'))).toBe('filespec must match the canonical format: [[namespace/]pod:]file/path');
  expect(['/a/../b/', '../x/./y', ''].map(clean)).toEqual(['/b', '../x/y', '.']);
  expect(['../../a', '..', '/a'].map(withoutShortcuts)).toEqual(['a', '', 'a']);
});

test('quota and selectors', () => {
  expect(resourceList('pods=3,cpu=500m')).toEqual({ pods: '3', cpu: '500m' });
  expect(message(resourceList('pods=x'))).toMatch(/^quantities must match the regular expression/);
  expect(labelSelector('a=b,c in (d,e),!f')).toEqual({
    matchLabels: { a: 'b' },
    matchExpressions: [
      { key: 'c', operator: 'In', values: ['d', 'e'] },
      { key: 'f', operator: 'DoesNotExist' },
    ],
  });
});
