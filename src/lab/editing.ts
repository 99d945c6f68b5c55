/** The editor's words, for the page. */

export * from '../wire/editing.ts';
