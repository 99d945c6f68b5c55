/** Starts the emulator's worker; the URL must stand here literally for the bundler to see it. */
export function startWorker(name: string): Worker {
  return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name });
}
