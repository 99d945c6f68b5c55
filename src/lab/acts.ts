/** Scripts of a lab: bash with `#@` lines that name hosts, answer questions and open hints. */

/** One input of a script: bash on a host (the lab's first when none is named), an answer, or an opened hint. */
export type Act =
  | { readonly script: string; readonly host?: string }
  | { readonly question: string; readonly value: string }
  | { readonly task: string; readonly level: number };

/** A stretch of bash for each of the hosts in turn (none: the lab's first), or a line of the other kinds. */
export type Section = Exclude<Act, { script: string }> | { readonly script: string; readonly hosts: readonly string[] };

/** `#@ host NAME…`, `#@ answer CHECK VALUE`, `#@ hint TASK LEVEL`; all else is bash. */
export function sectionsOf(script: string): Section[] {
  const sections: Section[] = [];
  let hosts: readonly string[] = [];
  let part: string[] = [];
  const flush = (): void => {
    const text = part.join('\n');
    if (text.trim() !== '') sections.push({ script: text, hosts });
    part = [];
  };
  for (const line of script.split('\n')) {
    const m = /^#@ (host|answer|hint) (\S+) ?(.*)$/.exec(line);
    if (!m) {
      part.push(line);
      continue;
    }
    flush();
    const [, word, name = '', rest = ''] = m;
    if (word === 'host') hosts = [name, ...rest.split(/\s+/).filter((h) => h !== '')];
    else if (word === 'answer') sections.push({ question: name, value: rest });
    else sections.push({ task: name, level: Number(rest) });
  }
  flush();
  return sections;
}

export function actsOf(script: string): Act[] {
  return sectionsOf(script).flatMap((s): Act[] => {
    if (!('script' in s)) return [s];
    return s.hosts.length === 0 ? [{ script: s.script }] : s.hosts.map((host) => ({ script: s.script, host }));
  });
}

/** The same script with a stretch of its own for each host. */
export function unrolled(script: string): string {
  const sections = sectionsOf(script);
  if (!sections.some((s) => 'script' in s && s.hosts.length > 1)) return script;
  const lines = sections.flatMap((s) => {
    if ('question' in s) return [`#@ answer ${s.question} ${s.value}`];
    if ('task' in s) return [`#@ hint ${s.task} ${s.level}`];
    return s.hosts.length === 0 ? [s.script] : s.hosts.map((host) => `#@ host ${host}\n${s.script}`);
  });
  return `${lines.join('\n')}\n`;
}
