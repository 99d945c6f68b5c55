/** What pages say of the labs: read from their folders when the site is built. */

import { labIds, loadLab } from '../../cli/labs.ts';
import type { Lab } from '../../lab/lab.ts';
import { instantiate } from '../../lab/parameters.ts';

export interface Entry extends Pick<Lab, 'id' | 'title' | 'level' | 'minutes'> {
  readonly communication: string | null;
  /** The story's first sentences, without markup. */
  readonly about: string;
}

const LEVELS: readonly Lab['level'][] = ['beginner', 'intermediate', 'advanced', 'expert'];
const ABOUT_CHARS = 180;

/** Whole sentences as far as they fit, at least one. */
function beginning(story: string): string {
  const text =
    story
      .split(/\n\s*\n/)[0]
      ?.replace(/[*`]/g, '')
      .replace(/\s+/g, ' ')
      .trim() ?? '';
  let end = text.search(/[.!?](\s|$)/) + 1;
  for (;;) {
    const next = text.slice(end).search(/[.!?](\s|$)/);
    if (end === 0 || next < 0 || end + next + 1 > ABOUT_CHARS) return end === 0 ? text : text.slice(0, end);
    end += next + 1;
  }
}

/** All labs, the easy ones first. @throws LabError for a lab that cannot be read. */
export function catalogue(): Entry[] {
  return labIds()
    .map((id): Entry => {
      const { title, level, minutes, story, communication } = instantiate(loadLab(id), 1);
      return { id, title, level, minutes, communication: communication ?? null, about: beginning(story) };
    })
    .sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) || a.minutes - b.minutes || (a.id < b.id ? -1 : 1));
}
