/** JUnit XML as Jenkins' xUnit plugin describes it (junit-10.xsd): a test suite for each submission. */

import { wellFormed } from './plain.ts';
import { causeLines, checksOf, notesOf, type Result } from './result.ts';

/** XML 1.0 has no way to write most control characters, surrogates and U+FFFE/F, not even escaped (section 2.2). */
function xml(text: string): string {
  const clean = wellFormed(text).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufffe\uffff]/g, '\ufffd');
  return clean.replace(/[&<>"'\t\n\r]/g, (c) =>
    c === '\n' || c === '\t' || c === '\r' ? `&#${c.charCodeAt(0)};` : `&#${c.charCodeAt(0)};`,
  );
}

const attributes = (list: Readonly<Record<string, string | number>>): string =>
  Object.entries(list)
    .map(([k, v]) => ` ${k}="${xml(String(v))}"`)
    .join('');

export const JUNIT_START = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n';
export const JUNIT_END = '</testsuites>\n';

export function junitSuite(file: string, result: Result): string {
  const checks = checksOf(result);
  const counts = {
    tests: result.status === 'graded' ? checks.length : 1,
    failures: checks.filter((c) => c.status === 'failed' && !c.informational).length,
    errors: result.status === 'graded' ? 0 : 1,
    skipped: checks.filter((c) => c.status === 'skipped' || (c.informational && c.status === 'failed')).length,
  };
  const properties = {
    lab: result.lab,
    ...(result.learner === null ? {} : { learner: result.learner }),
    ...(result.seed === null ? {} : { seed: result.seed }),
    score: result.score,
    intact: String(result.integrity.intact),
    submission: result.submission,
  };
  const lines = [`  <testsuite${attributes({ name: file, ...counts, time: 0 })}>`, '    <properties>'];
  for (const [name, value] of Object.entries(properties)) lines.push(`      <property${attributes({ name, value })}/>`);
  lines.push('    </properties>');
  if (result.status !== 'graded')
    lines.push(
      `    <testcase${attributes({ name: result.status, classname: result.lab || 'submission', time: 0 })}>`,
      `      <error${attributes({ message: result.problem ?? '', type: result.status })}/>`,
      '    </testcase>',
    );
  for (const c of checks) {
    const open = `    <testcase${attributes({ name: c.description, classname: `${result.lab}.${c.task}`, time: 0 })}`;
    if (c.status === 'passed') lines.push(`${open}/>`);
    else if (c.status === 'skipped' || c.informational)
      lines.push(`${open}>`, `      <skipped${attributes({ message: c.cause?.rationale ?? '' })}/>`, '    </testcase>');
    else
      lines.push(
        `${open}>`,
        `      <failure${attributes({ message: c.cause?.rationale ?? '', type: c.kind })}>${xml([...causeLines(c), ...c.log].join('\n'))}</failure>`,
        '    </testcase>',
      );
  }
  const notes = notesOf(result);
  if (notes.length > 0) lines.push(`    <system-out>${xml(notes.join('\n'))}</system-out>`);
  return `${lines.join('\n')}\n  </testsuite>\n`;
}
