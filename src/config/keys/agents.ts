/** Agents behind the HTTP API, and what its OpenClaw-compatible part serves (openclaw-http §5, §13, §15). */
import { z } from 'zod';
import { choice, entries, flag, mapping, names, text } from '../values.ts';
import { key, unset } from './shape.ts';

export const agentsKeys = {
  'agents.list': unset(
    entries(),
    'Agents that API requests can choose; none = one agent `main`. See docs/guides/openclaw.md.',
    { guard: true, field: 'agents.list' },
  ),
  'agents.defaults': unset(mapping(), 'What agents have that do not say otherwise.', {
    guard: true,
    field: 'agents.list',
  }),
  'tools.profile': unset(
    choice(['minimal', 'messaging', 'coding', 'full']),
    'Group of tools that every agent is limited to.',
    { guard: true, field: 'agents.list' },
  ),
  'tools.alsoAllow': key(names(), [], 'Tools allowed beside `tools.profile`.', {
    guard: true,
    field: 'agents.list',
  }),
  'tools.allow': key(names(), [], 'The only tools of all agents; empty = no limit.', {
    guard: true,
    field: 'agents.list',
  }),
  'tools.deny': key(names(), [], 'Tools that no agent has.', { guard: true, field: 'agents.list' }),
  'gateway.tools.allow': key(
    names(),
    [],
    'Tools that `POST /tools/invoke` may call although it denies them.',
    {
      guard: true,
      field: 'agents.invoke.allow',
    },
  ),
  'gateway.tools.deny': key(names(), [], 'More tools that `POST /tools/invoke` never calls.', {
    guard: true,
    field: 'agents.invoke.deny',
  }),
  'gateway.http.endpoints.chatCompletions.enabled': key(flag(), true, 'Serve `/v1/chat/completions`.', {
    guard: true,
    field: 'agents.endpoints.chat',
  }),
  'gateway.http.endpoints.responses.enabled': key(flag(), true, 'Serve `/v1/responses`.', {
    guard: true,
    field: 'agents.endpoints.responses',
  }),
  'gateway.http.securityHeaders.strictTransportSecurity': unset(
    z.union([flag(), text()], { error: 'expected text or false' }),
    'Value of `Strict-Transport-Security`; `false` = not sent, unset = one year with subdomains.',
    { field: 'agents.strictTransport' },
  ),
  'session.mainKey': key(text(), 'main', 'Name of the session that callers mean who name none.', {
    field: 'agents.mainKey',
  }),
  'session.scope': key(
    choice(['per-sender', 'global']),
    'per-sender',
    '`global`: the main session is called `global`.',
    { field: 'agents.mainKey' },
  ),
} as const;
