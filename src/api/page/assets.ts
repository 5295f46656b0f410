/**
 * The files of the page, read when they are asked for the first time. They lie beside this module, in the source as in
 * the built package (scripts/build.ts copies them).
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

export interface Asset {
  readonly bytes: Buffer;
  /** `Content-Type`. */
  readonly type: string;
  /** Strong, quoted. */
  readonly etag: string;
}

const html = 'text/html; charset=utf-8';
const css = 'text/css; charset=utf-8';
const script = 'text/javascript; charset=utf-8';

/** Name → type. What is not in this table is not served, whatever lies in the folder. */
export const assetTypes: Readonly<Record<string, string>> = {
  'index.html': html,
  'page.css': css,
  'answer.css': css,
  'panel.css': css,
  'icon.svg': 'image/svg+xml',
  'main.js': script,
  'answer.js': script,
  'ask.js': script,
  'composer.js': script,
  'conversation.js': script,
  'dom.js': script,
  'gateway.js': script,
  'inline.js': script,
  'lock.js': script,
  'markdown.js': script,
  'panel.js': script,
  'render.js': script,
  'sse.js': script,
  'words.js': script,
};

const read = new Map<string, Promise<Asset>>();

/** Undefined for a name that is not part of the page; rejects when the installation lacks the file. */
export async function readAsset(name: string): Promise<Asset | undefined> {
  const type = Object.hasOwn(assetTypes, name) ? assetTypes[name] : undefined;
  if (type === undefined) return undefined;
  const known = read.get(name);
  if (known !== undefined) return known;
  const asset = load(name, type);
  read.set(name, asset);
  asset.catch(() => read.delete(name));
  return asset;
}

async function load(name: string, type: string): Promise<Asset> {
  const bytes = await readFile(new URL(`./assets/${name}`, import.meta.url));
  const digest = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
  return { bytes, type, etag: `"${digest}"` };
}
