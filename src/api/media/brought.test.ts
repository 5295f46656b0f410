import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flattenText, normalizeContent } from '../content.ts';
import { ApiError } from '../errors.ts';
import { readInput } from '../responses/items.ts';
import { fileSource, imageOfSource, listedItem, nothingBrought } from './brought.ts';
import { hostileInner, hostilePart } from './testing-parts.ts';

const at = 'input[0].content';

describe('the file of a part', () => {
  it.each([
    [
      'of Chat Completions',
      { type: 'file', file: { file_data: 'AAAA', filename: 'a.pdf' } },
      { kind: 'data', base64: 'AAAA', mime: 'application/pdf', filename: 'a.pdf' },
    ],
    [
      'of Responses',
      { type: 'input_file', file_data: 'AAAA', filename: 'A.MD' },
      { kind: 'data', base64: 'AAAA', mime: 'text/markdown', filename: 'A.MD' },
    ],
    [
      'whose name tells no type',
      { type: 'input_file', file_data: 'AAAA', filename: 'a.toString' },
      { kind: 'data', base64: 'AAAA', filename: 'a.toString' },
    ],
    [
      'as a data URL',
      { type: 'input_file', file_data: 'data:text/csv;base64,AAAA' },
      { kind: 'url', url: 'data:text/csv;base64,AAAA' },
    ],
    [
      'by address',
      { type: 'input_file', file_url: ' https://a.example/x ' },
      { kind: 'url', url: 'https://a.example/x' },
    ],
    [
      'by address in the nested form',
      { type: 'file', file: { file_url: 'https://a.example/x' } },
      { kind: 'url', url: 'https://a.example/x' },
    ],
    [
      'of OpenClaw, by address',
      { type: 'input_file', source: { type: 'url', url: 'https://a.example/x', filename: 'x' } },
      { kind: 'url', url: 'https://a.example/x', filename: 'x' },
    ],
    [
      'of OpenClaw, as base64',
      { type: 'input_file', source: { type: 'base64', media_type: 'text/plain', data: 'AAAA' } },
      { kind: 'data', base64: 'AAAA', mime: 'text/plain' },
    ],
    [
      'that was sent before an id',
      { type: 'input_file', file_id: 'file_1', file_url: 'https://a.example/x' },
      { kind: 'url', url: 'https://a.example/x' },
    ],
  ])('%s', (_, part, source) => expect(fileSource(part, at)).toEqual(source));

  it('whose content is not stored any more is named to the model', () => {
    const item = listedItem({
      type: 'message',
      role: 'user',
      content: [{ type: 'input_file', filename: 'a.txt', file_data: 'AAAA' }],
    });
    const brought = nothingBrought();
    expect(normalizeContent(item.content, at, brought)).toBe(
      '[The file "a.txt" was sent earlier; its content is not stored.]',
    );
    expect(brought.files).toEqual([]);
  });
});

describe('a listed item', () => {
  it('has images and files in the standard form and no bytes of files', () => {
    const source = { type: 'base64', media_type: 'text/plain', data: 'SECRET', filename: 's.txt' };
    const image = { type: 'base64', media_type: 'image/png', data: 'AAAA' };
    const item = {
      type: 'message',
      id: 'msg_1',
      content: [
        { type: 'input_text', text: 'a' },
        { type: 'input_image', source: image },
        { type: 'input_file', source },
        { type: 'file', file: { file_data: 'SECRET', filename: 'f.txt' } },
        { type: 'input_file', file_url: 'https://a.example/x' },
        { type: 'input_file', file_url: 'data:text/plain;base64,SECRET' },
      ],
    };
    expect(listedItem(item)).toEqual({
      type: 'message',
      id: 'msg_1',
      content: [
        { type: 'input_text', text: 'a' },
        { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'auto' },
        { type: 'input_file', filename: 's.txt' },
        { type: 'input_file', filename: 'f.txt' },
        { type: 'input_file', filename: 'file', file_url: 'https://a.example/x' },
        { type: 'input_file', filename: 'file' },
      ],
    });
  });

  it('without images and files is the same object', () => {
    const item = { type: 'message', content: [{ type: 'input_text', text: 'a' }] };
    expect(listedItem(item)).toBe(item);
  });
});

describe('hostile fields', () => {
  it('are read or refused with 400, never anything else', () => {
    fc.assert(
      fc.property(fc.array(hostilePart, { maxLength: 4 }), (parts) => {
        const brought = nothingBrought();
        try {
          normalizeContent(parts, at, brought);
          for (const { source, param } of brought.files) {
            expect(param).toBe(at);
            expect(['url', 'data']).toContain(source.kind);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
          expect((error as ApiError).status).toBe(400);
          expect((error as ApiError).body.error.param).toBe(at);
        }
        expect(typeof flattenText(parts)).toBe('string');
      }),
    );
  });

  it('leave no bytes of a file in what is listed, and what is listed is taken back', () => {
    fc.assert(
      fc.property(fc.array(hostilePart, { maxLength: 4 }), (parts) => {
        const marked = parts.map((each) => ({
          ...each,
          ...(each.type.trim().toLowerCase().endsWith('file')
            ? { file: undefined, source: { type: 'base64', data: 'SECRETBYTES', media_type: 'text/plain' } }
            : {}),
        }));
        const reader = {
          id: () => 'msg_1',
          compacted: () => '',
          referenced: () => undefined,
          thoughts: () => undefined,
        };
        let items: readonly object[];
        try {
          items = readInput([{ role: 'user', content: marked }], reader, nothingBrought()).items;
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
          return;
        }
        expect(JSON.stringify(items)).not.toContain('SECRETBYTES');
        expect(() => readInput(items, reader, nothingBrought())).not.toThrow();
      }),
    );
  });

  it('of an image source never become anything but an address or an image data URL', () => {
    fc.assert(
      fc.property(fc.oneof(hostileInner, fc.string()), (source) => {
        const url = imageOfSource(source);
        if (url === undefined) return;
        expect(url.startsWith('data:') || (source as { type: unknown }).type === 'url').toBe(true);
      }),
    );
  });
});
