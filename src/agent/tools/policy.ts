/** What the tool rules of an agent leave of a set of tools (openclaw-http §4, §13). Pure; only ever narrows. */
import type { ToolPolicy } from '../../config/settings.ts';
import { configurableToolsets, resolveTools } from './toolsets.ts';

/** Names of other gateways' configurations for the tools that do the same here. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  read: ['read_file'],
  write: ['write_file'],
  fs_write: ['write_file'],
  fs_delete: ['patch'],
  fs_move: ['patch'],
  edit: ['patch'],
  apply_patch: ['patch'],
  exec: ['terminal'],
  bash: ['terminal'],
  shell: ['terminal'],
  spawn: ['terminal'],
  web_fetch: ['web_extract'],
  memory_search: ['memory', 'session_search'],
  memory_get: ['memory'],
  message: ['send_message'],
  sessions_send: ['send_message'],
  sessions_spawn: ['delegate_task'],
  subagents: ['delegate_task'],
  cron: ['cronjob'],
  image: ['vision_analyze'],
  tts: ['text_to_speech'],
  browser: configurableToolsets.browser.filter((name) => name.startsWith('browser_')),
};

/** About the gateway itself; answered by the API and by no tool of the agent. */
export const gatewayTools = ['sessions_list', 'session_status', 'agents_list'] as const;

const groups: Readonly<Record<string, readonly string[]>> = {
  ...configurableToolsets,
  runtime: ['terminal', 'process', 'execute_code'],
  fs: configurableToolsets.file,
  ui: configurableToolsets.browser,
  automation: ['cronjob'],
  sessions: [...gatewayTools, 'send_message', 'delegate_task'],
  openclaw: ['*'],
};

const profiles: Readonly<Record<'minimal' | 'messaging' | 'coding', readonly string[]>> = {
  minimal: ['session_status'],
  messaging: ['sessions_list', 'sessions_history', 'sessions_send', 'session_status', 'message'],
  coding: [
    ...['read', 'write', 'edit', 'apply_patch', 'exec', 'process', 'execute_code', 'todo', 'search_files'],
    ...['web_search', 'web_fetch', 'memory_search', 'memory_get', 'image', 'image_generate', 'cron'],
    ...['sessions_list', 'sessions_history', 'sessions_send', 'sessions_spawn', 'sessions_yield'],
    ...['subagents', 'session_status'],
  ],
};

/** Only ever given to runs of the operator; a tool of the risk `owner` is one, too. */
const ownerOnly: ReadonlySet<string> = new Set(['cronjob', 'cron', 'gateway', 'nodes', 'whatsapp_login']);

export function isOwnerOnly(tool: { readonly name: string; readonly risk?: string }): boolean {
  return tool.risk === 'owner' || ownerOnly.has(tool.name);
}

/** The names here that one written name stands for: itself, an alias, `group:NAME`. Patterns stay patterns. */
export function meaningsOf(written: string): readonly string[] {
  const name = written.trim().toLowerCase();
  if (name.startsWith('group:')) return groups[name.slice('group:'.length)] ?? [];
  return Object.hasOwn(aliases, name) ? [name, ...(aliases[name] ?? [])] : [name];
}

/** Tells whether a tool is meant by one of the written names. */
export function matcher(written: readonly string[]): (tool: string) => boolean {
  const exact = new Set<string>();
  const patterns: RegExp[] = [];
  for (const name of written.flatMap(meaningsOf)) {
    if (!name.includes('*')) exact.add(name);
    else patterns.push(new RegExp(`^${name.split('*').map(escaped).join('.*')}$`));
  }
  return (tool) => exact.has(tool) || patterns.some((pattern) => pattern.test(tool));
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** What all rules leave, in the order of `names`. */
export function narrowed(names: Iterable<string>, policies: readonly ToolPolicy[]): ReadonlySet<string> {
  let left = [...names];
  for (const { profile, alsoAllow, allow, deny, toolsets } of policies) {
    if (profile !== undefined && profile !== 'full') {
      left = left.filter(matcher([...profiles[profile], ...alsoAllow]));
    }
    if (allow.length > 0) left = left.filter(matcher([...allow, ...alsoAllow]));
    if (toolsets !== undefined) {
      const { tools } = resolveTools(toolsets, [], left);
      left = left.filter((name) => tools.has(name));
    }
    const denied = matcher(deny);
    left = left.filter((name) => !denied(name));
  }
  return new Set(left);
}

/** Written names that can mean nothing: a misspelt rule would narrow too much or, under `deny`, too little. */
export function unknownNames(policies: readonly ToolPolicy[], tools: Iterable<string>): readonly string[] {
  const known = new Set<string>([
    ...tools,
    ...gatewayTools,
    ...Object.values(configurableToolsets).flat(),
    ...Object.values(profiles).flat(),
    ...ownerOnly,
  ]);
  return policies
    .flatMap(({ alsoAllow, allow, deny }) => [...alsoAllow, ...allow, ...deny])
    .filter((written) => {
      const meanings = meaningsOf(written);
      return !meanings.some((name) => name.includes('*') || known.has(name));
    });
}
