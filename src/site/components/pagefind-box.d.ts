/** The real search box of @pagefind/default-ui, under the name that astro.config.mjs gives it. */
declare module 'pagefind-box' {
  export class PagefindUI {
    constructor(options: object);
  }
}
