import { describe, expect, it } from 'vitest';
import { isRecent, isSame, isSigned } from './webhook.ts';

const body = '{"action":"opened","number":7,"event_type":"demo"}';
const secret = 's3cr3t-hook';
const hex = (signature: string | undefined, signed: readonly string[] = [body]) =>
  isSigned({ secret, signed, signature, encoding: 'hex' });

describe('a signature', () => {
  it('is right when it matches the published vectors', () => {
    expect(hex('bc8d5e8155acb5f6872d8d632845dfa8e763e4410387a927d81f0f9e891b1622')).toBe(true);
    expect(hex('BC8D5E8155ACB5F6872D8D632845DFA8E763E4410387A927D81F0F9E891B1622')).toBe(true);
    expect(
      hex('5c87bf7a88217c1dda1e488acfabbc6851f54975e0edad5d46e8eee7dd1751b8', ['1780000000', '.', body]),
    ).toBe(true);
    const svix = ['msg_1', '.', '1780000000', '.', body];
    const base64 = (key: string | Uint8Array, signature: string) =>
      isSigned({ secret: key, signed: svix, signature, encoding: 'base64' });
    expect(base64(secret, 'NunTj4QACIIQ2oHxcnujHzHHx1eotu+frXFahcJiD9A=')).toBe(true);
    const key = Buffer.from('MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=', 'base64');
    expect(base64(key, 'BHYK2DpwcOV+ieZkDIjn3xSOeyw+T8Q124LwhhhuoM8=')).toBe(true);
    expect(base64(key, 'bhyk2DpwcOV+ieZkDIjn3xSOeyw+T8Q124LwhhhuoM8=')).toBe(false);
  });

  it('is wrong when it is missing, cut, longer, of another body or not even text', () => {
    const good = 'bc8d5e8155acb5f6872d8d632845dfa8e763e4410387a927d81f0f9e891b1622';
    for (const signature of [undefined, '', good.slice(1), `${good}0`, `${good} `, 'ü'.repeat(64), '\0'])
      expect(hex(signature), String(signature)).toBe(false);
    expect(hex(good, [`${body} `])).toBe(false);
  });

  it('is never right without a secret', () => {
    const signature = 'b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad';
    expect(isSigned({ secret: '', signed: [''], signature, encoding: 'hex' })).toBe(false);
  });
});

it('equal texts are the same, others are not, of any length and alphabet', () => {
  expect(isSame('tökén', 'tökén')).toBe(true);
  for (const given of ['', 'tökén ', 'token', 't', 'x'.repeat(10_000)])
    expect(isSame(given, 'tökén')).toBe(false);
});

it('a timestamp is recent within the window on both sides, and only when it is an integer', () => {
  const now = 1_780_000_000_000;
  for (const good of ['1780000000', '1779999700', '1780000300'])
    expect(isRecent(good, now, 300_000), good).toBe(true);
  for (const bad of [
    undefined,
    '',
    '1779999699',
    '1780000301',
    '1780000000.0',
    '-1780000000',
    '0x6a18',
    'NaN',
    ' 1780000000',
    '1780000000000',
  ])
    expect(isRecent(bad, now, 300_000), String(bad)).toBe(false);
});
