/** Events as GitHub's own community keeps them, signed by its own library. */
import { createRequire } from 'node:module';
import { sign } from '@octokit/webhooks-methods';
import { describe, expect, it } from 'vitest';
import { secret, setUp } from './testing.ts';

interface Definition {
  readonly name: string;
  readonly examples: readonly Readonly<Record<string, unknown>>[];
}
const definitions = createRequire(import.meta.url)('@octokit/webhooks-examples') as readonly Definition[];

describe('every example of', () => {
  for (const { name, examples } of definitions)
    it(`${name} is accepted and filled in`, async () => {
      const { post, intake } = setUp(
        { gh: { events: [name], prompt: '{event_type} {sender.login} {action} {repository} {__raw__}' } },
        { rate_limit: examples.length + 1 },
      );
      for (const [n, example] of examples.entries()) {
        const body = JSON.stringify(example);
        const headers = {
          'content-type': 'application/json',
          'user-agent': 'GitHub-Hookshot/abc',
          'x-github-event': name,
          'x-github-delivery': `example-${n}`,
          'x-hub-signature-256': await sign(secret, body),
        };
        expect((await post('gh', body, headers)).status).toBe(202);
        const text = intake.events[n]?.text ?? '';
        const { sender, action } = example as { sender?: { login?: string }; action?: string };
        expect(text).toContain(`\n${name} ${sender?.login ?? '{sender.login}'} ${action ?? '{action}'} `);
        expect(intake.events[n]?.raw).toBe(body);
        expect(await post('gh', `${body} `, headers)).toMatchObject({ status: 401 });
      }
      expect(intake.events).toHaveLength(examples.length);
    });
});
