/** nginx's status lines and error pages. Models src/http/ngx_http_special_response.c */

export const VERSION = '1.22.1';
export const SERVER = `nginx/${VERSION}`;

export const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  206: 'Partial Content',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Time-out',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Large',
  415: 'Unsupported Media Type',
  416: 'Requested Range Not Satisfiable',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
  505: 'HTTP Version Not Supported',
  507: 'Insufficient Storage',
};

/** Where the page's title has other words than the status line. */
const TITLES: Readonly<Record<number, string>> = {
  302: 'Found',
  401: 'Authorization Required',
  494: 'Request Header Or Cookie Too Large',
  497: 'The plain HTTP request was sent to HTTPS port',
};

/** Codes of nginx's own that go out as 400. */
export const sentStatus = (status: number): number => (status >= 494 && status <= 497 ? 400 : status);

/** Null for a status that has no page. */
export function errorPage(status: number, tokens: boolean): string | null {
  const sent = sentStatus(status);
  const reason = status === 302 ? 'Found' : status === 401 ? 'Authorization Required' : REASONS[sent];
  if (reason === undefined || status < 300 || status === 304) return null;
  const title = `${sent} ${status === sent ? (TITLES[status] ?? reason) : status === 494 ? TITLES[494] : status === 497 ? 'The plain HTTP request was sent to HTTPS port' : reason}`;
  const heading = status === 494 ? '400 Bad Request' : status === 497 ? '400 Bad Request' : title;
  const more =
    status === 494
      ? '<center>Request Header Or Cookie Too Large</center>\r\n'
      : status === 497
        ? `<center>${TITLES[497]}</center>\r\n`
        : '';
  return `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${heading}</h1></center>\r\n${more}<hr><center>${tokens ? SERVER : 'nginx'}</center>\r\n</body>\r\n</html>\r\n`;
}
