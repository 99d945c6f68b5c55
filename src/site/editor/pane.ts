/** Where the text is edited: Monaco, or a plain field where it cannot be loaded. */

import type { Problem } from '../../lab/session.ts';

export interface PaneOptions {
  readonly text: string;
  readonly language: string;
  readonly label: string;
  /** From 1; 0 is the last one. */
  readonly line: number;
  readonly readonly: boolean;
  readonly readonlyMessage: string;
  readonly changed: () => void;
  readonly save: () => void;
  readonly close: () => void;
}

export interface Pane {
  text(): string;
  replace(text: string): void;
  focus(): void;
  goTo(line: number, column: number): void;
  mark(problems: readonly Problem[]): void;
  dispose(): void;
}

export function openPlain(element: HTMLElement, options: PaneOptions): Pane {
  const field = document.createElement('textarea');
  field.className = 'ed-plain';
  field.value = options.text;
  field.readOnly = options.readonly;
  field.spellcheck = false;
  field.autocapitalize = 'off';
  field.setAttribute('aria-label', options.label);
  field.addEventListener('input', options.changed);
  field.addEventListener('keydown', (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    const act = { s: options.save, Enter: options.close }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  element.append(field);
  const goTo = (line: number, column: number) => {
    const before = field.value.split('\n').slice(0, line - 1);
    const at = before.reduce((n, l) => n + l.length + 1, 0) + column - 1;
    field.focus();
    field.setSelectionRange(at, at);
  };
  return {
    text: () => field.value,
    replace(text) {
      field.value = text;
    },
    focus: () => field.focus(),
    goTo,
    mark: () => undefined,
    dispose: () => field.remove(),
  };
}

const BY_ENDING: Readonly<Record<string, string>> = {
  yaml: 'yaml',
  yml: 'yaml',
  json: 'json',
  sh: 'shell',
  bash: 'shell',
  bashrc: 'shell',
  profile: 'shell',
  conf: 'ini',
  conflist: 'json',
  ini: 'ini',
  cfg: 'ini',
  service: 'ini',
  timer: 'ini',
  kubeconfig: 'yaml',
};

/** By its name, or by what it begins with. */
export function languageOf(path: string, text: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const known = BY_ENDING[name.slice(name.lastIndexOf('.') + 1)];
  if (known) return known;
  if (/^#!.*sh\b/.test(text)) return 'shell';
  if (/^\s*[{[]/.test(text)) return 'json';
  return /^(apiVersion|kind):/m.test(text) ? 'yaml' : 'plaintext';
}
