/** What the tc tool uses of traffic control: its own door, because a page has its prompt before tc is loaded. */

export * from '../net/sched/index.ts';
