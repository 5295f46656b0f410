/** Keeps tool results within what a conversation can hold (agent-runtime §15.4); the whole text stays on disk. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const mostPerResult = 100_000;
const mostPerBatch = 200_000;
const previewChars = 1_500;
const marker = '<persisted-output>';

/** Cuts its own output, so that a page it was asked for is never hidden behind another file. */
const exempt = new Set(['read_file']);

export interface Results {
  /** One result; longer than 100 000 characters it becomes a preview with the path of the whole text. */
  limit(tool: string, call: string, result: string): Promise<string>;
  /** The results of one batch; the largest are persisted until all together have at most 200 000 characters. */
  limitAll(results: readonly ToolText[]): Promise<string[]>;
}

export interface ToolText {
  readonly call: string;
  readonly content: string;
}

/** `turn` makes file names unique, because call ids repeat between turns. */
export function openResults(home: string, turn: string): Results {
  const folder = join(home, 'cache', 'tool-results');
  const persist = (call: string, result: string) => persisted(folder, `${turn}-${call}`, result);
  return {
    async limit(tool, call, result) {
      return result.length > mostPerResult && !exempt.has(tool) ? persist(call, result) : result;
    },
    async limitAll(results) {
      const texts = results.map((result) => result.content);
      const bySize = [...results.entries()].sort(([, a], [, b]) => b.content.length - a.content.length);
      let total = texts.reduce((sum, text) => sum + text.length, 0);
      for (const [index, { call, content }] of bySize) {
        if (total <= mostPerBatch) break;
        if (content.startsWith(marker)) continue;
        const short = await persist(call, content);
        texts[index] = short;
        total += short.length - content.length;
      }
      return texts;
    },
  };
}

async function persisted(folder: string, name: string, result: string): Promise<string> {
  const path = join(folder, `${name.replace(/[^\w.-]/g, '_').slice(0, 120)}.txt`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(path, result, { mode: 0o600 });
  } catch {
    return `${preview(result)}\n[Truncated: tool response was ${result.length} chars. Full output could not be saved to sandbox.]`;
  }
  return [
    marker,
    `This tool result was too large (${result.length} characters). The full text is in ${path}`,
    'Use read_file with offset and limit to read parts of it.',
    '',
    `First ${previewChars} characters:`,
    preview(result),
    '</persisted-output>',
  ].join('\n');
}

/** Ends at a line border where there is one. */
function preview(text: string): string {
  const head = text.slice(0, previewChars);
  const line = head.lastIndexOf('\n');
  return line > previewChars / 2 ? head.slice(0, line) : head;
}
