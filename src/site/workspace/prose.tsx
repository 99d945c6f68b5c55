/** The little Markdown that task texts and hints use: code, bold, emphasis, fenced blocks and paragraphs. */

import type { ComponentChild } from 'preact';

function inline(text: string): ComponentChild[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*)/).map((part) => {
    if (part.startsWith('`')) return <code>{part.slice(1, -1)}</code>;
    if (part.startsWith('**')) return <strong>{part.slice(2, -2)}</strong>;
    if (part.startsWith('*')) return <em>{part.slice(1, -1)}</em>;
    return part;
  });
}

/** A line of it, for places that take no paragraph. */
export function Line({ text }: { text: string }) {
  return <span>{inline(text.replace(/\n/g, ' ').trim())}</span>;
}

export function Prose({ text }: { text: string }) {
  const blocks = text.trim().split(/(```[\s\S]*?```)/);
  return (
    <>
      {blocks.flatMap((block) =>
        block.startsWith('```')
          ? [<pre>{block.replace(/^```\w*\n?|\n?```$/g, '')}</pre>]
          : block
              .split(/\n\s*\n/)
              .filter((p) => p.trim() !== '')
              .map((p) => <p>{inline(p.replace(/\n/g, ' ').trim())}</p>),
      )}
    </>
  );
}
