/** What the API says of a body that is no JSON. */

export { syntaxError as jsonSyntaxError } from '../cni/gosyntax.ts';
