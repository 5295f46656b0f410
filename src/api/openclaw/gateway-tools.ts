/** Tools about the gateway itself, which no model has: callers of `POST /tools/invoke` list sessions and agents. */
import type { AgentProfile, AgentsSettings } from '../../config/settings.ts';
import { type Caller, ownId } from '../auth/caller.ts';
import type { JsonObject } from '../body.ts';
import { agentOfKey } from './session-key.ts';

export interface SessionRow {
  readonly id: string;
  /** What it came from: `api_server`, `cli`, a platform. */
  readonly source: string;
  /** Unix milliseconds. */
  readonly updatedAt: number;
}

export interface Sessions {
  /** The newest sessions whose id begins with `prefix`, newest first. */
  newest(prefix: string, limit: number): Promise<readonly SessionRow[]>;
}

interface Context {
  readonly sessions: Sessions;
  readonly agents: AgentsSettings;
  readonly defaultModel: string;
  readonly caller: Caller;
  readonly agent: AgentProfile;
  readonly session: string;
}

const usualLimit = 50;
const mostRows = 500;

/** What the tool answers; undefined when it is none of these. Callers see their own sessions only. */
export async function gatewayTool(
  name: string,
  args: JsonObject,
  context: Context,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  switch (name) {
    case 'sessions_list': {
      const sessions = await list(args, context);
      return { count: sessions.length, sessions };
    }
    case 'session_status':
      return {
        key: context.session,
        agentId: context.agent.id,
        model: context.agent.model?.model ?? context.defaultModel,
      };
    case 'agents_list': {
      const agents = context.agents.list.map(({ id, name: title }) => ({ id, name: title ?? id }));
      return { requester: context.agent.id, count: agents.length, agents };
    }
    default:
      return undefined;
  }
}

async function list(args: JsonObject, { sessions, caller, defaultModel, agents }: Context) {
  const wanted = typeof args.limit === 'number' && args.limit >= 1 ? Math.floor(args.limit) : usualLimit;
  const prefix = ownId(caller, '');
  const rows = await sessions.newest(prefix, Math.min(wanted, mostRows));
  return rows.map(({ id, source, updatedAt }) => {
    const key = id.slice(prefix.length);
    const agent = agents.list.find((each) => each.id === agentOfKey(key));
    return {
      key,
      kind: 'other',
      channel: source === 'api_server' ? 'webchat' : source,
      displayName: key,
      updatedAt,
      sessionId: key,
      model: agent?.model?.model ?? defaultModel,
    };
  });
}
