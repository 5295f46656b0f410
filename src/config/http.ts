/** What callers of the OpenAI-compatible endpoints may send, from the table of keys. */
import type { KeyReader } from './resolve.ts';
import type { FileSettings, ImageSettings, Settings } from './settings.ts';

const place = 'gateway.http.endpoints';
/** The limit of every endpoint (api-server §2.5), and of these two where they were set up (openclaw-http §15). */
const usualBody = 10_000_000;
const setUpBody = 20 * 1024 * 1024;

export function httpOf(reader: KeyReader): Settings['http'] {
  const chat = { images: imagesOf(reader, 'chatCompletions'), files: filesOf(reader, 'chatCompletions') };
  const responses = { images: imagesOf(reader, 'responses'), files: filesOf(reader, 'responses') };
  const largest = 2 * Math.max(responses.files.maxBytes, responses.images.maxBytes);
  return {
    chatCompletions: {
      maxBodyBytes:
        reader.value(`${place}.chatCompletions.maxBodyBytes`) ??
        (isSetUp(reader, 'chatCompletions') ? setUpBody : usualBody),
      maxImageParts: reader.value(`${place}.chatCompletions.maxImageParts`),
      maxTotalImageBytes: reader.value(`${place}.chatCompletions.maxTotalImageBytes`),
      ...chat,
    },
    responses: {
      maxBodyBytes:
        reader.value(`${place}.responses.maxBodyBytes`) ??
        (isSetUp(reader, 'responses') ? Math.max(setUpBody, largest) : usualBody),
      maxUrlParts: reader.value(`${place}.responses.maxUrlParts`),
      ...responses,
    },
  };
}

const sizes = ['enabled', 'images.maxBytes', 'files.maxBytes'] as const;

/** Switched on by name, or with a size of its own. */
function isSetUp(reader: KeyReader, endpoint: Endpoint): boolean {
  return sizes.some((name) => reader.isSet(`${place}.${endpoint}.${name}`));
}

type Endpoint = 'chatCompletions' | 'responses';

function imagesOf(reader: KeyReader, endpoint: Endpoint): ImageSettings {
  return {
    allowUrl: reader.value(`${place}.${endpoint}.images.allowUrl`),
    urlAllowlist: reader.value(`${place}.${endpoint}.images.urlAllowlist`),
    allowedMimes: reader.value(`${place}.${endpoint}.images.allowedMimes`),
    maxBytes: reader.value(`${place}.${endpoint}.images.maxBytes`),
    maxRedirects: reader.value(`${place}.${endpoint}.images.maxRedirects`),
    timeoutMs: reader.value(`${place}.${endpoint}.images.timeoutMs`),
  };
}

function filesOf(reader: KeyReader, endpoint: Endpoint): FileSettings {
  return {
    allowUrl: reader.value(`${place}.${endpoint}.files.allowUrl`),
    urlAllowlist: reader.value(`${place}.${endpoint}.files.urlAllowlist`),
    allowedMimes: reader.value(`${place}.${endpoint}.files.allowedMimes`),
    maxBytes: reader.value(`${place}.${endpoint}.files.maxBytes`),
    maxChars: reader.value(`${place}.${endpoint}.files.maxChars`),
    maxRedirects: reader.value(`${place}.${endpoint}.files.maxRedirects`),
    timeoutMs: reader.value(`${place}.${endpoint}.files.timeoutMs`),
    pdf: {
      maxPages: reader.value(`${place}.${endpoint}.files.pdf.maxPages`),
      maxPixels: reader.value(`${place}.${endpoint}.files.pdf.maxPixels`),
      minTextChars: reader.value(`${place}.${endpoint}.files.pdf.minTextChars`),
    },
  };
}
