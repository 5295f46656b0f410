/** Changes to a request that are tried once per turn when a provider refuses it (agent-runtime §4.1, §4.2). */
import type { Message } from '../core/message.ts';
import type { OneShotFix } from './classify.ts';
import type { ModelCall, ToolSchema } from './contract.ts';
import { inWords } from './format.ts';
import { withoutOpaque } from './repair.ts';

export type Fixes = Set<OneShotFix>;

const imageRefused = '[an image was left out: the provider refused it]';

export function fixed(call: ModelCall, fixes: ReadonlySet<OneShotFix>): ModelCall {
  if (fixes.size === 0) return call;
  let { messages, tools } = call;
  const asked = fixes.has('format-by-words') ? inWords(call) : call;
  if (fixes.has('drop-opaque')) messages = withoutOpaque(messages);
  if (fixes.has('drop-images')) messages = messages.map(withoutImages);
  if (fixes.has('strip-patterns')) tools = tools.map(withoutPatterns);
  return { ...asked, messages, tools };
}

/** False = the call has nothing that this fix would change. */
export function mends(fix: OneShotFix, call: ModelCall): boolean {
  return fix !== 'format-by-words' || call.responseFormat !== undefined;
}

function withoutImages(message: Message): Message {
  if (message.role !== 'user' || typeof message.content === 'string') return message;
  return {
    ...message,
    content: message.content.map((part) =>
      part.type === 'text' ? part : { type: 'text', text: imageRefused },
    ),
  };
}

/** Some local servers turn schemas into grammars and stumble over these two keywords. */
function withoutPatterns(tool: ToolSchema): ToolSchema {
  return { ...tool, parameters: strip(tool.parameters) as ToolSchema['parameters'] };
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, inner]) => {
    const isKeyword = (key === 'pattern' || key === 'format') && typeof inner === 'string';
    return !isKeyword;
  });
  return Object.fromEntries(kept.map(([key, inner]) => [key, strip(inner)]));
}
