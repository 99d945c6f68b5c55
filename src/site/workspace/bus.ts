/** What the prose may ask of the workspace beside it, without importing it. */

export interface RunRequest {
  readonly host: string;
  readonly command: string;
}

const RUN = 'hopwise:run';

export function askToRun(request: RunRequest): void {
  window.dispatchEvent(new CustomEvent<RunRequest>(RUN, { detail: request }));
}

export function onRunRequest(listener: (request: RunRequest) => void): () => void {
  const handle = (event: Event) => listener((event as CustomEvent<RunRequest>).detail);
  window.addEventListener(RUN, handle);
  return () => window.removeEventListener(RUN, handle);
}
