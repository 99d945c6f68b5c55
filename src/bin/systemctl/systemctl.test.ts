import { expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { type RunResult, runCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { commands } from '../index.ts';

const UNIT = `cat > /etc/systemd/system/web.service <<'U'
[Unit]
Description=My web
[Service]
ExecStart=/usr/local/bin/podserver web 9000
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
U
`;

function run(script: string): RunResult {
  const kernel = new Kernel(new Sim(1), 'host');
  kernel.init.lo.setUp();
  return runCommand(new Machine(kernel, commands), script);
}

test.each([
  ['systemctl is-active web; systemctl start web; systemctl is-active web; curl -s localhost:9000/hostname', 'inactive\nactive\nweb\n'],
  ['systemctl start web; systemctl stop web; systemctl is-active web; curl -s localhost:9000/ || echo $?', 'inactive\n7\n'],
  ['systemctl start web; pkill podserver; sleep 0.1; systemctl is-active web; sleep 1.5; systemctl is-active web', 'activating\nactive\n'],
  [
    'systemctl enable web 2>&1; systemctl is-enabled web; systemctl disable web 2>/dev/null; systemctl is-enabled web',
    expect.stringContaining('enabled\ndisabled\n'),
  ],
  ['systemctl start web; journalctl -u web -o cat -n 1', 'podserver web listening on 0.0.0.0:9000\n'],
  ['systemctl start web; systemctl list-units --state=active --no-legend web | tr -s " "', ' web.service loaded active running My web\n'],
  ['systemctl enable web 2>&-; systemctl list-unit-files --state=enabled --no-legend | grep -o ^web.service', 'web.service\n'],
  ['systemctl list-unit-files --state=enabled --no-legend | grep -c ^web.service', '0\n'],
  ['systemctl status -o json web 2>&1; echo $?', 'systemctl: option --output is not emulated\n1\n'],
  ['systemctl start nosuch 2>&1; echo $?', 'Failed to start nosuch.service: Unit nosuch.service not found.\n5\n'],
  [
    'systemctl mask nginx 2>/dev/null; systemctl start nginx 2>&1; echo $?',
    'Failed to start nginx.service: Unit nginx.service is masked.\n1\n',
  ],
  [
    'systemctl status web > /tmp/s; echo $?; head -3 /tmp/s',
    '3\n○ web.service - My web\n     Loaded: loaded (/etc/systemd/system/web.service; disabled; preset: enabled)\n     Active: inactive (dead)\n',
  ],
])('%s', (script, stdout) => {
  expect(run(UNIT + script).stdout).toEqual(stdout);
});

test('a forking service that cannot bind fails, with its words in the journal', () => {
  const r = run(
    'nc -lk -p 80 & sleep 0.1; systemctl start nginx 2>/dev/null; echo $?; systemctl is-active nginx; journalctl -u nginx -o cat | grep -c "Address already in use"',
  );
  expect(r.stdout).toMatch(/^1\nfailed\n[1-9]/);
});
