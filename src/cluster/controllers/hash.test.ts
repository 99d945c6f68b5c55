import { expect, test } from 'vitest';
import { safeEncode, templateHash } from './hash.ts';

const POD = {
  dnsPolicy: 'ClusterFirst',
  restartPolicy: 'Always',
  schedulerName: 'default-scheduler',
  securityContext: {},
};
const CONTAINER = {
  imagePullPolicy: 'IfNotPresent',
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
};

test('pod template hashes are those of the real controller', () => {
  expect(
    templateHash({
      metadata: { labels: { app: 'web' } },
      spec: {
        ...POD,
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            ...CONTAINER,
            name: 'nginx',
            image: 'nginx:1.29',
            env: [{ name: 'MODE', value: 'prod' }],
            ports: [{ containerPort: 80, name: 'http', protocol: 'TCP' }],
            readinessProbe: {
              failureThreshold: 3,
              httpGet: { path: '/healthz', port: 'http', scheme: 'HTTP' },
              periodSeconds: 5,
              successThreshold: 1,
              timeoutSeconds: 1,
            },
            resources: { limits: { cpu: '100m' }, requests: { cpu: '50m', memory: '32Mi' } },
          },
        ],
      },
    }),
  ).toBe('69586dbcdc');
  expect(
    templateHash({
      metadata: { labels: { app: 'd1' } },
      spec: {
        ...POD,
        terminationGracePeriodSeconds: 30,
        containers: [
          {
            ...CONTAINER,
            imagePullPolicy: 'Always',
            name: 'nginx',
            image: 'nginx',
            ports: [{ containerPort: 80, protocol: 'TCP' }],
            resources: {},
          },
        ],
      },
    }),
  ).toBe('7cb4478554');
});

test('a collision gives another hash', () => {
  const t = { metadata: {}, spec: { containers: [] } };
  expect(templateHash(t, 1)).not.toBe(templateHash(t));
  expect(safeEncode('0123456789')).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]+$/);
});
