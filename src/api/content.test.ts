import { describe, expect, test } from 'vitest';
import type { ContentPart } from '../core/message.ts';
import { flattenText, isVisible, normalizeContent } from './content.ts';
import { ApiError } from './errors.ts';

const nested = (levels: number, leaf: unknown) => {
  let value = leaf;
  for (let i = 0; i < levels; i += 1) value = [value];
  return value;
};

describe('text only', () => {
  const table: [string, unknown, string][] = [
    ['null is empty', null, ''],
    ['a missing value is empty', undefined, ''],
    ['a number is its digits', 42, '42'],
    ['a boolean is its word', true, 'true'],
    ['an object is nothing', { a: 1 }, ''],
    [
      '23. text parts join with a newline',
      [
        { type: 'text', text: 'a' },
        { type: 'input_text', text: 'b' },
      ],
      'a\nb',
    ],
    ['types ignore case and spaces', [{ type: ' Output_Text ', text: 'a' }], 'a'],
    [
      'strings and nested lists keep their order',
      ['a', ['b', ['c']], { type: 'text', text: 'd' }],
      'a\nb\nc\nd',
    ],
    [
      '30. images and unknown parts are skipped',
      [{ type: 'image_url', image_url: 'x' }, { type: 'video' }, 'a'],
      'a',
    ],
    ['empty pieces leave no blank line', ['a', '', { type: 'text', text: '' }, 'b'], 'a\nb'],
    ['numbers in text parts are stringified', [{ type: 'text', text: 7 }], '7'],
    ['nesting up to depth 10 is read', nested(11, 'deep'), 'deep'],
    ['24. nesting below depth 10 is empty', nested(12, 'deep'), ''],
  ];
  test.each(table)('%s', (_, content, text) => expect(flattenText(content)).toBe(text));

  test('25. of 1,001 items 1,000 are used', () => {
    expect(flattenText(Array.from({ length: 1_001 }, () => 'x')).split('\n')).toHaveLength(1_000);
  });
  test('26. 70,000 characters become 65,536', () => {
    expect(flattenText('x'.repeat(70_000))).toHaveLength(65_536);
    expect(flattenText([{ type: 'text', text: 'x'.repeat(40_000) }, 'y'.repeat(40_000)])).toHaveLength(
      65_536,
    );
  });
  test('characters outside the basic plane are counted once and never torn', () => {
    const cut = flattenText('😀'.repeat(70_000));
    expect([...cut]).toHaveLength(65_536);
    expect(cut.isWellFormed()).toBe(true);
  });
});

describe('text and images', () => {
  const image = (url: string, detail?: string): ContentPart => ({
    type: 'image_url',
    image_url: { url, ...(detail === undefined ? {} : { detail }) },
  });
  const png = 'data:image/png;base64,AAAA';
  const table: [string, unknown, unknown][] = [
    ['a string stays', 'hi', 'hi'],
    ['null is empty', null, ''],
    ['only text collapses to one string', [{ type: 'text', text: 'a' }, 'b', 3, null], 'a\nb'],
    ['no parts are an empty string', [], ''],
    ['text without text is skipped', [{ type: 'text', text: null }, { type: 'text' }, 'a'], 'a'],
    ['a nested list is not a part', [['a']], ''],
    [
      '27. an image URL in an object',
      [{ type: 'image_url', image_url: { url: ' https://x/y.png ' } }],
      [image('https://x/y.png')],
    ],
    [
      '27. an image URL as a string',
      [{ type: 'image_url', image_url: 'http://x/y.png' }],
      [image('http://x/y.png')],
    ],
    [
      '27. a data URL of the Responses form',
      [{ type: 'input_image', image_url: png, detail: ' low ' }],
      [image(png, 'low')],
    ],
    [
      'the inner detail wins',
      [{ type: 'image_url', image_url: { url: png, detail: 'high' }, detail: 'low' }],
      [image(png, 'high')],
    ],
    [
      'the outer detail counts when the inner is missing',
      [{ type: 'image_url', image_url: { url: png }, detail: 'low' }],
      [image(png, 'low')],
    ],
    ['a null detail is none', [{ type: 'image_url', image_url: { url: png, detail: null } }], [image(png)]],
    [
      'the scheme ignores case',
      [{ type: 'image_url', image_url: 'DATA:IMAGE/PNG;base64,AA' }],
      [image('DATA:IMAGE/PNG;base64,AA')],
    ],
    [
      'order is kept',
      ['a', { type: 'image_url', image_url: png }, 'b'],
      [{ type: 'text', text: 'a' }, image(png), { type: 'text', text: 'b' }],
    ],
    ['a replayed refusal is dropped', [{ type: 'refusal', refusal: 'no' }, 'a'], 'a'],
  ];
  test.each(table)('%s', (_, content, expected) => {
    expect(normalizeContent(content, 'messages[0].content')).toEqual(expected);
  });

  const part = (fields: object) => [fields];
  const notImage = 'Only image data URLs are supported. Non-image data payloads are not supported.';
  const scheme = 'Image inputs must use http(s) URLs or data:image/... URLs.';
  const missing = 'Image parts must include a non-empty image URL.';
  const detail = 'Image detail must be a non-empty string when provided.';
  const file =
    'Inline image inputs are supported, but uploaded files and document inputs are not supported on this endpoint.';
  const errors: [string, unknown, string, string][] = [
    ['a missing URL', part({ type: 'image_url' }), 'invalid_image_url', missing],
    ['a blank URL', part({ type: 'image_url', image_url: { url: '  ' } }), 'invalid_image_url', missing],
    ['a URL that is no string', part({ type: 'input_image', image_url: 7 }), 'invalid_image_url', missing],
    ['an ftp URL', part({ type: 'image_url', image_url: 'ftp://x/y.png' }), 'invalid_image_url', scheme],
    ['a file URL', part({ type: 'image_url', image_url: 'file:///etc/passwd' }), 'invalid_image_url', scheme],
    [
      'data that is no image',
      part({ type: 'image_url', image_url: 'data:text/plain,x' }),
      'unsupported_content_type',
      notImage,
    ],
    [
      'data without a comma',
      part({ type: 'image_url', image_url: 'data:image/png' }),
      'unsupported_content_type',
      notImage,
    ],
    [
      'an empty detail',
      part({ type: 'image_url', image_url: { url: png, detail: ' ' } }),
      'invalid_content_part',
      detail,
    ],
    [
      'a detail that is no string',
      part({ type: 'image_url', image_url: png, detail: 1 }),
      'invalid_content_part',
      detail,
    ],
    ['a file', part({ type: 'file', file: {} }), 'unsupported_content_type', file],
    ['an input file', part({ type: 'input_file' }), 'unsupported_content_type', file],
    [
      'any other type',
      part({ type: 'video' }),
      'unsupported_content_type',
      "Unsupported content part type 'video'. Only text and image_url/input_image parts are supported.",
    ],
    [
      'a part without type',
      part({ text: 'x' }),
      'unsupported_content_type',
      "Unsupported content part type ''. Only text and image_url/input_image parts are supported.",
    ],
  ];
  test.each(errors)('29. %s is refused', (_, content, code, message) => {
    let thrown: unknown;
    try {
      normalizeContent(content, 'messages[3].content');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ApiError);
    expect((thrown as ApiError).body).toEqual({
      error: { message, type: 'invalid_request_error', param: 'messages[3].content', code },
    });
    expect((thrown as ApiError).status).toBe(400);
  });
});

test('28. an image alone is something to answer, blank text is not', () => {
  expect(isVisible([{ type: 'image_url', image_url: { url: 'http://x' } }])).toBe(true);
  expect(isVisible([{ type: 'text', text: ' ' }])).toBe(false);
  expect(isVisible(' \n')).toBe(false);
  expect(isVisible('a')).toBe(true);
});
