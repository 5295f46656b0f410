/** What single hosts of the chat wire format want differently (agent-runtime §6.1, §6.4, §8), as data. */
import type { Endpoint } from './resolve.ts';

type Body = Record<string, unknown>;

/** Name under which options of the chat wire format travel. */
export const chatName = 'hermes';

const echoHosts = [
  'api.deepseek.com',
  'api.moonshot.ai',
  'api.moonshot.cn',
  'api.kimi.com',
  'api.xiaomimimo.com',
];
/** These take `reasoning: {enabled, effort}` and answer with `reasoning_details`. */
const reasoningObjectHosts = ['openrouter.ai', 'inference-api.nousresearch.com'];

export function echoesReasoning(baseUrl: string): boolean {
  return echoHosts.includes(new URL(baseUrl).hostname);
}

function collectsReasoningDetails(baseUrl: string): boolean {
  return reasoningObjectHosts.includes(new URL(baseUrl).hostname);
}

/** The last word on a chat request body. */
export function chatBody(body: Body, endpoint: Endpoint): Body {
  let out = body;
  if (collectsReasoningDetails(endpoint.baseUrl)) {
    const { reasoning_effort: effort, ...rest } = out;
    out =
      effort === undefined
        ? out
        : { ...rest, reasoning: effort === 'none' ? { enabled: false } : { enabled: true, effort } };
    if (/claude/i.test(endpoint.model)) out = { ...out, messages: withCacheMarks(out['messages'] as Body[]) };
  }
  if (/gpt-5|codex/.test(endpoint.model)) {
    const messages = out['messages'] as Body[];
    out = {
      ...out,
      messages: messages.map((m) => (m['role'] === 'system' ? { ...m, role: 'developer' } : m)),
    };
  }
  return endpoint.extraBody === undefined ? out : { ...out, ...endpoint.extraBody };
}

/** Four breakpoints: the system prompt and the last three messages; tool messages carry none in this layout. */
function withCacheMarks(messages: readonly Body[]): Body[] {
  const cache_control = { type: 'ephemeral' };
  return messages.map((message, index) => {
    const marked = message['role'] === 'system' || index >= messages.length - 3;
    const content = message['content'];
    if (!marked || message['role'] === 'tool') return message;
    if (typeof content === 'string' && content !== '') {
      return { ...message, content: [{ type: 'text', text: content, cache_control }] };
    }
    if (!Array.isArray(content) || content.length === 0) return message;
    return { ...message, content: [...content.slice(0, -1), { ...(content.at(-1) as Body), cache_control }] };
  });
}

type Detail = Record<string, string | number | boolean | null>;

/** Collects `reasoning_details` of a stream's chunks. Fragments of one index become one block. */
export class ReasoningDetails {
  readonly #byIndex = new Map<string, Detail>();

  add(chunk: unknown): void {
    const delta = (chunk as { choices?: { delta?: { reasoning_details?: Detail[] } }[] }).choices?.[0]?.delta;
    for (const piece of delta?.reasoning_details ?? []) {
      const key = `${piece['type']}:${piece['index'] ?? 0}`;
      const known = this.#byIndex.get(key);
      if (known === undefined) this.#byIndex.set(key, { ...piece });
      else append(known, piece);
    }
  }

  /** Undefined when there were none. */
  get list(): readonly Detail[] | undefined {
    return this.#byIndex.size === 0 ? undefined : [...this.#byIndex.values()];
  }
}

const streamed = new Set(['text', 'summary', 'data']);

function append(known: Detail, piece: Detail): void {
  for (const [key, value] of Object.entries(piece)) {
    const before = known[key];
    known[key] =
      streamed.has(key) && typeof before === 'string' && typeof value === 'string' ? before + value : value;
  }
}
