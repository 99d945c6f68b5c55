/** YAML bodies to JSON values. Models sigs.k8s.io/yaml as far as the server takes YAML. */

import { parseDocument } from 'yaml';

export function parseYaml(text: string): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: string } {
  const document = parseDocument(text, { version: '1.1', merge: true, uniqueKeys: false });
  const error = document.errors[0];
  if (error) return { ok: false, error: `yaml: ${error.message.split('\n')[0]}` };
  return { ok: true, value: JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 100 }) ?? null)) as unknown };
}
