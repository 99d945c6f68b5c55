/** Forms of names: what is wrong with a label, a subdomain, a key, a port name. Models apimachinery/pkg/util/validation. */

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const LABEL_UNDERSCORE = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const SUBDOMAIN_UNDERSCORE = `${LABEL_UNDERSCORE}(\\.${LABEL_UNDERSCORE})*`;
const LABEL_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const KEY = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`);

const LABEL_RE = whole(LABEL);
const SUBDOMAIN_RE = whole(SUBDOMAIN);
const SUBDOMAIN_UNDERSCORE_RE = whole(SUBDOMAIN_UNDERSCORE);
const LABEL_1035_RE = whole(LABEL_1035);
const WILDCARD_RE = whole(`\\*\\.${SUBDOMAIN}`);
const KEY_RE = whole(KEY);

const LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const SUBDOMAIN_UNDERSCORE_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";
const LABEL_1035_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const WILDCARD_TEXT =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
const KEY_TEXT = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** A message with its examples and its expression, as every message of this kind ends. */
export function regexError(message: string, pattern: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${pattern}')`;
  return `${message} (e.g. ${examples.map((e) => `'${e}', `).join(' or ')}regex used for validation is '${pattern}')`;
}
export const maxLength = (n: number): string => `must be no more than ${n} characters`;
const maxBytes = (n: number): string => `must be no more than ${n} bytes`;
export const inclusiveRange = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;
export const NEGATIVE = 'must be greater than or equal to 0';
export const IMMUTABLE = 'field is immutable';

export function dns1123Label(value: string): string[] {
  const errors = value.length > 63 ? [maxLength(63)] : [];
  if (!LABEL_RE.test(value))
    errors.push(SUBDOMAIN_RE.test(value) ? 'must not contain dots' : regexError(LABEL_TEXT, LABEL, 'my-name', '123-abc'));
  return errors;
}

export function dns1123Subdomain(value: string): string[] {
  const errors = value.length > 253 ? [maxLength(253)] : [];
  if (!SUBDOMAIN_RE.test(value)) errors.push(regexError(SUBDOMAIN_TEXT, SUBDOMAIN, 'example.com'));
  return errors;
}

export function dns1123SubdomainUnderscore(value: string): string[] {
  const errors = value.length > 253 ? [maxLength(253)] : [];
  if (!SUBDOMAIN_UNDERSCORE_RE.test(value)) errors.push(regexError(SUBDOMAIN_UNDERSCORE_TEXT, SUBDOMAIN_UNDERSCORE, 'example.com'));
  return errors;
}

export function dns1035Label(value: string): string[] {
  const errors = value.length > 63 ? [maxLength(63)] : [];
  if (!LABEL_1035_RE.test(value)) errors.push(regexError(LABEL_1035_TEXT, LABEL_1035, 'my-name', 'abc-123'));
  return errors;
}

export function wildcardDns1123Subdomain(value: string): string[] {
  const errors = value.length > 253 ? [maxLength(253)] : [];
  if (!WILDCARD_RE.test(value)) errors.push(regexError(WILDCARD_TEXT, `\\*\\.${SUBDOMAIN}`, '*.example.com'));
  return errors;
}

/** A name to which something will be appended may end in a dash. */
const masked = (name: string, prefix: boolean): string =>
  prefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
export const nameIsSubdomain = (name: string, prefix = false): string[] => dns1123Subdomain(masked(name, prefix));
export const nameIsLabel = (name: string, prefix = false): string[] => dns1123Label(masked(name, prefix));
/** What may stand in a URL's path: names of RBAC objects, of leases and of nothing else. */
export function pathSegmentName(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return ['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`);
}

const KEY_EXAMPLE = regexError(KEY_TEXT, KEY, 'MyName', 'my.name', '123-abc');

/** Key of a label, of an annotation (in lower case), of a resource: an optional subdomain, `/`, a name. */
export function qualifiedName(value: string): string[] {
  const errors: string[] = [];
  const parts = value.split('/');
  let name = parts[0] as string;
  if (parts.length > 2)
    return [`a valid label key ${KEY_EXAMPLE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  if (parts.length === 2) {
    name = parts[1] as string;
    const prefix = parts[0] as string;
    if (prefix === '') errors.push('prefix part must be non-empty');
    else {
      if (prefix.length > 253) errors.push(`prefix part ${maxBytes(253)}`);
      if (!SUBDOMAIN_RE.test(prefix)) errors.push(`prefix part ${regexError(SUBDOMAIN_TEXT, SUBDOMAIN, 'example.com')}`);
    }
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (name.length > 63) errors.push(`name part ${maxBytes(63)}`);
  if (!KEY_RE.test(name)) errors.push(`name part ${KEY_EXAMPLE}`);
  return errors;
}

export function labelValue(value: string): string[] {
  const errors = value.length > 63 ? [maxBytes(63)] : [];
  if (value !== '' && !KEY_RE.test(value))
    errors.push(
      regexError(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        `(${KEY})?`,
        'MyValue',
        'my_value',
        '12345',
      ),
    );
  return errors;
}

export function portName(value: string): string[] {
  const errors = value.length > 15 ? [maxLength(15)] : [];
  if (!/^[-a-z0-9]+$/.test(value)) errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) errors.push('must contain at least one letter (a-z)');
  if (value.includes('--')) errors.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

export const portNumber = (port: number): string[] => (port >= 1 && port <= 65535 ? [] : [inclusiveRange(1, 65535)]);
/** Of user and group ids. */
export const idNumber = (id: number): string[] => (id >= 0 && id <= 0x7fffffff ? [] : [inclusiveRange(0, 0x7fffffff)]);

export function percent(value: string): string[] {
  return /^[0-9]+%$/.test(value)
    ? []
    : [regexError("a valid percent string must be a numeric string followed by an ending '%'", '[0-9]+%', '1%', '93%')];
}

export function httpHeaderName(value: string): string[] {
  return /^[-A-Za-z0-9]+$/.test(value)
    ? []
    : [regexError("a valid HTTP header must consist of alphanumeric characters or '-'", '[-A-Za-z0-9]+', 'X-Header-Name')];
}

export function envVarName(value: string): string[] {
  if (value === '') return ['environment variable name must be non-empty'];
  return /^[\x20-\x3c\x3e-\x7e]+$/.test(value)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

function changesDirectory(value: string): string[] {
  if (value === '.' || value === '..') return [`must not be '${value}'`];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
}

export function configMapKey(value: string): string[] {
  const errors = value.length > 253 ? [maxLength(253)] : [];
  if (!/^[-._a-zA-Z0-9]+$/.test(value))
    errors.push(
      regexError(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        '[-._a-zA-Z0-9]+',
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  return [...errors, ...changesDirectory(value)];
}
