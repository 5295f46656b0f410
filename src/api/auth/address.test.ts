import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { countedAs, isLoopback, normalAddress, trustedProxies } from './address.ts';

describe('one spelling per address', () => {
  test.each([
    ['1.2.3.4', '1.2.3.4'],
    [' 1.2.3.4 ', '1.2.3.4'],
    ['1.2.3.4:5678', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:102:304', '1.2.3.4'],
    ['[::ffff:1.2.3.4]:80', '1.2.3.4'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['unknown', undefined],
    ['_hidden', undefined],
    ['1.2.3', undefined],
    ['0x7f.0.0.1', undefined],
    ['0177.0.0.1', undefined],
    ['16909060', undefined],
    ['1.2.3.4.5', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s → %s', (text, expected) => {
    expect(normalAddress(text)).toBe(expected);
  });

  it('no text throws, and what comes out goes in unchanged', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (text) => {
        const address = normalAddress(text);
        if (address !== undefined) expect(normalAddress(address)).toBe(address);
      }),
    );
  });
});

test.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['128.0.0.1', false],
  ['10.0.0.1', false],
  ['localhost', false],
  [undefined, false],
])('%s is loopback: %s', (text, expected) => {
  expect(isLoopback(text)).toBe(expected);
});

test('addresses of one IPv6 subscriber are counted together, those of two are not', () => {
  expect(countedAs('2001:db8:1:2::1')).toBe(countedAs('2001:db8:1:2:ffff::9'));
  expect(countedAs('2001:db8:1:2::1')).not.toBe(countedAs('2001:db8:1:3::1'));
  expect(countedAs('::ffff:1.2.3.4')).toBe(countedAs('1.2.3.4'));
  expect(countedAs('1.2.3.4')).not.toBe(countedAs('1.2.3.5'));
  expect(countedAs('::1')).not.toBe(countedAs('::2'));
  expect(countedAs(undefined)).toBe('unknown');
  expect(countedAs('garbage')).toBe('unknown');
});

describe('the client behind proxies', () => {
  const proxies = trustedProxies({ trusted: ['10.0.0.0/8', '192.168.7.1', 'fd00::/8'], allowRealIp: false });

  test.each([
    ['10.1.2.3', true],
    ['::ffff:10.1.2.3', true],
    ['192.168.7.1', true],
    ['192.168.7.2', false],
    ['fd12::1', true],
    ['fe00::1', false],
    ['11.0.0.1', false],
    ['', false],
    [undefined, false],
  ])('%s is a proxy: %s', (peer, expected) => {
    expect(proxies.includes(peer)).toBe(expected);
  });

  const clients: [string, string | undefined, Record<string, string>, string | undefined][] = [
    ['a stranger is itself, whatever it claims', '8.8.8.8', { 'x-forwarded-for': '1.1.1.1' }, '8.8.8.8'],
    ['a stranger’s X-Real-IP does not count', '8.8.8.8', { 'x-real-ip': '1.1.1.1' }, '8.8.8.8'],
    ['one hop', '10.0.0.1', { 'x-forwarded-for': '1.1.1.1' }, '1.1.1.1'],
    ['what the client wrote is left of it', '10.0.0.1', { 'x-forwarded-for': '6.6.6.6, 1.1.1.1' }, '1.1.1.1'],
    [
      'proxies are passed over',
      '10.0.0.1',
      { 'x-forwarded-for': '1.1.1.1, 10.0.0.9, 192.168.7.1' },
      '1.1.1.1',
    ],
    ['loopback is passed over', '10.0.0.1', { 'x-forwarded-for': '1.1.1.1, 127.0.0.1' }, '1.1.1.1'],
    ['ports are dropped', '10.0.0.1', { 'x-forwarded-for': '1.1.1.1:999' }, '1.1.1.1'],
    ['IPv4 in IPv6 is IPv4', '::ffff:10.0.0.1', { 'x-forwarded-for': '::ffff:1.1.1.1' }, '1.1.1.1'],
    [
      'the walk stops at what is no address',
      '10.0.0.1',
      { 'x-forwarded-for': '1.1.1.1, unknown' },
      undefined,
    ],
    ['nothing but proxies', '10.0.0.1', { 'x-forwarded-for': '10.0.0.2' }, undefined],
    ['an empty header', '10.0.0.1', { 'x-forwarded-for': '' }, undefined],
    ['no header', '10.0.0.1', {}, undefined],
    ['X-Real-IP unless it is allowed', '10.0.0.1', { 'x-real-ip': '1.1.1.1' }, undefined],
    ['no peer', undefined, { 'x-forwarded-for': '1.1.1.1' }, undefined],
  ];
  test.each(clients)('%s', (_, peer, headers, expected) => {
    expect(proxies.clientOf(peer, headers)).toBe(expected);
  });

  it('is X-Real-IP where that is allowed and X-Forwarded-For is absent', () => {
    const allowed = trustedProxies({ trusted: ['10.0.0.1'], allowRealIp: true });
    expect(allowed.clientOf('10.0.0.1', { 'x-real-ip': '1.1.1.1' })).toBe('1.1.1.1');
    expect(allowed.clientOf('10.0.0.1', { 'x-real-ip': '1.1.1.1', 'x-forwarded-for': '2.2.2.2' })).toBe(
      '2.2.2.2',
    );
    expect(allowed.clientOf('10.0.0.1', { 'x-real-ip': 'nonsense' })).toBeUndefined();
    expect(allowed.clientOf('10.0.0.2', { 'x-real-ip': '1.1.1.1' })).toBe('10.0.0.2');
  });

  it('can never be chosen by the client, whatever it puts in front', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.string())), (claimed) => {
        const header = [...claimed.map((text) => text.replaceAll(',', '')), '9.9.9.9'].join(', ');
        expect(proxies.clientOf('10.0.0.1', { 'x-forwarded-for': header })).toBe('9.9.9.9');
      }),
    );
  });
});
