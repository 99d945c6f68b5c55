/** Fields of API objects by path: `spec.ports[0].targetPort`, `spec.containers[*].image`, `metadata.labels["app.kubernetes.io/name"]`. */

const TOKEN = /\.?([A-Za-z_$][\w$-]*)|\[(\d+|\*)\]|\["([^"]+)"\]/y;

/** Null when the path is written wrongly. */
export function parsePath(path: string): readonly (string | number)[] | null {
  const keys: (string | number)[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < path.length) {
    const m = TOKEN.exec(path);
    if (!m) return null;
    const [, name, index, quoted] = m;
    keys.push(index !== undefined && index !== '*' ? Number(index) : (name ?? quoted ?? '*'));
  }
  return keys;
}

/** All values that the path leads to; `[*]` goes to each member. */
export function valuesAt(object: unknown, path: string): unknown[] {
  let now: unknown[] = [object];
  for (const key of parsePath(path) ?? []) {
    now = now.flatMap((v): unknown[] => {
      if (typeof v !== 'object' || v === null) return [];
      if (key === '*') return Object.values(v);
      const next = (v as Record<string | number, unknown>)[key];
      return next === undefined || next === null ? [] : [next];
    });
  }
  return now;
}

/** Equal as YAML would have it: `80` and `"80"` are one. */
export function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return String(a) === String(b);
  const [ka, kb] = [Object.keys(a), Object.keys(b)];
  return ka.length === kb.length && ka.every((k) => same((a as Record<string, unknown>)[k], (b as Record<string, unknown>)[k]));
}

/** Every field of `part` is in `all` with the same value. */
export function within(part: unknown, all: unknown): boolean {
  if (typeof part !== 'object' || part === null || typeof all !== 'object' || all === null) return same(part, all);
  return Object.entries(part).every(([k, v]) => same(v, (all as Record<string, unknown>)[k]));
}

/** A value in a few words. */
export function shown(v: unknown): string {
  const text = typeof v === 'object' ? JSON.stringify(v) : String(v);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
