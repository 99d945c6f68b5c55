/** What differs between two runs of the same kubectl commands, made equal: uids, versions, times, ages, random names, addresses and ports. */

const UID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
/** Letters of apimachinery's random suffixes. */
const SUFFIX = /-[bcdfghjklmnpqrstvwxz2456789]{5}\b/g;
const AGE = /(?<=^|[\s(])(\d+y)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(?=$|[\s)])/gm;
const SERVICE_IP = /\b10\.(?:9[6-9]|10\d|11[01])\.\d{1,3}\.\d{1,3}\b/g;
const NODE_PORT = /\b3[0-2]\d{3}\b/g;
/** The stand-in for the container runtime gave them. */
const POD_IP = /\b10\.244\.(\d)\.[1-9]\d*\b/g;
const POD_IPS = /\b10\.244\.\d+\.POD(?::\d+)?(?:,10\.244\.\d+\.POD(?::\d+)?)+/g;

/** `fixed`: texts that name addresses and ports which are not random. */
export function withoutNoise(text: string, fixed: string): string {
  return text
    .replace(UID, 'UID')
    .replace(/(resourceVersion"?: ?)"\d+"/g, '$1"RV"')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000/g, 'TIME')
    .replace(/\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000/g, 'DATE')
    .replace(/^([EWI])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ /gm, '$1 ')
    .replace(/(containerd:\/\/)[0-9a-f]+/g, '$1ID')
    .replace(/(X509SHA256=)[0-9a-f]{64}/g, '$1HASH')
    .replace(/(192\.168\.56\.10:)\d{5}(?=->)/g, '$1PORT')
    .replace(/(?:\/tmp\/)?\b(LIVE|MERGED)-\d+(?=\/)/g, '$1')
    .replace(/\.[0-9a-f]{16}\b/g, '.EVENT')
    .replace(SUFFIX, '-XXXXX')
    .replace(AGE, (m) => (m === '' ? '' : 'AGE'))
    .replace(SERVICE_IP, (ip) => (ip === '10.96.0.1' || fixed.includes(ip) ? ip : 'SERVICE-IP'))
    .replace(NODE_PORT, (port) => (fixed.includes(port) ? port : 'NODE-PORT'))
    .replace(POD_IP, '10.244.$1.POD')
    .replace(POD_IPS, (list) => list.split(',').sort().join(','))
    .replace(/ {2,}/g, '  ')
    .replace(/-{3,}/g, '---');
}

/** Whether they are the same but for the order that random names give to lines. */
export function sameOutput(a: string, b: string): boolean {
  if (a === b) return true;
  if (!a.includes('-XXXXX') || a.length !== b.length) return false;
  const sorted = (t: string): string => t.split('\n').sort().join('\n');
  return sorted(a) === sorted(b);
}
