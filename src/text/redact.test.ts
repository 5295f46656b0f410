import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redact } from './redact.ts';

const LONG = 'Ab3dEf6hIj9kLm2nOp5q';

describe('redact', () => {
  test.each([
    ...[
      'sk-',
      'sk-ant-api03-',
      'ghp_',
      'github_pat_',
      'gho_',
      'ghu_',
      'ghs_',
      'ghr_',
      'xoxb-',
      'xoxp-',
      'pplx-',
      'fal_',
      'fc-',
    ],
    ...[
      'bb_live_',
      'gAAAA',
      'sk_live_',
      'sk_test_',
      'rk_live_',
      'SG.',
      'hf_',
      'r8_',
      'npm_',
      'pypi-',
      'dop_v1_',
      'doo_v1_',
    ],
    ...['am_', 'sk_', 'tvly-', 'exa_', 'gsk_', 'syt_', 'xai-', 'eyJ'],
  ])('a key that starts with %s is masked to its ends', (prefix) => {
    const key = prefix + LONG;
    expect(redact(`use ${key}, please`)).toBe(`use ${key.slice(0, 6)}...${key.slice(-4)}, please`);
    expect(redact(`(${key})`, [], { source: true })).not.toContain(key);
  });

  test('fixed-length vendor keys are masked', () => {
    expect(redact('AKIAIOSFODNN7EXAMPLE')).toBe('AKIAIO...MPLE');
    expect(redact(`AIza${'x'.repeat(35)}`)).toBe('AIzaxx...xxxx');
  });

  test('the value of a secret-like name goes, the name and everything else stays', () => {
    expect(redact('API_KEY=abc MODE=fast')).toBe('API_KEY=*** MODE=fast');
    expect(redact(`export DB_PASSWORD="${LONG}"`)).toBe('export DB_PASSWORD="Ab3dEf...Op5q"');
    expect(redact('max_tokens=4096 token_count=3 PWD=/home/me author=Bo')).toBe(
      'max_tokens=4096 token_count=3 PWD=/home/me author=Bo',
    );
    expect(redact('TOKEN=$OTHER SECRET=<secret> API_KEY=process.env.KEY')).toBe(
      'TOKEN=$OTHER SECRET=<secret> API_KEY=process.env.KEY',
    );
  });

  test('JSON secret fields go, escaped or not', () => {
    expect(redact('{"apiKey": "abc", "name": "x"}')).toBe('{"apiKey": "***", "name": "x"}');
    expect(redact('{"password":"a\\"b c"}')).toBe('{"password":"***"}');
    expect(redact("{'client_secret': 'abc'}")).toBe("{'client_secret': '***'}");
    expect(redact('{"body":"{\\"token\\":\\"abc\\"}"}')).toBe('{"body":"{\\"token\\":\\"***\\"}"}');
  });

  test('source code keeps assignments and JSON fields', () => {
    const code = 'const token = lexer.next; { "password": "label" }';
    expect(redact(code, [], { source: true })).toBe(code);
  });

  test('headers keep their scheme', () => {
    expect(redact('Authorization: Bearer abc')).toBe('Authorization: Bearer ***');
    expect(redact(`authorization: Basic ${LONG}`)).toBe('authorization: Basic Ab3dEf...Op5q');
    expect(redact('-H "x-api-key: abc" -v')).toBe('-H "x-api-key: ***" -v');
    expect(redact(`sent bearer ${LONG}`)).toBe('sent bearer Ab3dEf...Op5q');
  });

  test('Telegram bot tokens keep the bot id', () => {
    const key = 'AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw';
    expect(redact(`https://api.telegram.org/bot123456789:${key}/getMe`)).toBe(
      'https://api.telegram.org/bot123456789:AAHdqT...Dsaw/getMe',
    );
  });

  test('passwords and tokens in addresses go', () => {
    expect(redact('postgres://app:hunter2@db:5432/x')).toBe('postgres://app:***@db:5432/x');
    expect(redact('amqp://app:hun@ter2@mq')).toBe('amqp://app:***@mq');
    expect(redact('redis://:hunter2@cache')).toBe('redis://:***@cache');
    expect(redact(`https://${LONG}@github.com/a`)).toBe('https://Ab3dEf...Op5q@github.com/a');
    expect(redact('https://e.com/?a=1&access_token=abc&sig=def#x')).toBe(
      'https://e.com/?a=1&access_token=***&sig=***#x',
    );
    expect(redact('https://e.com/path?page=2')).toBe('https://e.com/path?page=2');
  });

  test('private keys go whole, also when their end is missing', () => {
    const key = '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----';
    expect(redact(`a\n${key}\nb`)).toBe('a\n[REDACTED PRIVATE KEY]\nb');
    expect(redact('a -----BEGIN PRIVATE KEY-----\nMIIE')).toBe('a [REDACTED PRIVATE KEY]');
    expect(redact('-----BEGIN CERTIFICATE-----\nMIIE')).toBe('-----BEGIN CERTIFICATE-----\nMIIE');
  });

  test('configured secrets go wherever they stand, the longest first', () => {
    expect(redact('xhunter22y hunter2', ['hunter2', 'hunter22', 'x'])).toBe('x***y ***');
  });

  test('ordinary text is returned as it is', () => {
    for (const text of [
      '',
      'Hello, how are you?',
      'sk-1 is short',
      'sk_buff_head_init',
      'the am_pm_format_name',
    ]) {
      expect(redact(text)).toBe(text);
    }
  });

  test('what is masked once stays as it is', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            ...[`API_KEY=${LONG}`, 'TOKEN=abc', `{"token": "${LONG}"}`, `Bearer ${LONG}`, `sk-${LONG}`],
            ...['a://b:c@d', 'x?key=abc&b=c', 'Authorization: Basic abc', 'words', '***', '=', ':'],
          ),
        ),
        (lines) => {
          const once = redact(lines.join('\n'));
          expect(redact(once)).toBe(once);
        },
      ),
    ));

  // With a rule that backtracks over a megabyte this would run into the time limit by orders of magnitude.
  test('a megabyte of bait is finished', () => {
    const bait = [
      'a',
      'a=',
      'sk-',
      'sk_a',
      '"a":"',
      '\\"a\\":\\"',
      'a://',
      ':',
      '://:',
      '&a=',
      '-----BEGIN PRIVATE KEY-----',
    ];
    const more = [
      'eyJa.',
      '1',
      '1:',
      'bearer ',
      'authorization:',
      ' ',
      '=',
      '"',
      "'",
      '\\',
      '_',
      'API_KEY="',
      'a-',
      'xox',
      '@',
      'am_',
    ];
    for (const unit of [...bait, ...more]) {
      const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
      expect(redact(text).length).toBeGreaterThan(0);
    }
  });
});
