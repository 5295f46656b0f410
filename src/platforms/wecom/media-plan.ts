/** As what a file is sent: its own kind where WeCom takes it, else as a plain file (wecom §4.5). */
import type { MediaRef } from '../../core/inbound.ts';
import { fileMax } from './manifest.ts';
import { fileName } from './names.ts';

export type WeComType = 'image' | 'video' | 'voice' | 'file';

export interface Plan {
  readonly type: WeComType;
  readonly filename: string;
  /** Said in the chat when the file could not be sent as what it is. */
  readonly note?: string;
}

const megabyte = 1024 * 1024;
const imageMax = 10 * megabyte;
const videoMax = 10 * megabyte;
const voiceMax = 2 * megabyte;
const voiceMime = 'audio/amr';

const types: Readonly<Record<MediaRef['kind'], WeComType>> = {
  image: 'image',
  sticker: 'image',
  video: 'video',
  audio: 'voice',
  voice: 'voice',
  file: 'file',
};

export function planMedia(media: MediaRef, bytes: number): Plan | { readonly refused: true } {
  if (bytes > fileMax) return { refused: true };
  const filename = fileName(media.name ?? media.ref, '');
  const note = downgrade(types[media.kind], media.mime, bytes);
  return note === undefined ? { type: types[media.kind], filename } : { type: 'file', filename, note };
}

export function isRefused(plan: Plan | { readonly refused: true }): plan is { readonly refused: true } {
  return 'refused' in plan;
}

export function tooLargeText(bytes: number): string {
  return `文件大小 ${size(bytes)}MB 超过了企业微信允许的最大限制 20MB，无法发送。请尝试压缩文件或减小文件大小。`;
}

function downgrade(type: WeComType, mime: string, bytes: number): string | undefined {
  switch (type) {
    case 'image':
      return bytes > imageMax ? `图片大小 ${size(bytes)}MB 超过 10MB 限制，已转为文件格式发送` : undefined;
    case 'video':
      return bytes > videoMax ? `视频大小 ${size(bytes)}MB 超过 10MB 限制，已转为文件格式发送` : undefined;
    case 'voice':
      if (mime.split(';')[0]?.trim().toLowerCase() !== voiceMime)
        return `语音格式 ${mime} 不支持，企微仅支持 AMR 格式，已转为文件格式发送`;
      return bytes > voiceMax ? `语音大小 ${size(bytes)}MB 超过 2MB 限制，已转为文件格式发送` : undefined;
    case 'file':
      return undefined;
    default:
      return type satisfies never;
  }
}

function size(bytes: number): string {
  return (bytes / megabyte).toFixed(2);
}
