/** Which tools one turn shows to the model, and which of them run here: the caller's own never do. */
import type { AgentRun, Tool, ToolChoice, ToolSchema } from './contract.ts';

/** What one model call gets. */
export interface Shown {
  readonly schemas: readonly ToolSchema[];
  /** Absent = the model decides. */
  readonly choice?: ToolChoice;
}

export interface Offer {
  /** Run here. */
  readonly tools: ReadonlyMap<string, Tool>;
  readonly schemas: readonly ToolSchema[];
  /** Names of the caller's tools; a call of one ends the turn. */
  readonly client: ReadonlySet<string>;
  /** For model calls until the first tool call of the turn. */
  readonly first: Shown;
  readonly later: Shown;
}

interface Server {
  readonly tools: ReadonlyMap<string, Tool>;
  readonly schemas: readonly ToolSchema[];
}

type Wishes = Pick<AgentRun, 'clientTools' | 'toolChoice'>;

const nobody: ReadonlySet<string> = new Set();

/** Never offers a server tool that is not in `server`; a client tool takes the place of a server tool of its name. */
export function offerOf({ clientTools = [], toolChoice }: Wishes, server: Server): Offer {
  const choice = toolChoice ?? { type: 'auto' };
  if (clientTools.length === 0 && choice.type === 'auto') {
    const shown = { schemas: server.schemas };
    return { ...server, client: nobody, first: shown, later: shown };
  }
  const mayCall = (name: string) => choice.type !== 'allowed' || choice.names.includes(name);
  const own = clientTools.filter(({ name }) => mayCall(name));
  const taken = new Set(clientTools.map(({ name }) => name));
  const runHere = ({ name }: { readonly name: string }) => mayCall(name) && !taken.has(name);
  const schemas = server.schemas.filter(runHere);
  const tools = new Map([...server.tools].filter(([name]) => runHere({ name })));
  const client = new Set(own.map(({ name }) => name));
  const later: Shown = { schemas: [...schemas, ...own] };
  switch (choice.type) {
    case 'auto':
      return { tools, schemas, client, first: later, later };
    case 'none': {
      // Still shown: a history with calls makes no sense to some vendors without the tools. None of them runs.
      const shown = { ...later, choice };
      return { tools: new Map(), schemas: [], client: nobody, first: shown, later: shown };
    }
    case 'tool': {
      const known = later.schemas.some(({ name }) => name === choice.name);
      return { tools, schemas, client, first: known ? { ...later, choice } : later, later };
    }
    case 'required':
    case 'allowed': {
      if (choice.type === 'allowed' && !choice.required)
        return { tools, schemas, client, first: later, later };
      // The caller sees no call but its own: a call of a server tool would not be what it asked for.
      const first: Shown = { schemas: own.length > 0 ? own : later.schemas, choice: { type: 'required' } };
      return { tools, schemas, client, first, later };
    }
    default:
      return choice satisfies never;
  }
}
