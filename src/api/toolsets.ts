/** What the agent brings along: sets of tools and skills (api-server §10). */
import { z } from 'zod';
import type { ServedTools } from '../agent/contract.ts';
import type { Route } from './routes.ts';

const toolsetList = z.object({
  object: z.literal('list'),
  platform: z.literal('api_server'),
  data: z.array(
    z.object({
      name: z.string(),
      label: z.string(),
      description: z.string(),
      enabled: z.boolean().describe('API turns may use a tool of it.'),
      configured: z.boolean().describe('A tool of it exists on this server.'),
      tools: z.array(z.string()),
    }),
  ),
});

const skillList = z.object({
  object: z.literal('list'),
  data: z.array(z.object({ name: z.string(), description: z.string(), category: z.string() })),
});

export function toolsetRoutes(tools: Pick<ServedTools, 'toolsets' | 'all'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/toolsets',
      scope: 'models',
      name: 'toolsets',
      doc: { id: 'listToolsets', summary: 'Named sets of tools.', answer: toolsetList },
      handle: () => ({ object: 'list', platform: 'api_server', data: listToolsets(tools) }),
    },
    {
      method: 'GET',
      path: '/v1/skills',
      scope: 'models',
      name: 'skills',
      doc: {
        id: 'listSkills',
        summary: 'Skills of the agent. This version has none, so the list is empty.',
        answer: skillList,
      },
      handle: () => ({ object: 'list', data: [] }),
    },
  ];
}

function listToolsets({ toolsets, all }: Pick<ServedTools, 'toolsets' | 'all'>) {
  const allowed = all();
  return Object.entries(toolsets).map(([name, tools]) => ({
    name,
    label: name.replaceAll(/[-_]/g, ' '),
    description:
      tools.length === 0 ? 'None of its tools exists in this version.' : `Has ${tools.join(', ')}.`,
    enabled: tools.some((tool) => allowed.has(tool)),
    configured: tools.length > 0,
    tools: [...tools].sort(),
  }));
}
