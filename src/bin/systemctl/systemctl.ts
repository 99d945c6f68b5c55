/** systemctl: the machine's services: start, stop, state, enablement, lists. Models systemd 252 */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { Systemd, systemdOf, type Unit } from '../../os/systemd.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { getopt, specs } from '../getopt.ts';
import { entries, line } from '../journalctl/entries.ts';
import { strftime } from '../strftime.ts';

const SPECS = specs(
  't:type a.all l.full q.quiet p:property n:lines o:output r.recursive s:signal .now .no-pager .no-legend .plain .no-block :state .failed .value .user .system .force f. .runtime .version h.help',
);

type Verb = (p: Process, manager: Systemd, names: readonly string[], on: ReadonlyMap<string, string>) => Task<number>;

/** Runs a job of the manager and waits for its end. */
function* job(p: Process, begin: (done: (ok: boolean) => void) => void): Task<boolean> {
  const ended = new WaitQueue();
  let result: boolean | null = null;
  begin((ok) => {
    result = ok;
    ended.wakeAll();
  });
  while (result === null) if ((yield* p.wait({ on: [ended] })) === 'signal') return false;
  return result;
}

function* missing(p: Process, verb: string, name: string, how: 'found' | 'loaded'): Task<number> {
  yield* p.err(`Failed to ${verb} ${name}: Unit ${name} not ${how}.\n`);
  return 5;
}

function* control(p: Process, unit: Unit, what: string): Task<number> {
  yield* p.err(
    `Job for ${unit.name} failed because the control process exited with error code.\nSee "systemctl status ${unit.name}" and "journalctl -xeu ${unit.name}" for details.\n`,
  );
  return what === 'reload' ? 1 : 1;
}

function* staleness(p: Process, manager: Systemd, unit: Unit): Task<void> {
  if (!manager.stale(unit)) return;
  yield* p.err(
    `Warning: The unit file, source configuration file or drop-ins of ${unit.name} changed on disk. Run 'systemctl daemon-reload' to reload units.\n`,
  );
}

function* startOne(p: Process, manager: Systemd, name: string, verb = 'start'): Task<number> {
  const unit = manager.load(name);
  if (!unit) return yield* missing(p, verb, name, 'found');
  if (unit.file.masked) {
    yield* p.err(`Failed to ${verb} ${name}: Unit ${name} is masked.\n`);
    return 1;
  }
  yield* staleness(p, manager, unit);
  return (yield* job(p, (done) => manager.start(unit, done))) ? 0 : yield* control(p, unit, verb);
}

function* stopOne(p: Process, manager: Systemd, name: string, verb = 'stop'): Task<number> {
  const unit = manager.load(name);
  if (!unit) return yield* missing(p, verb, name, verb === 'stop' ? 'loaded' : 'found');
  yield* job(p, (done) => manager.stop(unit, () => done(true)));
  return 0;
}

const each = (one: (p: Process, manager: Systemd, name: string, on: ReadonlyMap<string, string>) => Task<number>): Verb =>
  function* (p, manager, names, on) {
    if (names.length === 0) {
      yield* p.err('Too few arguments.\n');
      return 1;
    }
    let status = 0;
    for (const name of names) status = (yield* one(p, manager, Systemd.fullName(name), on)) || status;
    return status;
  };

function ago(us: number): string {
  const s = Math.floor(us / 1e6);
  if (s < 1) return `${Math.floor(us / 1000)}ms ago`;
  if (s < 60) return `${s}s ago`;
  if (s < 3600) return `${Math.floor(s / 60)}min${s % 60 ? ` ${s % 60}s` : ''} ago`;
  return `${Math.floor(s / 3600)}h${s % 3600 >= 60 ? ` ${Math.floor((s % 3600) / 60)}min` : ''} ago`;
}

function* status(p: Process, manager: Systemd, name: string, on: ReadonlyMap<string, string>): Task<number> {
  const unit = manager.load(name);
  if (!unit) {
    yield* p.err(`Unit ${name} could not be found.\n`);
    return 4;
  }
  yield* staleness(p, manager, unit);
  const mark = unit.active === 'failed' ? '×' : unit.active === 'active' ? '●' : unit.active === 'inactive' ? '○' : '●';
  const since =
    unit.since === null
      ? ''
      : ` since ${strftime('%a %Y-%m-%d %H:%M:%S UTC', Math.floor(p.sim.epochMs / 1000 + unit.since / 1e6))}; ${ago(p.sim.now - unit.since)}`;
  const why = unit.active === 'failed' ? `failed (Result: ${unit.result})` : `${unit.active} (${unit.sub})`;
  let out = `${mark} ${unit.name}${unit.description === unit.name ? '' : ` - ${unit.description}`}\n`;
  out += unit.file.masked
    ? `     Loaded: masked (Reason: Unit ${unit.name} is masked.)\n`
    : `     Loaded: loaded (${unit.file.path}; ${manager.enablement(unit)}; preset: enabled)\n`;
  out += `     Active: ${why}${since}\n`;
  for (const doc of unit.file.settings.get('Unit.Documentation') ?? []) out += `       Docs: ${doc.split(/\s+/).join('\n             ')}\n`;
  if (unit.main) {
    const group = [...p.machine.processes.values()].filter((q) => q.sid === unit.main?.sid).sort((a, b) => a.pid - b.pid);
    const cpu = group.reduce((n, q) => n + q.cpuTime, 0);
    out += `   Main PID: ${unit.main.pid} (${unit.main.name.replace(/:.*/, '')})\n      Tasks: ${group.length}\n        CPU: ${Math.floor(cpu / 1000)}ms\n     CGroup: /system.slice/${unit.name}\n`;
    group.forEach((q, i) => {
      const text = q.argv.map((a) => (/\s/.test(a) ? `"${a}"` : a)).join(' ');
      out += `             ${i === group.length - 1 ? '└─' : '├─'}${q.pid} ${text}\n`;
    });
  } else if (unit.active === 'failed') out += `        CPU: 0\n`;
  yield* p.out(out);
  const log = entries(p).filter((e) => e.unit === unit.name);
  const lines = log.slice(Math.max(0, log.length - Number(on.get('lines') ?? 10)));
  if (lines.length > 0) yield* p.out(`\n${lines.map((e) => line(p, e, 'short')).join('')}`);
  return unit.active === 'active' || unit.active === 'activating' ? 0 : 3;
}

function* show(p: Process, manager: Systemd, name: string, on: ReadonlyMap<string, string>): Task<number> {
  const unit = manager.load(name);
  const all: Record<string, string> = {
    Id: name,
    Names: name,
    Description: unit?.description ?? name,
    LoadState: unit ? (unit.file.masked ? 'masked' : 'loaded') : 'not-found',
    ActiveState: unit?.active ?? 'inactive',
    SubState: unit?.sub ?? 'dead',
    FragmentPath: unit?.file.path ?? '',
    UnitFileState: unit ? manager.enablement(unit) : '',
    Type: unit?.one('Service.Type', 'simple') ?? '',
    Restart: unit?.one('Service.Restart', 'no') ?? '',
    MainPID: String(unit?.main?.pid ?? 0),
    Result: unit?.result ?? 'success',
    ExecMainStatus: String(unit?.status ?? 0),
    NRestarts: String(unit?.restarts ?? 0),
  };
  const wanted = on.get('property')?.split(',');
  for (const [key, value] of Object.entries(all))
    if (!wanted || wanted.includes(key)) yield* p.out(on.has('value') ? `${value}\n` : `${key}=${value}\n`);
  return 0;
}

function table(rows: readonly (readonly string[])[], lead = ''): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((r) => (r[i] as string).length)));
  return rows.map((r) => `${lead}${r.map((c, i) => (i === r.length - 1 ? c : c.padEnd(widths[i] as number))).join(' ')}\n`).join('');
}

const VERBS: Record<string, Verb> = {
  start: each((p, m, name) => startOne(p, m, name)),
  stop: each((p, m, name) => stopOne(p, m, name)),
  restart: each(function* (p, m, name) {
    const stopped = yield* stopOne(p, m, name, 'restart');
    return stopped || (yield* startOne(p, m, name, 'restart'));
  }),
  'try-restart': each(function* (p, m, name) {
    const unit = m.load(name);
    if (!unit) return yield* missing(p, 'try-restart', name, 'found');
    if (unit.active !== 'active') return 0;
    yield* stopOne(p, m, name, 'restart');
    return yield* startOne(p, m, name, 'restart');
  }),
  reload: each(function* (p, m, name) {
    const unit = m.load(name);
    if (!unit) return yield* missing(p, 'reload', name, 'found');
    if (unit.active !== 'active') {
      yield* p.err(`${name} is not active, cannot reload.\n`);
      return 1;
    }
    if (!unit.file.settings.has('Service.ExecReload')) {
      yield* p.err(`Failed to reload ${name}: Job type reload is not applicable for unit ${name}.\n`);
      return 1;
    }
    return (yield* job(p, (done) => m.reloadService(unit, done))) ? 0 : yield* control(p, unit, 'reload');
  }),
  kill: each(function* (p, m, name, on) {
    const unit = m.load(name);
    if (!unit?.main) return yield* missing(p, 'kill unit', name, 'loaded');
    const signal = (on.get('signal') ?? 'TERM').replace(/^SIG/, '');
    if (!/^(TERM|INT|HUP|KILL|USR1|USR2|QUIT|STOP|CONT)$/.test(signal)) {
      yield* p.err(`Failed to parse signal string ${on.get('signal')}.\n`);
      return 1;
    }
    p.machine.killGroup(unit.main.pgid, signal as 'TERM');
    return 0;
  }),
  show: each(show),
  'is-active': each(function* (p, m, name, on) {
    const unit = m.load(name);
    if (!on.has('quiet')) yield* p.out(`${unit?.active ?? 'inactive'}\n`);
    return unit?.active === 'active' ? 0 : unit ? 3 : 4;
  }),
  'is-failed': each(function* (p, m, name, on) {
    const unit = m.load(name);
    if (!on.has('quiet')) yield* p.out(`${unit?.active ?? 'inactive'}\n`);
    return unit?.active === 'failed' ? 0 : 1;
  }),
  'is-enabled': each(function* (p, m, name, on) {
    const unit = m.load(name);
    if (!unit) {
      yield* p.err(`Failed to get unit file state for ${name}: No such file or directory\n`);
      return 1;
    }
    const state = m.enablement(unit);
    if (!on.has('quiet')) yield* p.out(`${state}\n`);
    return state === 'enabled' || state === 'static' ? 0 : 1;
  }),
  enable: each(function* (p, m, name, on) {
    const unit = m.load(name);
    if (!unit) {
      yield* p.err(`Failed to enable unit: Unit file ${name} does not exist.\n`);
      return 1;
    }
    const links = m.links(unit);
    if (links.length === 0)
      yield* p.err(
        'The unit files have no installation config (WantedBy=, RequiredBy=, Also=, Alias= settings in the [Install] section, and DefaultInstance= for template units). This means they are not meant to be enabled or disabled using systemctl.\n',
      );
    for (const [link, target] of links) if (m.link(link, target)) yield* p.err(`Created symlink ${link} → ${target}.\n`);
    return on.has('now') ? yield* startOne(p, m, name) : 0;
  }),
  disable: each(function* (p, m, name, on) {
    const unit = m.load(name);
    if (!unit) {
      yield* p.err(`Failed to disable unit: Unit file ${name} does not exist.\n`);
      return 1;
    }
    for (const [link] of m.links(unit)) if (p.unlink(link).ok) yield* p.err(`Removed "${link}".\n`);
    return on.has('now') ? yield* stopOne(p, m, name) : 0;
  }),
  mask: each(function* (p, m, name) {
    const link = `/etc/systemd/system/${name}`;
    if (!m.link(link, '/dev/null')) {
      yield* p.err(`Failed to mask unit: File ${link} already exists.\n`);
      return 1;
    }
    yield* p.err(`Created symlink ${link} → /dev/null.\n`);
    m.reload();
    return 0;
  }),
  unmask: each(function* (p, m, name) {
    const link = `/etc/systemd/system/${name}`;
    if (p.readlink(link).ok && p.unlink(link).ok) yield* p.err(`Removed "${link}".\n`);
    m.reload();
    return 0;
  }),
  cat: each(function* (p, m, name) {
    const unit = m.load(name);
    if (!unit) {
      yield* p.err(`No files found for ${name}.\n`);
      return 1;
    }
    yield* p.out(`# ${unit.file.path}\n${p.readText(unit.file.path) ?? ''}`);
    return 0;
  }),
  // biome-ignore lint/correctness/useYield: a verb that says nothing
  'reset-failed': function* (_p, m, names) {
    const chosen = names.map(Systemd.fullName);
    for (const unit of m.units.values())
      if (unit.active === 'failed' && (chosen.length === 0 || chosen.includes(unit.name))) {
        unit.active = 'inactive';
        unit.sub = 'dead';
        unit.restarts = 0;
      }
    return 0;
  },
  // biome-ignore lint/correctness/useYield: a verb that says nothing
  *'daemon-reload'(_p, m) {
    m.reload();
    return 0;
  },
  *'list-units'(p, m, names, on) {
    for (const name of m.files()) m.load(name);
    const list = [...m.units.values()]
      .filter((u) => {
        const states = on.get('state')?.split(',');
        if (states) return states.includes(u.active) || states.includes(u.sub);
        return on.has('failed') ? u.active === 'failed' : on.has('all') || u.active !== 'inactive';
      })
      .filter((u) => names.length === 0 || names.some((n) => u.name === Systemd.fullName(n)))
      .filter((u) => on.get('type') === undefined || on.get('type')?.split(',').includes(u.name.replace(/.*\./, '')))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const rows = list.map((u) => [`${u.active === 'failed' ? '●' : ' '} ${u.name}`, 'loaded', u.active, u.sub, u.description]);
    const legend = !on.has('no-legend');
    if (rows.length > 0) yield* p.out(table(legend ? [['  UNIT', 'LOAD', 'ACTIVE', 'SUB', 'DESCRIPTION'], ...rows] : rows));
    if (legend)
      yield* p.out(
        `${rows.length > 0 ? '\nLOAD   = Reflects whether the unit definition was properly loaded.\nACTIVE = The high-level unit activation state, i.e. generalization of SUB.\nSUB    = The low-level unit activation state, values depend on unit type.\n' : ''}${rows.length} loaded units listed.${on.has('all') || on.has('failed') ? '' : ' Pass --all to see loaded but inactive units, too.'}\nTo show all installed unit files use 'systemctl list-unit-files'.\n`,
      );
    return 0;
  },
  *'list-unit-files'(p, m, _names, on) {
    const rows = m.files().flatMap((name) => {
      const unit = m.load(name);
      const states = on.get('state')?.split(',');
      return unit && (!states || states.includes(m.enablement(unit)))
        ? [[name, m.enablement(unit), m.enablement(unit) === 'static' ? '-' : 'enabled']]
        : [];
    });
    const legend = !on.has('no-legend');
    yield* p.out(table(legend ? [['UNIT FILE', 'STATE', 'PRESET'], ...rows] : rows));
    if (legend) yield* p.out(`\n${rows.length} unit files listed.\n`);
    return 0;
  },
  *'is-system-running'(p, m) {
    const failed = [...m.units.values()].some((u) => u.active === 'failed');
    yield* p.out(failed ? 'degraded\n' : 'running\n');
    return failed ? 1 : 0;
  },
} as Record<string, Verb>;
VERBS.status = function* (p, manager, names, on) {
  if (names.length > 0) return yield* each(status)(p, manager, names, on);
  yield* p.err('systemctl: the status of the whole system is not emulated; name a unit\n');
  return 1;
};

const CHANGES = /^(start|stop|restart|try-restart|reload|kill|enable|disable|mask|unmask|daemon-reload|reset-failed)$/;

export const systemctl: Command = {
  name: 'systemctl',
  path: '/usr/bin/systemctl',
  *main(p) {
    const o = getopt(p.argv.slice(1), SPECS);
    if (o.error !== null) {
      yield* p.err(`systemctl: ${o.error}\n`);
      return 1;
    }
    const on = new Map(o.options);
    if (on.has('user')) {
      yield* p.err('systemctl: the manager of a user is not emulated\n');
      return 1;
    }
    for (const name of ['output', 'recursive', 'runtime'])
      if (on.has(name)) {
        yield* p.err(`systemctl: option --${name} is not emulated\n`);
        return 1;
      }
    const [name = 'list-units', ...names] = o.operands;
    const verb = VERBS[name];
    if (!verb) {
      yield* p.err(
        /^(edit|isolate|poweroff|reboot|halt|suspend|set-property|list-timers|list-sockets|list-jobs|get-default|list-dependencies)$/.test(
          name,
        )
          ? `systemctl: ${name} is not emulated\n`
          : `Unknown command verb ${name}.\n`,
      );
      return 1;
    }
    if (CHANGES.test(name) && p.uid !== 0) {
      yield* p.err(`Failed to ${name} ${names[0] ?? ''}: Access denied\n`);
      return 4;
    }
    return yield* verb(p, systemdOf(p.machine), names, on);
  },
};
