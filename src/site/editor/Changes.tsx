/** What a text would change in the cluster, object by object, before it is applied. */

import { useEffect, useRef } from 'preact/hooks';
import type { Examined } from '../../lab/session.ts';
import { words } from '../words/en.ts';
import { type DiffLine, difference } from './difference.ts';

const said = words.editor;
const SIGN: Readonly<Record<DiffLine['kind'], string>> = { same: ' ', out: '-', in: '+', gap: '…' };

interface ChangesProps {
  readonly examined: Examined;
  /** What applies it; null where saving is all there is. */
  readonly command: string | null;
  readonly apply: () => void;
  readonly back: () => void;
}

export function Changes({ examined, command, apply, back }: ChangesProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const { changes, problems, same } = examined;
  const wrong = problems.some((p) => p.severity === 'error');
  return (
    <section class="ed-changes" aria-labelledby="ed-changes-title">
      <div class="ed-changes-head">
        <h3 id="ed-changes-title" tabIndex={-1} ref={heading}>
          {wrong ? said.refused : changes.length === 0 ? said.noChanges : said.wouldChange(changes.length)}
          {same > 0 && ` ${said.same(same)}`}
        </h3>
        <div class="ed-buttons">
          <button type="button" class="ws-button" onClick={back}>
            {said.back}
          </button>
          {command !== null && (
            <button type="button" class="ws-button ed-main" onClick={apply}>
              {said.apply} <code>{command}</code>
            </button>
          )}
        </div>
      </div>
      {wrong && (
        <ul class="ed-refused">
          {problems.map((p) => (
            <li key={`${p.line} ${p.message}`}>
              {said.line(p.line)} {p.message}
            </li>
          ))}
        </ul>
      )}
      {changes.map((change) => (
        <figure key={`${change.namespace} ${change.name}`}>
          <figcaption>
            {change.name}
            {change.namespace !== '' && <span> {said.inNamespace(change.namespace)}</span>}
            {change.from === '' && <strong> {said.isNew}</strong>}
          </figcaption>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must get there */}
          <pre tabIndex={0}>
            {difference(change.from, change.to).map((line, i) => (
              <span key={i} class={`ed-diff-${line.kind}`}>
                {`${SIGN[line.kind]} ${line.text}\n`}
              </span>
            ))}
          </pre>
        </figure>
      ))}
    </section>
  );
}
