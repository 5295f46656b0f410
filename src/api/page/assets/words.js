/** Numbers and codes of the gateway in words. */

/** @param {number} ms */
export function lasting(ms) {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} days`;
}

/** @param {number} ms Also shows tenths, for what is short. */
export const took = (ms) => (ms < 10_000 ? `${Math.max(0.1, ms / 1_000).toFixed(1)} s` : lasting(ms));

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`;

/** @type {Readonly<Record<string, string>>} Codes of `platforms[].code`. */
const reasons = {
  auth: 'its credential was refused',
  conflict: 'another program uses this account',
  config: 'its configuration must be corrected',
  network: 'the network cannot be reached',
  protocol: 'it answered something unexpected',
  silent: 'it gave no sign of life',
};

/** @type {Readonly<Record<string, string>>} */
const states = {
  connecting: 'connecting',
  connected: 'connected',
  retrying: 'trying again',
  fatal: 'off until somebody helps',
  disconnected: 'off',
};

/** @param {{ state: string, code?: string }} platform */
export function platformState({ state, code }) {
  const word = states[state] ?? state;
  const why = code === undefined ? undefined : (reasons[code] ?? code);
  return why === undefined || state === 'connected' ? word : `${word}: ${why}`;
}

/** @type {Readonly<Record<string, string>>} */
const titles = {
  telegram: 'Telegram',
  discord: 'Discord',
  slack: 'Slack',
  whatsapp: 'WhatsApp',
  signal: 'Signal',
  sms: 'SMS',
  email: 'Email',
  homeassistant: 'Home Assistant',
  mattermost: 'Mattermost',
  matrix: 'Matrix',
  dingtalk: 'DingTalk',
  feishu: 'Feishu',
  wecom: 'WeCom',
  wecom_callback: 'WeCom app',
  weixin: 'Weixin',
  qqbot: 'QQ',
  bluebubbles: 'iMessage',
  webhook: 'Webhooks',
};

/** @param {string} name */
export const platformTitle = (name) => titles[name] ?? name;
