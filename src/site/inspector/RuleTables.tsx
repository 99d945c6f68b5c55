/** Rules and routes of a namespace: counters that light up, and the way to the packets that each one touched. */

import { useEffect, useRef } from 'preact/hooks';
import type { RuleLine } from '../../lab/view/told.ts';
import { words } from '../words/en.ts';
import { rowKeys } from './keys.ts';
import type { State } from './state.ts';

const say = words.inspector;

export function RuleTables({ state }: { state: State }) {
  const { rules, space, spaces } = state;
  const told = rules.value;
  return (
    <section class="in-rules" aria-label={say.rules} onKeyDown={rowKeys}>
      <label>
        {say.where}{' '}
        <select value={space.value} onChange={(e) => (space.value = e.currentTarget.value)}>
          {spaces.value.map((s) => (
            <option key={s.id} value={s.id}>
              {s.title}
            </option>
          ))}
        </select>
      </label>
      {told && told.tables.length === 0 && <p class="in-empty">{say.noRules}</p>}
      {told?.tables.map((t) => (
        <details key={t.title} open>
          <summary>{t.title}</summary>
          {t.chains
            .filter((c) => c.rules.length > 0 || c.policy !== '')
            .map((c) => (
              <div key={c.name} class="in-chain">
                {c.name !== '' && (
                  <h3>
                    {c.name} {c.policy !== '' && <small>{say.policy(c.policy)}</small>}
                  </h3>
                )}
                <ul>
                  {c.rules.map((r) => (
                    <Rule key={r.ref} rule={r} state={state} />
                  ))}
                </ul>
              </div>
            ))}
        </details>
      ))}
      {told && told.left > 0 && <p class="in-note">{say.rulesLeft(told.left)}</p>}
    </section>
  );
}

function Rule({ rule, state }: { rule: RuleLine; state: State }) {
  const before = useRef(rule.packets ?? rule.hits);
  const row = useRef<HTMLButtonElement>(null);
  const count = rule.packets ?? rule.hits;
  useEffect(() => {
    if (count > before.current) {
      row.current?.setAttribute('data-lit', '');
      const timer = setTimeout(() => row.current?.removeAttribute('data-lit'), 900);
      before.current = count;
      return () => clearTimeout(timer);
    }
    before.current = count;
    return undefined;
  }, [count]);
  return (
    <li>
      <button type="button" data-row class="in-rule" ref={row} title={say.touched} onClick={() => void state.touchedBy(rule.ref)}>
        <span class="in-counter" title={rule.packets === null ? undefined : say.counters(rule.packets)}>
          {rule.packets ?? ''}
        </span>
        <code>{rule.text}</code>
        {rule.hits > 0 && <span class="in-hits">{say.hits(rule.hits)}</span>}
      </button>
    </li>
  );
}
