#!/usr/bin/env node
/** podserver NAME PORT [--udp]: the emulator's built-in server with fixed answers, for the real side of the fuzzer. */
import dgram from 'node:dgram';
import net from 'node:net';

const args = process.argv.slice(2);
const udp = args.includes('--udp');
const [name, port] = args.filter((a) => !a.startsWith('--'));
const log = (line) => process.stdout.write(`${line}\n`);
const REASON = { 200: 'OK', 302: 'Found', 400: 'Bad Request', 404: 'Not Found', 500: 'Internal Server Error', 503: 'Service Unavailable' };

function answer(socket, client, head, body) {
  const [method, path] = head.split('\r\n')[0].split(' ');
  const host = /\r\nhost: *([^\r]*)/i.exec(head)?.[1] ?? '';
  let status = 200;
  let text;
  let extra = '';
  const big = /^\/big\/(\d+)$/.exec(path);
  const wanted = /^\/status\/(\d+)$/.exec(path);
  if (path === '/') text = `${name} sees ${client}\n`;
  else if (path === '/healthz') text = 'ok\n';
  else if (path === '/hostname') text = `${name}\n`;
  else if (path === '/echo') text = `${method} ${path} Host=${host}\n${body}`;
  else if (big) text = 'x'.repeat(Number(big[1]));
  else if (wanted) {
    status = Number(wanted[1]);
    text = `${status}\n`;
  } else if (path === '/redirect') {
    status = 302;
    text = '';
    extra = '\r\nLocation: /';
  } else {
    status = 404;
    text = 'not found\n';
  }
  log(`${client} ${method} ${path} ${status}`);
  const headers = `HTTP/1.1 ${status} ${REASON[status] ?? 'Unknown'}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text)}${extra}\r\n\r\n`;
  socket.write(method === 'HEAD' ? headers : headers + text);
}

if (udp) {
  const s = dgram.createSocket('udp4');
  s.on('message', (m, from) => {
    log(`${from.address} UDP ${m.length}`);
    s.send(`${name} sees ${from.address}\n`, from.port, from.address);
  });
  s.on('error', (e) => {
    process.stderr.write(`podserver: ${e.message}\n`);
    process.exit(1);
  });
  s.bind(Number(port), '0.0.0.0', () => log(`podserver ${name} listening on udp 0.0.0.0:${port}`));
} else {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const client = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    let buffer = '';
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('data', (d) => {
      buffer += d.toString('latin1');
      for (;;) {
        const at = buffer.indexOf('\r\n\r\n');
        if (at < 0) return;
        const head = buffer.slice(0, at);
        const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
        if (buffer.length < at + 4 + length) return;
        answer(socket, client, head, buffer.slice(at + 4, at + 4 + length));
        buffer = buffer.slice(at + 4 + length);
      }
    });
  });
  server.on('error', (e) => {
    process.stderr.write(`podserver: ${e.message}\n`);
    process.exit(1);
  });
  server.listen(Number(port), '0.0.0.0', 128, () => log(`podserver ${name} listening on 0.0.0.0:${port}`));
}
