/** The CNI plugins. */

import type { Command } from '../../os/program.ts';
import { bridge } from './bridge/bridge.ts';
import { hostLocal } from './host-local/host-local.ts';
import { loopback } from './loopback/loopback.ts';
import { commandsOf, type Plugin } from './skel.ts';

export const PLUGINS: readonly Plugin[] = [bridge, hostLocal, loopback];

/** Executables of the plugins, for each place where one is looked for. */
export const cniCommands: readonly Command[] = PLUGINS.flatMap(commandsOf);
