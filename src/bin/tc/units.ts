/** Rates, sizes, times, percentages and handles as tc reads and writes them. Models tc/tc_util.c, tc/tc_core.c, lib/utils_math.c of iproute2 6.1 */

const TICK_IN_USEC = 15.625;
const U32_MAX = 0xffffffff;

/** A number at the start of the text and what follows it; null where there is none. */
function strtod(text: string): { value: number; rest: string } | null {
  const m = /^\s*[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)/.exec(text);
  if (!m) return null;
  return { value: Number(m[0]), rest: text.slice(m[0].length) };
}

const RATES: Readonly<Record<string, number>> = {
  bit: 1,
  kibit: 1024,
  kbit: 1000,
  mibit: 1024 ** 2,
  mbit: 1e6,
  gibit: 1024 ** 3,
  gbit: 1e9,
  tibit: 1024 ** 4,
  tbit: 1e12,
  bps: 8,
  kibps: 8 * 1024,
  kbps: 8000,
  mibps: 8 * 1024 ** 2,
  mbps: 8e6,
  gibps: 8 * 1024 ** 3,
  gbps: 8e9,
  tibps: 8 * 1024 ** 4,
  tbps: 8e12,
};

/** Bytes per second, or null. */
export function parseRate(text: string): number | null {
  const n = strtod(text);
  if (!n) return null;
  const scale = n.rest === '' ? 1 : RATES[n.rest.toLowerCase()];
  if (scale === undefined) return null;
  return Math.floor((n.value * scale) / 8);
}

const SIZES: Readonly<Record<string, number>> = {
  b: 1,
  k: 1024,
  kb: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  g: 1024 ** 3,
  gb: 1024 ** 3,
  kbit: 1024 / 8,
  mbit: 1024 ** 2 / 8,
  gbit: 1024 ** 3 / 8,
};

export function parseSize(text: string): number | null {
  const n = strtod(text);
  if (!n) return null;
  const scale = n.rest === '' ? 1 : SIZES[n.rest.toLowerCase()];
  if (scale === undefined) return null;
  const size = Math.floor(n.value * scale);
  return size < 0 || size > U32_MAX ? null : size;
}

/** `15k/8`: a size; the cell only made a table that kernels no longer use. */
export function parseSizeAndCell(text: string): number | null {
  const [first, cell] = text.split('/', 2) as [string, string | undefined];
  if (cell !== undefined && !Number.isInteger(Math.log2(Number(cell)))) return null;
  return parseSize(first);
}

const TIMES: Readonly<Record<string, number>> = {
  '': 1,
  s: 1e6,
  sec: 1e6,
  secs: 1e6,
  ms: 1e3,
  msec: 1e3,
  msecs: 1e3,
  us: 1,
  usec: 1,
  usecs: 1,
};

/** µs, or null. */
export function parseTime(text: string): number | null {
  const n = strtod(text);
  if (!n) return null;
  const scale = TIMES[n.rest.toLowerCase()];
  return scale === undefined ? null : Math.floor(n.value * scale);
}

/** ns: `slot` counts so, and a number without a unit is ns. */
export function parseTime64(text: string): number | null {
  const n = strtod(text);
  if (!n) return null;
  if (n.rest === '' || /^ns(ecs?)?$/i.test(n.rest)) return Math.floor(n.value);
  const scale = TIMES[n.rest.toLowerCase()];
  return scale === undefined ? null : Math.floor(n.value * scale * 1000);
}

/** A share of 1, or null. */
export function parsePercent(text: string): number | null {
  const n = strtod(text);
  if (!n) return null;
  const share = n.value / 100;
  if (share > 1 || share < 0 || (n.rest !== '' && n.rest !== '%')) return null;
  return share;
}

export function ticksOf(us: number): number {
  return Math.floor(us * TICK_IN_USEC);
}

export function usOf(ticks: number): number {
  return Math.floor(ticks / TICK_IN_USEC);
}

/** Ticks that so many bytes take. Models tc_calc_xmittime() */
export function xmitTime(rate: number, size: number): number {
  return ticksOf(Math.floor(1e6 * (size / rate)));
}

/** Bytes that go in so many ticks. Models tc_calc_xmitsize() */
export function xmitSize(rate: number, ticks: number): number {
  return Math.floor((rate * usOf(ticks)) / 1e6);
}

export function showRate(bytes: number, iec: boolean): string {
  const kilo = iec ? 1024 : 1000;
  let rate = bytes * 8;
  let unit = 0;
  while (unit < 4) {
    if (rate < kilo) break;
    if (rate % kilo !== 0 && rate < 1000 * kilo) break;
    rate = Math.floor(rate / kilo);
    unit++;
  }
  return `${rate}${['', 'K', 'M', 'G', 'T'][unit]}${unit > 0 && iec ? 'i' : ''}bit`;
}

export function showSize(size: number): string {
  const mega = 1024 ** 2;
  const m = Math.round(size / mega);
  const k = Math.round(size / 1024);
  if (size >= mega && Math.abs(mega * m - size) < 1024) return `${formatG(m, 6)}Mb`;
  if (size >= 1024 && Math.abs(1024 * k - size) < 16) return `${formatG(k, 6)}Kb`;
  return `${size}b`;
}

export function showTime(us: number): string {
  if (us >= 1e6) return `${formatG(us / 1e6, 3)}s`;
  if (us >= 1e3) return `${formatG(us / 1e3, 3)}ms`;
  return `${us}us`;
}

export function showTime64(ns: number): string {
  if (ns >= 1e9) return `${formatG(ns / 1e9, 3)}s`;
  if (ns >= 1e6) return `${formatG(ns / 1e6, 3)}ms`;
  if (ns >= 1e3) return `${formatG(ns / 1e3, 3)}us`;
  return `${ns}ns`;
}

/** A qdisc's handle, `1:` or `1`. */
export function parseHandle(text: string): number | null {
  if (text === 'none') return 0;
  const m = /^(?:0[xX])?([0-9a-fA-F]+)(:.*)?$/.exec(text);
  if (!m) return null;
  const major = Number.parseInt(m[1] as string, 16);
  return major >= 0x10000 ? null : major * 0x10000;
}

export function parseClassid(text: string): number | null {
  if (text === 'root') return 0xffffffff;
  if (text === 'none') return 0;
  const m = /^(?:0[xX])?([0-9a-fA-F]*)(?:(:)([0-9a-fA-F]*))?$/.exec(text);
  if (!m || text === '') return null;
  const major = m[1] === '' ? 0 : Number.parseInt(m[1] as string, 16);
  if (m[2] === undefined) return major > U32_MAX ? null : major;
  const minor = m[3] === '' ? 0 : Number.parseInt(m[3] as string, 16);
  return major >= 0x10000 || minor >= 0x10000 ? null : major * 0x10000 + minor;
}

export function showClassid(h: number): string {
  if (h === 0xffffffff) return 'root';
  if (h === 0) return 'none';
  const major = Math.floor(h / 0x10000);
  const minor = h & 0xffff;
  if (major === 0) return `:${minor.toString(16)}`;
  return minor === 0 ? `${major.toString(16)}:` : `${major.toString(16)}:${minor.toString(16)}`;
}

/** printf %.<digits>g */
export function formatG(v: number, digits: number): string {
  if (v === 0) return '0';
  const e = Number(v.toExponential(digits - 1).split('e')[1]);
  if (e >= -4 && e < digits) return String(Number(v.toPrecision(digits)));
  const [m, x] = v.toExponential(digits - 1).split('e') as [string, string];
  const n = Number(x);
  return `${String(Number(m))}e${n < 0 ? '-' : '+'}${String(Math.abs(n)).padStart(2, '0')}`;
}
