/** Runs a scenario in the emulator, the way the recorder runs it on a real kernel, and returns a recording. */

import { commands } from '../bin/index.ts';
import { Kernel } from '../net/kernel.ts';
import type { Netns } from '../net/netns.ts';
import { profileOf } from '../net/profile.ts';
import { Machine } from '../os/machine.ts';
import { type Job, runCommand, startCommand } from '../os/run.ts';
import type { Signal } from '../os/signal.ts';
import { MS, SEC, Sim } from '../sim/sim.ts';
import type { Scenario, Step } from './scenario.ts';

export interface RecordedStep extends Step {
  /** Start of the step in ms since the first one. */
  time: number;
  stdout?: string;
  stderr?: string;
  exitCode?: number;
}

export interface Recording extends Omit<Scenario, 'steps'> {
  kernel: string;
  steps: RecordedStep[];
}

const ENV = { SHLVL: '2', HOME: '/root', USER: 'root', LANG: 'C.UTF-8', TERM: 'xterm', TZ: 'UTC' };
/** After these the recorder gives the kernel 1.15 s to settle (carrier events are spread over up to 1 s). */
const DISTURBS =
  /\b(ip|brctl)\b.*\b(link|l|li|lin|addbr|delbr|addif|delif|netns|tuntap|up|down)\b.*\b(add|set|s|del|delete|up|down|master|addbr|delbr|addif|delif)\b|\b(ifconfig|ifup|ifdown)\b|disable_ipv6/;
const SHOWS = /^\S+ (-\S+ )*(link|l|a|addr) (show|list|ls|sh)\b/;
const QUIET =
  /^(sudo )?((ip|bridge|brctl)\s.*\b(add|set|del|delete|replace|change|append|flush|addbr|addif)\b|sysctl -w|echo |mkdir |printf |cat (>|<<)|iptables -(A|I|N|P)|ipset (create|add))/;
const SETTLE = 1150 * MS;
/** What starting `bash -c` through nsenter takes on the recording machine. */
const STEP_COST = 12 * MS;

/** `times`: start times of a recording's steps in ms, to set the clock by; without them the recorder's own waits are made. */
export function emulate(
  scenario: Scenario & { kernel?: string },
  opts: { seed?: number | string; times?: readonly number[] } = {},
): Recording {
  const sim = new Sim(opts.seed ?? 1);
  const kernel = new Kernel(sim, 'host', profileOf(scenario.kernel));
  kernel.init.lo.setUp();
  const machine = new Machine(kernel, commands);
  const tuned = new Set<string>();
  const held = new Set<Netns>();
  const tune = (name: string, ns: Netns): void => {
    tuned.add(name);
    for (const dev of ['all', 'default', 'lo']) {
      ns.sysctl.set(`net.ipv6.conf.${dev}.accept_dad`, '0');
      ns.sysctl.set(`net.ipv6.conf.${dev}.router_solicitations`, '0');
      if (!scenario.ipv6) ns.sysctl.set(`net.ipv6.conf.${dev}.disable_ipv6`, '1');
    }
    ns.sysctl.set('net.ipv4.ip_forward', '0');
    ns.sysctl.set('net.ipv4.conf.all.rp_filter', '0');
    ns.sysctl.set('net.ipv4.conf.default.rp_filter', '0');
    for (const [key, value] of Object.entries(scenario.sysctls)) ns.sysctl.set(key, value);
  };
  const hold = (name: string): Netns | null => {
    const ns = kernel.named.get(name);
    if (ns && !held.has(ns)) {
      held.add(ns);
      machine.separate(ns, name);
    }
    return ns ?? null;
  };
  for (const name of scenario.namespaces) {
    const made = runCommand(machine, ['ip', 'netns', 'add', name]);
    if (made.exitCode !== 0) throw new Error(`ip netns add ${name}: ${made.stderr}`);
    tune(name, kernel.named.get(name) as Netns);
  }
  for (const name of scenario.namespaces) hold(name);

  const start = sim.now;
  let disturbed = Number.NEGATIVE_INFINITY;
  const jobs = new Map<string, Job>();
  const steps: RecordedStep[] = [];
  scenario.steps.forEach((step, i) => {
    const wanted = opts.times?.[i];
    const quiet = step.op === 'run' && QUIET.test(step.command);
    if (wanted !== undefined) sim.runUntil(start + wanted * MS);
    else if (!quiet) sim.runUntil(disturbed + SETTLE);
    const rec: RecordedStep = { ...step, time: Math.round((sim.now - start) / MS) };
    steps.push(rec);
    const result = (r: { stdout: string; stderr: string; exitCode: number }): void => {
      rec.stdout = r.stdout;
      rec.stderr = r.stderr;
      rec.exitCode = r.exitCode;
    };
    if (step.op === 'sleep') {
      if (wanted === undefined) sim.runUntil(sim.now + (step.seconds ?? 0) * SEC);
      return;
    }
    const tty = step.flags?.find((f) => f === 'tty' || f.startsWith('tty='));
    if (step.op === 'run' || step.op === 'start') {
      const ns = hold(step.ns as string);
      if (!ns) {
        result({ stdout: '', stderr: `(no namespace ${step.ns})\n`, exitCode: 255 });
        return;
      }
      sim.runUntil(sim.now + STEP_COST);
      const run = { ns, env: ENV, ...(tty ? { tty: true, cols: Number(tty.split('=')[1] ?? 120), rows: 40 } : {}) };
      if (step.op === 'start') {
        const job = startCommand(machine, step.command, run);
        jobs.set(step.name as string, job);
        sim.runUntil(sim.now + (/\b(podserver|poddns|tcpdump)\b/.test(step.command) ? 75 : 500) * MS);
        return;
      }
      result(runCommand(machine, step.command, run));
      for (const [name, made] of kernel.named) if (!tuned.has(name)) tune(name, made);
      for (const name of [...tuned]) if (!kernel.named.has(name)) tuned.delete(name);
      if (DISTURBS.test(step.command) && !SHOWS.test(step.command)) disturbed = sim.now;
      return;
    }
    const job = jobs.get(step.name as string) as Job;
    if (step.op === 'wait') job.wait({ micros: 20 * SEC });
    if (!job.done) {
      sim.runUntil(sim.now + (/\btcpdump\b/.test(step.command) ? 1300 : 250) * MS);
      const signal = (step.signal || (/\b(tcpdump|conntrack|monitor|ping)\b/.test(step.command) ? 'INT' : 'TERM')).replace(/^SIG/, '');
      result(job.done ? job.result() : job.stop(signal as Signal));
    } else result(job.result());
  });
  return { ...scenario, kernel: 'hopwise', steps };
}
