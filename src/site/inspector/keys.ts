/** Arrow keys go from row to row of a list of buttons. */

const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e6, End: 1e6 };

export function rowKeys(event: KeyboardEvent): void {
  const by = STEPS[event.key];
  const list = event.currentTarget;
  if (by === undefined || event.altKey || event.ctrlKey || event.metaKey || !(list instanceof HTMLElement)) return;
  const rows = [...list.querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  event.preventDefault();
  rows[Math.max(0, Math.min(rows.length - 1, at + by))]?.focus();
}
