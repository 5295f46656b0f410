/**
 * The built-in demo model: offline, scripted and deterministic, so that a newcomer sees streaming, tools and approvals
 * before getting a key. It says what it is in every answer.
 */
import type { Clock } from '../../core/clock.ts';
import { noUsage, textOf } from '../../core/message.ts';
import type { Model, ModelCall, ModelEvent } from '../contract.ts';
import { report } from './demo-report.ts';

export const demoName = 'hermes-demo';

export interface DemoOptions {
  /** Wait before each word; 0 = all at once. */
  readonly msPerWord?: number;
}

export function demoModel(clock: Clock, { msPerWord = 0 }: DemoOptions = {}): Model {
  return {
    name: demoName,
    provider: 'demo',
    isDemo: true,
    vision: false,
    stream: (call, signal) => stream(call, signal, clock, msPerWord),
  };
}

/** One answer: words first, then at most one tool call. */
interface Scene {
  readonly say: string;
  readonly tool?: { readonly name: string; readonly arguments: unknown };
}

async function* stream(
  call: ModelCall,
  signal: AbortSignal,
  clock: Clock,
  msPerWord: number,
): AsyncGenerator<ModelEvent> {
  const scene = sceneFor(call);
  let words = 0;
  for (const word of scene.say.match(/\s*\S+|\s+$/g) ?? []) {
    if (msPerWord > 0) await clock.sleep(msPerWord, signal);
    if (signal.aborted) {
      yield { type: 'error', failure: { message: 'Interrupted.', aborted: true } };
      return;
    }
    words++;
    yield { type: 'text', text: word };
  }
  const { tool } = scene;
  if (tool !== undefined) {
    const id = `demo_${call.messages.filter((message) => message.role === 'tool').length + 1}`;
    yield { type: 'tool-call', call: { id, name: tool.name, arguments: JSON.stringify(tool.arguments) } };
  }
  const input = call.messages.reduce((sum, message) => sum + countWords(textOf(message.content)), 0);
  yield { type: 'finish', reason: tool ? 'tool-calls' : 'stop', usage: { ...noUsage, input, output: words } };
}

function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

const keyHint =
  'Set a key such as OPENROUTER_API_KEY and `model.default` with `hermes config set` to talk to a real one.';
const label = 'I am the built-in demo model: scripted, offline, and honest about it.';

interface Script {
  readonly when: RegExp;
  readonly needs?: string;
  play(ask: string): Scene;
}

/** First match wins; a script whose tool this turn may not use is passed over. */
const scripts: readonly Script[] = [
  {
    when: /^say[: ]\s*(.+)/is,
    play: (ask) => ({ say: ask.replace(/^say[: ]\s*/i, '') }),
  },
  {
    when: /\b(plan|todo|tasks?)\b/i,
    needs: 'todo',
    play: () => ({
      say: 'I will keep a list while I work.',
      tool: {
        name: 'todo',
        arguments: {
          todos: [
            { id: '1', content: 'Look at this demo', status: 'completed' },
            { id: '2', content: 'Connect a chat: set TELEGRAM_BOT_TOKEN', status: 'in_progress' },
            { id: '3', content: 'Connect a real model', status: 'pending' },
          ],
        },
      },
    }),
  },
  {
    when: /\b(approv\w*|permission|dangerous)\b/i,
    needs: 'terminal',
    play: () => ({
      // Deletes nothing: the folder does not exist. The pattern alone makes the gateway ask first.
      say: 'Some commands need your consent first. I will ask for one that deletes a folder that does not exist.',
      tool: { name: 'terminal', arguments: { command: 'rm -r ./hermes-demo-folder-that-does-not-exist' } },
    }),
  },
  {
    when: /\bread\s+(\S*[./]\S+)/i,
    needs: 'read_file',
    play: (ask) => ({
      say: 'Let me read it.',
      tool: {
        name: 'read_file',
        arguments: { path: /\bread\s+(\S*[./]\S+)/i.exec(ask)?.[1] ?? '.', limit: 20 },
      },
    }),
  },
  {
    when: /\b(files?|folder|search|list)\b/i,
    needs: 'search_files',
    play: () => ({
      say: 'Let me look around.',
      tool: { name: 'search_files', arguments: { pattern: '*', target: 'files', limit: 10 } },
    }),
  },
  {
    when: /\b(story|long|stream\w*)\b/i,
    play: () => ({
      say: [
        'Once there was a small gateway between many chats.',
        'Every message it accepted was written down before it said "got it".',
        'When the power failed in the middle of an answer, it woke up, read its notes and finished the sentence.',
        'Nobody was answered twice, and nobody was forgotten.',
        '',
        `(${label})`,
      ].join('\n'),
    }),
  },
  {
    when: /^\s*(hi|hello|hey|good (morning|evening)|\/start)\b/i,
    play: () => ({
      say: `Hello! ${label} Try "make a plan", "list files", "show an approval" or "tell a long story". ${keyHint}`,
    }),
  },
];

function sceneFor(call: ModelCall): Scene {
  const last = call.messages.at(-1);
  if (last?.role === 'tool')
    return { say: `${report(last)}\n\nThat was one round of the agent loop. ${label}` };
  const ask = textOf(call.messages.findLast((message) => message.role === 'user')?.content ?? '').trim();
  const usable = new Set(call.toolChoice?.type === 'none' ? [] : call.tools.map((tool) => tool.name));
  const script = scripts.find(
    ({ when, needs }) => when.test(ask) && (needs === undefined || usable.has(needs)),
  );
  if (script !== undefined) return script.play(ask);
  const shown = ask.length > 200 ? `${ask.slice(0, 200)}…` : ask;
  return { say: `You said: “${shown}”. ${label} ${keyHint}` };
}
