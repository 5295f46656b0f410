import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type OpenAI from 'openai';
import { BadRequestError } from 'openai';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { heic } from '../files/heic.ts';
import { pdf } from '../files/pdf.ts';
import { type PictureType, picture } from '../files/pictures.ts';
import { serve } from './served.ts';

const served = serve({
  yaml: () =>
    [
      'security: {allow_private_urls: true}',
      'gateway: {http: {endpoints: {responses: {enabled: true, images: {allowUrl: true}}}}}',
    ].join('\n'),
});

let host: Server;
let origin = '';
let png: Buffer;
beforeAll(async () => {
  png = await picture('png');
  host = createServer((request, response) => {
    if (request.url === '/picture') response.writeHead(200, { 'content-type': 'image/png' }).end(png);
    else if (request.url === '/moved') response.writeHead(302, { location: '/notes' }).end();
    else if (request.url === '/notes')
      response.writeHead(200, { 'content-type': 'text/plain' }).end('far away notes');
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(host.address() as AddressInfo).port}`;
});
afterAll(() => {
  host.closeAllConnections();
  host.close();
});

const dataUrl = (bytes: Uint8Array | string, mime: string) =>
  `data:${mime};base64,${Buffer.from(bytes).toString('base64')}`;
const asChat = (content: OpenAI.ChatCompletionContentPart[]) =>
  served.client.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content }] });
const asResponse = (
  content: OpenAI.Responses.ResponseInputContent[],
  more: Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming> = {},
) => served.client.responses.create({ ...more, input: [{ role: 'user', content }] });

const newest = () => served.seen().at(-1)!.body['messages'] as { role: string; content: unknown }[];
/** All that the model was shown by the newest request, as one text. */
const system = () => String(newest().find(({ role }) => role === 'system')?.content);
/** Types of the pictures that the newest user message shows. */
const pictures = () =>
  JSON.stringify(newest().findLast(({ role }) => role === 'user')).match(/data:image\/\w+;base64,/g) ?? [];

describe('the official openai client, unmodified, shows the model', () => {
  it.each<PictureType>(['png', 'jpeg', 'gif', 'webp'])('a %s', async (type) => {
    const url = dataUrl(await picture(type), `image/${type}`);
    await asChat([
      { type: 'text', text: 'what is it?' },
      { type: 'image_url', image_url: { url } },
    ]);
    expect(pictures()).toEqual([`data:image/${type};base64,`]);
    await asResponse([{ type: 'input_image', image_url: url, detail: 'auto' }]);
    expect(pictures()).toEqual([`data:image/${type};base64,`]);
  });

  it('a photo of a phone, as JPEG', async () => {
    const url = dataUrl(heic(64, 48, [100, 200, 90], [60, 90, 220]), 'image/heic');
    await asChat([{ type: 'image_url', image_url: { url } }]);
    expect(pictures()).toEqual(['data:image/jpeg;base64,']);
    const stream = served.client.responses.stream({
      input: [{ role: 'user', content: [{ type: 'input_image', image_url: url, detail: 'low' }] }],
    });
    await stream.finalResponse();
    expect(pictures()).toEqual(['data:image/jpeg;base64,']);
  });

  it('a picture by address: passed on as it is, or downloaded where the operator says so', async () => {
    const url = `${origin}/picture`;
    await asChat([{ type: 'image_url', image_url: { url } }]);
    expect(JSON.stringify(newest())).toContain(url);
    await asResponse([{ type: 'input_image', image_url: url, detail: 'auto' }]);
    expect(JSON.stringify(newest())).toContain(png.toString('base64'));
  });

  it.each([
    ['text/plain', 'a.txt', 'plain words'],
    ['text/markdown', 'a.md', '# words'],
    ['text/html', 'a.html', '<b>words</b>'],
    ['text/csv', 'a.csv', 'a,words'],
    ['application/json', 'a.json', '{"a":"words"}'],
  ])('the text of a file: %s', async (mime, filename, text) => {
    await asChat([
      { type: 'text', text: 'sum up' },
      { type: 'file', file: { filename, file_data: dataUrl(text, mime) } },
    ]);
    expect(system()).toContain(`<file name="${filename}">`);
    expect(system()).toContain(text);
    await asResponse([
      { type: 'input_text', text: 'sum up' },
      { type: 'input_file', filename, file_data: dataUrl(text, mime) },
    ]);
    expect(system()).toContain(text);
    expect(served.shown()).toEqual([{ role: 'user', content: 'sum up' }]);
  });

  it('a PDF: its text, or its pages when there is little', async () => {
    const words = Array.from({ length: 12 }, () => 'twelve words of the gateway');
    const text = dataUrl(pdf([{ lines: words }]), 'application/pdf');
    await asChat([{ type: 'file', file: { filename: 'a.pdf', file_data: text } }]);
    expect([system().includes(words.join(' ')), pictures()]).toEqual([true, []]);
    const scan = dataUrl(pdf([{ lines: [] }, { lines: ['x'] }]), 'application/pdf');
    await asResponse([{ type: 'input_file', filename: 'scan.pdf', file_data: scan }]);
    expect(pictures()).toEqual(['data:image/png;base64,', 'data:image/png;base64,']);
  });

  it('a file by address, through a redirect', async () => {
    await asResponse([{ type: 'input_file', file_url: `${origin}/moved` }]);
    expect(system()).toContain('far away notes');
  });

  it('a file over WebSocket', async () => {
    const socket = new ResponsesWS(served.client);
    const ended = Promise.withResolvers<void>();
    socket.on('response.completed', () => ended.resolve());
    socket.on('error', (error) => ended.reject(error));
    const file = {
      type: 'input_file' as const,
      filename: 'a.txt',
      file_data: dataUrl('by wire', 'text/plain'),
    };
    socket.send({ type: 'response.create', input: [{ role: 'user', content: [file] }] });
    await ended.promise;
    socket.close();
    expect(system()).toContain('by wire');
  });
});

describe('what is not taken', () => {
  it('is raised as BadRequestError with a code, its place and what to do, and no model is asked', async () => {
    const wrong: [() => Promise<unknown>, string][] = [
      [
        () => asChat([{ type: 'image_url', image_url: { url: dataUrl('%PDF-1.4', 'image/png') } }]),
        'unsupported_image_media_type',
      ],
      [
        () => asChat([{ type: 'image_url', image_url: { url: 'data:image/png;base64,#' } }]),
        'invalid_base64_image',
      ],
      [
        () => asChat([{ type: 'image_url', image_url: { url: 'http://169.254.169.254/' } }]),
        'invalid_image_url',
      ],
      [() => asChat([{ type: 'file', file: { file_id: 'file_1' } }]), 'unsupported_content_type'],
      [() => asResponse([{ type: 'input_file', file_url: `${origin}/nothing` }]), 'failed_to_download_file'],
      [
        () =>
          asResponse([
            { type: 'input_file', filename: 'a.zip', file_data: dataUrl('PK', 'application/zip') },
          ]),
        'unsupported_file_media_type',
      ],
      [
        () =>
          asResponse([
            {
              type: 'input_file',
              filename: 'a.txt',
              file_data: dataUrl('x'.repeat(5_242_881), 'text/plain'),
            },
          ]),
        'file_too_large',
      ],
    ];
    for (const [asked, code] of wrong) {
      const error = await asked().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error, code).toBeInstanceOf(BadRequestError);
      const { message, param } = error as BadRequestError;
      expect([(error as BadRequestError).code, param], message).toEqual([
        code,
        expect.stringContaining('content'),
      ]);
    }
    expect(served.seen()).toEqual([]);
  });

  it('does not end a connection that goes on over WebSocket', async () => {
    const socket = new ResponsesWS(served.client);
    const refused = Promise.withResolvers<string>();
    const ended = Promise.withResolvers<void>();
    socket.on('error', (error) => refused.resolve(error.message));
    socket.on('response.completed', () => ended.resolve());
    const file = { type: 'input_file' as const, filename: 'a.txt', file_data: '####' };
    socket.send({ type: 'response.create', input: [{ role: 'user', content: [file] }] });
    expect(await refused.promise).toContain('base64');
    socket.send({ type: 'response.create', input: 'go on' });
    await ended.promise;
    socket.close();
  });
});

describe('what a file says', () => {
  const secret = 'MARZIPAN-7431-of-the-file';
  const file = () => ({
    type: 'input_file' as const,
    filename: 'secret.txt',
    file_data: dataUrl(`${secret} ${secret}`, 'text/plain'),
  });
  const traces = [secret, Buffer.from(`${secret} ${secret}`).toString('base64').slice(0, 40)];
  /** Names of the files of the home that hold a trace of the file. */
  const found = () =>
    readdirSync(served.home.path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => {
        const bytes = readFileSync(path, 'latin1');
        return traces.some((trace) => bytes.includes(trace));
      });

  it('is in no file of the home: while the turn runs, after kill -9, and after answers of every kind', async () => {
    served.answer(() => ({ text: 'slow', fault: { kind: 'hang-mid-stream', after: 1 } }));
    const asking = asResponse([{ type: 'input_text', text: 'KEPT-WORDS' }, file()]).catch(() => undefined);
    const background = await asResponse([file()], { background: true });
    await expect.poll(() => served.seen().length).toBe(2);
    expect(JSON.stringify(served.seen().map(({ body }) => body))).toContain(secret);
    expect(found()).toEqual([]);
    await served.restart('SIGKILL');
    await asking;
    expect(found()).toEqual([]);
    const store = readdirSync(served.home.path).filter((name) => name.startsWith('gateway.db'));
    const kept = store.map((name) => readFileSync(join(served.home.path, name), 'latin1')).join('');
    expect(kept, 'the search would find what is there').toContain('KEPT-WORDS');

    // It was lost with the process, so the response says that instead of answering without it.
    const response = () => served.client.responses.retrieve(background.id);
    await expect.poll(async () => (await response()).status).toBe('failed');
    expect((await response()).error?.message).toContain('Send the request again.');
    expect(served.seen()).toHaveLength(2);

    served.answer(() => ({ text: 'done' }));
    const first = await asResponse([{ type: 'input_text', text: 'read' }, file()]);
    expect(system()).toContain(secret);
    await served.client.responses.create({ previous_response_id: first.id, input: 'and now?' });
    expect(JSON.stringify(newest())).not.toContain(secret);
    await asChat([{ type: 'file', file: { filename: 'a.txt', file_data: dataUrl(secret, 'text/plain') } }]);
    const items = await served.client.responses.inputItems.list(first.id);
    expect(JSON.stringify(items.data)).toContain('"filename":"secret.txt"');
    expect(found()).toEqual([]);
    await served.restart('SIGTERM');
    expect(found()).toEqual([]);
  });
});
