/** Every call of an iptables tool, with its input: what the recordings' shim wrote down. */

import { commands } from '../../../bin/index.ts';
import type { Machine } from '../../../os/machine.ts';
import { BytesFile } from '../../../os/pipe.ts';
import type { Command } from '../../../os/program.ts';
import { text } from '../../../wire/bytes.ts';

export interface Call {
  readonly argv: string;
  /** Empty for a call without input. */
  readonly stdin: string;
}

const TOOLS = ['iptables', 'iptables-restore', 'iptables-save'];

/** Tools that write down what kube-proxy asks of them, by machine. */
export function recordingTools(calls: Map<Machine, Call[]>): Command[] {
  return commands
    .filter((c) => TOOLS.includes(c.name))
    .map((tool) => ({
      ...tool,
      *main(p) {
        if (p.parent?.name !== 'kube-proxy') return yield* tool.main(p);
        let stdin = '';
        if (tool.name === 'iptables-restore') {
          const r = yield* p.readAll(0);
          if (r.ok) {
            stdin = text(r.value);
            p.close(0);
            p.install(new BytesFile(r.value));
          }
        }
        const own = calls.get(p.machine) ?? [];
        calls.set(p.machine, own);
        own.push({ argv: p.argv.join(' '), stdin });
        return yield* tool.main(p);
      },
    }));
}

/** `$ argv`, then the input between `<<<STDIN` and `STDIN`, then `# rc=N`. */
export function parseCalls(recorded: string): Call[] {
  const out: Call[] = [];
  let argv: string | null = null;
  let stdin: string[] | null = null;
  let input = '';
  for (const line of recorded.split('\n')) {
    if (stdin !== null) {
      if (line === 'STDIN') {
        input = `${stdin.join('\n')}\n`;
        stdin = null;
      } else stdin.push(line);
    } else if (line.startsWith('$ ')) argv = line.slice(2);
    else if (line === '<<<STDIN') stdin = [];
    else if (line.startsWith('# rc=') && argv !== null) {
      out.push({ argv, stdin: input });
      argv = null;
      input = '';
    }
  }
  return out;
}

/** Input of iptables-restore with the Services in the order of their names: theirs is the order of Go's map. */
export function canonicalInput(input: string): string[] {
  const out: string[] = [];
  const chains: string[] = [];
  const rules = new Map<string, string[]>();
  const flush = (): void => {
    out.push(...chains.sort());
    for (const [chain, lines] of [...rules].sort(([a], [b]) => (a < b ? -1 : 1)))
      out.push(...(/^KUBE-(SERVICES|NODEPORTS|EXTERNAL-SERVICES|PROXY-FIREWALL)$/.test(chain) ? lines.sort() : lines));
    chains.length = 0;
    rules.clear();
  };
  for (const line of input.split('\n')) {
    if (line.startsWith(':')) chains.push(line);
    else if (line.startsWith('-')) {
      const chain = line.split(' ')[1] as string;
      rules.set(chain, [...(rules.get(chain) ?? []), line]);
    } else {
      flush();
      if (line !== '') out.push(line);
    }
  }
  flush();
  return out;
}

/** One line for each call; of inputs, canonical lines follow. */
export function canonicalCalls(calls: readonly Call[]): string[] {
  return calls.flatMap((c) => [`$ ${c.argv}`, ...(c.stdin === '' ? [] : canonicalInput(c.stdin))]);
}
