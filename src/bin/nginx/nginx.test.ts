/** Which location answers, as nginx 1.22.1 chose them for the same configuration; TLS by the name asked for. */

import { expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { commands } from '../index.ts';

const CONF = `events {} http { access_log off; server { listen 80;
location / { return 200 "root"; }
location = / { return 200 "exact-root"; }
location /img/ { return 200 "img"; location ~ \\.gif$ { return 200 "img-gif"; } location /img/deep/ { return 200 "deep"; } }
location ^~ /static/ { return 200 "static"; }
location ~ \\.(gif|jpg)$ { return 200 "picture"; }
location ~* \\.PNG$ { return 200 "png"; }
location = /exact { return 200 "exact"; }
location /api { rewrite ^/api/v1/(.*)$ /v2/$1 last; rewrite ^/api/x/(.*) /exact break; return 200 "api $uri"; }
location /v2/ { return 200 "v2 $uri $args"; }
location /old { return 301 /new$is_args$args; }
location @named { return 200 "named $uri"; }
location /try { root /nowhere; try_files $uri @named; }
location /err { error_page 404 =200 /exact; return 404; }
location /deny { deny all; }
location /if { if ($arg_a = 1) { return 200 "one"; } if ($request_method !~ ^(GET|HEAD)$) { return 405; } return 200 "else"; }
} }`;

function machine(): Machine {
  const m = new Machine(new Kernel(new Sim(1), 'host'), commands);
  runCommand(m, 'ip link set lo up');
  return m;
}
const run = (m: Machine, script: string): string => runCommand(m, script, { limits: { micros: 60_000_000, steps: 2_000_000 } }).stdout;

const served = machine();
run(served, `cat > /tmp/n.conf <<'E'\n${CONF}\nE\nnginx -c /tmp/n.conf`);

test.each([
  ['/', '200 exact-root'],
  ['/index.html', '200 root'],
  ['/img/a.gif', '200 img-gif'],
  ['/img/a.jpg', '200 picture'],
  ['/img/deep/a.png', '200 png'],
  ['/img/deep/x', '200 deep'],
  ['/static/a.gif', '200 static'],
  ['/a.png', '200 png'],
  ['/exact', '200 exact'],
  ['/exact/', '200 root'],
  ['/api/v1/x?q=1', '200 v2 /v2/x q=1'],
  ['/api/x/y', '404 '],
  ['/apix', '200 api /apix'],
  ['/old?a=b', '301 http://127.0.0.1/new?a=b'],
  ['/try/x', '200 named /try/x'],
  ['/err', '200 exact'],
  ['/deny', '403 '],
  ['/img/../a.jpg', '200 picture'],
  ['/%69mg/x', '200 img'],
  ['//img//x', '200 img'],
  ['/if?a=1', '200 one'],
  ['/if', '200 else'],
])('%s: %s', (uri, want) => {
  const out = run(
    served,
    `curl -s --path-as-is -o /tmp/o -w '%{http_code} %{redirect_url}' 'http://127.0.0.1${uri}'; grep -v '[<>]' /tmp/o`,
  );
  expect(out.trimEnd()).toBe(want.trimEnd());
});

test('a method that is not allowed', () => {
  expect(run(served, "curl -s -X POST -o /dev/null -w '%{http_code}' http://127.0.0.1/if")).toBe('405');
});

test('certificates by name, and what the clients make of them', () => {
  const m = machine();
  run(
    m,
    `cd /tmp; for n in a b; do openssl req -x509 -newkey rsa:2048 -nodes -keyout $n.key -out $n.crt -subj /CN=$n.test -addext subjectAltName=DNS:$n.test 2>/dev/null; done
echo '127.0.0.1 a.test b.test c.test' >> /etc/hosts
echo 'events {} http { server { listen 443 ssl; server_name a.test; ssl_certificate /tmp/a.crt; ssl_certificate_key /tmp/a.key; location / { return 200 "a $ssl_server_name"; } }
server { listen 443 ssl; server_name b.test; ssl_certificate /tmp/b.crt; ssl_certificate_key /tmp/b.key; location / { return 200 "b $ssl_server_name"; } } }' > n.conf
nginx -c /tmp/n.conf`,
  );
  const get = (tail: string): string => run(m, `curl -s ${tail}; echo " $?"`);
  expect(get('--cacert /tmp/a.crt https://a.test/')).toBe('a a.test 0\n');
  expect(get('--cacert /tmp/b.crt https://b.test/')).toBe('b b.test 0\n');
  expect(get('--cacert /tmp/a.crt https://b.test/')).toBe(' 60\n');
  expect(get('--cacert /tmp/a.crt https://c.test/')).toBe(' 60\n');
  expect(get('-k https://c.test/')).toBe('a c.test 0\n');
  expect(get('--cacert /nosuch https://a.test/')).toBe(' 77\n');
  expect(get('http://a.test:443/ -o /dev/null -w "%{http_code}"')).toBe('400 0\n');
  expect(run(m, 'wget -qO- https://a.test/; echo $?')).toBe('5\n');
  expect(run(m, 'wget -qO- --ca-certificate=/tmp/b.crt https://b.test/; echo " $?"')).toBe('b b.test 0\n');
  const names = 'openssl x509 -noout -subject; } 2>/dev/null';
  expect(run(m, `{ openssl s_client -connect 127.0.0.1:443 -servername b.test </dev/null | ${names}`)).toBe('subject=CN = b.test\n');
  expect(run(m, `{ openssl s_client -connect 127.0.0.1:443 -noservername </dev/null | ${names}`)).toBe('subject=CN = a.test\n');
});
