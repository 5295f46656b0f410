import type { Manifest } from '../../src/core/manifest.ts';

export const manifest: Manifest = {
  api: 1,
  name: 'echonet',
  title: 'Echonet',
  emoji: '📣',
  intake: 'poll',
  // What was not acknowledged is given again until it is.
  redelivery: { windowMs: 86_400_000, ordered: true },
  // Three polls of `pollSeconds` (wire.ts) without an answer.
  silenceMs: 90_000,
  exclusive: true,
  idempotency: { kind: 'key', windowMs: 3_600_000 },
  limits: [
    { scope: 'account', calls: 'all', count: 30, perMs: 1_000, source: 'documented' },
    { scope: 'chat', calls: 'send', count: 60, perMs: 60_000, source: 'documented' },
  ],
  capabilities: {
    text: { max: 1_000, unit: 'codepoint', counts: 'source' },
    edit: {},
    delete: {},
    typing: { ttlMs: 5_000 },
    threads: 'none',
    reactions: false,
    buttons: false,
    media: {},
  },
  secrets: ['token'],
  origins: ['api.echonet.example'],
  toolset: 'hermes-echonet',
  promptHint: 'You are talking over Echonet, which shows plain text only.',
  env: {
    enabledBy: ['ECHONET_TOKEN'],
    allowedUsers: 'ECHONET_ALLOWED_USERS',
    allowAll: 'ECHONET_ALLOW_ALL_USERS',
    home: 'ECHONET_HOME_CHANNEL',
  },
  setup: [
    { say: 'Create a bot on Echonet and copy its token.' },
    { say: 'Bot token', env: 'ECHONET_TOKEN', secret: true },
  ],
};
