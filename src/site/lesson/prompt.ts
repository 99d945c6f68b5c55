/** The prompt that a host's shell shows. */
export function promptOf(host: string): string {
  return `root@${host}:~# `;
}
