import { z } from 'zod';
import type { Message } from '../../core/message.ts';
import type { Tool } from '../contract.ts';
import { remember } from './task-state.ts';

const statuses = ['pending', 'in_progress', 'completed', 'cancelled'] as const;
const maxItems = 200;

const item = z.object({
  id: z.string().catch('?'),
  content: z.string().max(4_000).catch(''),
  status: z.enum(statuses).catch('pending'),
});

const schema = z.object({
  todos: z.array(item).max(maxItems).optional().describe('The list; leave out to read it.'),
  merge: z
    .boolean()
    .default(false)
    .describe('true: change or add items by id; false: replace the whole list.'),
});

type Args = z.infer<typeof schema>;
type Item = z.infer<typeof item>;

/** `todo` (agent-runtime §16.11): the plan of one session. It lives in the conversation, so a restart keeps it. */
export function todoTool(): Tool<Args> {
  const lists = new Map<string, readonly Item[]>();
  return {
    name: 'todo',
    toolset: 'todo',
    emoji: '📋',
    description:
      'Keep the list of steps of a longer task. Give todos to write (merge=true changes single items), nothing to read. Keep exactly one item in_progress.',
    schema,
    risk: 'read',
    idempotent: true,
    preview: ({ todos }) => (todos === undefined ? 'read the list' : `${todos.length} item(s)`),
    async run({ todos, merge }, context) {
      const before = lists.get(context.session) ?? fromHistory(context.history);
      const list = todos === undefined ? before : unique(merge ? [...before, ...todos] : todos);
      if (list.length > maxItems) return JSON.stringify({ error: `At most ${maxItems} items.` });
      remember(lists, context.session, list);
      return JSON.stringify({ todos: list, summary: summary(list) });
    },
  };
}

/** Later items of the same id win, at the place of the first. */
function unique(items: readonly Item[]): readonly Item[] {
  const byId = new Map<string, Item>();
  for (const each of items) byId.set(each.id, each);
  return [...byId.values()];
}

function summary(list: readonly Item[]): Record<string, number> {
  const count = (status: Item['status']) => list.filter((each) => each.status === status).length;
  return { total: list.length, ...Object.fromEntries(statuses.map((status) => [status, count(status)])) };
}

/** The newest list that this tool answered in the conversation. */
function fromHistory(history: readonly Message[]): readonly Item[] {
  const answered = z.object({ todos: z.array(item).max(maxItems) });
  for (const message of history.toReversed()) {
    if (message.role !== 'tool' || message.name !== 'todo') continue;
    try {
      const parsed = answered.safeParse(JSON.parse(message.content));
      if (parsed.success) return parsed.data.todos;
    } catch {
      // A shortened or foreign result; look further back.
    }
  }
  return [];
}
