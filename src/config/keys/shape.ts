/** The form of one row of the table of compatible keys. */
import type { ZodType } from 'zod';

export interface Key<T = unknown> {
  readonly value: ZodType<T>;
  /** As it would be written in the file; undefined = unset. */
  readonly fallback: unknown;
  readonly about: string;
  /** Environment variable of the same setting. */
  readonly env?: string;
  /** The value of config.yaml beats the variable (gateway-core §2.1 item 3). */
  readonly bridged?: true;
  /** Other accepted places in config.yaml; a later one beats an earlier one, the key itself beats all. */
  readonly also?: readonly string[];
  readonly secret?: true;
  /** Decides who may reach what: a value that cannot be read prevents the start instead of being ignored. */
  readonly guard?: true;
  /** Dotted field of `Settings`. */
  readonly field?: string;
}

type More = Partial<Pick<Key, 'env' | 'bridged' | 'also' | 'secret' | 'guard' | 'field'>>;

export function key<T>(
  value: ZodType<T>,
  fallback: NonNullable<unknown>,
  about: string,
  more: More = {},
): Key<T> {
  return { value, fallback, about, ...more };
}

/** A key that has no default. */
export function unset<T>(value: ZodType<T>, about: string, more: More = {}): Key<T | undefined> {
  return { value: value as ZodType<T | undefined>, fallback: undefined, about, ...more };
}
