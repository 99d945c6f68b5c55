/** SHA-1 and SHA-224 from the noble library. */

export { sha1 } from '@noble/hashes/legacy.js';
export { sha224 } from '@noble/hashes/sha2.js';
