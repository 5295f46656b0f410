/**
 * Agents of the configuration (openclaw-http §4, §5, §13): each is a name for a model, a persona and a narrower set of
 * tools. What limits an agent and cannot be understood prevents the start; the rest is reported and left out.
 */
import { z } from 'zod';
import type { Problem } from './problem.ts';
import type { KeyReader } from './resolve.ts';
import type { AgentProfile, AgentsSettings, ToolPolicy } from './settings.ts';
import { isMapping, names, text, toBoolean } from './values.ts';

type Entry = Readonly<Record<string, unknown>>;
type Report = (problem: Problem) => void;

const idPattern = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** Keys of an agent that decide something here. */
const known = [
  'id',
  'name',
  'default',
  'model',
  'models',
  'tools',
  'persona',
  'systemPrompt',
  'system_prompt',
  'identity',
  'publicMode',
];

const policy = z.strictObject({
  profile: z.enum(['minimal', 'messaging', 'coding', 'full']).optional(),
  alsoAllow: names().optional(),
  allow: names().optional(),
  deny: names().optional(),
  toolsets: names().optional(),
});

export function agentsOf(reader: KeyReader, report: Report): AgentsSettings {
  const defaults = reader.value('agents.defaults') ?? {};
  unknownFields(defaults, 'agents.defaults', report);
  const shared = [
    policyOf(
      {
        profile: reader.value('tools.profile'),
        alsoAllow: reader.value('tools.alsoAllow'),
        allow: reader.value('tools.allow'),
        deny: reader.value('tools.deny'),
      },
      'tools',
      report,
    ),
    policyOf(defaults['tools'], 'agents.defaults.tools', report),
  ];
  const written = reader.value('agents.list') ?? [];
  const list: AgentProfile[] = [];
  let fallback: string | undefined;
  for (const [index, entry] of written.entries()) {
    const at = `agents.list[${index}]`;
    unknownFields(entry, at, report);
    const id = String(entry['id'] ?? '')
      .trim()
      .toLowerCase();
    if (!idPattern.test(id)) {
      report(
        error(`${at}.id`, 'expected 1 to 64 letters, digits, _ or -, beginning with a letter or digit.'),
      );
      continue;
    }
    if (list.some((agent) => agent.id === id)) {
      report(error(`${at}.id`, `the id "${id}" is taken by an agent above.`));
      continue;
    }
    if (switchOf(entry, defaults, 'default', at, report)) fallback ??= id;
    list.push(profileOf(id, entry, defaults, shared, at, report));
  }
  if (list.length === 0) list.push(profileOf('main', {}, defaults, shared, 'agents.defaults', report));
  return {
    list,
    fallback: fallback ?? list[0]!.id,
    mainKey: mainKeyOf(reader),
    endpoints: {
      chat: reader.value('gateway.http.endpoints.chatCompletions.enabled'),
      responses: reader.value('gateway.http.endpoints.responses.enabled'),
    },
    strictTransport: strictTransportOf(reader),
    invoke: { allow: reader.value('gateway.tools.allow'), deny: reader.value('gateway.tools.deny') },
  };
}

/** A header is one line; what would not be is left to the default. */
function strictTransportOf(reader: KeyReader): AgentsSettings['strictTransport'] {
  const written = reader.value('gateway.http.securityHeaders.strictTransportSecurity');
  if (typeof written !== 'string') return written === false ? false : undefined;
  return /^[\x20-\x7e]+$/.test(written.trim()) ? written.trim() : undefined;
}

function mainKeyOf(reader: KeyReader): AgentsSettings['mainKey'] {
  if (reader.value('session.scope') === 'global') return { scope: 'global' };
  const name = reader.value('session.mainKey').trim().toLowerCase();
  return { scope: 'agent', name: name === '' ? 'main' : name };
}

function profileOf(
  id: string,
  entry: Entry,
  defaults: Entry,
  shared: readonly (ToolPolicy | undefined)[],
  at: string,
  report: Report,
): AgentProfile {
  const own = policyOf(entry['tools'], `${at}.tools`, report);
  return {
    id,
    name: textOf(entry, 'name'),
    model: modelOf(entry['model'] ?? defaults['model']),
    models: allowedModels(entry['models'] ?? defaults['models'], at, report),
    tools: [...shared, own].filter((each) => each !== undefined),
    persona: personaOf(entry) || personaOf(defaults),
    publicMode: switchOf(entry, defaults, 'publicMode', at, report),
  };
}

/** An unreadable switch of this kind must not fall back to the open side. */
function switchOf(
  entry: Entry,
  defaults: Entry,
  name: 'publicMode' | 'default',
  at: string,
  report: Report,
): boolean {
  const raw = entry[name] ?? (name === 'publicMode' ? defaults[name] : undefined);
  if (raw === undefined || raw === null) return false;
  const value = toBoolean(raw);
  if (value === undefined) report(error(`${at}.${name}`, 'expected true or false.'));
  return value ?? true;
}

function policyOf(raw: unknown, at: string, report: Report): ToolPolicy | undefined {
  if (raw === undefined || raw === null) return undefined;
  const read = policy.safeParse(raw);
  if (!read.success) {
    const issue = read.error.issues[0];
    const place = [at, ...(issue?.path ?? [])].join('.');
    report(error(place, `${issue?.message ?? 'cannot be read'}.`));
    return undefined;
  }
  const { profile, alsoAllow = [], allow = [], deny = [], toolsets } = read.data;
  const isEmpty = profile === undefined && allow.length === 0 && deny.length === 0 && toolsets === undefined;
  return isEmpty ? undefined : { profile, alsoAllow, allow, deny, toolsets };
}

/** `provider/model`, a bare model, or `{primary}`. */
function modelOf(raw: unknown): AgentProfile['model'] {
  const written = isMapping(raw) ? raw['primary'] : raw;
  return typeof written === 'string' ? readModel(written) : undefined;
}

/** Undefined when it can be no model. The first slash ends the provider, as in the agent's own configuration. */
export function readModel(written: string): AgentProfile['model'] {
  const match = /^(?:([\w.:-]{1,64})\/)?([^\s\u0000-\u001f\u007f]{1,256})$/.exec(written.trim());
  if (match === null || match[2] === undefined || match[2].startsWith('/') || match[2].endsWith('/')) {
    return undefined;
  }
  return match[1] === undefined ? { model: match[2] } : { provider: match[1], model: match[2] };
}

/** A list of names, or the mapping of the other gateway, whose keys are the names. */
function allowedModels(raw: unknown, at: string, report: Report): readonly string[] | undefined {
  if (raw === undefined || raw === null) return undefined;
  const read = names().safeParse(isMapping(raw) ? Object.keys(raw) : raw);
  if (!read.success) report(error(`${at}.models`, 'expected a list of models.'));
  return read.success ? read.data : [];
}

function textOf(entry: Entry, ...fields: readonly string[]): string | undefined {
  for (const field of fields) {
    const read = text().safeParse(entry[field]);
    if (read.success && read.data.trim() !== '') return read.data.trim();
  }
  return undefined;
}

function personaOf(entry: Entry): string {
  const identity = isMapping(entry['identity']) ? entry['identity'] : {};
  const name = textOf(identity, 'name');
  const theme = textOf(identity, 'theme');
  return [
    name === undefined ? undefined : `People call you ${name}.`,
    theme === undefined ? undefined : `Your character: ${theme}.`,
    textOf(entry, 'persona', 'systemPrompt', 'system_prompt'),
  ]
    .filter((line) => line !== undefined)
    .join('\n');
}

function unknownFields(entry: Entry, at: string, report: Report): void {
  for (const name of Object.keys(entry)) {
    if (known.includes(name)) continue;
    report({ severity: 'warning', path: `${at}.${name}`, message: 'unknown key, it has no effect.' });
  }
}

const error = (path: string, message: string): Problem => ({ severity: 'error', path, message });
