/** Styles that come with what is loaded later. A plain import would be hoisted into the page's head, and loaded before the prompt. */

export function adopt(css: string): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}
