/** Keeps tool results within what a conversation can hold (agent-runtime §15.4); the whole text stays on disk. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const mostPerResult = 100_000;
const mostPerBatch = 200_000;
const previewChars = 1_500;
/** At most what a persisted result takes: the preview and where the rest is. */
const shortened = 2 * previewChars;
const marker = '<persisted-output>';

/** Cuts its own output, so that a page it was asked for is never hidden behind another file. */
const exempt = new Set(['read_file']);

export interface Results {
  /** One result; longer than 100 000 characters it becomes a preview with the path of the whole text. */
  limit(tool: string, call: string, result: string): Promise<string>;
  /** The results of one message; `already` characters of them were kept by an earlier attempt. */
  batch(already: number): BatchResults;
}

export interface BatchResults {
  /**
   * Takes one result as it comes in. Answers what is to be kept of it, and what from now on is to be kept of earlier
   * ones: the largest are persisted until all together have at most 200 000 characters.
   */
  add(call: string, result: string): Promise<readonly ToolText[]>;
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
    batch: (already) => openBatch(already, persist),
  };
}

function openBatch(
  already: number,
  persist: (call: string, result: string) => Promise<string>,
): BatchResults {
  let total = already;
  /** Whole results, which may still be shortened. */
  let whole: ToolText[] = [];
  return {
    async add(call, content) {
      const added = { call, content };
      const mayShrink = content.length > shortened && !content.startsWith(marker);
      total += content.length;
      if (mayShrink) whole.push(added);
      const victims: ToolText[] = [];
      // Decided before anything is awaited: other calls of the batch come in meanwhile.
      while (total > mostPerBatch && whole.length > 0) {
        const largest = whole.reduce((a, b) => (b.content.length > a.content.length ? b : a));
        whole = whole.filter((each) => each !== largest);
        total -= largest.content.length - shortened;
        victims.push(largest);
      }
      const short = await Promise.all(
        victims.map(async (each) => ({ call: each.call, content: await persist(each.call, each.content) })),
      );
      // A result that had to make room meanwhile is answered there, as the later word.
      return mayShrink && !whole.includes(added) ? short : [added, ...short];
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
