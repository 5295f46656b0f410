/** Messages of a request as the one message that a session of an agent gets (openclaw-http §8.2, §9.2). Pure. */

export interface Entry {
  readonly role: 'user' | 'assistant' | 'tool';
  /** `User`, `Assistant`, `Tool:call_1`. */
  readonly sender: string;
  readonly text: string;
}

export interface Framed {
  /** What the session gets: the bare text, or the history and the current message under their headings. */
  readonly message: string;
  /** Place of the current entry in the list. */
  readonly current: number;
}

/** The last entry of a user or a tool is current, else the last of all; what follows it is left out. */
export function framed(entries: readonly Entry[]): Framed | undefined {
  const spoken = entries.findLastIndex(({ role }) => role !== 'assistant');
  const current = spoken < 0 ? entries.length - 1 : spoken;
  const entry = entries[current];
  if (entry === undefined) return undefined;
  const history = entries.slice(0, current).map(line);
  if (history.length === 0 && entry.role !== 'tool') return { message: entry.text, current };
  const blocks = [
    ...(history.length === 0 ? [] : [['[Chat messages since your last reply - for context]', ...history]]),
    ['[Current message - respond to this]', line(entry)],
  ];
  return { message: blocks.map((block) => block.join('\n')).join('\n\n'), current };
}

const line = ({ sender, text }: Entry) => `${sender}: ${text}`;

/** How a call that the caller's tools were asked for is told in words. */
export function callLine(id: string, name: string, args: string): string {
  return `tool_call id=${id} name=${name} arguments=${args}`;
}

/** What a message without a word stands for. */
export const onlyImages = 'User sent image(s) with no text.';
