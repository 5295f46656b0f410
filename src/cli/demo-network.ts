/** Telegram's far end for the demo: the platform's own strict local server. */
import { systemClock } from '../core/clock.ts';
import { startFakeTelegram } from '../platforms/telegram/fake.ts';
import type { DemoNetwork } from './demo.ts';

/** The person of the demo; the only one who is allowed to write. */
const person = { id: 111, first_name: 'You' };

export async function demoNetwork(): Promise<DemoNetwork> {
  // A token of its own per run: a credential is locked for one gateway per machine.
  const bot = 8_000_000 + Math.floor(systemClock.random() * 1_000_000);
  const fake = await startFakeTelegram({
    token: `${bot}:${systemClock.hex(18)}`,
    port: 0,
    username: 'hermes_demo_bot',
  });
  return {
    env: { TELEGRAM_BOT_TOKEN: fake.token, TELEGRAM_ALLOWED_USERS: String(person.id) },
    config: `model: {provider: demo}\nplatforms: {telegram: {base_url: "${fake.url}/bot"}}\n`,
    async say(text) {
      await fake.inject.text(text, { from: person });
    },
    onText(listener) {
      fake.onMessage((shown) => {
        if (shown.kind !== 'send' && shown.kind !== 'edit') return;
        if (shown.message.mine) listener(String(shown.message.id), shown.message.text);
      });
    },
    close: () => fake.close(),
  };
}
