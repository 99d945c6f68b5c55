/** Gateway API's HTTPRoute tests: each applied to a world of its own, its requests sent through the emulated gateway. */

import { readFileSync } from 'node:fs';
import { type Header, HttpReader, headerOf, type ResponseHead } from '../../cluster/l7/http1.ts';
import type { Command } from '../../os/program.ts';
import { startCommand } from '../../os/run.ts';
import { closeSocket, connectTcp, openTcp } from '../../os/sockcalls.ts';
import { tcpStream } from '../../os/stream.ts';
import { SEC } from '../../sim/sim.ts';
import { parseIp4 } from '../../wire/addr.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import { buildGatewayWorld, type GatewayWorld, parseManifests } from './gateway-world.ts';
import { FLOORS, raiseFloors, type SuiteOptions, type SuiteResult, scoreLine } from './suite.ts';

interface AskedRequest {
  readonly Host?: string;
  readonly Path?: string;
  readonly Method?: string;
  readonly Headers?: Readonly<Record<string, string>> | null;
  readonly Scheme?: string;
  readonly Port?: string;
}

interface GatewayCase {
  readonly Request: AskedRequest;
  readonly ExpectedRequest?: { readonly Request: AskedRequest; readonly AbsentHeaders?: readonly string[] };
  readonly Response?: {
    readonly StatusCode?: number;
    readonly StatusCodes?: readonly number[];
    readonly Headers?: Readonly<Record<string, string>>;
    readonly AbsentHeaders?: readonly string[];
    readonly ValidHeaderValues?: Readonly<Record<string, readonly string[]>>;
  };
  readonly RedirectRequest?: AskedRequest;
  readonly Backend?: string;
  readonly Namespace?: string;
  readonly MirroredTo?: readonly {
    readonly BackendRef: { readonly Name: string; readonly Namespace: string };
    readonly Percent?: unknown;
  }[];
}

interface GatewayTest {
  readonly name: string;
  readonly features: readonly string[];
  readonly manifests: readonly { readonly yaml: string }[];
  readonly cases: readonly GatewayCase[];
}

/** Requests that a mirrored share is measured over, and the shares' tolerance. */
const MIRROR_REQUESTS = 200;
const MIRROR_TOLERANCE = 0.1;

export async function gatewaySuite({ path, diff, raise }: SuiteOptions): Promise<SuiteResult> {
  if (path === null) throw new Error('usage: hopwise conformance gateway FILE [--diff TEXT] [--json]');
  const { base, tests } = read(path);
  const groups: { group: string; matched: number; total: number; skipped: number }[] = [];
  const failed: string[] = [];
  let table = '';
  let differences = '';
  for (const t of tests) {
    const usable = t.cases.filter((c) => !JSON.stringify([c.Request, c.Response, c.Backend]).includes('"$'));
    const skipped = t.cases.length - usable.length;
    let matched = 0;
    if (usable.length > 0) {
      const objects = [...parseManifests(base), ...t.manifests.flatMap((m) => parseManifests(m.yaml))];
      const world = buildGatewayWorld(objects);
      const gateway = gatewayOf(t);
      usable.forEach((c, i) => {
        // A request that is to end otherwise than before: upstream's test has taken the grants away in between.
        if (
          usable.slice(0, i).some((b) => JSON.stringify(b.Request) === JSON.stringify(c.Request) && JSON.stringify(b) !== JSON.stringify(c))
        ) {
          world.delete('ReferenceGrant');
          world.sim.runUntil(world.sim.now + SEC);
        }
        const problems = judge(world, gateway, c);
        if (problems.length === 0) matched++;
        else {
          failed.push(`${t.name}#${i}`);
          if (diff !== null && `${t.name}#${i}`.includes(diff))
            differences += `\n${t.name}#${i} ${JSON.stringify(c.Request)}\n${problems.map((p) => `  ${p}\n`).join('')}`;
        }
      });
    }
    groups.push({ group: t.name, matched, total: usable.length, skipped });
    table += scoreLine(t.name, matched, usable.length, skipped > 0 ? `${skipped} cases are not data: skipped` : '');
  }
  const matched = groups.reduce((n, g) => n + g.matched, 0);
  const total = groups.reduce((n, g) => n + g.total, 0);
  if (raise) raiseFloors(FLOORS.rules, [['gateway', matched]]);
  return { table: table + differences, json: { suite: 'gateway', groups, failed }, matched, total };
}

function read(path: string): { base: string; tests: readonly GatewayTest[] } {
  let data: { base?: string; tests?: readonly GatewayTest[] } | null;
  try {
    data = JSON.parse(readFileSync(path, 'utf8'));
  } catch (e) {
    throw new Error(`${path}: ${e instanceof Error ? e.message : e}`);
  }
  if (typeof data?.base !== 'string' || !Array.isArray(data.tests)) throw new Error(`${path}: no "base" and "tests" in it`);
  return { base: data.base, tests: data.tests };
}

/** NAMESPACE/NAME of the Gateway that the test's first route names. */
function gatewayOf(t: GatewayTest): string {
  for (const o of t.manifests.flatMap((m) => parseManifests(m.yaml))) {
    const ref = (o as { spec?: { parentRefs?: { name: string; namespace?: string }[] } }).spec?.parentRefs?.[0];
    if (ref) return `${ref.namespace ?? o.metadata.namespace}/${ref.name}`;
  }
  return 'gateway-conformance-infra/same-namespace';
}

interface Got {
  readonly head: ResponseHead;
  readonly body: string;
}

function send(world: GatewayWorld, ip: string, r: AskedRequest): Got | string {
  let got: Got | string = 'no answer';
  const port = Number(/:(\d+)$/.exec(r.Host ?? '')?.[1] ?? 80);
  const ask: Command = {
    name: 'ask',
    *main(p) {
      const sock = openTcp(p);
      try {
        const c = yield* connectTcp(sock, parseIp4(ip) as number, port, p.sim.now + 3 * SEC);
        if (!c.ok) {
          got = c.errno;
          return 1;
        }
        const headers: Header[] = [['Host', r.Host ?? ip], ['User-Agent', 'gateway-conformance'], ...Object.entries(r.Headers ?? {})];
        const lines = [
          `${r.Method ?? 'GET'} ${r.Path ?? '/'} HTTP/1.1`,
          ...headers.map(([n, v]) => `${n}: ${v}`),
          'Connection: close',
          '',
          '',
        ];
        const stream = tcpStream(sock);
        yield* stream.send(utf8(lines.join('\r\n')));
        const reader = new HttpReader(stream);
        reader.deadline = p.sim.now + 20 * SEC;
        const head = yield* reader.response();
        if (typeof head === 'string') {
          got = head;
          return 1;
        }
        const body = r.Method === 'HEAD' ? new Uint8Array(0) : yield* reader.body(head.headers, true);
        got = { head, body: typeof body === 'string' ? body : text(body) };
        return 0;
      } finally {
        closeSocket(p, sock);
      }
    },
  };
  world.machine.install([ask]);
  startCommand(world.machine, ['ask'], { ns: world.client }).wait({ micros: 25 * SEC, steps: 2_000_000 });
  return got;
}

/** What is wrong, in lines. */
function judge(world: GatewayWorld, gateway: string, c: GatewayCase): string[] {
  const ip = world.gateways.get(gateway);
  if (ip === undefined) return [`no Gateway ${gateway}`];
  const before = c.MirroredTo?.map((m) => received(world, m.BackendRef));
  const got = send(world, ip, c.Request);
  if (typeof got === 'string') return [`no answer: ${got}`];
  const problems: string[] = [];
  const wanted = c.Response?.StatusCodes ?? [c.Response?.StatusCode ?? 200];
  if (!wanted.includes(got.head.status)) problems.push(`status ${got.head.status}, wanted ${wanted.join(' or ')}`);
  const { headers } = got.head;
  for (const [name, value] of Object.entries(c.Response?.Headers ?? {}))
    if (headerOf(headers, name) !== value) problems.push(`header ${name}: ${headerOf(headers, name)}, wanted ${value}`);
  for (const name of c.Response?.AbsentHeaders ?? []) if (headerOf(headers, name) !== undefined) problems.push(`header ${name} is there`);
  for (const [name, values] of Object.entries(c.Response?.ValidHeaderValues ?? {}))
    if (!values.includes(headerOf(headers, name) ?? ''))
      problems.push(`header ${name}: ${headerOf(headers, name)}, wanted one of ${values.join(' | ')}`);
  if (c.RedirectRequest) problems.push(...redirectProblems(c, ip, headerOf(headers, 'location') ?? ''));
  if (got.head.status === 200 && (c.Backend || c.ExpectedRequest) && c.Request.Method !== 'OPTIONS')
    problems.push(...echoProblems(c, got.body));
  c.MirroredTo?.forEach((m, i) => {
    problems.push(...mirrorProblems(world, ip, c, m, before?.[i] ?? 0));
  });
  return problems;
}

function redirectProblems(c: GatewayCase, ip: string, location: string): string[] {
  const m = /^(https?):\/\/([^/:]+)(?::(\d+))?(\/[^?]*)?/.exec(location);
  if (!m) return [`location ${location}`];
  const wanted = c.RedirectRequest as AskedRequest;
  const scheme = wanted.Scheme ?? 'http';
  const port = (text: string | undefined): string => text ?? (scheme === 'https' ? '443' : '80');
  const expect = [scheme, wanted.Host ?? (c.Request.Host ?? ip).replace(/:\d+$/, ''), port(wanted.Port), wanted.Path ?? c.Request.Path];
  const got = [m[1], m[2], port(m[3]), m[4] ?? '/'];
  return JSON.stringify(expect) === JSON.stringify(got) ? [] : [`location ${location}, wanted ${expect.join(' ')}`];
}

function echoProblems(c: GatewayCase, body: string): string[] {
  let echo: { path: string; host: string; method: string; headers: Record<string, string[]>; namespace: string; pod: string };
  try {
    echo = JSON.parse(body);
  } catch {
    return [`body ${body.slice(0, 80)}`];
  }
  const out: string[] = [];
  if (c.Backend && !echo.pod.startsWith(c.Backend)) out.push(`backend ${echo.pod}, wanted ${c.Backend}`);
  if (c.Namespace && echo.namespace !== c.Namespace) out.push(`namespace ${echo.namespace}, wanted ${c.Namespace}`);
  const r = c.ExpectedRequest?.Request ?? c.Request;
  if (r.Path && echo.path !== r.Path) out.push(`path ${echo.path}, wanted ${r.Path}`);
  if (r.Host && echo.host !== r.Host) out.push(`host ${echo.host}, wanted ${r.Host}`);
  if (r.Method && echo.method !== r.Method) out.push(`method ${echo.method}, wanted ${r.Method}`);
  const of = (name: string): string | undefined =>
    Object.entries(echo.headers)
      .find(([n]) => n.toLowerCase() === name.toLowerCase())?.[1]
      .join(',');
  for (const [name, value] of Object.entries(c.ExpectedRequest?.Request.Headers ?? {}))
    if (of(name) !== value) out.push(`request header ${name}: ${of(name)}, wanted ${value}`);
  for (const name of c.ExpectedRequest?.AbsentHeaders ?? []) if (of(name) !== undefined) out.push(`request header ${name} is there`);
  return out;
}

/** Requests that the pods behind a Service have seen. */
function received(world: GatewayWorld, ref: { Name: string; Namespace: string }): number {
  let n = 0;
  for (const [name, job] of world.pods)
    if (name.startsWith(`${ref.Namespace}/${ref.Name}-`)) n += job.stdout.split('Echoing back').length - 1;
  return n;
}

function mirrorProblems(
  world: GatewayWorld,
  ip: string,
  c: GatewayCase,
  m: { BackendRef: { Name: string; Namespace: string }; Percent?: unknown },
  before: number,
): string[] {
  const percent = (m.Percent as { args?: { args?: number[] }[] } | undefined)?.args?.[0]?.args?.[0] ?? 100;
  for (let i = 1; i < MIRROR_REQUESTS; i++) send(world, ip, c.Request);
  world.sim.runUntil(world.sim.now + SEC);
  const share = (received(world, m.BackendRef) - before) / MIRROR_REQUESTS;
  return Math.abs(share - percent / 100) <= MIRROR_TOLERANCE ? [] : [`${(100 * share).toFixed(0)} % mirrored, wanted ${percent} %`];
}
