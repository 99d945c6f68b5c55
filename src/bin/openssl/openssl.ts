/** openssl: keys, certificates, digests and TLS by hand. Models apps/openssl.c of OpenSSL 3.0.19 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { CIPHER_COMMANDS, commandHelp, DIGEST_COMMANDS, STANDARD_COMMANDS } from './commands.ts';
import { ecparam, genpkey, genrsa, keyCommand } from './keys.ts';
import { ciphers, dgst, enc, isHash, rand, version } from './misc.ts';
import { req } from './req.ts';
import { sClient } from './s_client.ts';
import { verify, x509 } from './x509.ts';

type Sub = (p: Process, args: readonly string[]) => Task<number>;

const COMMANDS: Readonly<Record<string, Sub>> = {
  base64: (p, args) => enc(p, args, true),
  ciphers,
  dgst: (p, args) => dgst(p, args, null),
  ec: (p, args) => keyCommand(p, 'ec', args),
  ecparam,
  enc: (p, args) => enc(p, args, false),
  genpkey,
  genrsa,
  pkey: (p, args) => keyCommand(p, 'pkey', args),
  rand,
  req,
  rsa: (p, args) => keyCommand(p, 'rsa', args),
  s_client: sClient,
  verify,
  version,
  x509,
};

function* main(p: Process): Task<number> {
  const [command, ...args] = p.argv.slice(1);
  if (command === undefined || command === 'help' || command === '-help' || command === '--help') {
    yield* p.err(commandHelp());
    return 0;
  }
  if (command === '-v' || command === '--version') return yield* version(p, []);
  const sub = COMMANDS[command];
  if (sub) return yield* sub(p, args);
  if (isHash(command)) return yield* dgst(p, args, command);
  if ([...STANDARD_COMMANDS, ...DIGEST_COMMANDS, ...CIPHER_COMMANDS].includes(command)) {
    yield* p.err(`openssl: ${command} is not emulated\n`);
    return 1;
  }
  yield* p.err(`Invalid command '${command}'; type "help" for a list.\n`);
  return 1;
}

export const openssl: Command = { name: 'openssl', main };
