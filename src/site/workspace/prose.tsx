/** The little Markdown that stories, tasks and hints use: code, bold, emphasis, links, fenced blocks, lists, tables and paragraphs. */

import type { ComponentChild } from 'preact';

const INLINE = /(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*|\[[^\]]+\]\((?:https?:\/\/|\/|#)[^)\s]*\))/;

function inline(text: string): ComponentChild[] {
  return text.split(INLINE).map((part) => {
    if (part.startsWith('`') && part.length > 1) return <code>{part.slice(1, -1)}</code>;
    if (part.startsWith('**') && part.length > 4) return <strong>{inline(part.slice(2, -2))}</strong>;
    if (part.startsWith('*') && part.length > 2) return <em>{inline(part.slice(1, -1))}</em>;
    const link = /^\[([^\]]+)\]\((.*)\)$/.exec(part);
    return link ? <a href={link[2]}>{link[1]}</a> : part;
  });
}

/** A line of it, for places that take no paragraph. */
export function Line({ text }: { text: string }) {
  return <span>{inline(text.replace(/\n/g, ' ').trim())}</span>;
}

const cells = (row: string): string[] =>
  row
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((c) => c.trim());

function table(rows: readonly string[]): ComponentChild {
  const [head = '', , ...body] = rows;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: on a phone it scrolls, so the keyboard must get there
    <table tabIndex={0}>
      <thead>
        <tr>
          {cells(head).map((c) => (
            <th scope="col">{inline(c)}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {body.map((row) => (
          <tr>
            {cells(row).map((c) => (
              <td>{inline(c)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const ITEM = /^\s*(?:[-*]|\d+[.)])\s+/;

/** Lines of a block, each with those that go on with it. */
function items(lines: readonly string[]): string[] {
  const out: string[] = [];
  for (const line of lines) {
    if (ITEM.test(line)) out.push(line.replace(ITEM, ''));
    else out.push(`${out.pop() ?? ''} ${line.trim()}`);
  }
  return out;
}

function block(text: string): ComponentChild {
  const lines = text.split('\n').filter((l) => l.trim() !== '');
  const [first = '', second = ''] = lines;
  if (first.trim().startsWith('|') && /^\s*\|?[\s:|-]+$/.test(second)) return table(lines);
  if (ITEM.test(first)) {
    const list = items(lines).map((item) => <li>{inline(item)}</li>);
    return /^\s*\d/.test(first) ? <ol>{list}</ol> : <ul>{list}</ul>;
  }
  const at = lines.findIndex((line) => ITEM.test(line));
  if (at > 0 && lines.slice(at).every((line) => ITEM.test(line) || /^\s/.test(line)))
    return (
      <>
        {block(lines.slice(0, at).join('\n'))}
        {block(lines.slice(at).join('\n'))}
      </>
    );
  return <p>{inline(text.replace(/\n/g, ' ').trim())}</p>;
}

export function Prose({ text }: { text: string }) {
  const parts = text.trim().split(/(```[\s\S]*?```)/);
  return (
    <>
      {parts.flatMap((part) =>
        part.startsWith('```')
          ? [<pre>{part.replace(/^```\w*\n?|\n?```$/g, '')}</pre>]
          : part
              .split(/\n\s*\n/)
              .filter((p) => p.trim() !== '')
              .map(block),
      )}
    </>
  );
}
