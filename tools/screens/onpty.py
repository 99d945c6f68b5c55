#!/usr/bin/env python3
"""Runs programs on pseudo terminals and types at them. In: a JSON list of scenarios; out: for each what it wrote, a piece a key, base64."""
import base64, fcntl, json, multiprocessing, os, pty, select, shutil, signal, struct, sys, tempfile, termios, time


def run(s):
    home = tempfile.mkdtemp(prefix='screen')
    for name, text in s['files'].items():
        path = os.path.join(home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
    size = struct.pack('HHHH', s.get('rows', 24), s.get('cols', 80), 0, 0)
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(home)
        env = {'HOME': home, 'PATH': '/usr/bin:/bin:/usr/sbin:/sbin', 'TERM': 'xterm-256color', 'LC_ALL': 'C.UTF-8', **s.get('env', {})}
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        try:
            os.execvpe(s['argv'][0], s['argv'], env)
        finally:
            os._exit(127)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, size)

    def read(still, limit):
        got, begun, last = b'', time.time(), time.time()
        while time.time() - begun < limit and time.time() - last < still:
            if not select.select([fd], [], [], 0.02)[0]:
                continue
            try:
                part = os.read(fd, 65536)
            except OSError:
                break
            if not part:
                break
            got, last = got + part, time.time()
        return got

    out = [read(0.35, 3)]
    for key in s['keys']:
        if isinstance(key, (int, float)):
            out.append(read(key, key))
            continue
        if isinstance(key, list):
            fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', key[1], key[0], 0, 0))
        else:
            os.write(fd, key.encode())
        out.append(read(s.get('quiet', 0.15), 3))
    os.kill(pid, signal.SIGKILL)
    os.close(fd)
    os.waitpid(pid, 0)
    shutil.rmtree(home, ignore_errors=True)
    return [base64.b64encode(part).decode() for part in out]


if __name__ == '__main__':
    with multiprocessing.Pool(8) as pool:
        json.dump(pool.map(run, json.load(sys.stdin), 1), sys.stdout)
