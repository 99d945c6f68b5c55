import { expect, test } from 'vitest';
import { decodeAs, duplicateFields } from './decode.ts';

const service = (spec: unknown) => decodeAs('V1Service', { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec });

test('types that Go refuses', () => {
  expect(service({ ports: [{ port: 'eighty' }] }).error).toBe(
    'json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32',
  );
  expect(service({ ports: { port: 80 } }).error).toBe(
    'json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort',
  );
  expect(service({ ports: [{ name: true }] }).error).toBe(
    'json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.name of type string',
  );
  expect(service({ ports: [{ protocol: 6 }] }).error).toBe(
    'json: cannot unmarshal number into Go struct field ServicePort.spec.ports.protocol of type v1.Protocol',
  );
  expect(service({ ports: [{ port: 4e9 }] }).error).toBe(
    'json: cannot unmarshal number 4000000000 into Go struct field ServicePort.spec.ports.port of type int32',
  );
  expect(service({ ports: [{ targetPort: true }] }).error).toBe(
    'json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32',
  );
  expect(service({ selector: { a: 1 } }).error).toBe(
    'json: cannot unmarshal number into Go struct field ServiceSpec.spec.selector of type string',
  );
  const secret = (value: unknown) =>
    decodeAs('V1Secret', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, data: { a: value } });
  expect(secret('YWJj').error).toBe(undefined);
  expect(secret('YW!j').error).toBe('illegal base64 data at input byte 2');
  expect(secret(1).error).toBe('json: cannot unmarshal number into Go struct field Secret.data of type []uint8');
  expect(service(5).error).toBe('json: cannot unmarshal number into Go struct field Service.spec of type v1.ServiceSpec');
});

test('unknown and double fields', () => {
  expect(service({ portz: [{ port: 80 }], ports: [{ port: 80, targetport: 1 }] }).strict).toEqual([
    'unknown field "spec.ports[0].targetport"',
    'unknown field "spec.portz"',
  ]);
  expect(duplicateFields('{"spec":{"ports":[{"a":1,"a":2}],"x":"}{\\"","x":3}}')).toEqual([
    'duplicate field "spec.ports[0].a"',
    'duplicate field "spec.x"',
  ]);
});

test('what is empty goes, what Go always writes comes', () => {
  expect(service({ ports: [{ port: 80, name: '' }], selector: {}, internalTrafficPolicy: '' }).object).toEqual({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a' },
    spec: { ports: [{ port: 80, targetPort: 0 }], internalTrafficPolicy: '' },
    status: { loadBalancer: {} },
  });
  const same = service({ ports: [{ port: 80, targetPort: 80 }] }).object;
  expect(decodeAs('V1Service', same).object).toBe(same);
});

test('quantities', () => {
  const pod = (memory: unknown) => decodeAs('V1Pod', { spec: { containers: [{ name: 'c', resources: { limits: { memory } } }] } });
  const limit = (memory: unknown) =>
    (pod(memory).object as { spec: { containers: { resources: { limits: { memory: string } } }[] } }).spec.containers[0]?.resources.limits
      .memory;
  expect(['1024Mi', '0.5', 1, '1e3', '100m', '1.5Gi', '1000k', '1025Ki'].map(limit)).toEqual([
    '1Gi',
    '500m',
    '1',
    '1e3',
    '100m',
    '1536Mi',
    '1M',
    '1025Ki',
  ]);
  expect(pod('1 Gi').error).toBe("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  expect(pod('1Gib').error).toBe("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  expect(pod('1mi').error).toBe("unable to parse quantity's suffix");
});
