/** Hands a file of the emulator to the browser, which saves it among its downloads. */

export function save(name: string, data: Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(new Blob([data], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** What `download FILE` prints, without its frame: `File=name=…;size=…;inline=0:…`, both in base64. True when it was that. */
export function saveFromTerminal(sequence: string): boolean {
  const at = sequence.indexOf(':');
  if (!sequence.startsWith('File=') || at < 0) return false;
  const name = /(?:^File=|;)name=([^;:]*)/.exec(sequence.slice(0, at))?.[1];
  const bytes = Uint8Array.from(atob(sequence.slice(at + 1)), (c) => c.charCodeAt(0));
  save(name === undefined ? 'download' : new TextDecoder().decode(Uint8Array.from(atob(name), (c) => c.charCodeAt(0))), bytes);
  return true;
}
