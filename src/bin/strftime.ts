/** strftime in UTC and the C locale, as the machines' clocks are. */

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

/** `seconds` since 1970. A conversion takes glibc's flags and a width: `%-d`, `%_H`, `%^a`, `%10Y`. */
export function strftime(format: string, seconds: number): string {
  const days = Math.floor(seconds / 86400);
  const rest = seconds - days * 86400;
  const hour = Math.floor(rest / 3600);
  const minute = Math.floor((rest % 3600) / 60);
  const second = Math.floor(rest % 60);
  const weekday = (((days + 4) % 7) + 7) % 7;
  const { year, month, day, yearDay } = civil(days);
  const two = (n: number): string => String(n).padStart(2, '0');
  const hour12 = hour % 12 === 0 ? 12 : hour % 12;
  const one = (c: string): string | null => {
    switch (c) {
      case 'Y':
        return String(year);
      case 'C':
        return two(Math.floor(year / 100));
      case 'y':
        return two(year % 100);
      case 'm':
        return two(month);
      case 'd':
        return two(day);
      case 'e':
        return String(day).padStart(2);
      case 'H':
        return two(hour);
      case 'k':
        return String(hour).padStart(2);
      case 'I':
        return two(hour12);
      case 'l':
        return String(hour12).padStart(2);
      case 'M':
        return two(minute);
      case 'S':
        return two(second);
      case 'p':
        return hour < 12 ? 'AM' : 'PM';
      case 'P':
        return hour < 12 ? 'am' : 'pm';
      case 'j':
        return String(yearDay).padStart(3, '0');
      case 'u':
        return String(weekday === 0 ? 7 : weekday);
      case 'w':
        return String(weekday);
      case 'a':
        return (DAYS[weekday] as string).slice(0, 3);
      case 'A':
        return DAYS[weekday] as string;
      case 'b':
      case 'h':
        return (MONTHS[month - 1] as string).slice(0, 3);
      case 'B':
        return MONTHS[month - 1] as string;
      case 's':
        return String(Math.floor(seconds));
      case 'z':
        return '+0000';
      case 'Z':
        return 'UTC';
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case '%':
        return '%';
      case 'T':
      case 'X':
        return expand('%H:%M:%S');
      case 'R':
        return expand('%H:%M');
      case 'r':
        return expand('%I:%M:%S %p');
      case 'F':
        return expand('%Y-%m-%d');
      case 'D':
      case 'x':
        return expand('%m/%d/%y');
      case 'c':
        return expand('%a %b %e %H:%M:%S %Y');
    }
    return null;
  };
  const expand = (f: string): string =>
    f.replace(/%([-_0^#EO]*)(\d*)([a-zA-Z%])/g, (all, flags: string, width: string, c: string) => {
      const text = one(c);
      return text === null ? all : shaped(text, flags, Number(width));
    });
  return expand(format);
}

/** Numbers are filled with zeros and words with blanks, unless a flag says otherwise; no more than 1000 wide. */
function shaped(text: string, flags: string, width: number): string {
  if (flags.includes('-')) return text.replace(/^[0 ]+(?=.)/, '');
  let s = flags.includes('^') ? text.toUpperCase() : text;
  if (flags.includes('_')) s = s.replace(/^0+(?=.)/, (zeros) => ' '.repeat(zeros.length));
  if (flags.includes('0')) s = s.replace(/^ +/, (blanks) => '0'.repeat(blanks.length));
  const zeros = flags.includes('0') || (/^\d+$/.test(s) && !flags.includes('_'));
  return s.padStart(Math.min(width, 1000), zeros ? '0' : ' ');
}

/** Days since 1970 to a calendar date (Howard Hinnant's civil_from_days). */
function civil(days: number): { year: number; month: number; day: number; yearDay: number } {
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const doe = z - era * 146097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const day = doy - Math.floor((153 * mp + 2) / 5) + 1;
  const month = mp < 10 ? mp + 3 : mp - 9;
  const year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][month - 1] as number;
  return { year, month, day, yearDay: before + day + (leap && month > 2 ? 1 : 0) };
}
