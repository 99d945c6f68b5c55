/** Transcripts of the reference cluster: blocks of command and output, and what each block's outcome was. */

export interface Block {
  readonly host: string;
  readonly command: string;
  readonly output: string;
}

/** Splits at the prompts `root@HOST:~# COMMAND`; a heading of #s ends a block. */
export function blocks(transcript: string): Block[] {
  const found: { host: string; command: string; output: string }[] = [];
  let open: { host: string; command: string; output: string } | null = null;
  for (const line of transcript.split('\n')) {
    const prompt = /^root@([\w.-]+):~# (.*)$/.exec(line);
    if (prompt) {
      open = { host: prompt[1] as string, command: prompt[2] as string, output: '' };
      found.push(open);
    } else if (/^#{3,} /.test(line)) open = null;
    else if (open) open.output += `${line}\n`;
  }
  return found;
}

/** What tells a learner whether it worked: exit status, the client's error, replies and losses, which kind of answer. */
const VERDICTS: readonly RegExp[] = [
  /^\[rc=\d+\]$/m,
  /curl: \(\d+\) \D{0,24}/,
  /\d+ received/,
  /\d+% packet loss/,
  /Destination (Host|Net|Port) Unreachable|Packet filtered|Time to live exceeded|Frag needed|message too long/,
  /^Hostname: /m,
  /^(RTNETLINK answers|Error): .*$/m,
  /Network is unreachable|No route to host|Invalid argument|Permission denied|Connection refused/,
  /ICMP [\d.]+ (udp port \d+ )?unreachable/,
  /\[UNREPLIED\]/,
  /TIME_WAIT|SYN_SENT|SYN_RECV|ESTABLISHED|CLOSE/,
];

/** The verdict words of an output, in the order of the table. */
export function verdict(output: string): string[] {
  return VERDICTS.map((re) => re.exec(output)?.[0].replace(/\d+ (milliseconds|ms)/, 'N $1')).filter((w) => w !== undefined);
}
