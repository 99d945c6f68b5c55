/** Commands that a real kubectl ran against a real cluster, run in the emulated shell of the control plane against the emulated API. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../../os/run.ts';
import { SEC } from '../../sim/sim.ts';
import { lineDifferences } from './differences.ts';
import { sameOutput, withoutNoise } from './kube/kubectl-noise.ts';
import { type KubectlWorld, kubectlWorld, WORK } from './kube/kubectl-world.ts';
import { FLOORS, raiseFloors, type SuiteOptions, type SuiteResult, scoreLine } from './suite.ts';

/** Recordings of the project's own: what a folder lacks of the series is run from here, uncounted, so that the state is there. */
const SERIES = join(import.meta.dirname, '../golden/kubernetes/kubectl');

/** Numbers of the series that are recorded nowhere here, but without which what follows would meet another state; run uncounted. */
const GAPS: readonly (readonly [group: string, number: string, command: string])[] = [
  ['04-errors-get', '034', 'kubectl label svc web -n shop a=b'],
  ['04-errors-get', '047', 'kubectl taint node node1 k=v:NoSchedule-'],
  ['04-errors-get', '050', 'kubectl uncordon node1'],
  ['04-errors-get', '053', 'kubectl uncordon node1'],
  ['05-errors-apply', '137', `kubectl patch svc web -n shop -p '{"spec":{"type":"NodePort"}}'`],
];

interface Recorded {
  readonly group: string;
  readonly name: string;
  readonly command: string;
  readonly user: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
  readonly counted: boolean;
}

function recordingsOf(path: string, counted: boolean): Recorded[] {
  const out: Recorded[] = [];
  for (const group of readdirSync(path).sort()) {
    if (!/^\d\d-/.test(group)) continue;
    for (const name of readdirSync(join(path, group)).sort()) {
      if (!name.endsWith('.txt')) continue;
      const text = readFileSync(join(path, group, name), 'utf8');
      const m = /^\$ ([\s\S]*?)\n(?:# user: (\w+)\n)?--- stdout\n([\s\S]*)--- stderr\n([\s\S]*)--- rc=(\d+)\s*$/.exec(text);
      if (m)
        out.push({
          group,
          name,
          command: m[1] as string,
          user: m[2] ?? 'admin',
          stdout: m[3] as string,
          stderr: m[4] as string,
          code: Number(m[5]),
          counted,
        });
    }
  }
  return out;
}

function manifestsOf(...folders: readonly string[]): Map<string, string> {
  const out = new Map<string, string>();
  for (const folder of folders)
    if (existsSync(folder)) for (const name of readdirSync(folder)) out.set(name, readFileSync(join(folder, name), 'utf8'));
  return out;
}

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** As the recorder did: 20 s for each, nothing to read. */
function run(world: KubectlWorld, command: string, user: string): Ran {
  const r = runCommand(world.machine, ['bash', '-c', `timeout 20 ${command}`], {
    cwd: WORK,
    cols: 200,
    env: { KUBECONFIG: `${user}.conf`, HOME: '/root', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    limits: { micros: 30 * SEC },
  });
  return { stdout: r.stdout, stderr: r.stderr, code: r.exitCode };
}

/** How long a command of the recordings took, seconds. */
const PACE = 0.2;

const SWEPT = ['a', 'b', '1web', 'l1', 'm1', 'm4'];

/** What was done between the commands and not recorded. */
class Between {
  private readonly world: KubectlWorld;
  private applied = false;
  private listed = 0;

  constructor(world: KubectlWorld) {
    this.world = world;
  }

  private pause(seconds: number): void {
    const { sim } = this.world;
    sim.runUntil(sim.now + seconds * SEC);
  }

  private sweep(names: readonly string[]): void {
    const { admin } = this.world;
    for (const resource of [
      'services',
      'ingresses.networking.k8s.io',
      'networkpolicies.networking.k8s.io',
      'pods',
      'endpointslices.discovery.k8s.io',
      'deployments.apps',
    ])
      for (const name of names) admin.delete(resource, 'default', name, { gracePeriodSeconds: 0, propagationPolicy: 'Background' });
    this.pause(0.2);
  }

  before(c: Recorded): void {
    if (c.group.startsWith('06') && c.command === 'kubectl get pods -o wide' && ++this.listed === 2) this.pause(3);
    if (c.group.startsWith('06') && /^kubectl get pods -n shop$/.test(c.command) && ++this.shop === 2) this.pause(4);
  }

  private shop = 0;
  private gone = 0;

  after(c: Recorded): void {
    this.pause(PACE);
    if (c.group.startsWith('09') && c.command === 'kubectl get ns shop' && ++this.gone === 1) this.pause(5);
    if (c.command === 'kubectl apply -f good.yaml' && !this.applied) {
      this.applied = true;
      this.pause(5);
    }
    const file = /^kubectl apply -f (\S+)\.yaml$/.exec(c.command)?.[1];
    if (c.group.startsWith('05') && file !== undefined && !['good', 'svc-2p', 'pod-ok', 'pod-imm', 'svc-imm'].includes(file))
      this.sweep(SWEPT);
  }
}

export async function kubectlSuite({ path, diff, raise }: SuiteOptions): Promise<SuiteResult> {
  if (path === null) throw new Error('usage: hopwise conformance kubectl PATH [--diff TEXT] [--json]');
  const given = recordingsOf(path, true);
  if (given.length === 0) throw new Error(`${path}: no folder NN-name with recordings in it`);
  const known = existsSync(SERIES) ? recordingsOf(SERIES, false) : [];
  const place = (r: Recorded): string => `${r.group}/${r.name.slice(0, 3)}`;
  const places = new Set(given.map(place));
  const series = [...given, ...known.filter((r) => !places.has(place(r)))];
  const there = new Set(series.map(place));
  const gaps = GAPS.filter(([group, number]) => !there.has(`${group}/${number}`)).map(
    ([group, number, command]): Recorded => ({
      group,
      name: number,
      command,
      user: 'admin',
      stdout: '',
      stderr: '',
      code: 0,
      counted: false,
    }),
  );
  const all = [...series, ...gaps].sort((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0));
  const manifests = manifestsOf(join(SERIES, 'manifests'), join(path, 'manifests'));
  const fixed = [...manifests.values()].join('\n');
  const world = kubectlWorld(manifests);
  const between = new Between(world);
  const groups = new Map<string, [matched: number, total: number]>();
  const failed: string[] = [];
  let differences = '';
  all.forEach((c, i) => {
    if (all[i - 1]?.group.startsWith('05') && c.group.startsWith('06'))
      for (const n of ['a', 'l1', 'm1', 'm4']) world.admin.delete('services', 'default', n);
    between.before(c);
    const r = run(world, c.command, c.user);
    between.after(c);
    if (!c.counted) return;
    const same = (a: string, b: string): boolean => sameOutput(withoutNoise(a, fixed), withoutNoise(b, fixed));
    const passed = same(c.stdout, r.stdout) && same(c.stderr, r.stderr) && c.code === r.code;
    const [good, total] = groups.get(c.group) ?? [0, 0];
    groups.set(c.group, [good + (passed ? 1 : 0), total + 1]);
    if (passed) return;
    const name = `${c.group}/${c.name}`;
    failed.push(name);
    if (diff !== null && name.includes(diff)) {
      const shown = (x: { stdout: string; stderr: string; code: number }): string =>
        withoutNoise(`${x.stdout}--- stderr\n${x.stderr}--- rc=${x.code}\n`, fixed);
      differences += `\n${name}: ${c.command}\n${lineDifferences(shown(c), shown(r))}`;
    }
  });
  let table = '';
  for (const [group, [good, total]] of groups) table += scoreLine(group, good, total);
  const matched = [...groups.values()].reduce((n, [good]) => n + good, 0);
  if (raise) raiseFloors(FLOORS.rules, [['kubectl', matched]]);
  return {
    table: table + differences,
    json: { suite: 'kubectl', groups: [...groups].map(([group, [m, total]]) => ({ group, matched: m, total })), failed },
    matched,
    total: given.length,
  };
}
