/**
 * THE table of compatible keys: config.yaml path or environment variable ↔ type, default, meaning and the field
 * of `Settings` it becomes. Loading, `config explain`, `config check` and the reference docs all read it.
 *
 * A key of capitals is a variable without a place in config.yaml; `*` stands for a name the user chooses.
 * A key without `field` is documented and accepted but has no effect in this version; `config explain` says so.
 */

import { accessKeys } from './keys/access.ts';
import { agentKeys } from './keys/agent.ts';
import { agentsKeys } from './keys/agents.ts';
import { apiKeys } from './keys/api.ts';
import { authKeys } from './keys/auth.ts';
import { displayKeys } from './keys/display.ts';
import { httpKeys } from './keys/http.ts';
import { modelKeys } from './keys/model.ts';
import { openKeys } from './keys/open.ts';
import { pageKeys } from './keys/page.ts';
import { placeKeys } from './keys/place.ts';
import { sessionsKeys } from './keys/sessions.ts';
import type { Key } from './keys/shape.ts';
import { toolsKeys } from './keys/tools.ts';

export type { Key } from './keys/shape.ts';

export const keys = {
  ...modelKeys,
  ...agentKeys,
  ...agentsKeys,
  ...apiKeys,
  ...authKeys,
  ...httpKeys,
  ...accessKeys,
  ...sessionsKeys,
  ...displayKeys,
  ...toolsKeys,
  ...pageKeys,
  ...placeKeys,
  ...openKeys,
} as const satisfies Record<string, Key>;

export type KeyName = keyof typeof keys;
export type ValueOf<N extends KeyName> = (typeof keys)[N] extends Key<infer T> ? T : never;

/** Sections whose content another part of the product checks: every key below them is accepted here. */
export const openSections: readonly string[] = [
  'auxiliary',
  'bedrock',
  'browser',
  'checkpoints',
  'clarify',
  'code_execution',
  'compression',
  'context',
  'cron',
  'curator',
  'dashboard',
  'delegation',
  'discord.voice_fx',
  'hooks',
  'honcho',
  'image_gen',
  'kanban',
  'mcp_servers',
  'memory',
  'network',
  'onboarding',
  'openrouter',
  'plugins',
  'prompt_caching',
  'quick_commands',
  'reset_by_platform',
  'reset_by_type',
  'skills',
  'stt',
  'tts',
  'voice',
  'web',
  '_config_version',
];

/** Documented platform names: each may have a section of its own or a block under `platforms`. */
export const platformNames: readonly string[] =
  'local telegram discord whatsapp whatsapp_cloud slack signal mattermost matrix homeassistant email sms dingtalk api_server webhook msgraph_webhook feishu wecom wecom_callback weixin bluebubbles qqbot yuanbao relay google_chat irc line ntfy photon simplex teams'.split(
    ' ',
  );
