/** What the prose, the map and the other views may ask of the workspace beside them, without importing it. */

export interface RunRequest {
  readonly host: string;
  readonly command: string;
}

/** `place` as src/lab/enter.ts understands it: a host, `pod NAMESPACE/NAME[:CONTAINER]`, `NODE/NETNS`. */
export interface OpenRequest {
  readonly place: string;
}

/** `map`, `packets` or `timeline`. */
export interface ViewRequest {
  readonly view: string;
}

const RUN = 'hopwise:run';
const OPEN = 'hopwise:open';
const VIEW = 'hopwise:view';

function hear<T>(name: string, listener: (request: T) => void): () => void {
  const handle = (event: Event) => listener((event as CustomEvent<T>).detail);
  window.addEventListener(name, handle);
  return () => window.removeEventListener(name, handle);
}

export function askToRun(request: RunRequest): void {
  window.dispatchEvent(new CustomEvent<RunRequest>(RUN, { detail: request }));
}

export const onRunRequest = (listener: (request: RunRequest) => void): (() => void) => hear(RUN, listener);

/** Shows the terminal at a place; opens one when there is none yet. */
export function askToOpen(request: OpenRequest): void {
  window.dispatchEvent(new CustomEvent<OpenRequest>(OPEN, { detail: request }));
}

export const onOpenRequest = (listener: (request: OpenRequest) => void): (() => void) => hear(OPEN, listener);

/** Opens a view in the place of the one that is open. */
export function askToView(request: ViewRequest): void {
  window.dispatchEvent(new CustomEvent<ViewRequest>(VIEW, { detail: request }));
}

export const onViewRequest = (listener: (request: ViewRequest) => void): (() => void) => hear(VIEW, listener);
