/** Model providers as data (agent-runtime §9.2). Adding a provider is adding a row. */

/** Wire format: OpenAI Chat Completions, OpenAI Responses, Anthropic Messages, Google generateContent. */
export type Mode = 'chat' | 'responses' | 'anthropic' | 'google';

export interface Provider {
  readonly id: string;
  readonly aliases: readonly string[];
  /** '' = must be given by the base-URL variable or `model.base_url`. */
  readonly baseUrl: string;
  /** Environment variables that hold the key, in order. Empty = this gateway has no way to sign in there. */
  readonly keys: readonly string[];
  readonly baseUrlEnv?: string;
  readonly mode: Mode;
  /** First pattern that matches the model name decides instead of `mode`. */
  readonly modeByModel?: readonly (readonly [RegExp, Mode])[];
  /** Used when only a key is configured; only where the vendor keeps such a name stable. */
  readonly defaultModel?: string;
  /** False = `auto` never picks it, even with a key at hand. */
  readonly auto?: false;
}

const byFamily: Provider['modeByModel'] = [
  [/^claude/, 'anthropic'],
  [/^gpt-5/, 'responses'],
];

export const providers: readonly Provider[] = [
  {
    id: 'openrouter',
    aliases: ['or'],
    baseUrl: 'https://openrouter.ai/api/v1',
    keys: ['OPENROUTER_API_KEY'],
    mode: 'chat',
    defaultModel: 'openrouter/auto',
  },
  {
    id: 'openai-api',
    aliases: ['openai'],
    baseUrl: 'https://api.openai.com/v1',
    keys: ['OPENAI_API_KEY'],
    baseUrlEnv: 'OPENAI_BASE_URL',
    mode: 'responses',
    defaultModel: 'gpt-5-mini',
  },
  {
    id: 'nous',
    aliases: ['nous-portal'],
    baseUrl: 'https://inference-api.nousresearch.com/v1',
    keys: ['NOUS_API_KEY'],
    baseUrlEnv: 'NOUS_INFERENCE_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'anthropic',
    aliases: ['claude', 'claude-code'],
    baseUrl: 'https://api.anthropic.com',
    keys: ['ANTHROPIC_API_KEY', 'ANTHROPIC_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN'],
    baseUrlEnv: 'ANTHROPIC_BASE_URL',
    mode: 'anthropic',
    defaultModel: 'claude-sonnet-4-5',
  },
  {
    id: 'gemini',
    aliases: ['google', 'google-ai-studio'],
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
    keys: ['GOOGLE_API_KEY', 'GEMINI_API_KEY'],
    baseUrlEnv: 'GEMINI_BASE_URL',
    mode: 'google',
    defaultModel: 'gemini-flash-latest',
  },
  {
    id: 'xai',
    aliases: ['grok', 'x-ai'],
    baseUrl: 'https://api.x.ai/v1',
    keys: ['XAI_API_KEY'],
    baseUrlEnv: 'XAI_BASE_URL',
    mode: 'responses',
  },
  {
    id: 'copilot',
    aliases: ['github', 'github-models'],
    baseUrl: 'https://api.githubcopilot.com',
    keys: ['COPILOT_GITHUB_TOKEN', 'GH_TOKEN', 'GITHUB_TOKEN'],
    baseUrlEnv: 'COPILOT_API_BASE_URL',
    mode: 'chat',
    modeByModel: [[/codex/, 'responses']],
    auto: false,
  },
  {
    id: 'zai',
    aliases: ['glm', 'z-ai', 'zhipu'],
    baseUrl: 'https://api.z.ai/api/paas/v4',
    keys: ['GLM_API_KEY', 'ZAI_API_KEY', 'Z_AI_API_KEY'],
    baseUrlEnv: 'GLM_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'kimi-coding',
    aliases: ['kimi', 'moonshot'],
    baseUrl: 'https://api.moonshot.ai/v1',
    keys: ['KIMI_API_KEY', 'KIMI_CODING_API_KEY'],
    baseUrlEnv: 'KIMI_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'kimi-coding-cn',
    aliases: ['kimi-cn'],
    baseUrl: 'https://api.moonshot.cn/v1',
    keys: ['KIMI_CN_API_KEY'],
    mode: 'chat',
  },
  {
    id: 'minimax',
    aliases: [],
    baseUrl: 'https://api.minimax.io/anthropic',
    keys: ['MINIMAX_API_KEY'],
    baseUrlEnv: 'MINIMAX_BASE_URL',
    mode: 'anthropic',
  },
  {
    id: 'minimax-cn',
    aliases: [],
    baseUrl: 'https://api.minimaxi.com/anthropic',
    keys: ['MINIMAX_CN_API_KEY'],
    baseUrlEnv: 'MINIMAX_CN_BASE_URL',
    mode: 'anthropic',
  },
  {
    id: 'deepseek',
    aliases: [],
    baseUrl: 'https://api.deepseek.com/v1',
    keys: ['DEEPSEEK_API_KEY'],
    baseUrlEnv: 'DEEPSEEK_BASE_URL',
    mode: 'chat',
    defaultModel: 'deepseek-chat',
  },
  {
    id: 'alibaba',
    aliases: ['dashscope', 'qwen-dashscope'],
    baseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    keys: ['DASHSCOPE_API_KEY'],
    baseUrlEnv: 'DASHSCOPE_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'alibaba-coding-plan',
    aliases: [],
    baseUrl: 'https://coding-intl.dashscope.aliyuncs.com/v1',
    keys: ['ALIBABA_CODING_PLAN_API_KEY', 'DASHSCOPE_API_KEY'],
    baseUrlEnv: 'ALIBABA_CODING_PLAN_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'stepfun',
    aliases: [],
    baseUrl: 'https://api.stepfun.ai/step_plan/v1',
    keys: ['STEPFUN_API_KEY'],
    baseUrlEnv: 'STEPFUN_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'arcee',
    aliases: [],
    baseUrl: 'https://api.arcee.ai/api/v1',
    keys: ['ARCEEAI_API_KEY'],
    baseUrlEnv: 'ARCEE_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'gmi',
    aliases: [],
    baseUrl: 'https://api.gmi-serving.com/v1',
    keys: ['GMI_API_KEY'],
    baseUrlEnv: 'GMI_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'novita',
    aliases: [],
    baseUrl: 'https://api.novita.ai/openai/v1',
    keys: ['NOVITA_API_KEY'],
    baseUrlEnv: 'NOVITA_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'nvidia',
    aliases: ['nim'],
    baseUrl: 'https://integrate.api.nvidia.com/v1',
    keys: ['NVIDIA_API_KEY'],
    baseUrlEnv: 'NVIDIA_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'huggingface',
    aliases: ['hf'],
    baseUrl: 'https://router.huggingface.co/v1',
    keys: ['HF_TOKEN'],
    baseUrlEnv: 'HF_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'kilocode',
    aliases: [],
    baseUrl: 'https://api.kilo.ai/api/gateway',
    keys: ['KILOCODE_API_KEY'],
    baseUrlEnv: 'KILOCODE_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'opencode-zen',
    aliases: [],
    baseUrl: 'https://opencode.ai/zen/v1',
    keys: ['OPENCODE_ZEN_API_KEY'],
    baseUrlEnv: 'OPENCODE_ZEN_BASE_URL',
    mode: 'chat',
    modeByModel: byFamily,
  },
  {
    id: 'opencode-go',
    aliases: [],
    baseUrl: 'https://opencode.ai/zen/go/v1',
    keys: ['OPENCODE_GO_API_KEY'],
    baseUrlEnv: 'OPENCODE_GO_BASE_URL',
    mode: 'chat',
    modeByModel: byFamily,
  },
  {
    id: 'xiaomi',
    aliases: ['mimo'],
    baseUrl: 'https://api.xiaomimimo.com/v1',
    keys: ['XIAOMI_API_KEY'],
    baseUrlEnv: 'XIAOMI_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'tencent-tokenhub',
    aliases: [],
    baseUrl: 'https://tokenhub.tencentmaas.com/v1',
    keys: ['TOKENHUB_API_KEY'],
    baseUrlEnv: 'TOKENHUB_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'ollama-cloud',
    aliases: [],
    baseUrl: 'https://ollama.com/v1',
    keys: ['OLLAMA_API_KEY'],
    baseUrlEnv: 'OLLAMA_BASE_URL',
    mode: 'chat',
  },
  {
    id: 'lmstudio',
    aliases: [],
    baseUrl: 'http://127.0.0.1:1234/v1',
    keys: ['LM_API_KEY'],
    baseUrlEnv: 'LM_BASE_URL',
    mode: 'chat',
    auto: false,
  },
  {
    id: 'azure-foundry',
    aliases: ['azure'],
    baseUrl: '',
    keys: ['AZURE_FOUNDRY_API_KEY'],
    baseUrlEnv: 'AZURE_FOUNDRY_BASE_URL',
    mode: 'chat',
    auto: false,
  },
  // Documented providers that sign in through a browser, a device code or a cloud account.
  ...signInOnly(['openai-codex', 'codex']),
  ...signInOnly(['google-gemini-cli']),
  ...signInOnly(['xai-oauth']),
  ...signInOnly(['copilot-acp']),
  ...signInOnly(['minimax-oauth']),
  ...signInOnly(['qwen-oauth', 'qwen']),
  ...signInOnly(['bedrock', 'aws']),
];

/** Names that mean "the endpoint in `model.base_url`". */
export const customNames: readonly string[] = ['custom', 'ollama', 'local', 'vllm', 'llamacpp'];

const byName = new Map(providers.flatMap((p) => [p.id, ...p.aliases].map((name) => [name, p] as const)));

/** Finds a provider by id or alias, whatever the case. */
export function findProvider(name: string): Provider | undefined {
  return byName.get(name.toLowerCase());
}

export function modeFor(provider: Provider, model: string): Mode {
  return provider.modeByModel?.find(([pattern]) => pattern.test(model))?.[1] ?? provider.mode;
}

function signInOnly([id, ...aliases]: readonly [string, ...string[]]): [Provider] {
  return [{ id, aliases, baseUrl: '', keys: [], mode: 'chat', auto: false }];
}
