/** How far a lesson is done on this device: its predictions run, its questions answered rightly, its labs solved. */

import { words } from '../words/en.ts';
import { loadAnswer, loadResult, saveAnswer } from '../workspace/store.ts';

export interface Item {
  readonly title: string;
  readonly href: string;
  /** 0 to 1. */
  readonly share: number;
}

/** What a lesson's page asks of its reader, in the order of the page. */
export async function itemsOf(page: ParentNode): Promise<readonly Item[]> {
  const all = <T extends HTMLElement>(selector: string): T[] => [...page.querySelectorAll<T>(selector)];
  const predictions = all('hop-predict[data-id]').map(async (element, i) => {
    const kept = await loadAnswer(`predict/${element.dataset.id}`);
    return { title: words.way.predict(i + 1), href: `#${element.id}`, share: kept?.endsWith('!') ? 1 : 0 };
  });
  const questions = all('hop-quiz [data-question]').map(async (element, i) => {
    const id = element.dataset.question ?? '';
    const right = element.querySelector<HTMLInputElement>('.quiz-correct input')?.value;
    const chosen = (await loadAnswer(`quiz/${id}`))?.split(':')[1];
    return { title: words.way.question(i + 1), href: `#${element.id}`, share: chosen !== undefined && chosen === right ? 1 : 0 };
  });
  const labs = all('[data-lab][data-title]').map(async (element) => {
    const result = await loadResult(element.dataset.lab ?? '');
    const link = element.querySelector('a')?.getAttribute('href') ?? '#workspace';
    return { title: words.way.lab(element.dataset.title ?? ''), href: link, share: result?.passed ? 1 : (result?.best ?? 0) };
  });
  return Promise.all([...predictions, ...questions, ...labs]);
}

/** Hundredths of a lesson that are done; undefined when it was never opened. */
export async function wayOf(slug: string): Promise<number | undefined> {
  const kept = await loadAnswer(`lesson/${slug}`);
  return kept === undefined ? undefined : Number(kept);
}

export async function keepWay(slug: string, items: readonly Item[]): Promise<void> {
  const share = items.length === 0 ? 0 : items.reduce((sum, item) => sum + item.share, 0) / items.length;
  const kept = String(Math.floor(100 * share + 1e-9));
  if ((await loadAnswer(`lesson/${slug}`)) !== kept) await saveAnswer(`lesson/${slug}`, kept);
}
