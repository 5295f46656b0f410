/** One `ModelCall` → the body of a Chat Completions request (agent-runtime §6.1). */
import type {
  LanguageModelV4CallOptions,
  LanguageModelV4FilePart,
  LanguageModelV4Message,
  LanguageModelV4TextPart,
} from '@ai-sdk/provider';
import type { ModelCall } from '../contract.ts';
import { chatBody, chatName } from './quirks.ts';
import { callOptions } from './request.ts';
import type { Endpoint } from './resolve.ts';
import { worded } from './wishes.ts';

type Json = Record<string, unknown>;
type Assistant = Extract<LanguageModelV4Message, { role: 'assistant' }>;

/** JSON text. What the rules of every wire format share (repair, images, echoes, wishes) is decided in `request.ts`. */
export function chatRequest(
  call: ModelCall,
  endpoint: Endpoint,
  issuer: string,
  signal: AbortSignal,
): string {
  const options = callOptions(worded(call, 'chat').call, endpoint, issuer, signal);
  const { strictJsonSchema, ...own } = options.providerOptions?.[chatName] ?? {};
  // Absent wishes are undefined here and leave no trace in the JSON text.
  const body = {
    model: endpoint.model,
    max_tokens: options.maxOutputTokens,
    temperature: options.temperature,
    top_p: options.topP,
    frequency_penalty: options.frequencyPenalty,
    presence_penalty: options.presencePenalty,
    response_format: responseFormat(options.responseFormat, strictJsonSchema),
    stop: options.stopSequences,
    seed: options.seed,
    ...own,
    ...(options.reasoning !== undefined && { reasoning_effort: options.reasoning }),
    messages: options.prompt.flatMap(messages),
    tools: options.tools?.flatMap(tool),
    tool_choice: toolChoice(options.toolChoice),
    stream: true,
    stream_options: { include_usage: true },
  };
  return JSON.stringify(chatBody(body, endpoint));
}

function messages(message: LanguageModelV4Message): Json[] {
  switch (message.role) {
    case 'system':
      return [{ role: 'system', content: message.content }];
    case 'user': {
      const [first] = message.content;
      const isText = message.content.length === 1 && first?.type === 'text';
      return [{ role: 'user', content: isText ? first.text : message.content.map(part) }];
    }
    case 'assistant':
      return [assistant(message)];
    case 'tool':
      return message.content.flatMap((result) =>
        result.type === 'tool-result' && result.output.type === 'text'
          ? [{ role: 'tool', tool_call_id: result.toolCallId, content: result.output.value }]
          : [],
      );
    default:
      return message satisfies never;
  }
}

/** The only files of a prompt are images, as base64 text or by address. */
function part(part: LanguageModelV4TextPart | LanguageModelV4FilePart): Json {
  if (part.type === 'text') return { type: 'text', text: part.text };
  const { data, mediaType } = part;
  const url = data.type === 'data' ? `data:${mediaType};base64,${data.data}` : 'url' in data && data.url.href;
  return { type: 'image_url', image_url: { url } };
}

function assistant({ content, providerOptions }: Assistant): Json {
  let text = '';
  let reasoning = '';
  let extra: Json = {};
  const calls: Json[] = [];
  for (const part of content) {
    const opaque = part.providerOptions?.['openaiCompatible'];
    if (part.type === 'text') {
      text += part.text;
      extra = { ...extra, ...opaque };
    } else if (part.type === 'reasoning') reasoning += part.text;
    else if (part.type === 'tool-call') {
      const { toolCallId: id, toolName: name, input } = part;
      calls.push({ id, type: 'function', function: { name, arguments: JSON.stringify(input) }, ...opaque });
    }
  }
  return {
    role: 'assistant',
    content: calls.length > 0 ? text || null : text,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...extra,
    ...providerOptions?.['openaiCompatible'],
  };
}

function tool(tool: NonNullable<LanguageModelV4CallOptions['tools']>[number]): Json[] {
  if (tool.type !== 'function') return [];
  const { name, description, inputSchema: parameters, strict } = tool;
  return [
    {
      type: 'function',
      function: { name, description, parameters, ...(strict !== undefined && { strict }) },
    },
  ];
}

function toolChoice(choice: LanguageModelV4CallOptions['toolChoice']): unknown {
  return choice?.type === 'tool' ? { type: 'function', function: { name: choice.toolName } } : choice?.type;
}

function responseFormat(format: LanguageModelV4CallOptions['responseFormat'], strict: unknown): unknown {
  if (format?.type !== 'json') return undefined;
  if (format.schema === undefined) return { type: 'json_object' };
  const { schema, name = 'response', description } = format;
  return { type: 'json_schema', json_schema: { schema, strict: strict ?? true, name, description } };
}
