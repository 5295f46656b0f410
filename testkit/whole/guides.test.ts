/** The programs of the guides, run as they are printed; only the address is another one. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve } from './served.ts';

const root = join(import.meta.dirname, '../..');
const printed = 'http://127.0.0.1:8642';
const served = serve({ args: ['--greet'] });
/** One that asks for no key, as after the first start. */
const open = serve({ args: ['--greet'], env: { API_SERVER_KEY: '' } });
const run = promisify(execFile);
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-guides-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const programsOf = (page: string) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```js\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);

/** What the program prints. */
async function outputOf(program: string, name: string, gateway = served): Promise<string> {
  const { apiUrl, apiKey } = gateway.home;
  const file = join(folder, `${name.replaceAll('/', '-')}.mjs`);
  const addressed = program.replaceAll(printed, apiUrl);
  expect(addressed).toContain(apiUrl);
  writeFileSync(file, addressed);
  const env = { PATH: process.env['PATH'], ...(gateway === open ? {} : { API_SERVER_KEY: apiKey }) };
  const { stdout, stderr } = await run(process.execPath, [file], { env, timeout: 15_000 });
  expect(stderr).toBe('');
  return stdout.trim();
}

/** A model that calls the tool it is offered once, keeps to a schema, and otherwise repeats the question. */
function play(): void {
  served.answer(({ body, lastUserText }) => {
    const tools = JSON.stringify(body['tools'] ?? []);
    if (body['response_format'] !== undefined) return { text: '{"name":"Fair","people":["Ann","Bob"]}' };
    if (!tools.includes('"weather"')) return { text: `echo: ${lastUserText}` };
    const told = served.shown().at(-1);
    if (told?.role === 'tool') return { text: `It has ${told.content}.` };
    return { toolCalls: [{ name: 'weather', arguments: { city: 'Oslo' } }] };
  });
}

const plan = 'echo: Make a plan';
const oslo = 'It has 3 degrees in Oslo.';
const pages: Readonly<Record<string, readonly string[]>> = {
  'docs/guides/openai-clients.md': [plan, oslo, 'echo: Who am I?', plan],
  'docs/guides/ai-sdk.md': [plan, oslo, 'Ann and Bob', 'echo: Who am I?'],
  'docs/guides/langchain.md': [plan, oslo, 'Ann and Bob'],
};

describe.each(Object.entries(pages))('the programs of %s', (page, expected) => {
  it('are all run here', () => {
    expect(programsOf(page)).toHaveLength(expected.length);
  });

  it.each(expected.map((text, i) => [i + 1, text] as const))('number %i prints %j', async (number, text) => {
    play();
    expect(await outputOf(programsOf(page)[number - 1]!, `${page}-${number}`)).toBe(text);
  });
});

const gateways = [
  ['with a key', served],
  ['without a key', open],
] as const;

describe('the first words', () => {
  it('of the README are a program that runs without a key', async () => {
    const [program, ...more] = programsOf('README.md');
    expect(more).toEqual([]);
    expect(await outputOf(program!, 'readme', open)).toBe('echo: Hello');
  });

  it.each(gateways)('of a gateway %s are a program that runs as printed', async (name, gateway) => {
    const screen = gateway.gateway.output;
    const lines = screen.slice(screen.indexOf('With the OpenAI SDK')).split('\n').slice(1);
    const program = lines.slice(0, lines.indexOf('')).join('\n');
    expect(program).toContain("from 'openai'");
    expect(await outputOf(program, name, gateway)).toBe('echo: Hello');
  });

  it.each(gateways)('of a gateway %s are a curl command that is answered', async (_, { gateway, home }) => {
    const command = /^ +(curl [\s\S]*?'\n)\n/m.exec(gateway.output)?.[1] ?? '';
    expect(command).toContain(home.apiUrl);
    const env = { PATH: process.env['PATH'], API_SERVER_KEY: home.apiKey };
    const { stdout } = await run('sh', ['-c', command], { env, timeout: 15_000 });
    expect(JSON.parse(stdout)).toMatchObject({ choices: [{ message: { content: 'echo: Hello' } }] });
  });
});
