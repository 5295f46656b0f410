/** Tools as the API sees them, with the real rules and no real tool, and agents to choose from. */
import type { Invoked, ServedTools, ToolInvocation } from '../../agent/contract.ts';
import { gatewayTools, isOwnerOnly, matcher, narrowed } from '../../agent/tools/policy.ts';
import { compositeToolsets } from '../../agent/tools/toolsets.ts';
import type { AgentProfile, AgentsSettings } from '../../config/settings.ts';

export const toolNames = ['terminal', 'read_file', 'write_file', 'todo', 'cronjob', 'memory'] as const;

export function agent(id: string, more: Partial<AgentProfile> = {}): AgentProfile {
  return {
    id,
    name: undefined,
    model: undefined,
    models: undefined,
    tools: [],
    persona: '',
    publicMode: false,
    ...more,
  };
}

export const agentsDefaults: AgentsSettings = {
  list: [agent('main')],
  fallback: 'main',
  mainKey: { scope: 'agent', name: 'main' },
  endpoints: { chat: true, responses: true },
  strictTransport: undefined,
  invoke: { allow: [], deny: [] },
};

export interface FakeTools extends ServedTools {
  readonly invoked: ToolInvocation[];
  /** What the next calls answer. */
  answer: (invocation: ToolInvocation, signal: AbortSignal) => Invoked | Promise<Invoked>;
}

export function fakeTools(names: readonly string[] = toolNames): FakeTools {
  const all = new Set(names);
  const fake: FakeTools = {
    invoked: [],
    answer: () => ({ kind: 'done', text: '{"fine":true}' }),
    toolsets: Object.fromEntries(
      Object.entries({ todo: ['todo'], file: ['read_file', 'write_file'], ...compositeToolsets }).map(
        ([name, list]) => [name, list.filter((tool) => all.has(tool))],
      ),
    ),
    all: () => all,
    namesFor: ({ tools }, isOwner) =>
      new Set(
        [...narrowed([...all, ...gatewayTools], tools)].filter((name) => isOwner || !isOwnerOnly({ name })),
      ),
    matcher,
    hasProperty: (tool, property) => tool === 'todo' && property === 'action',
    async invoke(invocation, signal) {
      fake.invoked.push(invocation);
      return fake.answer(invocation, signal);
    },
  };
  return fake;
}
