/** The progress meter. Models lib/progress.c */

const HEADER =
  '  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n' +
  '                                 Dload  Upload   Total   Spent    Left  Speed\n';

/** Five characters for a number of bytes. */
export function max5(n: number): string {
  const whole = Math.floor(n);
  const K = 1024;
  const M = K * 1024;
  const G = M * 1024;
  if (whole < 100_000) return String(whole).padStart(5);
  if (whole < 10_000 * K) return `${String(Math.floor(whole / K)).padStart(4)}k`;
  if (whole < 100 * M) return `${String(Math.floor(whole / M)).padStart(2)}.${Math.floor((whole % M) / (M / 10))}M`;
  if (whole < 10_000 * M) return `${String(Math.floor(whole / M)).padStart(4)}M`;
  if (whole < 100 * G) return `${String(Math.floor(whole / G)).padStart(2)}.${Math.floor((whole % G) / (G / 10))}G`;
  return `${String(Math.floor(whole / G)).padStart(4)}G`;
}

function clock(seconds: number): string {
  if (seconds <= 0) return '--:--:--';
  const h = Math.floor(seconds / 3600);
  return `${String(h).padStart(2)}:${String(Math.floor(seconds / 60) % 60).padStart(2, '0')}:${String(Math.floor(seconds) % 60).padStart(2, '0')}`;
}

export interface Progress {
  total: number | null;
  received: number;
  uploadTotal: number;
  uploaded: number;
  /** µs since the start. */
  elapsed: number;
}

export function meterStart(first: boolean): string {
  return `${first ? HEADER : ''}${meterLine({ total: null, received: 0, uploadTotal: 0, uploaded: 0, elapsed: 0 })}`;
}

export function meterLine(s: Progress): string {
  const seconds = s.elapsed / 1e6;
  const speed = (n: number): number => (n === 0 || s.elapsed === 0 ? 0 : Math.floor(n / seconds));
  const whole = Math.floor(seconds);
  const percent = (n: number, total: number | null): number => (total ? Math.floor((n * 100) / total) : 0);
  const both = (s.total ?? s.received) + s.uploadTotal;
  const done = s.received + s.uploaded;
  const knownTotal = s.total !== null || s.uploadTotal > 0;
  const estimate = knownTotal && s.received > 0 && s.total !== null ? whole * (s.total / s.received) : 0;
  const current = whole >= 1 ? speed(done) : done * 1000;
  return (
    `\r${String(percent(done, knownTotal ? both : null)).padStart(3)} ${max5(knownTotal ? both : s.received)}  ` +
    `${String(percent(s.received, s.total)).padStart(3)} ${max5(s.received)}  ${String(percent(s.uploaded, s.uploadTotal || null)).padStart(3)} ${max5(s.uploaded)}  ` +
    `${max5(speed(s.received))}  ${max5(speed(s.uploaded))} ${clock(Math.floor(estimate))} ${clock(whole)} ${clock(Math.floor(estimate - whole))} ${max5(current)}`
  );
}

/** The full bar of -#, 79 columns wide. */
export function barLine(): string {
  return `\r${'#'.repeat(72)} 100.0%`;
}
