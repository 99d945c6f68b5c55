/** What the checks of a task saw: those that hold in a line, the others with what was expected, what was seen, and the evidence. */

import type { CheckReport } from '../../lab/session.ts';
import { words } from '../words/en.ts';
import { Prose } from './prose.tsx';

const MARKS = { passed: '✓', failed: '✗', skipped: '–' } as const;

export function Checks({ checks, done }: { checks: readonly CheckReport[]; done: boolean }) {
  return (
    <details class="ws-why">
      <summary>{done ? words.workspace.seen : words.workspace.why}</summary>
      <ul>
        {checks.map((check) => (
          <li key={check.name} class={`ws-check ws-check-${check.status}`} data-check={check.name}>
            <p>
              <span class="ws-mark" aria-hidden="true">
                {MARKS[check.status]}
              </span>
              <strong>{check.description}</strong> <span class="sr-only">{words.workspace.statuses[check.status]}</span>
              {check.informational && <span class="ws-tag">{words.workspace.informational}</span>}
            </p>
            {check.status === 'skipped' && <p class="ws-cause">{check.cause?.actual}</p>}
            {check.status === 'failed' && <Failed check={check} />}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Failed({ check: { cause, log } }: { check: CheckReport }) {
  if (!cause) return null;
  return (
    <div class="ws-cause">
      <p>{cause.rationale}</p>
      <dl>
        <dt>{words.workspace.expected}</dt>
        <dd>{cause.expected}</dd>
        <dt>{words.workspace.observed}</dt>
        <dd>{cause.actual}</dd>
        {cause.hop && (
          <>
            <dt>{words.workspace.hop}</dt>
            <dd>{cause.hop}</dd>
          </>
        )}
      </dl>
      {cause.help && <Prose text={cause.help} />}
      {log.length > 0 && (
        <details>
          <summary>{words.workspace.evidence(log.length)}</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reached by keyboard */}
          <pre tabIndex={0}>{log.join('\n')}</pre>
        </details>
      )}
    </div>
  );
}
