/** The table of builtin commands. */

import { aliasBuiltins } from './alias.ts';
import { bindBuiltins } from './bind.ts';
import { controlBuiltins } from './control.ts';
import { declareBuiltins } from './declare.ts';
import { directoryBuiltins } from './directories.ts';
import { helpBuiltins } from './help.ts';
import { historyBuiltins } from './history.ts';
import { inputBuiltins } from './input.ts';
import { jobBuiltins } from './jobs.ts';
import { lookupBuiltins } from './lookup.ts';
import { outputBuiltins } from './output.ts';
import { settingsBuiltins } from './settings.ts';
import { testBuiltins } from './test.ts';
import type { Builtin } from './types.ts';

export type { Builtin, BuiltinContext } from './types.ts';

/** Builtins whose arguments may be assignments, arrays included. */
export const DECLARATIONS = new Set(['declare', 'typeset', 'local', 'export', 'readonly']);

let table: Map<string, Builtin> | null = null;

/** Builtins run commands and commands run builtins: the modules import each other, so the table is made at its first use. */
function all(): Map<string, Builtin> {
  table ??= new Map<string, Builtin>([
    ...aliasBuiltins,
    ...controlBuiltins,
    ...declareBuiltins,
    ...directoryBuiltins,
    ...helpBuiltins,
    ...historyBuiltins,
    ...inputBuiltins,
    ...jobBuiltins,
    ...lookupBuiltins,
    ...outputBuiltins,
    ...settingsBuiltins,
    ...bindBuiltins,
    ...testBuiltins,
  ]);
  return table;
}

export const builtins = {
  get: (name: string): Builtin | undefined => all().get(name),
  has: (name: string): boolean => all().has(name),
  keys: (): string[] => [...all().keys()],
};
