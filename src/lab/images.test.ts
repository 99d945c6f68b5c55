import { expect, test } from 'vitest';
import { commands } from '../bin/index.ts';
import { IMAGES, resolveImage } from '../cluster/images/catalog.ts';
import { APPLETS } from '../cluster/node/runtime/rootfs.ts';
import { clusterCommands } from '../cluster/programs.ts';

test('every program that an image names is there', () => {
  const known = new Set([...commands, ...clusterCommands].map((c) => c.name));
  const missing = IMAGES.flatMap((i) =>
    (i.programs ?? [])
      .map((p) => p.split('=')[0] as string)
      .filter((p) => !known.has(p))
      .map((p) => `${i.repository}: ${p}`),
  );
  expect(missing).toEqual([]);
  const links = new Set(['sh', 'ping6', 'traceroute6']);
  expect(APPLETS.filter((a) => !known.has(a) && !links.has(a))).toEqual([]);
});

test.each([
  ['nginx', 'docker.io/library/nginx:latest'],
  ['nginx:1.27', 'docker.io/library/nginx:1.27'],
  ['docker.io/library/busybox:1.36', 'docker.io/library/busybox:1.36'],
  ['registry.k8s.io/pause:3.10.1', 'registry.k8s.io/pause:3.10.1'],
])('%s is %s', (name, full) => {
  const found = resolveImage(name);
  expect('name' in found && found.name).toBe(full);
});

test.each([
  ['nginx:nosuch', 'docker.io/library/nginx:nosuch: not found'],
  [
    'nosuch',
    'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
  ],
  ['example.org/a/b:1', 'failed to do request: Head "https://example.org/v2/a/b/manifests/1": dial tcp: lookup example.org: no such host'],
  ['Nginx', 'invalid reference format: repository name must be lowercase'],
])('%s: %s', (name, text) => {
  const found = resolveImage(name);
  expect('text' in found && found.text.endsWith(text)).toBe(true);
});
