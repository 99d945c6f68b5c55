/** A rule's statements as one function. Models the loop over expressions of nft_do_chain() in net/netfilter/nf_tables_core.c */

import type { Run } from './run.ts';

/** Statements one after the other until one does not say `next`. */
export function chainSteps(steps: readonly Run[]): Run {
  const [a, b, c, d] = steps as [Run, Run, Run, Run];
  switch (steps.length) {
    case 0:
      return () => 'continue';
    case 1:
      return (p) => {
        const r = a(p);
        return r === 'next' ? 'continue' : r;
      };
    case 2:
      return (p) => {
        let r = a(p);
        if (r === 'next') r = b(p);
        return r === 'next' ? 'continue' : r;
      };
    case 3:
      return (p) => {
        let r = a(p);
        if (r === 'next') r = b(p);
        if (r === 'next') r = c(p);
        return r === 'next' ? 'continue' : r;
      };
    case 4:
      return (p) => {
        let r = a(p);
        if (r === 'next') r = b(p);
        if (r === 'next') r = c(p);
        if (r === 'next') r = d(p);
        return r === 'next' ? 'continue' : r;
      };
    default:
      return (p) => {
        for (const step of steps) {
          const r = step(p);
          if (r !== 'next') return r;
        }
        return 'continue';
      };
  }
}
