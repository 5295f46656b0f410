import { en } from './en.ts';

export type TextKey = keyof typeof en;

/** The names in braces of one text. */
type Names<T extends string> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;

type Values<K extends TextKey> = { readonly [name in Names<(typeof en)[K]>]: string | number };

/** The text for people, filled in. A text without names takes no values. */
export function say<K extends TextKey>(
  key: K,
  ...values: [Names<(typeof en)[K]>] extends [never] ? [] : [Values<K>]
): string {
  const filled: Readonly<Record<string, string | number>> = values[0] ?? {};
  return en[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(filled[name] ?? whole));
}
