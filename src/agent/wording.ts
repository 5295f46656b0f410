/** What the loop itself says to the model (never stored) and to people. */
export const toModel = {
  goOn: 'Your answer was cut off. Continue exactly where you stopped, without repeating anything and without comment.',
  nudge: 'You returned nothing after the tool results. Read them and give your answer now.',
  summarise:
    'You have used all tool calls allowed for this request. Without further tools, tell the user what you found and did, and what is still open.',
  skipped: (names: string) =>
    `Skipped: another call of the same message was not valid (${names}). Send it again if it is still needed.`,
  unknownTool: (name: string, known: readonly string[]) =>
    `Tool '${name}' does not exist. Available tools: ${known.toSorted().join(', ')}`,
  badArguments: (why: string) =>
    `Error: Invalid JSON arguments. ${why}. Send the call again with a valid JSON object.`,
  noResult: '{"error":"The caller gave no result for this tool call."}',
  json: 'Answer with one JSON object and nothing else: no prose before or after it, no code fence.',
  jsonSchema: (schema: string) =>
    `Answer with one JSON value that is valid against this JSON Schema and nothing else: no prose before or after it, no code fence.\n${schema}`,
} as const;

/** What the caller learns about wishes that were not met as it meant them. */
export const toCaller = {
  formatByWords: 'The model does not take this answer format; it was asked for it in words, unchecked.',
  notJson: 'The answer is not the JSON that was asked for.',
  noCall: 'A tool call was asked for, but the model answered without one.',
  callsSpent: (max: number) => `Tool calls beyond max_tool_calls (${max}) were ignored.`,
  refused: (wish: string, why: string | undefined) =>
    `${wish} has no effect with this model${why === undefined ? '.' : `: ${why}`}`,
} as const;

export const toPeople = {
  exhausted: (used: number, max: number) =>
    `⚠️ Iteration budget exhausted (${used}/${max}) — asking model to summarise`,
  noSummary: "I reached the iteration limit and couldn't generate a summary.",
  summaryFailed: (max: number, error: string) =>
    `I reached the maximum iterations (${max}) but couldn't summarize. Error: ${error}`,
  onlyThought:
    '⚠️ **Thinking Budget Exhausted**\nThe model used all its output on thinking. Lower the reasoning effort (`/reasoning low`) or choose another model.',
  stillTruncated: 'Response remained truncated after 3 continuation attempts',
  truncatedCall: 'Response truncated due to output length limit',
  unknownTools: 'The model kept calling tools that do not exist',
  empty: 'The model returned no answer',
  limit: (max: number) => `The iteration limit (${max}) was reached`,
  interrupted: 'The turn was interrupted.',
} as const;
