/** Stands in for Pagefind's search box, 23 KB, and loads it when the search is first opened instead of on every page. */

interface Options {
  readonly element: string;
}

export class PagefindUI {
  constructor(options: Options) {
    const dialog = document.querySelector(options.element)?.closest('dialog');
    if (!dialog) return;
    const observer = new MutationObserver(() => {
      if (!dialog.open) return;
      observer.disconnect();
      void load(options).then(() => dialog.querySelector('input')?.focus());
    });
    observer.observe(dialog, { attributes: true, attributeFilter: ['open'] });
  }
}

async function load(options: Options): Promise<void> {
  const { PagefindUI: Box } = await import('pagefind-box');
  new Box(options);
}
