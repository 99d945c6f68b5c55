/** Wait queues: who waits is woken in the order of arrival and checks its condition again. Models kernel/sched/wait.c */

export class WaitQueue {
  private waiters = new Set<() => void>();

  /** Calls `wake` at the next `wakeAll`, once. Returns the function that withdraws it. */
  wait(wake: () => void): () => void {
    this.waiters.add(wake);
    return () => {
      this.waiters.delete(wake);
    };
  }

  wakeAll(): void {
    if (this.waiters.size === 0) return;
    const woken = [...this.waiters];
    this.waiters.clear();
    for (const wake of woken) wake();
  }
}
