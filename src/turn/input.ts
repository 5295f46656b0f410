/** What the model reads for a chat's events (gateway-core §3.6). Pure. */
import type { ChatEnvelope } from '../intake/envelope.ts';

const quotedLength = 500;

/** One user message from one or more events, in the order they arrived. */
export function chatInput(events: readonly ChatEnvelope[]): string {
  return events
    .map(one)
    .filter((text) => text !== '')
    .join('\n');
}

function one({ event, shared }: ChatEnvelope): string {
  const quote = event.replyTo?.text
    ? `[Replying to: "${event.replyTo.text.slice(0, quotedLength)}"]\n\n`
    : '';
  const files = (event.media ?? []).map(
    (media) =>
      `[The user sent a ${media.kind}${media.name ? ` named ${JSON.stringify(media.name)}` : ''} (${media.mime}); its content is not available to you.]`,
  );
  const text = [...files, event.text ?? ''].filter((line) => line !== '').join('\n');
  return `${quote}${shared ? `[${event.from.name}] ` : ''}${text}`;
}
