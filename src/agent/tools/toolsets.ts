/** Named groups of tools and how a list of names becomes the tools of a turn (agent-runtime §15.2, §15.3). */

const browser =
  'browser_navigate browser_snapshot browser_click browser_type browser_scroll browser_back browser_press browser_get_images browser_vision browser_console';

const words = (text: string): readonly string[] => text.split(' ');

/** Sets a user can switch on and off one by one. */
export const configurableToolsets = {
  web: words('web_search web_extract'),
  search: words('web_search'),
  terminal: words('terminal process'),
  file: words('read_file write_file patch search_files'),
  browser: words(`${browser} web_search`),
  vision: words('vision_analyze'),
  video: words('video_analyze'),
  image_gen: words('image_generate'),
  video_gen: words('video_generate'),
  tts: words('text_to_speech'),
  skills: words('skills_list skill_view skill_manage'),
  todo: words('todo'),
  memory: words('memory'),
  session_search: words('session_search'),
  clarify: words('clarify'),
  code_execution: words('execute_code'),
  delegation: words('delegate_task'),
  cronjob: words('cronjob'),
  messaging: words('send_message'),
  homeassistant: words('ha_list_entities ha_get_state ha_list_services ha_call_service'),
} as const satisfies Readonly<Record<string, readonly string[]>>;

const core = words(
  `web_search web_extract terminal process read_file write_file patch search_files vision_analyze image_generate skills_list skill_view skill_manage ${browser} text_to_speech todo memory session_search clarify execute_code delegate_task cronjob send_message ha_list_entities ha_get_state ha_list_services ha_call_service`,
);
const without = (...names: string[]) => core.filter((name) => !names.includes(name));

const coreToolsets =
  'hermes-cli hermes-cron hermes-telegram hermes-whatsapp hermes-slack hermes-signal hermes-bluebubbles hermes-homeassistant hermes-email hermes-sms hermes-mattermost hermes-matrix hermes-dingtalk hermes-weixin hermes-qqbot hermes-wecom hermes-wecom-callback hermes-discord hermes-feishu hermes-yuanbao hermes-gateway';

/** Sets made of others: one per platform, and two for people. */
export const compositeToolsets: Readonly<Record<string, readonly string[]>> = {
  debugging: words('terminal process web_search web_extract read_file write_file patch search_files'),
  safe: words('web_search web_extract vision_analyze image_generate'),
  ...Object.fromEntries(words(coreToolsets).map((name) => [name, core])),
  'hermes-api-server': without('clarify', 'send_message', 'text_to_speech'),
  // Payloads of webhooks come from strangers.
  'hermes-webhook': words('web_search web_extract vision_analyze clarify'),
  'hermes-acp': without(
    'send_message',
    'text_to_speech',
    'clarify',
    'image_generate',
    'cronjob',
    'ha_list_entities',
    'ha_get_state',
    'ha_list_services',
    'ha_call_service',
  ),
};

const defaultOff = new Set(['homeassistant', 'video', 'video_gen']);

export interface Resolved {
  /** In the order of `available`, so that the list a model sees is stable. */
  readonly tools: ReadonlySet<string>;
  /** Names that mean nothing, to be warned about. */
  readonly unknown: readonly string[];
}

/**
 * The tools a list of toolset names stands for. A composite means every configurable set it contains completely
 * (minus those that are off unless named); `all` and `*` mean everything; `disabled` sets are taken out last.
 * Only ever answers names of `available`.
 */
export function resolveTools(
  toolsets: readonly string[],
  disabled: readonly string[],
  available: Iterable<string>,
): Resolved {
  const enabled = new Set<string>();
  const unknown: string[] = [];
  for (const name of toolsets) {
    const sets = setsOf(name);
    if (sets === undefined) unknown.push(name);
    else for (const set of sets) enabled.add(set);
  }
  for (const name of disabled) {
    const sets = setsOf(name);
    if (sets === undefined) unknown.push(name);
    else for (const set of sets) enabled.delete(set);
  }
  const wanted = new Set([...enabled].flatMap((set) => table[set] ?? []));
  return { tools: new Set([...available].filter((name) => wanted.has(name))), unknown };
}

const table: Readonly<Record<string, readonly string[]>> = configurableToolsets;

function setsOf(given: string): readonly string[] | undefined {
  if (given === 'all' || given === '*') return Object.keys(table);
  if (Object.hasOwn(table, given)) return [given];
  const old = given.replace(/_tools$/, '');
  if (old !== given && Object.hasOwn(table, old)) return [old];
  if (!Object.hasOwn(compositeToolsets, given)) return undefined;
  const tools = new Set(compositeToolsets[given]);
  return Object.keys(table).filter(
    (set) => !defaultOff.has(set) && table[set]!.every((tool) => tools.has(tool)),
  );
}
