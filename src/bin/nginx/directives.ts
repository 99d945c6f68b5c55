/** The directives of nginx 1.22: where each may stand and how many arguments it takes. From the modules' ngx_command_t tables */

/** Main, events, http, server, location, if, upstream, limit_except, and T for blocks whose words are free. */
export type Place = 'm' | 'e' | 'h' | 's' | 'l' | 'i' | 'u' | 'x' | 'T';

export interface DirectiveSpec {
  places: string;
  min: number;
  max: number;
  block: boolean;
  flag: boolean;
  /** Known to nginx and refused here. */
  emulated: boolean;
}

/** `name places arguments`: a number, a range, `1+`, `flag`; `{` behind it opens a block; `-` in front is not emulated. */
const TABLE = `
user m 1-2;daemon m flag;master_process m flag;worker_processes m 1;worker_rlimit_nofile m 1;worker_cpu_affinity m 1+;worker_priority m 1;pid m 1
error_log mhsl 1+;include mehslui 1;load_module m 1;env m 1;lock_file m 1;pcre_jit m flag;worker_shutdown_timeout m 1;timer_resolution m 1
events m 0 {;worker_connections e 1;multi_accept e flag;use e 1;accept_mutex e flag
http m 0 {;server h 0 {;location sl 1-2 {;upstream h 1 {;types hsl 0 {;map h 2 {;if sl 1+ {;limit_except l 1+ {
listen s 1+;server_name s 1+;root hsli 1;alias l 1;index hsl 1+;try_files sl 2+;return sli 1-2;rewrite sli 2-3;set sli 2;break sli 0
error_page hsli 2+;internal l 0;allow hslx 1;deny hslx 1;autoindex hsl flag;stub_status sl 0-1;default_type hsl 1;add_header hsli 2-3
access_log hsli 1+;log_format h 2+;satisfy hsl 1;rewrite_log hsli flag;log_not_found hsl flag;uninitialized_variable_warn hsli flag
proxy_pass li 1;proxy_set_header hsl 2;proxy_http_version hsl 1;proxy_connect_timeout hsl 1;proxy_read_timeout hsl 1;proxy_send_timeout hsl 1
proxy_hide_header hsl 1;proxy_pass_header hsl 1;proxy_intercept_errors hsl flag;proxy_next_upstream hsl 1+;proxy_next_upstream_tries hsl 1
proxy_redirect hsl 1-2;proxy_buffering hsl flag;proxy_buffers hsl 2;proxy_buffer_size hsl 1;proxy_busy_buffers_size hsl 1;proxy_request_buffering hsl flag
proxy_ssl_verify hsl flag;proxy_ssl_server_name hsl flag;proxy_socket_keepalive hsl flag;proxy_max_temp_file_size hsl 1;proxy_temp_path hsl 1-4
proxy_ignore_client_abort hsl flag;proxy_method hsl 1;proxy_pass_request_body hsl flag;proxy_pass_request_headers hsl flag
server u 1+;least_conn u 0;ip_hash u 0;-hash u 1-2;-random u 0-2;keepalive u 1;keepalive_requests u 1;keepalive_timeout u 1-2;zone u 1-2
ssl_certificate hs 1;ssl_certificate_key hs 1;ssl_protocols hs 1+;ssl_ciphers hs 1;ssl_prefer_server_ciphers hs flag;ssl_session_cache hs 1-2
ssl_session_timeout hs 1;ssl_session_tickets hs flag;ssl_dhparam hs 1;ssl_ecdh_curve hs 1;ssl_buffer_size hs 1;-ssl hs flag;-ssl_client_certificate hs 1
-ssl_verify_client hs 1;-ssl_verify_depth hs 1;-ssl_trusted_certificate hs 1;ssl_stapling hs flag;ssl_early_data hs flag;ssl_reject_handshake hs flag
sendfile hsli flag;tcp_nopush hsl flag;tcp_nodelay hsl flag;keepalive_timeout hsl 1-2;keepalive_requests hsl 1;types_hash_max_size hsl 1
types_hash_bucket_size hsl 1;server_tokens hsl 1;server_names_hash_bucket_size h 1;server_names_hash_max_size h 1;server_name_in_redirect hsl flag
port_in_redirect hsl flag;absolute_redirect hsl flag;merge_slashes hs flag;underscores_in_headers hs flag;ignore_invalid_headers hs flag
client_max_body_size hsl 1;client_body_timeout hsl 1;client_header_timeout hs 1;client_header_buffer_size hs 1;large_client_header_buffers hs 2
client_body_buffer_size hsl 1;client_body_temp_path hsl 1-4;send_timeout hsl 1;reset_timedout_connection hsl flag;lingering_close hsl 1
charset hsli 1;etag hsl flag;if_modified_since hsl 1;-expires hsli 1-2;gzip hsli flag;gzip_vary hsl flag;gzip_proxied hsl 1+;gzip_comp_level hsl 1
gzip_buffers hsl 2;gzip_http_version hsl 1;gzip_types hsl 1+;gzip_min_length hsl 1;gzip_disable hsl 1+;gzip_static hsl 1;resolver hsl 1+
resolver_timeout hsl 1;open_file_cache hsl 1-2;aio hsl 1;directio hsl 1;output_buffers hsl 2;variables_hash_max_size h 1;map_hash_bucket_size h 1
map_hash_max_size h 1;real_ip_header hsl 1;set_real_ip_from hsl 1;-geo h 1-2 {;-split_clients h 2 {;-fastcgi_pass li 1;-fastcgi_param hsl 2-3
-uwsgi_pass li 1;-grpc_pass li 1;-memcached_pass li 1;-auth_basic hslx 1;-auth_basic_user_file hslx 1;-auth_request hsl 1;-limit_req hsl 1-3
-limit_req_zone h 3;-limit_conn hsl 2;-limit_conn_zone h 2;-limit_rate hsli 1;-mirror hsl 1;-sub_filter hsl 2;-proxy_cache hsl 1;-proxy_cache_path h 2+
-proxy_cache_valid hsl 1+;-proxy_cookie_path hsl 1-2;-proxy_set_body hsl 1;-proxy_bind hsl 1-2;-secure_link hsl 1;-http2_push hsl 1;-dav_methods hsl 1+
-mail m 0 {;-addition_types hsl 1+;-ssi hsli flag;-userid hsl 1;-valid_referers sl 1+;-post_action hsli 1;-add_trailer hsli 2-3;-autoindex_format hsl 1
-autoindex_exact_size hsl flag;-autoindex_localtime hsl flag;-recursive_error_pages hsl flag;-msie_padding hsl flag;-random_index l flag;-slice hsl 1
`;

function parse(line: string): [string, DirectiveSpec] {
  const [word, places, count, brace] = line.trim().split(' ') as [string, string, string, string | undefined];
  const emulated = !word.startsWith('-');
  const [low, high] =
    count === 'flag' ? [1, 1] : count.endsWith('+') ? [Number.parseInt(count, 10), Infinity] : count.split('-').map(Number);
  return [
    emulated ? word : word.slice(1),
    { places, min: low as number, max: high ?? (low as number), block: brace !== undefined, flag: count === 'flag', emulated },
  ];
}

const BY_NAME = new Map<string, DirectiveSpec[]>();
for (const line of TABLE.split(/[;\n]/)) {
  if (line.trim() === '') continue;
  const [name, spec] = parse(line);
  BY_NAME.set(name, [...(BY_NAME.get(name) ?? []), spec]);
}

export const DIRECTIVES = {
  /** The directive as it may stand here; `server` is a block in http and a line in upstream. */
  at(name: string, place: Place): DirectiveSpec | undefined {
    const hits = BY_NAME.get(name);
    return hits?.find((s) => s.places.includes(place)) ?? hits?.[0];
  },
};
