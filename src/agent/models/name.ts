/**
 * `provider:model` names (agent-runtime §9.4). The part before the first colon is a provider only if it is known;
 * otherwise the whole text is a model id (`qwen3.5:27b`, `anthropic/claude-x:beta`).
 */
import { customNames, findProvider } from './registry.ts';

export interface ModelName {
  /** Absent = stay with the present provider. */
  readonly provider?: string;
  /** Absent = the provider's own default. */
  readonly model?: string;
}

/** `named` holds the names of the `providers:` block; `custom:<name>:<model>` needs one of them. */
export function parseModelName(text: string, named: ReadonlySet<string> = new Set()): ModelName {
  const colon = text.indexOf(':');
  const head = (colon < 0 ? text : text.slice(0, colon)).toLowerCase();
  if (colon < 0) return customNames.includes(head) ? { provider: 'custom' } : { model: text };
  const rest = text.slice(colon + 1);
  if (head === 'custom') {
    const next = rest.indexOf(':');
    const name = next < 0 ? rest : rest.slice(0, next);
    if (!named.has(name)) return { provider: 'custom', ...(rest !== '' && { model: rest }) };
    const model = next < 0 ? '' : rest.slice(next + 1);
    return { provider: `custom:${name}`, ...(model !== '' && { model }) };
  }
  const known = named.has(head) || findProvider(head) !== undefined || customNames.includes(head);
  if (!known) return { model: text };
  return { provider: named.has(head) ? `custom:${head}` : head, ...(rest !== '' && { model: rest }) };
}
