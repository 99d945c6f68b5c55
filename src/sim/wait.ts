/** Wait queues: who waits is woken in the order of arrival and checks its condition again. Models kernel/sched/wait.c */

export class WaitQueue {
  private waiters: Set<() => void> | null = null;

  /** Calls `wake` at the next `wakeAll`, once. */
  add(wake: () => void): void {
    this.waiters ??= new Set();
    this.waiters.add(wake);
  }

  remove(wake: () => void): void {
    this.waiters?.delete(wake);
  }

  wakeAll(): void {
    const { waiters } = this;
    if (waiters === null || waiters.size === 0) return;
    if (waiters.size === 1) {
      for (const wake of waiters) {
        waiters.delete(wake);
        wake();
        return;
      }
    }
    const woken = [...waiters];
    waiters.clear();
    for (const wake of woken) wake();
  }
}
