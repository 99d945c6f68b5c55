/** Monaco with what a manifest or a script needs; everything from our own origin. Nothing of it is loaded before somebody edits. */

import 'monaco-editor/features/bracketMatching/register';
import 'monaco-editor/features/caretOperations/register';
import 'monaco-editor/features/clipboard/register';
import 'monaco-editor/features/comment/register';
import 'monaco-editor/features/contextmenu/register';
import 'monaco-editor/features/cursorUndo/register';
import 'monaco-editor/features/find/register';
import 'monaco-editor/features/folding/register';
import 'monaco-editor/features/gotoError/register';
import 'monaco-editor/features/hover/register';
import 'monaco-editor/features/iPadShowKeyboard/register';
import 'monaco-editor/features/indentation/register';
import 'monaco-editor/features/linesOperations/register';
import 'monaco-editor/features/multicursor/register';
import 'monaco-editor/features/readOnlyMessage/register';
import 'monaco-editor/features/toggleTabFocusMode/register';
import 'monaco-editor/features/wordOperations/register';
import 'monaco-editor/languages/definitions/ini/register';
import 'monaco-editor/languages/definitions/shell/register';
import 'monaco-editor/languages/definitions/yaml/register';
import { editor, KeyCode, KeyMod, languages, MarkerSeverity, Uri } from 'monaco-editor/editor';
import EditorWorker from 'monaco-editor/editor/editor.worker?worker';
import type { Problem } from '../../lab/session.ts';
import type { Pane, PaneOptions } from './pane.ts';

Object.assign(self, { MonacoEnvironment: { getWorker: () => new EditorWorker() } });

languages.register({ id: 'json', extensions: ['.json'] });
languages.setLanguageConfiguration('json', {
  brackets: [
    ['{', '}'],
    ['[', ']'],
  ],
  autoClosingPairs: [
    { open: '{', close: '}' },
    { open: '[', close: ']' },
    { open: '"', close: '"', notIn: ['string'] },
  ],
});
languages.setMonarchTokensProvider('json', {
  tokenizer: {
    root: [
      [/"(?:[^"\\]|\\.)*"(?=\s*:)/, 'type'],
      [/"(?:[^"\\]|\\.)*"/, 'string'],
      [/-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/, 'number'],
      [/\b(?:true|false|null)\b/, 'keyword'],
      [/[{}[\]]/, '@brackets'],
    ],
  },
});

editor.defineTheme('hopwise', {
  base: 'vs-dark',
  inherit: true,
  rules: [
    { token: 'type', foreground: '7bb5ff' },
    { token: 'string', foreground: '86e6b5' },
    { token: 'number', foreground: 'f4c063' },
    { token: 'keyword', foreground: 'd6a1f5' },
    { token: 'comment', foreground: '8796a5' },
    { token: 'metatag', foreground: '8796a5' },
  ],
  colors: {
    'editor.background': '#0b1015',
    'editor.foreground': '#d6dee6',
    'editorLineNumber.foreground': '#8796a5',
    'editorLineNumber.activeForeground': '#d6dee6',
    'editorLineNumber.dimmedForeground': '#8796a5',
    'editorCursor.foreground': '#f7ad4b',
    'editor.selectionBackground': '#2f5f5a',
    'editor.lineHighlightBackground': '#121a21',
    'editorWidget.background': '#141c23',
    'editorError.foreground': '#ff8b7e',
    'editorWarning.foreground': '#f4c063',
    focusBorder: '#7fe3d0',
  },
});

let serial = 0;

export function openMonaco(element: HTMLElement, options: PaneOptions): Pane {
  serial += 1;
  const model = editor.createModel(options.text, options.language, Uri.parse(`inmemory://hopwise/${serial}`));
  model.updateOptions({
    tabSize: options.language === 'plaintext' || options.language === 'ini' ? 8 : 2,
    insertSpaces: options.language === 'yaml' || options.language === 'json',
  });
  const narrow = matchMedia('(max-width: 40rem)').matches;
  const pane = editor.create(element, {
    model,
    theme: 'hopwise',
    ariaLabel: options.label,
    automaticLayout: true,
    contextmenu: !narrow,
    fixedOverflowWidgets: true,
    folding: !narrow,
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--__sl-font-mono') || 'monospace',
    fontSize: narrow ? 16 : 14,
    glyphMargin: false,
    lineDecorationsWidth: narrow ? 4 : 10,
    lineNumbersMinChars: 3,
    minimap: { enabled: false },
    occurrencesHighlight: 'off',
    overviewRulerLanes: 0,
    padding: { top: 8, bottom: 8 },
    quickSuggestions: false,
    readOnly: options.readonly,
    readOnlyMessage: { value: options.readonlyMessage },
    renderLineHighlight: 'line',
    scrollBeyondLastLine: false,
    smoothScrolling: false,
    stickyScroll: { enabled: false },
    unicodeHighlight: { ambiguousCharacters: false, invisibleCharacters: true },
    wordWrap: narrow ? 'on' : 'off',
  });
  const line = options.line === 0 ? model.getLineCount() : Math.min(options.line, model.getLineCount());
  pane.setPosition({ lineNumber: line, column: 1 });
  pane.revealLineInCenterIfOutsideViewport(line);
  pane.onDidChangeModelContent(options.changed);
  pane.addCommand(KeyMod.CtrlCmd | KeyCode.KeyS, options.save);
  pane.addCommand(KeyMod.CtrlCmd | KeyCode.Enter, options.close);
  return {
    text: () => pane.getValue(),
    replace: (text) => model.setValue(text),
    focus: () => pane.focus(),
    goTo(lineNumber, column) {
      pane.setPosition({ lineNumber, column });
      pane.revealLineInCenterIfOutsideViewport(lineNumber);
      pane.focus();
    },
    mark: (problems: readonly Problem[]) =>
      editor.setModelMarkers(
        model,
        'kubernetes',
        problems.map((p) => ({
          severity: p.severity === 'error' ? MarkerSeverity.Error : MarkerSeverity.Warning,
          message: p.message,
          startLineNumber: p.line,
          endLineNumber: p.line,
          startColumn: p.column,
          endColumn: p.endColumn,
        })),
      ),
    dispose() {
      pane.dispose();
      model.dispose();
    },
  };
}
