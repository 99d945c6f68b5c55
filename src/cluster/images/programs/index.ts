/** Programs of images that no other room makes. */

import type { Command } from '../../../os/program.ts';
import { agnhost } from './agnhost.ts';
import { dumbInit } from './init.ts';
import { pgIsready, postgres, psql } from './postgres.ts';
import { redisCli, redisServer } from './redis.ts';
import { echoserver, load, webapp } from './web.ts';

export const imageCommands: readonly Command[] = [
  agnhost,
  dumbInit,
  echoserver,
  webapp,
  load,
  redisServer,
  redisCli,
  postgres,
  pgIsready,
  psql,
];
