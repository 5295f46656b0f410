import { describe, expect, test } from 'vitest';
import { BadEntities, parseMarkdownV2 } from './markdown-v2.ts';

function refusal(source: string): string {
  try {
    parseMarkdownV2(source);
  } catch (error) {
    if (error instanceof BadEntities) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('the strict MarkdownV2 reader', () => {
  test('refuses every reserved character that is not escaped, and takes it escaped', () => {
    for (const char of ']()>#+-=|{}.!') {
      expect(refusal(`a${char}`)).toBe(
        `Character '${char}' is reserved and must be escaped with the preceding '\\'`,
      );
      expect(parseMarkdownV2(`a\\${char}`)).toEqual({ text: `a${char}`, entities: [] });
    }
  });

  test('names the unclosed entity and its byte offset', () => {
    expect(refusal('é *bold')).toBe("Can't find end of Bold entity at byte offset 3");
    expect(refusal('_a __b_')).toBe("Can't find end of Italic entity at byte offset 6");
    expect(refusal('||a|')).toBe("Character '|' is reserved and must be escaped with the preceding '\\'");
    expect(refusal('||a\\|')).toBe("Can't find end of Spoiler entity at byte offset 0");
    expect(refusal('`a')).toBe("Can't find end of Code entity at byte offset 0");
    expect(refusal('```a')).toBe("Can't find end of Pre entity at byte offset 0");
    expect(refusal('```py\na')).toBe("Can't find end of PreCode entity at byte offset 0");
    expect(refusal('[a](http://x')).toBe("Can't find end of a URL at byte offset 4");
    expect(refusal('[a')).toBe("Can't find end of TextUrl entity at byte offset 0");
  });

  test('entities nest and never cross', () => {
    expect(parseMarkdownV2('*a _b ~c ||d||~_*').entities).toEqual([
      { type: 'bold', offset: 0, length: 7 },
      { type: 'italic', offset: 2, length: 5 },
      { type: 'strikethrough', offset: 4, length: 3 },
      { type: 'spoiler', offset: 6, length: 1 },
    ]);
    expect(refusal('*a _b* c_')).toBe("Can't find end of Italic entity at byte offset 8");
  });

  test('two underscores are always an underline', () => {
    expect(parseMarkdownV2('__u _i_ __').entities).toEqual([
      { type: 'underline', offset: 0, length: 4 },
      { type: 'italic', offset: 2, length: 1 },
    ]);
    expect(refusal('_a___b_')).toContain("Can't find end of");
  });

  test('offsets are UTF-16 units of the visible text', () => {
    expect(parseMarkdownV2('😀\\. *b*')).toEqual({
      text: '😀. b',
      entities: [{ type: 'bold', offset: 4, length: 1 }],
    });
  });

  test('only the backtick and the backslash are special in code', () => {
    expect(parseMarkdownV2('`a*_[.\\`\\\\`')).toEqual({
      text: 'a*_[.`\\',
      entities: [{ type: 'code', offset: 0, length: 7 }],
    });
    expect(parseMarkdownV2('```py\nx=1\n```')).toEqual({
      text: 'x=1\n',
      entities: [{ type: 'pre', offset: 0, length: 4, language: 'py' }],
    });
    expect(refusal('```\na`b\n```')).toContain("Can't find end of");
  });

  test('a quote starts at the beginning of a line and ends with its lines', () => {
    expect(parseMarkdownV2('a\n>b\n>c\nd')).toEqual({
      text: 'a\nb\nc\nd',
      entities: [{ type: 'blockquote', offset: 2, length: 4 }],
    });
    expect(refusal('a >b')).toContain("Character '>' is reserved");
    expect(refusal('>*a\nb*')).toBe("Can't find end of Bold entity at byte offset 1");
  });

  test('bars at the very end of a quote make it expandable', () => {
    expect(parseMarkdownV2('>a\n>b||')).toEqual({
      text: 'a\nb',
      entities: [{ type: 'expandable_blockquote', offset: 0, length: 3 }],
    });
    expect(parseMarkdownV2('>a\n**>b||\nc').entities.map((entity) => entity.type)).toEqual([
      'blockquote',
      'expandable_blockquote',
    ]);
    expect(parseMarkdownV2('>||a||').entities.map((entity) => entity.type)).toEqual([
      'blockquote',
      'spoiler',
    ]);
  });

  test('links take escaped brackets, and a target that is no URL leaves the label', () => {
    expect(parseMarkdownV2('[a](https://e.com/x_\\(1\\))').entities).toEqual([
      { type: 'text_link', offset: 0, length: 1, url: 'https://e.com/x_(1)' },
    ]);
    expect(parseMarkdownV2('[a](nothing)')).toEqual({ text: 'a', entities: [] });
  });

  test('custom emoji need the documented address', () => {
    expect(parseMarkdownV2('![👍](tg://emoji?id=25)').entities).toEqual([
      { type: 'custom_emoji', offset: 0, length: 2, custom_emoji_id: '25' },
    ]);
    expect(refusal('![👍](https://e.com)')).toBe('Custom emoji URL must have scheme tg');
    expect(refusal('![👍](tg://emoji)')).toBe('Custom emoji URL must have an emoji identifier');
  });
});
