/** kubectl completion bash: a script that asks `kubectl __complete`. Models kubectl/pkg/cmd/completion/completion.go */

import { failure } from './errors.ts';
import { quote } from './strconv.ts';
import type { Verb } from './verb.ts';

/** Words that bash cut at `=` and `:` are put together again by asking for the line as typed. */
export const BASH_SCRIPT = `# bash completion for kubectl                              -*- shell-script -*-

__start_kubectl()
{
    local cur="\${COMP_WORDS[COMP_CWORD]}" out directive line
    COMPREPLY=()
    out=$("\${COMP_WORDS[0]}" __completeNoDesc "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    directive=\${out##*:}
    while IFS= read -r line; do
        [ "\${line#:}" = "$line" ] && [ -n "$line" ] && COMPREPLY+=("$line")
    done <<< "$out"
    if [ $((directive & 2)) -ne 0 ] && type compopt >/dev/null 2>&1; then
        compopt -o nospace
    fi
}

if type complete >/dev/null 2>&1; then
    complete -o default -F __start_kubectl kubectl
fi
`;

const SHELLS: readonly string[] = ['bash', 'fish', 'powershell', 'zsh'];

export const completionVerb: Verb = {
  name: 'completion',
  use: 'completion SHELL',
  short: 'Output shell completion code for the specified shell (bash, zsh, fish, or powershell)',
  long: 'Output shell completion code for the specified shell (bash, zsh, fish, or powershell). The shell code must be evaluated to provide interactive completion of kubectl commands.  This can be done by sourcing it from the .bash_profile.',
  example:
    "  # Installing bash completion on Linux\n  ## If bash-completion is not installed on Linux, install the 'bash-completion' package\n  ## via your distribution's package manager.\n  ## Load the kubectl completion code for bash into the current shell\n  source <(kubectl completion bash)\n  ## Write bash completion code to a file and source it from .bash_profile\n  kubectl completion bash > ~/.kube/completion.bash.inc",
  flags: [],
  *run(ctx) {
    if (ctx.args.length === 0) return ctx.usageError('Shell not specified.');
    if (ctx.args.length > 1) return ctx.usageError('Too many arguments. Expected only the shell type.');
    const shell = ctx.args[0] as string;
    if (!SHELLS.includes(shell)) return ctx.usageError(`Unsupported shell type ${quote(shell)}.`);
    if (shell !== 'bash') return failure(`kubectl completion: the shell ${shell} is not emulated`);
    yield* ctx.out(BASH_SCRIPT);
    return 0;
  },
};
