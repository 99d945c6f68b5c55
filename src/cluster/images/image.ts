/** What a container image is here: names of programs, a few files and the configuration of its process. Models the OCI image specification */

import { hex, sha256 } from '../sha256.ts';

/** The distribution that the image builds on: it decides the C library, the shell and the tools. */
export type Base = 'alpine' | 'busybox' | 'debian' | 'scratch';

export interface Image {
  /** With domain and path, without a tag. */
  readonly repository: string;
  /** Tags that the registry has; the first one is also `latest` unless `latest` is false. */
  readonly tags: readonly string[];
  readonly latest?: boolean;
  readonly base: Base;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  /** `101`, `nginx` or `101:101`, as the image's configuration has it. */
  readonly user?: string;
  /** Programs beside those of the base, by the names of the table of commands; `NAME=/path` puts one elsewhere. */
  readonly programs?: readonly string[];
  /** Text by absolute path; a text that begins with `-> ` is a symbolic link, a path that ends with a slash a directory, a text that begins with `#!` an executable. */
  readonly files?: Readonly<Record<string, string>>;
  /** Files as a program's package has them: the program by absolute path. */
  readonly packaged?: Readonly<Record<string, string>>;
  /** Bytes that a pull fetches. */
  readonly size: number;
}

const digests = new Map<string, string>();

/** Digest of the configuration: what `imageID` is made of. */
export function imageDigest(image: Image, tag: string): string {
  const name = `${image.repository}:${tag}`;
  const known = digests.get(name) ?? `sha256:${hex(sha256(name))}`;
  digests.set(name, known);
  return known;
}

export const PATH_ENV = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const MIB = 1 << 20;
/** What a registry's line and the disk take: 50 MiB in a second, and 400 ms for manifests and unpacking. Seconds. */
export const pullSeconds = (image: Image): number => 0.4 + image.size / (50 * MIB);
