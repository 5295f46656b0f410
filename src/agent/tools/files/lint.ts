/** Syntax check of a written file, in process; only problems that were not there before are reported. */

import { extname } from 'node:path';

/** `status: 'ok'`, or the first new problem; undefined for kinds that are not checked. */
export async function lint(
  path: string,
  text: string,
  before: string | undefined,
): Promise<{ readonly status: 'ok' | 'error'; readonly output?: string } | undefined> {
  const check = checks[extname(path).toLowerCase()];
  // A parser of large data would hold up everything else.
  if (check === undefined || text.length > 500_000) return undefined;
  const problem = await check(text);
  if (problem === undefined) return { status: 'ok' };
  const old = before === undefined ? undefined : await check(before);
  return old === undefined ? { status: 'error', output: problem } : { status: 'ok' };
}

const json = (text: string): Promise<string | undefined> => {
  try {
    JSON.parse(text);
    return Promise.resolve(undefined);
  } catch (error) {
    return Promise.resolve(
      error instanceof Error ? `Invalid JSON: ${error.message.slice(0, 300)}` : 'Invalid JSON',
    );
  }
};

const yaml = async (text: string): Promise<string | undefined> => {
  const { parseAllDocuments } = await import('yaml');
  const documents = parseAllDocuments(text, { logLevel: 'silent' });
  for (const document of Array.isArray(documents) ? documents : []) {
    const [error] = document.errors;
    if (error !== undefined) return `Invalid YAML: ${error.message.slice(0, 300)}`;
  }
  return undefined;
};

const checks: Readonly<Record<string, (text: string) => Promise<string | undefined>>> = {
  '.json': json,
  '.yaml': yaml,
  '.yml': yaml,
};
