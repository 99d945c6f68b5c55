import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { loadLab } from '../cli/labs.ts';
import { hex } from '../cluster/sha256.ts';
import { utf8 } from '../wire/bytes.ts';
import { scriptLog } from './log.ts';
import { instantiate } from './parameters.ts';
import { judge } from './result/judge.ts';
import { type SealedEntry, type Submission, seal, submissionText, verify } from './submission.ts';
import { MAX_BYTES, parseSubmission, SubmissionError } from './submission-file.ts';
import { LINK, linkOf, parseLink } from './submission-link.ts';
import { hmacSha256, seedOf, ticketQuery } from './ticket.ts';

const source = loadLab('wire-a-pod-by-hand');
const lab = instantiate(source, 5);
/** Each command an entry of its own, so that there is something to change in the middle. */
const log = scriptLog(lab, lab.solution.replaceAll('\n', '\n#@ host node-1\n'));
const whole = seal(log, { learner: 'ada', attempt: 1 });
const with_ = (change: (entries: SealedEntry[]) => unknown, base: Submission = whole): Submission => {
  const entries = structuredClone(base.entries) as SealedEntry[];
  change(entries);
  return { ...base, entries };
};
const last = whole.entries.length;

test('a sealed log is whole, and comes back from its file and its link', async () => {
  expect(last).toBeGreaterThan(8);
  expect(verify(whole, lab)).toEqual({ honest: last, problem: null });
  expect(parseSubmission(submissionText(whole))).toEqual({ submission: whole, damage: null });
  const link = await linkOf(whole);
  expect(link).toMatch(/^#s=[\w-]+$/);
  const back = await parseLink(`https://example.org/lab${link}`);
  expect(back.damage).toBeNull();
  expect(verify(back.submission, lab)).toEqual({ honest: last, problem: null });
  expect(judge(back, source, '0'.repeat(64)).score).toBe(1);
});

test.each<[string, Submission, number, RegExp]>([
  ['a command changed', with_((e) => Object.assign(e[3] as object, { script: 'true' })), 3, /^entry 4 was changed/],
  ['a time changed', with_((e) => Object.assign(e[0] as object, { time: 1 })), 0, /^the header or entry 1 was changed/],
  ['the seed changed', { ...whole, seed: 5, learner: 'bob' }, 0, /^the header or entry 1 was changed/],
  ['an entry left out', with_((e) => e.splice(2, 1)), 2, /^entry 3 was changed/],
  ['an entry twice', with_((e) => e.splice(2, 0, e[1] as SealedEntry)), 2, /^entry 3 was put in/],
  [
    'two swapped',
    with_((e) => e.splice(2, 2, e[3] as SealedEntry, e[2] as SealedEntry)),
    2,
    /order was changed at entry 3: entry 4 belongs/,
  ],
  ['the end cut off', with_((e) => e.splice(4)), 4, /breaks off after entry 4/],
  ['nothing left', with_((e) => e.splice(0)), 0, /breaks off after entry 0/],
  ['more after the end', with_((e) => e.push(e[last - 1] as SealedEntry)), last, /more comes after|was changed/],
  [
    'a hash left out and the entry changed',
    with_((e) => {
      e[3] = { ...(e[3] as SealedEntry), steps: 0 } as SealedEntry;
      delete (e[3] as { hash?: string }).hash;
    }),
    3,
    /^one of the entries 4 to 5 was changed/,
  ],
  [
    'the last hash left out',
    with_((e) => {
      delete (e[last - 1] as { hash?: string }).hash;
    }),
    last - 1,
    /breaks off/,
  ],
])('%s: told with its place', (_, changed, honest, text) => {
  const verdict = verify(changed, lab);
  expect(verdict.problem?.text).toMatch(text);
  expect(verdict.honest).toBe(honest);
});

test('another lab, content and seed are told apart', () => {
  expect(verify(whole, { ...lab, id: 'x' }).problem).toMatchObject({ kind: 'other-lab', entry: 0 });
  expect(verify(whole, { ...lab, contentHash: 'x' }).problem).toMatchObject({ kind: 'other-content' });
  expect(verify(whole, { ...lab, seed: 6 }).problem).toMatchObject({ kind: 'other-seed' });
});

const file = submissionText(whole);
const header = { format: 'hopwise-submission', version: 1, lab: 'x', contentHash: 'y', seed: 1 };

test.each<[string, string | Uint8Array, RegExp]>([
  ['no JSON', 'hello', /is no JSON/],
  ['a list', '[]', /is no submission/],
  ['another format', '{"format":"x"}', /format must be "hopwise-submission"/],
  ['a log that was not sealed', JSON.stringify(log), /format must be/],
  ['a negative seed', JSON.stringify({ ...header, seed: -1, entries: [] }), /the header: seed must be a whole number/],
  ['a seed in text', JSON.stringify({ ...header, seed: '1', entries: [] }), /the header: seed must be/],
  ['a field of its own', JSON.stringify({ ...header, score: 1, entries: [] }), /the header: has no field "score"/],
  ['no list', JSON.stringify({ ...header, entries: {} }), /entries must be a list/],
  ['deep brackets', `{"a":${'['.repeat(100_000)}`, /brackets more than 4 deep/],
  ['a huge file', new Uint8Array(MAX_BYTES + 1), /more than 16 MiB/],
  ['a name for the prototype', '{"__proto__":{"format":"hopwise-submission"},"entries":[]}', /format must be/],
])('%s is refused with the place', (_, text, message) => {
  expect(() => parseSubmission(text)).toThrow(SubmissionError);
  expect(() => parseSubmission(text)).toThrow(message);
});

test.each<[string, string, number, RegExp]>([
  ['a torn file', file.slice(0, file.length * 0.6), 4, /torn or damaged after entry/],
  ['an entry of no kind', file.replace(/"op":"script"(?!.*"op":"script")/, '"op":"grade"'), 0, /entry 1: op must be one of open, input/],
  [
    'a time that is none',
    JSON.stringify(with_((e) => Object.assign(e[2] as object, { time: -5 }))),
    2,
    /^entry 3: time must be a whole number/,
  ],
  [
    'too many terminals',
    JSON.stringify(
      with_((e) =>
        e.splice(
          0,
          0,
          ...Array.from({ length: 65 }, (_, term): SealedEntry => ({ op: 'open', term, host: 'a', cols: 80, rows: 24, steps: 0, time: 0 })),
        ),
      ),
    ),
    64,
    /^entry 65: more than 64 terminals are open/,
  ],
])('%s: what stands before it is read', (_, text, least, message) => {
  const { submission, damage } = parseSubmission(text);
  expect(damage?.text).toMatch(message);
  expect(submission.entries.length).toBeGreaterThanOrEqual(least);
});

test('a damaged link is told', async () => {
  const link = (await linkOf(whole)) as string;
  await expect(parseLink('https://example.org/')).rejects.toThrow(/no #s= in it/);
  await expect(parseLink(link.slice(0, -20))).rejects.toThrow(/damaged or cut off/);
  await expect(parseLink(`${LINK}ä`)).rejects.toThrow(/none of base64url/);
  await expect(parseLink(`${LINK}${'A'.repeat(70_000)}`)).rejects.toThrow(/more than 64000 characters/);
});

test('HMAC is the one of everybody else (RFC 4231), and a ticket is of learner, lab and attempt', () => {
  for (const [key, data] of [
    ['Jefe', 'what do ya want for nothing?'],
    ['k'.repeat(131), 'long key'],
    ['', ''],
  ] as const)
    expect(hex(hmacSha256(utf8(key), utf8(data)))).toBe(createHmac('sha256', key).update(data).digest('hex'));
  const ticket = { learner: 'Zoë', lab: 'x', attempt: 1 };
  const secret = 'a secret of the course';
  const wanted = createHmac('sha256', secret).update('["Zoë","x",1]').digest().readUInt32BE(0);
  expect(seedOf(secret, ticket)).toBe(wanted);
  expect(seedOf(secret, { ...ticket, learner: 'Zoe\u0308 ' })).toBe(wanted);
  for (const other of [{ learner: 'Zoe' }, { lab: 'y' }, { attempt: 2 }]) expect(seedOf(secret, { ...ticket, ...other })).not.toBe(wanted);
  expect(ticketQuery(7, { ...ticket, learner: 'a&b=c' })).toBe('?seed=7&learner=a%26b%3Dc&attempt=1');
});
