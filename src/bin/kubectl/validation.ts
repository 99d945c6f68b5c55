/** Syntax of names, as kubectl itself checks it before it asks the server. Models apimachinery/pkg/util/validation and content */

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

const tooLong = (n: number): string => `must be no more than ${n} characters`;
const matches = (pattern: string, s: string): boolean => new RegExp(`^(?:${pattern})$`).test(s);

const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";

/** IsDNS1123Subdomain() */
export function dns1123Subdomain(s: string): string[] {
  const out: string[] = [];
  if (s.length > 253) out.push(tooLong(253));
  if (!matches(SUBDOMAIN, s)) out.push(listed(SUBDOMAIN_TEXT, SUBDOMAIN, 'example.com'));
  return out;
}

/** IsValidPortNum() */
export const portNumber = (n: number): string[] => (n >= 1 && n <= 65_535 ? [] : ['must be between 1 and 65535, inclusive']);

/** IsValidPortName() */
export function portName(s: string): string[] {
  const out: string[] = [];
  if (s.length > 15) out.push(tooLong(15));
  if (!/^[-a-z0-9]+$/.test(s)) out.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(s)) out.push('must contain at least one letter (a-z)');
  if (s.includes('--')) out.push('must not contain consecutive hyphens');
  if (s.length > 0 && (s.startsWith('-') || s.endsWith('-'))) out.push('must not begin or end with a hyphen');
  return out;
}

/** IsQualifiedName() */
export function qualifiedName(s: string): string[] {
  const parts = s.split('/');
  const text = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  const out: string[] = [];
  let name = s;
  if (parts.length === 2) {
    const prefix = parts[0] as string;
    name = parts[1] as string;
    if (prefix === '') out.push('prefix part must be non-empty');
    else out.push(...dns1123Subdomain(prefix).map((m) => `prefix part ${m}`));
  } else if (parts.length > 2) {
    const shape = listed(`a qualified name ${text}`, QUALIFIED, 'MyName', 'my.name', '123-abc');
    return [`${shape} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  if (name === '') out.push('name part must be non-empty');
  else if (name.length > 63) out.push(`name part ${tooLong(63)}`);
  if (!matches(QUALIFIED, name)) out.push(`name part ${listed(text, QUALIFIED, 'MyName', 'my.name', '123-abc')}`);
  return out;
}

/** RegexError() of several examples: `(e.g. 'a',  or 'b', regex ...)`. */
function listed(message: string, pattern: string, ...examples: readonly string[]): string {
  return `${message} (e.g. ${examples.map((e, i) => (i === 0 ? `'${e}'` : ` or '${e}'`)).join(', ')}, regex used for validation is '${pattern}')`;
}

/** IsValidLabelValue() */
export function labelValue(s: string): string[] {
  const out: string[] = [];
  if (s.length > 63) out.push(tooLong(63));
  const pattern = '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?';
  if (!matches(pattern, s))
    out.push(
      listed(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        pattern,
        'MyValue',
        'my_value',
        '12345',
      ),
    );
  return out;
}

/** IsConfigMapKey() */
export function configMapKey(s: string): string[] {
  const out: string[] = [];
  if (s.length > 253) out.push(tooLong(253));
  if (!/^[-._a-zA-Z0-9]+$/.test(s))
    out.push(
      listed(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        '[-._a-zA-Z0-9]+',
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  if (s === '.') out.push("must not be '.'");
  else if (s === '..') out.push("must not be '..'");
  else if (s.startsWith('..')) out.push("must not start with '..'");
  return out;
}

/** IsEnvVarName() */
export function envVarName(s: string): string[] {
  const out: string[] = [];
  if (!/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(s))
    out.push(
      listed(
        "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
        '[-._a-zA-Z][-._a-zA-Z0-9]*',
        'my.env-name',
        'MY_ENV.NAME',
        'MyEnvName1',
      ),
    );
  if (s === '.' || s === '..') out.push(`must not be '${s}'`);
  else if (s.startsWith('..')) out.push("must not start with '..'");
  return out;
}
