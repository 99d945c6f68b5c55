/** Which options may, must and must not stand with which command. Models commands_v_options[] of conntrack.c and generic_opt_check() */

/** The options in the order of the table. */
export const OPTION_NAMES = [
  'src',
  'dst',
  'reply-src',
  'reply-dst',
  'protonum',
  'timeout',
  'status',
  'zero',
  'event-mask',
  'tuple-src',
  'tuple-dst',
  'mask-src',
  'mask-dst',
  'nat-range',
  'mark',
  'id',
  'family',
  'src-nat',
  'dst-nat',
  'output',
  'secmark',
  'buffer-size',
  'any-nat',
  'zone',
  'label',
  'label-add',
  'label-del',
  'orig-zone',
  'reply-zone',
] as const;

/** A digit for each option: 0 illegal, 1 mandatory, 2 optional, 3 one of the pairs of addresses. */
const TABLE: Readonly<Record<string, string>> = {
  L: '22222022000220202222202220022',
  I: '33331120000002200220000202022',
  U: '22222220000220222222000022200',
  D: '22222220000220222222000220022',
  G: '33331000000000020002000020000',
  F: '00000000000000000000000000000',
  E: '22222000200220202222222220022',
  V: '00000000000000000000000000000',
  h: '00002000000000000000000000000',
  C: '00000000000000000000000000000',
  S: '00000000000000000000000000000',
  A: '33331120000002200220000202022',
  'L expect': '00000000000000002002000000000',
  'I expect': '11221120011110000000000000000',
  'D expect': '11221000000000000002000000000',
  'G expect': '11221000000000000002000000000',
  'F expect': '00000000000000000000000000000',
  'E expect': '00000000000000002002000000000',
  'C expect': '00000000000000000000000000000',
};

/** What is wrong with the options of a command, null when nothing is. */
export function illegal(command: string, expect: boolean, given: ReadonlySet<string>): string | null {
  const row = TABLE[expect ? `${command} expect` : command];
  if (row === undefined) return null;
  for (const [i, name] of OPTION_NAMES.entries()) {
    const need = row[i];
    if (need === '1' && !given.has(name)) return `You need to supply the \`--${name}' option for this command`;
    if (need === '0' && given.has(name)) return `Illegal option \`--${name}' with this command`;
  }
  if (!row.startsWith('3')) return null;
  const original = given.has('src') && given.has('dst');
  const reply = given.has('reply-src') && given.has('reply-dst');
  if (original || reply) return null;
  const half = given.has('reply-src') !== given.has('reply-dst') && !given.has('src') && !given.has('dst');
  return half ? "you have to specify `--reply-src' and `--reply-dst'" : "you have to specify `--src' and `--dst'";
}

/** The protocol's own options, for commands that name one connection. */
export function illegalProto(command: string, proto: number, given: ReadonlySet<string>): string | null {
  if (!['I', 'A', 'G'].includes(command)) return null;
  const create = command !== 'G';
  if (create && [6, 33, 132].includes(proto) && !given.has('state')) return "You need to supply the `--state' option for this command";
  if (proto === 1 || proto === 58) {
    const word = proto === 1 ? 'icmp' : 'icmpv6';
    for (const name of ['type', 'code'])
      if (create && !given.has(`icmp-${name}`)) return `You need to supply the \`--${word}-${name}' option for this command`;
    return null;
  }
  const both = (a: string, b: string): boolean => given.has(a) && given.has(b);
  if (both('sport', 'dport') || both('reply-port-src', 'reply-port-dst')) return null;
  if (proto === 47) return "you have to specify `--srckey' and `--dstkey'";
  return [6, 17, 33, 132, 136].includes(proto) ? "you have to specify `--sport' and `--dport'" : null;
}
