/** curl's own help: every option of 7.88.1 with its category letters and description. Models src/tool_help.c, tool_listhelp.c */

import type { OptionSpec } from '../getopt.ts';

/** Category and what it says about itself; the letters a, b, c … in the table below stand for them in this order. */
const CATEGORIES: readonly (readonly [string, string])[] = [
  ['auth', 'Different types of authentication methods'],
  ['connection', 'Low level networking operations'],
  ['curl', 'The command line tool itself'],
  ['dns', 'General DNS options'],
  ['file', 'FILE protocol options'],
  ['ftp', 'FTP protocol options'],
  ['http', 'HTTP and HTTPS protocol options'],
  ['imap', 'IMAP protocol options'],
  ['misc', "Options that don't fit into any other category"],
  ['output', 'Filesystem output'],
  ['pop3', 'POP3 protocol options'],
  ['post', 'HTTP Post specific options'],
  ['proxy', 'All options related to proxies'],
  ['scp', 'SCP protocol options'],
  ['sftp', 'SFTP protocol options'],
  ['smtp', 'SMTP protocol options'],
  ['ssh', 'SSH protocol options'],
  ['telnet', 'TELNET protocol options'],
  ['tftp', 'TFTP protocol options'],
  ['tls', 'All TLS/SSL related options'],
  ['upload', 'All options for uploads'],
  ['verbose', 'Options related to any kind of command line output of curl'],
];

/** Between tabs: short letter, long name, argument, category letters (! for the first help), description. */
const TABLE = `
	abstract-unix-socket	<path>	b	Connect via abstract Unix domain socket
	alt-svc	<file name>	g	Enable alt-svc with this cache file
	anyauth		agm	Pick any authentication method
a	append		fo	Append to target file when uploading
	aws-sigv4	<provider1[:provider2[:region[:service]]]>	ag	Use AWS V4 signature authentication
	basic		a	Use HTTP Basic Authentication
	cacert	<file>	t	CA certificate to verify peer against
	capath	<dir>	t	CA directory to verify peer against
E	cert	<certificate[:password]>	t	Client certificate file and password
	cert-status		t	Verify the status of the server cert via OCSP-staple
	cert-type	<type>	t	Certificate type (DER/PEM/ENG/P12)
	ciphers	<list of ciphers>	t	SSL ciphers to use
	compressed		g	Request compressed response
	compressed-ssh		nq	Enable SSH compression
K	config	<file>	c	Read config from a file
	connect-timeout	<fractional seconds>	b	Maximum time allowed for connection
	connect-to	<HOST1:PORT1:HOST2:PORT2>	b	Connect to host
C	continue-at	<offset>	b	Resumed transfer offset
b	cookie	<data|filename>	g	Send cookies from string/file
c	cookie-jar	<filename>	g	Write cookies to <filename> after operation
	create-dirs		c	Create necessary local directory hierarchy
	create-file-mode	<mode>	enou	File mode for created files
	crlf		fp	Convert LF to CRLF in upload
	crlfile	<file>	t	Use this CRL list
	curves	<algorithm list>	t	(EC) TLS key exchange algorithm(s) to request
d	data	<data>	glu!	HTTP POST data
	data-ascii	<data>	glu	HTTP POST ASCII data
	data-binary	<data>	glu	HTTP POST binary data
	data-raw	<data>	glu	HTTP POST data, '@' allowed
	data-urlencode	<data>	glu	HTTP POST data URL encoded
	delegation	<LEVEL>	a	GSS-API delegation permission
	digest		agm	Use HTTP Digest Authentication
q	disable		c	Disable .curlrc
	disable-eprt		f	Inhibit using EPRT or LPRT
	disable-epsv		f	Inhibit using EPSV
	disallow-username-in-url		cg	Disallow username in URL
	dns-interface	<interface>	d	Interface to use for DNS requests
	dns-ipv4-addr	<address>	d	IPv4 address to use for DNS requests
	dns-ipv6-addr	<address>	d	IPv6 address to use for DNS requests
	dns-servers	<addresses>	d	DNS server addrs to use
	doh-cert-status		dt	Verify the status of the DoH server cert via OCSP-staple
	doh-insecure		dt	Allow insecure DoH server connections
	doh-url	<URL>	d	Resolve host names over DoH
D	dump-header	<filename>	fg	Write the received headers to <filename>
	egd-file	<file>	t	EGD socket path for random data
	engine	<name>	t	Crypto engine to use
	etag-compare	<file>	g	Pass an ETag from a file as a custom header
	etag-save	<file>	g	Parse ETag from a request and save it to a file
	expect100-timeout	<seconds>	g	How long to wait for 100-continue
f	fail		g!	Fail fast with no output on HTTP errors
	fail-early		c	Fail on first transfer error, do not continue
	fail-with-body		gj	Fail on HTTP errors but save the body
	false-start		t	Enable TLS False Start
F	form	<name=content>	gu	Specify multipart MIME data
	form-escape		gu	Escape multipart form field/file names using backslash
	form-string	<name=string>	gu	Specify multipart MIME data
	ftp-account	<data>	af	Account data string
	ftp-alternative-to-user	<command>	f	String to replace USER [name]
	ftp-create-dirs		cfo	Create the remote dirs if not present
	ftp-method	<method>	f	Control CWD usage
	ftp-pasv		f	Use PASV/EPSV instead of PORT
P	ftp-port	<address>	f	Use PORT instead of PASV
	ftp-pret		f	Send PRET before PASV
	ftp-skip-pasv-ip		f	Skip the IP address for PASV
	ftp-ssl-ccc		ft	Send CCC after authenticating
	ftp-ssl-ccc-mode	<active/passive>	ft	Set CCC mode
	ftp-ssl-control		ft	Require SSL/TLS for FTP login, clear for transfer
G	get		gu	Put the post data in the URL and use GET
g	globoff		c	Disable URL sequences and ranges using {} and []
	happy-eyeballs-timeout-ms	<milliseconds>	b	Time for IPv6 before trying IPv4
	haproxy-protocol		gm	Send HAProxy PROXY protocol v1 header
I	head		efg	Show document info only
H	header	<header/@file>	ghp	Pass custom header(s) to server
h	help	<category>	c!	Get help for commands
	hostpubmd5	<md5>	no	Acceptable MD5 hash of the host public key
	hostpubsha256	<sha256>	no	Acceptable SHA256 hash of the host public key
	hsts	<file name>	g	Enable HSTS with this cache file
	http0.9		g	Allow HTTP 0.9 responses
0	http1.0		g	Use HTTP 1.0
	http1.1		g	Use HTTP 1.1
	http2		g	Use HTTP 2
	http2-prior-knowledge		g	Use HTTP 2 without HTTP/1.1 Upgrade
	http3		g	Use HTTP v3
	http3-only		g	Use HTTP v3 only
	ignore-content-length		fg	Ignore the size of the remote resource
i	include		v!	Include protocol response headers in the output
k	insecure		not	Allow insecure server connections
	interface	<name>	b	Use network INTERFACE (or address)
4	ipv4		bd	Resolve names to IPv4 addresses
6	ipv6		bd	Resolve names to IPv6 addresses
	json	<data>	glu	HTTP POST JSON
j	junk-session-cookies		g	Ignore session cookies read from file
	keepalive-time	<seconds>	b	Interval time for keepalive probes
	key	<key>	qt	Private key file name
	key-type	<type>	t	Private key file type (DER/PEM/ENG)
	krb	<level>	f	Enable Kerberos with security <level>
	libcurl	<file>	c	Dump libcurl equivalent code of this command line
	limit-rate	<speed>	b	Limit transfer speed to RATE
l	list-only		fk	List only mode
	local-port	<num/range>	b	Force use of RANGE for local port numbers
L	location		g	Follow redirects
	location-trusted		ag	Like --location, and send auth to other hosts
	login-options	<options>	ahkp	Server login options
	mail-auth	<address>	p	Originator address of the original email
	mail-from	<address>	p	Mail from this address
	mail-rcpt	<address>	p	Mail to this address
	mail-rcpt-allowfails		p	Allow RCPT TO command to fail for some recipients
M	manual		c	Display the full manual
	max-filesize	<bytes>	b	Maximum file size to download
	max-redirs	<num>	g	Maximum number of redirects allowed
m	max-time	<fractional seconds>	b	Maximum time allowed for transfer
	metalink		i	Process given URLs as metalink XML file
	negotiate		ag	Use HTTP Negotiate (SPNEGO) authentication
n	netrc		c	Must read .netrc for user name and password
	netrc-file	<filename>	c	Specify FILE for netrc
	netrc-optional		c	Use either .netrc or URL
:	next		c	Make next URL use its separate set of options
	no-alpn		gt	Disable the ALPN TLS extension
N	no-buffer		c	Disable buffering of the output stream
	no-clobber		cj	Do not overwrite files that already exist
	no-keepalive		b	Disable TCP keepalive on the connection
	no-npn		gt	Disable the NPN TLS extension
	no-progress-meter		v	Do not show the progress meter
	no-sessionid		t	Disable SSL session-ID reusing
	noproxy	<no-proxy-list>	m	List of hosts which do not use proxy
	ntlm		ag	Use HTTP NTLM authentication
	ntlm-wb		ag	Use HTTP NTLM authentication with winbind
	oauth2-bearer	<token>	a	OAuth 2 Bearer Token
o	output	<file>	c!	Write to file instead of stdout
	output-dir	<dir>	c	Directory to save files in
Z	parallel		bc	Perform transfers in parallel
	parallel-immediate		bc	Do not wait for multiplexing (with --parallel)
	parallel-max	<num>	bc	Maximum concurrency for parallel transfers
	pass	<phrase>	aqt	Pass phrase for the private key
	path-as-is		c	Do not squash .. sequences in URL path
	pinnedpubkey	<hashes>	t	FILE/HASHES Public key to verify peer against
	post301		gl	Do not switch to GET after following a 301
	post302		gl	Do not switch to GET after following a 302
	post303		gl	Do not switch to GET after following a 303
	preproxy	[protocol://]host[:port]	m	Use this proxy first
#	progress-bar		v	Display transfer progress as a bar
	proto	<protocols>	bc	Enable/disable PROTOCOLS
	proto-default	<protocol>	bc	Use PROTOCOL for any URL missing a scheme
	proto-redir	<protocols>	bc	Enable/disable PROTOCOLS on redirect
x	proxy	[protocol://]host[:port]	m	Use this proxy
	proxy-anyauth		am	Pick any proxy authentication method
	proxy-basic		am	Use Basic authentication on the proxy
	proxy-cacert	<file>	mt	CA certificate to verify peer against for proxy
	proxy-capath	<dir>	mt	CA directory to verify peer against for proxy
	proxy-cert	<cert[:passwd]>	mt	Set client certificate for proxy
	proxy-cert-type	<type>	mt	Client certificate type for HTTPS proxy
	proxy-ciphers	<list>	mt	SSL ciphers to use for proxy
	proxy-crlfile	<file>	mt	Set a CRL list for proxy
	proxy-digest		mt	Use Digest authentication on the proxy
	proxy-header	<header/@file>	m	Pass custom header(s) to proxy
	proxy-insecure		mt	Do HTTPS proxy connections without verifying the proxy
	proxy-key	<key>	mt	Private key for HTTPS proxy
	proxy-key-type	<type>	mt	Private key file type for proxy
	proxy-negotiate		am	Use HTTP Negotiate (SPNEGO) authentication on the proxy
	proxy-ntlm		am	Use NTLM authentication on the proxy
	proxy-pass	<phrase>	amt	Pass phrase for the private key for HTTPS proxy
	proxy-pinnedpubkey	<hashes>	mt	FILE/HASHES public key to verify proxy with
	proxy-service-name	<name>	mt	SPNEGO proxy service name
	proxy-ssl-allow-beast		mt	Allow security flaw for interop for HTTPS proxy
	proxy-ssl-auto-client-cert		mt	Use auto client certificate for proxy (Schannel)
	proxy-tls13-ciphers	<ciphersuite list>	mt	TLS 1.3 proxy cipher suites
	proxy-tlsauthtype	<type>	amt	TLS authentication type for HTTPS proxy
	proxy-tlspassword	<string>	amt	TLS password for HTTPS proxy
	proxy-tlsuser	<name>	amt	TLS username for HTTPS proxy
	proxy-tlsv1		amt	Use TLSv1 for HTTPS proxy
U	proxy-user	<user:password>	am	Proxy user and password
	proxy1.0	<host[:port]>	m	Use HTTP/1.0 proxy on given port
p	proxytunnel		m	Operate through an HTTP proxy tunnel (using CONNECT)
	pubkey	<key>	ano	SSH Public key file name
Q	quote	<command>	fo	Send command(s) to server before transfer
	random-file	<file>	i	File for reading random data from
r	range	<range>	efgo	Retrieve only the bytes within RANGE
	rate	<max request rate>	b	Request rate for serial transfers
	raw		g	Do HTTP "raw"; no transfer decoding
e	referer	<URL>	g	Referrer URL
J	remote-header-name		j	Use the header-provided filename
O	remote-name		j!	Write output to a file named as the remote file
	remote-name-all		j	Use the remote file name for all URLs
R	remote-time		j	Set the remote file's time on the local output
	remove-on-error		c	Remove output file on errors
X	request	<method>	b	Specify request method to use
	request-target	<path>	g	Specify the target for this request
	resolve	<[+]host:port:addr[,addr]...>	bd	Resolve the host+port to this address
	retry	<num>	c	Retry request if transient problems occur
	retry-all-errors		c	Retry all errors (use with --retry)
	retry-connrefused		c	Retry on connection refused (use with --retry)
	retry-delay	<seconds>	c	Wait time between retries
	retry-max-time	<seconds>	c	Retry only within this period
	sasl-authzid	<identity>	a	Identity for SASL PLAIN authentication
	sasl-ir		a	Enable initial response in SASL authentication
	service-name	<name>	i	SPNEGO service name
S	show-error		c	Show error even when -s is used
s	silent		v!	Silent mode
	socks4	<host[:port]>	m	SOCKS4 proxy on given host + port
	socks4a	<host[:port]>	m	SOCKS4a proxy on given host + port
	socks5	<host[:port]>	m	SOCKS5 proxy on given host + port
	socks5-basic		am	Enable username/password auth for SOCKS5 proxies
	socks5-gssapi		am	Enable GSS-API auth for SOCKS5 proxies
	socks5-gssapi-nec		am	Compatibility with NEC SOCKS5 server
	socks5-gssapi-service	<name>	am	SOCKS5 proxy service name for GSS-API
	socks5-hostname	<host[:port]>	m	SOCKS5 proxy, pass host name to proxy
Y	speed-limit	<speed>	b	Stop transfers slower than this
y	speed-time	<seconds>	b	Trigger 'speed-limit' abort after this time
	ssl		t	Try SSL/TLS
	ssl-allow-beast		t	Allow security flaw to improve interop
	ssl-auto-client-cert		t	Use auto client certificate (Schannel)
	ssl-no-revoke		t	Disable cert revocation checks (Schannel)
	ssl-reqd		t	Require SSL/TLS
	ssl-revoke-best-effort		t	Ignore missing/offline cert CRL dist points
2	sslv2		t	Use SSLv2
3	sslv3		t	Use SSLv3
	stderr	<file>	v	Where to redirect stderr
	styled-output		v	Enable styled output for HTTP headers
	suppress-connect-headers		m	Suppress proxy CONNECT response headers
	tcp-fastopen		b	Use TCP Fast Open
	tcp-nodelay		b	Use the TCP_NODELAY option
t	telnet-option	<opt=val>	r	Set telnet option
	tftp-blksize	<value>	s	Set TFTP BLKSIZE option
	tftp-no-options		s	Do not send any TFTP options
z	time-cond	<time>	fg	Transfer based on a time condition
	tls-max	<VERSION>	t	Set maximum allowed TLS version
	tls13-ciphers	<ciphersuite list>	t	TLS 1.3 cipher suites to use
	tlsauthtype	<type>	at	TLS authentication type
	tlspassword	<string>	at	TLS password
	tlsuser	<name>	at	TLS user name
1	tlsv1		t	Use TLSv1.0 or greater
	tlsv1.0		t	Use TLSv1.0 or greater
	tlsv1.1		t	Use TLSv1.1 or greater
	tlsv1.2		t	Use TLSv1.2 or greater
	tlsv1.3		t	Use TLSv1.3 or greater
	tr-encoding		g	Request compressed transfer encoding
	trace	<file>	v	Write a debug trace to FILE
	trace-ascii	<file>	v	Like --trace, but without hex output
	trace-time		v	Add time stamps to trace/verbose output
	unix-socket	<path>	b	Connect through this Unix domain socket
T	upload-file	<file>	u!	Transfer local FILE to destination
	url	<url>	c	URL to work with
	url-query	<data>	glu	Add a URL query part
B	use-ascii		i	Use ASCII/text transfer
u	user	<user:password>	a!	Server user and password
A	user-agent	<name>	g!	Send User-Agent <name> to server
v	verbose		v!	Make the operation more talkative
V	version		c!	Show version number and quit
w	write-out	<format>	v	Use output FORMAT after completion
	xattr		i	Store metadata in extended file attributes
`;

const ROWS = TABLE.replace(/^\n|\n$/g, '')
  .split('\n')
  .map((line) => {
    const [short, long, arg, categories, text] = line.split('\t') as [string, string, string, string, string];
    return { short, long, arg, categories, text };
  });

/** What the parser needs of it; -h takes its category by a rule of its own. */
export const CURL_OPTIONS: readonly OptionSpec[] = ROWS.map((r) => ({
  long: r.long,
  arg: r.arg ? 'required' : 'none',
  ...(r.short ? { short: r.short } : {}),
}));

function listing(letter: string): string {
  const rows = ROWS.filter((r) => r.categories.includes(letter)).map((r) => ({
    option: `${r.short ? `-${r.short}, ` : '    '}--${r.long}${r.arg ? ` ${r.arg}` : ''}`,
    text: r.text,
  }));
  const longText = Math.max(5, ...rows.map((r) => r.text.length));
  const longOption = Math.max(5, ...rows.map((r) => r.option.length));
  const width = longOption + longText > 80 ? 80 - longText : longOption;
  return rows.map((r) => ` ${r.option.padEnd(width + r.text.length >= 80 ? 80 - r.text.length : width)} ${r.text}\n`).join('');
}

const categoryList = (): string => CATEGORIES.map(([name, text]) => ` ${name.padEnd(11)} ${text}\n`).join('');

const HINT = `
This is not the full help, this menu is stripped into categories.
Use "--help category" to get an overview of all categories.
For all options use the manual or "--help all".
`;

export function curlHelp(category: string | null): string {
  const usage = 'Usage: curl [options...] <url>\n';
  if (category === null) return usage + listing('!') + HINT;
  const word = category.toLowerCase();
  if (word === 'all') return usage + listing('');
  if (word === 'category') return usage + categoryList();
  const at = CATEGORIES.findIndex(([name]) => name === word);
  if (at < 0) return `${usage}Invalid category provided, here is a list of all categories:\n\n${categoryList()}`;
  return `${usage}${(CATEGORIES[at] as readonly [string, string]).join(': ')}\n${listing(String.fromCharCode(97 + at))}`;
}
