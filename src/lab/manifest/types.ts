/** What the cluster would say of a manifest. */

/** In the text, from 1; the end is behind the last character. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
}

/** An object as it is and as it would be. */
export interface Change {
  /** `deployment.apps/web` */
  readonly name: string;
  readonly namespace: string;
  /** YAML; empty when there is no such object yet. */
  readonly from: string;
  readonly to: string;
}

export interface Examined {
  /** Whether it holds objects of Kubernetes, and there is a cluster to ask. */
  readonly manifest: boolean;
  readonly problems: readonly Problem[];
  readonly changes: readonly Change[];
  /** Objects that stay as they are. */
  readonly same: number;
}
