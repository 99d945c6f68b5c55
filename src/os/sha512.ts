/** SHA-512 from the noble library. */

export { sha512 } from '@noble/hashes/sha2.js';
