/** The real side: a scenario's steps in namespaces of this machine's kernel, with private mounts. Needs root; nothing outlives it. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RecordedStep } from '../../src/cli/emulate.ts';
import type { Scenario, Step } from '../../src/cli/scenario.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const ENV = {
  SHLVL: '2',
  PATH: '/run/fuzz:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  USER: 'root',
  LANG: 'C.UTF-8',
  TERM: 'xterm',
  TZ: 'UTC',
};
/** After these the kernel has something to settle: carrier events are spread over up to a second. */
const DISTURBS = /\b(ip|brctl)\b.*\b(link|addbr|addif|netns|up|down)\b.*\b(add|set|del|up|down|master|addbr|addif)\b/;
const QUIET =
  /^((ip|bridge|brctl)\s.*\b(add|set|del|delete|replace|change|append|flush|addbr|addif)\b|sysctl -w|echo |iptables -(A|I|N|P))/;
const SETTLE = 1150;
const LIMIT = 30_000;

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

interface Job {
  process: ChildProcess;
  out: () => { stdout: string; stderr: string };
  code: number | null;
  ended: Promise<unknown>;
  closed: Promise<unknown>;
}

/** Runs the scenario and returns its steps with their output; rejects when the set-up fails. */
export function runReal(scenario: Scenario): Promise<RecordedStep[]> {
  return new Promise((resolve, reject) => {
    const self = fileURLToPath(import.meta.url);
    const p = spawn(
      'unshare',
      ['--fork', '--pid', '--kill-child', '--mount-proc', '--mount', '--net', '--ipc', '--uts', process.execPath, self, '--child'],
      { stdio: ['pipe', 'inherit', 'pipe', 'pipe'], env: ENV },
    );
    let out = '';
    let err = '';
    p.stdio[3]?.on('data', (d) => {
      out += d;
    });
    p.stderr?.on('data', (d) => {
      err += d;
    });
    const timer = setTimeout(() => p.kill('SIGKILL'), 300_000);
    p.on('close', (code) => {
      clearTimeout(timer);
      if (code !== 0 || out === '') reject(new Error(`real run failed (${code}): ${err}`));
      else resolve(JSON.parse(out) as RecordedStep[]);
    });
    p.stdin?.end(JSON.stringify(scenario));
  });
}

function sh(command: string): void {
  const r = spawnSync('bash', ['--norc', '--noprofile', '-c', command], { encoding: 'utf8', env: ENV });
  if (r.status !== 0) throw new Error(`set-up: ${command}\n${r.stderr}`);
}

function prepare(): void {
  sh(`set -e
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/fuzz /run/lock /run/ns
printf '#!/bin/sh\\nexec ${process.execPath} ${HERE}/podserver.mjs "$@"\\n' > /run/fuzz/podserver
chmod +x /run/fuzz/podserver
mount --bind /run/netns /run/netns && mount --make-shared /run/netns
for d in /tmp /root /var/log; do mount -t tmpfs -o mode=1777 tmpfs $d; done
ip link set lo up`);
}

/** The settings that every namespace of a recording starts with. */
function tune(ns: string, scenario: Scenario): void {
  const own = Object.entries(scenario.sysctls).map(([key, value]) => `echo ${value} > /proc/sys/${key.replaceAll('.', '/')}`);
  sh(`nsenter --net=/run/netns/${ns} bash -c '
cd /proc/sys/net/ipv6/conf
for c in all default lo; do echo 0 > $c/accept_dad; echo 0 > $c/router_solicitations; ${scenario.ipv6 ? '' : 'echo 1 > $c/disable_ipv6;'} done
cd ../../ipv4; echo 0 > ip_forward; echo 0 > conf/all/rp_filter; echo 0 > conf/default/rp_filter
${own.join('\n')}'`);
}

/** A process that keeps the namespace's host name and /etc. */
async function hold(ns: string): Promise<ChildProcess> {
  const script = `set -e
hostname ${ns}
mkdir -p /run/ns/${ns}
mount -t tmpfs tmpfs /run/ns/${ns}
mkdir -p /run/ns/${ns}/{up,work}
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/ns/${ns}/up,workdir=/run/ns/${ns}/work /etc
sed -i 's/^hosts:.*/hosts: files dns/' /etc/nsswitch.conf
printf '127.0.0.1\\tlocalhost\\n127.0.1.1\\t${ns}\\n' > /etc/hosts
: > /etc/resolv.conf
mount -t sysfs sysfs /sys
echo ready
exec nsenter --net=/proc/1/ns/net sleep 100000`;
  const p = spawn(
    'nsenter',
    [`--net=/run/netns/${ns}`, 'unshare', '--uts', '--mount', '--propagation', 'unchanged', 'bash', '-c', script],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: ENV,
    },
  );
  await new Promise((done, failed) => {
    p.stdout?.once('data', done);
    p.once('exit', (code) => failed(new Error(`holder of ${ns} ended: ${code}`)));
  });
  return p;
}

function start(step: Step, holder: ChildProcess): Job {
  const inside = ['-t', String(holder.pid), '-m', '-u', `--net=/run/netns/${step.ns}`, '--wd=/root'];
  const p = spawn('nsenter', [...inside, 'bash', '--norc', '--noprofile', '-c', step.command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: ENV,
    detached: true,
  });
  const parts: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  p.stdout.on('data', (d) => parts.stdout.push(d));
  p.stderr.on('data', (d) => parts.stderr.push(d));
  const job: Job = {
    process: p,
    out: () => ({ stdout: Buffer.concat(parts.stdout).toString(), stderr: Buffer.concat(parts.stderr).toString() }),
    code: null,
    ended: Promise.resolve(),
    closed: new Promise((done) => p.once('close', done)),
  };
  job.ended = new Promise((done) =>
    p.once('exit', (code, signal) => {
      job.code = code ?? (signal === 'SIGKILL' ? 137 : signal === 'SIGINT' ? 130 : 143);
      done(job.code);
    }),
  );
  return job;
}

function signal(job: Job, name: NodeJS.Signals): void {
  try {
    process.kill(-(job.process.pid as number), name);
  } catch {
    // It has ended meanwhile.
  }
}

async function child(scenario: Scenario): Promise<void> {
  prepare();
  const holders = new Map<string, ChildProcess>();
  for (const ns of scenario.namespaces) {
    sh(`ip netns add ${ns}`);
    tune(ns, scenario);
  }
  for (const ns of scenario.namespaces) holders.set(ns, await hold(ns));
  const began = Date.now();
  let disturbed = 0;
  const jobs = new Map<string, Job>();
  const steps: RecordedStep[] = [];
  for (const step of scenario.steps) {
    const since = Date.now() - disturbed;
    const quiet = step.op === 'run' && QUIET.test(step.command);
    if (!quiet && since < SETTLE) await sleep(SETTLE - since);
    const rec: RecordedStep = { ...step, time: Date.now() - began };
    steps.push(rec);
    if (step.op === 'sleep') {
      await sleep((step.seconds ?? 0) * 1000);
      continue;
    }
    if (step.op === 'start') {
      const job = start(step, holders.get(step.ns as string) as ChildProcess);
      jobs.set(step.name as string, job);
      const until = Date.now() + 4000;
      const ready = (): boolean => (/podserver/.test(step.command) ? job.out().stdout !== '' : /listening on/.test(job.out().stderr));
      while (Date.now() < until && job.code === null && !ready()) await sleep(15);
      await sleep(60);
      continue;
    }
    const job = step.op === 'run' ? start(step, holders.get(step.ns as string) as ChildProcess) : (jobs.get(step.name as string) as Job);
    if (step.op === 'run') {
      await Promise.race([job.ended, sleep(LIMIT)]);
      if (job.code === null) signal(job, 'SIGKILL');
      if (DISTURBS.test(step.command)) disturbed = Date.now();
    } else if (job.code === null) {
      await sleep(/\btcpdump\b/.test(step.command) ? 1300 : 250);
      signal(job, /\btcpdump\b/.test(step.command) ? 'SIGINT' : 'SIGTERM');
    }
    await job.ended;
    await Promise.race([job.closed, sleep(300)]);
    Object.assign(rec, job.out(), { exitCode: job.code });
  }
  writeSync(3, JSON.stringify(steps));
  for (const job of jobs.values()) if (job.code === null) signal(job, 'SIGKILL');
  for (const h of holders.values()) h.kill('SIGKILL');
  process.exit(0);
}

/** What this machine lacks for a real run, empty when nothing. */
export function missing(): string {
  if (process.getuid?.() !== 0) return 'root';
  const tools = ['unshare', 'nsenter', 'ip', 'iptables', 'nft', 'conntrack', 'curl', 'nc', 'ping', 'traceroute', 'tcpdump', 'ss', 'bridge'];
  const path = ENV.PATH.split(':').flatMap((d) => (existsSync(d) ? readdirSync(d) : []));
  return tools.filter((t) => !path.includes(t)).join(' ');
}

if (process.argv[2] === '--child') await child(JSON.parse(readFileSync(0, 'utf8')) as Scenario);
