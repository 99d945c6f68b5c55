/** A pod template as `rollout history --revision` and dry runs of `rollout undo` describe it: without aligned columns. Models printTemplate of polymorphichelpers */

import { podTemplate } from '../describe/pod.ts';
import { Writer } from '../describe/writer.ts';
import { isObject, type Json } from '../json.ts';

class PlainWriter extends Writer {
  private plain = '';

  override write(level: number, text: string): void {
    this.plain += `${'  '.repeat(level)}${text}`;
  }

  override flush(): void {}

  override text(): string {
    return this.plain;
  }
}

export function podTemplateText(template: Json | undefined): string {
  if (!isObject(template)) return 'Pod Template:\n  <unset>';
  const w = new PlainWriter();
  podTemplate(w, template);
  return w.text();
}
