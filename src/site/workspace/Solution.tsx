/** The solution: asked for once, then shown stretch by stretch, each to be typed on its own host. */

import { useSignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { type Section, sectionsOf } from '../../lab/acts.ts';
import { words } from '../words/en.ts';
import { askToRun } from './bus.ts';
import type { World } from './world.ts';

/** Types a stretch line by line, as it stands: a here-document needs its empty lines and comments. */
function type(host: string, script: string): void {
  askToRun({ host, command: script.trim().split('\n').join('\r') });
}

export function Solution({ world }: { world: World }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const script = useSignal<string | null>(null);
  // Other values, another solution.
  useSignalEffect(() => {
    if (world.info.value) script.value = null;
  });
  const { hosts, tasks } = world.info.value;
  const first = hosts[0]?.id ?? '';
  const sections = script.value === null ? [] : sectionsOf(script.value);
  const hostsOf = (s: Section): readonly string[] => ('script' in s ? (s.hosts.length > 0 ? s.hosts : [first]) : []);
  const typable = sections.flatMap((s) => ('script' in s ? hostsOf(s).map((host) => ({ host, script: s.script })) : []));
  const only = typable.length === 1 ? typable[0] : undefined;
  const title = (id: string): string => hosts.find((h) => h.id === id)?.title ?? id;
  const answer = (question: string, value: string): string => {
    const asked = tasks.flatMap((t) => t.questions).find((q) => q.id === question);
    const chosen = asked && asked.options.length > 0 ? value.split(',').map((n) => asked.options[Number(n) - 1] ?? n) : [value];
    return `${asked?.ask.trim() ?? question} ${chosen.join(', ')}`.replaceAll('`', '');
  };
  return (
    <>
      <button type="button" class="ws-button" onClick={() => dialog.current?.showModal()}>
        {words.workspace.solution}
      </button>
      <dialog class="ws-dialog" ref={dialog} aria-label={words.workspace.solution}>
        {script.value === null && <p>{words.workspace.solutionAsk}</p>}
        {sections.map((s, i) => (
          <div class="ws-solution" key={i}>
            {'question' in s && (
              <p>
                {words.workspace.solutionAnswer} {answer(s.question, s.value)}
              </p>
            )}
            {'script' in s && (
              <>
                <pre>{s.script.trim()}</pre>
                {!only &&
                  hostsOf(s).map((host) => (
                    <button
                      type="button"
                      class="ws-button"
                      key={host}
                      onClick={() => {
                        dialog.current?.close();
                        type(host, s.script);
                      }}
                    >
                      {words.workspace.solutionTypeOn(title(host))}
                    </button>
                  ))}
              </>
            )}
          </div>
        ))}
        <form method="dialog" class="ws-dialog-buttons">
          <button type="submit" class="btn">
            {script.value === null ? words.workspace.cancel : words.workspace.solutionHide}
          </button>
          {script.value === null && (
            <button
              type="button"
              class="btn btn-main"
              onClick={() => {
                void world.start();
                void world.solution().then((text) => (script.value = text));
              }}
            >
              {words.workspace.solutionShow}
            </button>
          )}
          {only && (
            <button type="submit" class="btn btn-main" onClick={() => type(only.host, only.script)}>
              {words.workspace.solutionType}
            </button>
          )}
        </form>
      </dialog>
    </>
  );
}
