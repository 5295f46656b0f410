/** Comments on GitHub through its own program, and what its exit means (webhooks §6). */
import { brand } from '../../core/ids.ts';
import type { Outcome, Reject } from '../../core/outcome.ts';
import type { Deps } from '../contract.ts';
import type { WebhookConfig } from './config.ts';
import { type Ended, runProgram } from './program.ts';
import type { Issue } from './target.ts';

const timeoutMs = 30_000;

/** One call of `gh issue comment`, which takes issues and pull requests alike; the text goes over stdin. */
export async function comment(
  { config, clock }: Pick<Deps<WebhookConfig>, 'config' | 'clock'>,
  { repo, number }: Issue,
  text: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const ended = await runProgram(
    {
      file: config.gh,
      args: ['issue', 'comment', number, '--repo', repo, '--body-file', '-'],
      env: { ...config.gh_env, GH_PROMPT_DISABLED: '1', GH_NO_UPDATE_NOTIFIER: '1', NO_COLOR: '1' },
      input: text,
      timeoutMs,
    },
    clock,
    signal,
  );
  return outcomeOf(ended);
}

interface Rule {
  readonly says: RegExp;
  readonly means: (why: string) => Outcome;
}

const rejected =
  (code: Reject) =>
  (why: string): Outcome => ({ kind: 'rejected', code, why });
/** Token and quota are shared by all comments. */
const later = (why: string): Outcome => ({ kind: 'retry', scope: 'account', why });
const unknown = (why: string): Outcome => ({ kind: 'unknown', why });

/** Read from the top: what `gh` prints for answers of GitHub (`GraphQL: …`, `HTTP 404: …`) and for its own trouble. */
const rules: readonly Rule[] = [
  { says: /too long|maximum is \d+ characters/i, means: rejected('too-long') },
  { says: /rate limit|submitted too quickly|abuse detection|HTTP 429/i, means: later },
  { says: /HTTP 401|gh auth login|bad credentials/i, means: later },
  { says: /could not resolve to|not found|HTTP 404|HTTP 410/i, means: rejected('gone') },
  {
    says: /HTTP 403|resource not accessible|must have .* access|locked|archived/i,
    means: rejected('forbidden'),
  },
  { says: /HTTP 408|HTTP 5\d\d/i, means: unknown },
  { says: /HTTP 4\d\d|GraphQL: /i, means: rejected('other') },
  { says: /error connecting to|connection refused|no such host|network is unreachable/i, means: later },
  { says: /unknown (?:flag|command)/i, means: rejected('unsupported') },
];

/** Exported for its table of tests. */
export function outcomeOf(ended: Ended): Outcome {
  switch (ended.kind) {
    case 'not-started':
      if (ended.code === 'ABORTED') return { kind: 'retry', scope: 'part', why: 'stopped before the start' };
      // Too many processes or open files at the moment; everything else lasts.
      if (ended.code === 'EAGAIN' || ended.code === 'EMFILE' || ended.code === 'ENOMEM')
        return { kind: 'retry', scope: 'account', why: ended.code };
      return { kind: 'rejected', code: 'other', why: `gh CLI not installed (${ended.code})` };
    case 'killed':
      return unknown(`gh: ${ended.why}`);
    case 'exit': {
      if (ended.code === 0) return { kind: 'sent', id: brand(idOf(ended.out)) };
      const why = ended.err.trim().replace(/\s+/g, ' ').slice(0, 500) || `gh ended with ${ended.code}`;
      // `gh` reserves 4 for "not logged in".
      if (ended.code === 4) return later(why);
      return (rules.find(({ says }) => says.test(why))?.means ?? unknown)(why);
    }
  }
}

/** `gh` prints the address of the new comment. */
function idOf(out: string): string {
  return /#issuecomment-(\d+)/.exec(out)?.[1] ?? '';
}
