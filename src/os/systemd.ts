/** The service manager: unit files to running services, restarts, enablement. Models systemd 252 for services of type simple, exec, forking and oneshot */

import { MS, SEC } from '../sim/sim.ts';
import { Symlink } from './inode.ts';
import { Journal } from './journal.ts';
import type { Machine } from './machine.ts';
import type { Process } from './process.ts';

/** Where unit files are looked for, the strongest first. */
const UNIT_PATH = ['/etc/systemd/system', '/run/systemd/system', '/usr/local/lib/systemd/system', '/lib/systemd/system'] as const;
const OWN = UNIT_PATH[0];

export interface UnitFile {
  readonly name: string;
  readonly path: string;
  /** `Section.Key` to its values in order; an empty value forgets the ones before. */
  readonly settings: ReadonlyMap<string, readonly string[]>;
  readonly masked: boolean;
}

export type ActiveState = 'active' | 'inactive' | 'failed' | 'activating' | 'deactivating';

export class Unit {
  readonly name: string;
  file: UnitFile;
  active: ActiveState = 'inactive';
  sub = 'dead';
  main: Process | null = null;
  /** How it ended: success, exit-code, signal. */
  result = 'success';
  status = 0;
  /** When it came into its present state, µs. */
  since: number | null = null;
  restarts = 0;
  /** A stop was asked for: the end of the main process is no failure. */
  stopping = false;

  constructor(file: UnitFile) {
    this.name = file.name;
    this.file = file;
  }

  one(key: string, fallback = ''): string {
    return this.file.settings.get(key)?.at(-1) ?? fallback;
  }

  get description(): string {
    return this.one('Unit.Description', this.name);
  }
}

/** `10`, `100ms`, `1min 30s` in µs. */
function duration(text: string, fallback: number): number {
  const units: Record<string, number> = { us: 1, ms: MS, s: SEC, sec: SEC, m: 60 * SEC, min: 60 * SEC, h: 3600 * SEC };
  let total = 0;
  let seen = false;
  for (const m of text.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]*)/g)) {
    total += Number(m[1]) * (units[m[2] || 's'] ?? SEC);
    seen = true;
  }
  return seen ? total : fallback;
}

/** Words of a command line with quotes, as systemd.service(5) splits them. */
function words(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2] ?? (m[3] as string));
}

export class Systemd {
  readonly journal: Journal;
  readonly units = new Map<string, Unit>();
  private readonly machine: Machine;

  constructor(machine: Machine) {
    this.machine = machine;
    this.journal = new Journal(machine);
  }

  /** Full name of what a person typed: `nginx` is nginx.service. */
  static fullName(name: string): string {
    return /\.(service|socket|target|timer|mount|path|slice|scope|device|swap|automount)$/.test(name) ? name : `${name}.service`;
  }

  private readFile(name: string): UnitFile | null {
    for (const folder of UNIT_PATH) {
      const path = `${folder}/${name}`;
      const { init } = this.machine;
      const real = init.resolve(path);
      const text = init.readText(path);
      if (text === null) continue;
      if (real.ok && real.value === '/dev/null') return { name, path, settings: new Map(), masked: true };
      const settings = new Map<string, string[]>();
      let section = '';
      for (const line of text.replace(/\\\n\s*/g, ' ').split('\n')) {
        const head = /^\[(.+)\]\s*$/.exec(line);
        if (head) section = head[1] as string;
        const pair = /^([A-Za-z]\w*)\s*=\s*(.*?)\s*$/.exec(line);
        if (!pair) continue;
        const key = `${section}.${pair[1]}`;
        if (pair[2] === '') settings.delete(key);
        else settings.set(key, [...(settings.get(key) ?? []), pair[2] as string]);
      }
      return { name, path, settings, masked: false };
    }
    return null;
  }

  /** Names of all unit files, sorted. */
  files(): string[] {
    const names = new Set<string>();
    for (const folder of UNIT_PATH) {
      const r = this.machine.init.readdir(folder);
      if (r.ok) for (const name of r.value) if (/\.(service|target|socket|timer)$/.test(name)) names.add(name);
    }
    return [...names].sort();
  }

  /** The unit as loaded; null when there is no file for it and never was. */
  load(name: string): Unit | null {
    const known = this.units.get(name);
    if (known) return known;
    const file = this.readFile(name);
    if (!file) return null;
    const unit = new Unit(file);
    this.units.set(name, unit);
    return unit;
  }

  /** Reads all files again. */
  reload(): void {
    for (const unit of this.units.values()) unit.file = this.readFile(unit.name) ?? unit.file;
  }

  /** The file has changed since it was read. */
  stale(unit: Unit): boolean {
    const now = this.readFile(unit.name);
    return now !== null && JSON.stringify([...now.settings]) !== JSON.stringify([...unit.file.settings]);
  }

  private say(unit: Unit, message: string, priority = 6): void {
    this.journal.add({ unit: unit.name, identifier: 'systemd', pid: 1, priority, message });
  }

  private enter(unit: Unit, active: ActiveState, sub: string): void {
    unit.active = active;
    unit.sub = sub;
    unit.since = this.machine.sim.now;
  }

  /** Starts the commands; `done` hears whether it is up (a oneshot: whether it has ended well). */
  start(unit: Unit, done: (ok: boolean) => void): void {
    if (unit.active === 'active' || unit.active === 'activating') {
      done(true);
      return;
    }
    const type = unit.one('Service.Type', unit.file.settings.has('Service.ExecStart') ? 'simple' : 'oneshot');
    const commands = unit.file.settings.get('Service.ExecStart') ?? [];
    unit.stopping = false;
    unit.result = 'success';
    this.say(unit, `Starting ${unit.name}${unit.description === unit.name ? '' : ` - ${unit.description}`}...`);
    this.enter(unit, 'activating', 'start');
    this.sequence(unit, unit.file.settings.get('Service.ExecStartPre') ?? [], (good) => {
      if (!good) {
        this.failed(unit);
        done(false);
        return;
      }
      if (type === 'oneshot') {
        this.sequence(unit, commands, (ended) => {
          if (!ended) this.failed(unit);
          else {
            const stays = unit.one('Service.RemainAfterExit') === 'yes' || unit.one('Service.RemainAfterExit') === 'true';
            this.enter(unit, stays ? 'active' : 'inactive', stays ? 'exited' : 'dead');
            this.say(unit, `${stays ? 'Finished' : 'Finished'} ${this.title(unit)}.`);
          }
          done(ended);
        });
        return;
      }
      const p = this.run(unit, commands[0] ?? '');
      if (!p) {
        this.failed(unit);
        done(type === 'simple');
        return;
      }
      const up = (): void => {
        this.enter(unit, 'active', 'running');
        this.say(unit, `Started ${this.title(unit)}.`);
        done(true);
      };
      if (type === 'forking') {
        p.onExit = () =>
          this.awaitDaemon(unit, p, 100, (found) => {
            if (!found) {
              unit.status = p.status;
              unit.result = p.status === 0 ? 'protocol' : 'exit-code';
              this.failed(unit);
              done(false);
              return;
            }
            unit.main = found;
            found.onExit = () => this.ended(unit);
            up();
          });
        return;
      }
      unit.main = p;
      p.onExit = () => this.ended(unit);
      up();
    });
  }

  /** The starter of a forking service has ended; what it left behind may still have to write its PID file. */
  private awaitDaemon(unit: Unit, starter: Process, tries: number, done: (found: Process | null) => void): void {
    const found = starter.status === 0 ? this.daemonOf(unit, starter.pid) : null;
    if (found || starter.status !== 0 || tries === 0) done(found);
    else this.machine.sim.schedule(10 * MS, () => this.awaitDaemon(unit, starter, tries - 1, done));
  }

  private title(unit: Unit): string {
    return unit.description === unit.name ? unit.name : `${unit.name} - ${unit.description}`;
  }

  /** The process that a forking service left behind: from its PID file, else its eldest orphan. */
  private daemonOf(unit: Unit, starter: number): Process | null {
    const { machine } = this;
    const file = unit.one('Service.PIDFile');
    const pid = Number(machine.init.readText(file)?.trim() ?? 0);
    if (file && machine.processes.has(pid)) return machine.processes.get(pid) ?? null;
    return [...machine.processes.values()].find((q) => !q.dead && q.pid > starter && q.sid === starter) ?? null;
  }

  private run(unit: Unit, command: string): Process | null {
    const argv = words(command.replace(/^[-@:+!]+/, '')).map((w) =>
      w.replaceAll('$MAINPID', String(unit.main?.pid ?? 0)).replaceAll('%n', unit.name),
    );
    const env = this.machine.baseEnv();
    for (const line of unit.file.settings.get('Service.Environment') ?? [])
      for (const w of words(line)) env.set(w.split('=')[0] as string, w.slice(w.indexOf('=') + 1));
    const out = this.journal.stream(unit.name);
    const r = this.machine.spawn(argv, {
      env,
      cwd: unit.one('Service.WorkingDirectory', '/'),
      fds: new Map([
        [1, out],
        [2, out],
      ]),
    });
    if (r.ok) return r.value;
    const why = r.errno === 'ENOENT' ? 'No such file or directory' : 'Permission denied';
    this.say(unit, `${unit.name}: Failed to locate executable ${argv[0]}: ${why}`, 3);
    unit.status = r.errno === 'ENOENT' ? 203 : 126;
    unit.result = 'exit-code';
    return null;
  }

  /** One command after another; a failure ends it, save for those marked with `-`. */
  private sequence(unit: Unit, commands: readonly string[], done: (ok: boolean) => void): void {
    const [first, ...rest] = commands;
    if (first === undefined) {
      done(true);
      return;
    }
    const p = this.run(unit, first);
    const next = (status: number): void => {
      if (status === 0 || first.startsWith('-')) this.sequence(unit, rest, done);
      else {
        unit.status = status;
        unit.result = 'exit-code';
        done(false);
      }
    };
    if (!p) {
      next(203);
      return;
    }
    p.onExit = () => next(p.status);
  }

  private failed(unit: Unit): void {
    unit.main = null;
    this.say(unit, `${unit.name}: Failed with result '${unit.result}'.`, 4);
    this.say(unit, `Failed to start ${this.title(unit)}.`, 3);
    this.enter(unit, 'failed', 'failed');
  }

  /** The main process of a running service has ended. */
  private ended(unit: Unit): void {
    const p = unit.main;
    unit.main = null;
    if (!p) return;
    const { status } = p;
    unit.status = status;
    const signalled = status > 128;
    const clean = unit.stopping || status === 0 || [129, 130, 141, 143].includes(status);
    unit.result = clean ? 'success' : signalled ? 'signal' : 'exit-code';
    if (!unit.stopping && status !== 0) {
      const how = signalled ? `code=killed, status=${status - 128}` : `code=exited, status=${status}/${status === 1 ? 'FAILURE' : 'n/a'}`;
      this.say(unit, `${unit.name}: Main process exited, ${how}`, 5);
    }
    if (!clean) this.say(unit, `${unit.name}: Failed with result '${unit.result}'.`, 4);
    else if (!unit.stopping) this.say(unit, `${unit.name}: Deactivated successfully.`);
    this.enter(unit, clean ? 'inactive' : 'failed', clean ? 'dead' : 'failed');
    const policy = unit.one('Service.Restart', 'no');
    if (unit.stopping || !(policy === 'always' || (policy === 'on-failure' && !clean))) return;
    this.enter(unit, 'activating', 'auto-restart');
    this.machine.sim.schedule(duration(unit.one('Service.RestartSec'), 100 * MS), () => {
      if (unit.sub !== 'auto-restart') return;
      // Five starts within ten seconds are the limit (StartLimitBurst, StartLimitIntervalSec).
      unit.restarts++;
      if (unit.restarts > 5 && this.machine.sim.now < 10 * SEC * unit.restarts) {
        this.say(unit, `${unit.name}: Start request repeated too quickly.`, 4);
        this.enter(unit, 'failed', 'failed');
        return;
      }
      this.say(unit, `${unit.name}: Scheduled restart job, restart counter is at ${unit.restarts}.`);
      unit.active = 'inactive';
      this.start(unit, () => {});
    });
  }

  stop(unit: Unit, done: () => void): void {
    const { main } = unit;
    if (unit.active === 'inactive' || unit.active === 'failed' || !main) {
      if (unit.active !== 'failed') this.enter(unit, 'inactive', 'dead');
      done();
      return;
    }
    unit.stopping = true;
    this.say(unit, `Stopping ${this.title(unit)}...`);
    this.enter(unit, 'deactivating', 'stop-sigterm');
    main.onExit = () => {
      this.ended(unit);
      this.say(unit, `${unit.name}: Deactivated successfully.`);
      this.say(unit, `Stopped ${this.title(unit)}.`);
      done();
    };
    const command = unit.one('Service.ExecStop');
    if (command) this.run(unit, command);
    else this.machine.killGroup(main.pgid, 'TERM');
    this.machine.sim.schedule(duration(unit.one('Service.TimeoutStopSec'), 90 * SEC), () => {
      if (!main.dead) this.machine.killGroup(main.pgid, 'KILL');
    });
  }

  reloadService(unit: Unit, done: (ok: boolean) => void): void {
    this.say(unit, `Reloading ${this.title(unit)}...`);
    this.sequence(unit, unit.file.settings.get('Service.ExecReload') ?? [], (good) => {
      this.say(unit, good ? `Reloaded ${this.title(unit)}.` : `Reload failed for ${this.title(unit)}.`, good ? 6 : 3);
      done(good);
    });
  }

  /** Links under a target's `.wants`: [link, what it points at]. */
  links(unit: Unit): [link: string, target: string][] {
    return (unit.file.settings.get('Install.WantedBy') ?? [])
      .flatMap((v) => v.split(/\s+/))
      .map((target) => [`${OWN}/${target}.wants/${unit.name}`, unit.file.path]);
  }

  enablement(unit: Unit): 'enabled' | 'disabled' | 'static' | 'masked' {
    if (unit.file.masked) return 'masked';
    const links = this.links(unit);
    if (links.length === 0) return 'static';
    return links.some(([link]) => this.machine.init.lstat(link).ok) ? 'enabled' : 'disabled';
  }

  /** Makes the link; false when it is there. */
  link(path: string, target: string): boolean {
    const { init } = this.machine;
    if (init.lstat(path).ok) return false;
    const folder = path.slice(0, path.lastIndexOf('/'));
    this.machine.directory(folder).link(path.slice(folder.length + 1), new Symlink(target));
    return true;
  }
}

const managers = new WeakMap<Machine, Systemd>();

/** The machine's service manager, made when somebody first asks for it. */
export function systemdOf(machine: Machine): Systemd {
  let manager = managers.get(machine);
  if (!manager) {
    manager = new Systemd(machine);
    managers.set(machine, manager);
  }
  return manager;
}
