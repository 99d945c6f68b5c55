/** Go's %v of decoded JSON: `map[spec:map[replicas:3]]`. */

export function goMapText(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goMapText).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  return `map[${Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${k}:${goMapText(v)}`)
    .join(' ')}]`;
}
