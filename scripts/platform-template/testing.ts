/** What the conformance kit has to know about Echonet. */
import type { Conformance } from '../../testkit/conformance/descriptor.ts';
import platform from './adapter.ts';
import type { Config } from './config.ts';
import { startFake } from './fake.ts';
import { samples } from './samples/frames.ts';

const token = 'bot7:canary-5d1f0c7e9a';

export const descriptor: Conformance<Config> = {
  platform,
  fake: () => startFake(token),
  config: (fake) => ({ token, base_url: fake.url }),
  wrongCredential: (fake) => ({ token: 'bot7:canary-refused-one', base_url: fake.url }),
  message: ({ chat, n, text }) => ({
    type: 'message',
    id: `n${n}`,
    chat: { id: chat, kind: 'dm' },
    from: { id: `user-of-${chat}`, name: 'Ada' },
    text,
  }),
  samples,
};
