import { afterAll, beforeAll, expect, it } from 'vitest';
import { chatLimits, responsesLimits } from '../files/limits.ts';
import { loadSettings } from './load.ts';
import { preventsStart } from './problem.ts';
import { type TestHome, testHome } from './testing.ts';

let home: TestHome;
beforeAll(() => {
  home = testHome();
});
afterAll(() => home.remove());

async function load(endpoints: string) {
  home.write('config.yaml', `gateway: {http: {endpoints: ${endpoints}}}`);
  return loadSettings({ env: { HOME: home.path }, home: home.path, platforms: [] });
}

it('the defaults are the documented ones, which the library of files has, too', async () => {
  const { http } = (await load('{}')).settings;
  const { allowUrl: _chat, ...chatImages } = chatLimits.images;
  const { allowUrl: _responses, ...responsesImages } = responsesLimits.images;
  expect(http).toEqual({
    chatCompletions: {
      maxBodyBytes: 10_000_000,
      maxImageParts: chatLimits.request.maxImageParts,
      maxTotalImageBytes: chatLimits.request.maxTotalBytes,
      images: { allowUrl: undefined, ...chatImages },
      files: chatLimits.files,
    },
    responses: {
      maxBodyBytes: 10_000_000,
      maxUrlParts: responsesLimits.request.maxUrlParts,
      images: { allowUrl: undefined, ...responsesImages },
      files: responsesLimits.files,
    },
  });
});

it('a body may be larger where the endpoint was set up, and holds twice its largest image or file', async () => {
  const on = await load('{chatCompletions: {enabled: true}, responses: {enabled: true}}');
  expect(on.settings.http.chatCompletions.maxBodyBytes).toBe(20_971_520);
  expect(on.settings.http.responses.maxBodyBytes).toBe(20_971_520);
  const large = await load('{responses: {images: {maxBytes: 30000000}}}');
  expect(large.settings.http.responses.maxBodyBytes).toBe(60_000_000);
  const set = await load('{responses: {maxBodyBytes: 1000, files: {maxBytes: 30000000}}}');
  expect(set.settings.http.responses.maxBodyBytes).toBe(1_000);
});

it('takes hosts and wildcards, and starts with no list that nobody understood', async () => {
  const good = await load(
    "{chatCompletions: {images: {urlAllowlist: [cdn.example.com, '*.example.org', '']}}}",
  );
  expect(good.problems).toEqual([]);
  expect(good.settings.http.chatCompletions.images.urlAllowlist).toEqual([
    'cdn.example.com',
    '*.example.org',
  ]);
  for (const entry of ['https://a.example/path', '*', 'a.*.example', 'two words']) {
    const { problems } = await load(`{responses: {files: {urlAllowlist: ['${entry}']}}}`);
    expect(problems.some(preventsStart), entry).toBe(true);
  }
});
