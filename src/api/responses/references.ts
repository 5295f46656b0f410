/**
 * Items a request only names. Clients that rely on stored responses send `{type: 'item_reference', id}` instead of
 * repeating what the agent said (Open Responses §4; the AI SDK does so unless told `store: false`).
 */
import type { Chain, Kept } from './archive.ts';
import type { OutputItem } from './resource.ts';

/** An item id is a prefix, the hex digits of its response, and its number in it as four digits. */
const itemId = /^[a-z]+_([0-9a-f]{28})\d{4,}$/;

/** Id of the `serial`-th item of a response. */
export function itemIdOf(response: string, prefix: string, serial: number): string {
  return `${prefix}_${response.replace(/^resp_/, '')}${String(serial).padStart(4, '0')}`;
}

interface Fields {
  readonly input?: unknown;
  readonly previous_response_id?: unknown;
  readonly conversation?: unknown;
}

type Raw = Readonly<Record<string, unknown>>;

export type References = (id: string) => readonly Raw[] | undefined;

/**
 * Looks up what the references of `input` name. The answer is undefined for what nobody knows any more, and empty in a
 * chain, which already has it. A call of a server's tool brings its result, which clients cannot name.
 */
export async function findReferences(fields: Fields, chain: Pick<Chain, 'find'>): Promise<References> {
  const { input } = fields;
  if (!Array.isArray(input)) return () => undefined;
  if (fields.previous_response_id || fields.conversation) return () => [];
  const items = input.filter(isObject);
  const answered = new Set(
    items.filter(({ type }) => type === 'function_call_output').map((item) => item.call_id),
  );
  const responses = new Map<string, Kept | undefined>();
  for (const item of items) {
    const id = isReference(item) ? responseOf(item.id) : undefined;
    if (id !== undefined && !responses.has(id)) responses.set(id, await chain.find(id));
  }
  return (id) => {
    const output = responses.get(responseOf(id) ?? '')?.response.output ?? [];
    const found = output.find((item) => item.id === id);
    if (found === undefined) return undefined;
    if (found.type !== 'function_call' || answered.has(found.call_id)) return [{ ...found }];
    return [found, ...output.filter((item) => isResultOf(item, found.call_id))].map((item) => ({ ...item }));
  };
}

const isObject = (value: unknown): value is Raw => typeof value === 'object' && value !== null;

/** `type` may be left out of a reference. */
export const isReference = (item: Raw): item is Raw & { readonly id: string } =>
  typeof item.id === 'string' &&
  (item.type === 'item_reference' ||
    (typeof item.type !== 'string' && item.role === undefined && item.content === undefined));

const responseOf = (id: string) => {
  const hex = itemId.exec(id)?.[1];
  return hex === undefined ? undefined : `resp_${hex}`;
};

const isResultOf = (item: OutputItem, call: string) =>
  item.type === 'function_call_output' && item.call_id === call;
