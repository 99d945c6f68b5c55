/** nginx's variables and log formats. Models src/http/ngx_http_variables.c */

export interface LogFormat {
  text: string;
}

export const DEFAULT_FORMAT: LogFormat = {
  text: '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
};

const KNOWN = new Set(
  (
    'args query_string uri document_uri request_uri is_args host hostname remote_addr remote_port remote_user request_method scheme server_protocol server_addr ' +
    'server_port server_name request status body_bytes_sent bytes_sent time_local time_iso8601 msec request_time upstream_addr upstream_status ' +
    'upstream_response_time upstream_connect_time upstream_header_time proxy_host proxy_port proxy_add_x_forwarded_for https document_root realpath_root ' +
    'request_filename content_type content_length binary_remote_addr connection connection_requests nginx_version pid request_id request_length request_body ' +
    'request_completion pipe ssl_protocol ssl_cipher ssl_server_name ssl_session_reused tcpinfo_rtt limit_rate connections_active'
  ).split(' '),
);

/** The name of the first variable in a text that nothing defines. */
export function unknownVariable(text: string, extra: (name: string) => boolean): string | null {
  for (const m of text.matchAll(/\$\{?(\w+)\}?/g)) {
    const name = m[1] as string;
    if (/^\d$/.test(name) || /^(http|arg|cookie|sent_http|upstream_http|upstream_cookie)_/.test(name) || KNOWN.has(name) || extra(name))
      continue;
    return name;
  }
  return null;
}

/** Replaces `$name` and `${name}`. */
export function expand(text: string, value: (name: string) => string): string {
  return text.includes('$')
    ? text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, a: string | undefined, b: string | undefined) => value(a ?? (b as string)))
    : text;
}
