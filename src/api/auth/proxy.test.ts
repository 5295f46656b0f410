import type { IncomingMessage } from 'node:http';
import { describe, expect, it, test } from 'vitest';
import { trustedProxies } from './address.ts';
import { isDirectLocal, type ProxySettings, proxyUser } from './proxy.ts';

const settings: ProxySettings = {
  mode: 'trusted-proxy',
  userHeader: 'x-forwarded-user',
  requiredHeaders: [],
  allowUsers: [],
  allowLoopback: false,
  localPassword: undefined,
};
const proxies = trustedProxies({ trusted: ['10.0.0.0/24', '127.0.0.0/8', '::1'], allowRealIp: false });
const own = () => ['10.0.0.77', 'fe80::1'];

/** As Node makes it of a request: names of `headers` in lower case, values of equal names joined. */
function requestOf(peer: string | undefined, lines: readonly (readonly [string, string])[]) {
  const headers: Record<string, string> = {};
  for (const [name, value] of lines) {
    const lower = name.toLowerCase();
    headers[lower] = headers[lower] === undefined ? value : `${headers[lower]}, ${value}`;
  }
  const request = { socket: { remoteAddress: peer }, headers, rawHeaders: lines.flat() };
  return request as unknown as IncomingMessage;
}

function verdictOf(
  peer: string | undefined,
  headers: Record<string, string>,
  more: Partial<ProxySettings> = {},
) {
  const request = requestOf(peer, Object.entries(headers));
  return proxyUser(request, { ...settings, ...more }, proxies, own);
}

const ann = { 'X-Forwarded-User': 'ann' };

describe('a person is believed', () => {
  test.each([
    ['from an address of the proxy', '10.0.0.2', ann, {}],
    ['from it as IPv4 in IPv6', '::ffff:10.0.0.2', ann, {}],
    ['with every required header', '10.0.0.2', { ...ann, 'X-Proxy': '1' }, { requiredHeaders: ['x-proxy'] }],
    ['whom the list allows', '10.0.0.2', ann, { allowUsers: ['bob', 'ann'] }],
    ['from loopback where that is allowed', '127.0.0.1', ann, { allowLoopback: true }],
    ['from this machine where that is allowed', '10.0.0.77', ann, { allowLoopback: true }],
    ['with spaces around the name', '10.0.0.2', { 'x-forwarded-user': '  ann ' }, {}],
  ])('%s', (_, peer, headers, more) => {
    expect(verdictOf(peer, headers, more)).toEqual({ kind: 'user', user: 'ann' });
  });

  it('with a name outside of ASCII as its bytes say', () => {
    const name = Buffer.from('Jörg', 'utf8').toString('latin1');
    expect(verdictOf('10.0.0.2', { 'x-forwarded-user': name })).toEqual({ kind: 'user', user: 'Jörg' });
  });
});

describe('everything that cannot be checked is refused', () => {
  test.each([
    ['a stranger', '10.0.1.2', ann, {}, 'untrusted_source'],
    ['a peer that is gone', undefined, ann, {}, 'untrusted_source'],
    [
      'a stranger who claims to come through the proxy',
      '8.8.8.8',
      { ...ann, 'X-Forwarded-For': '10.0.0.2', 'X-Real-IP': '10.0.0.2' },
      {},
      'untrusted_source',
    ],
    ['loopback', '127.0.0.1', ann, {}, 'loopback_source'],
    ['loopback as IPv6', '::1', ann, {}, 'loopback_source'],
    ['loopback as IPv4 in IPv6', '::ffff:127.0.0.1', ann, {}, 'loopback_source'],
    ['an address of this machine', '10.0.0.77', ann, {}, 'local_interface_source'],
    [
      'a required header that is absent',
      '10.0.0.2',
      ann,
      { requiredHeaders: ['x-proxy'] },
      'missing_header_x-proxy',
    ],
    [
      'a required header that is blank',
      '10.0.0.2',
      { ...ann, 'X-Proxy': ' ' },
      { requiredHeaders: ['x-proxy'] },
      'missing_header_x-proxy',
    ],
    ['no user', '10.0.0.2', {}, {}, 'user_missing'],
    ['a blank user', '10.0.0.2', { 'x-forwarded-user': '  ' }, {}, 'user_missing'],
    ['a user whose bytes are no text', '10.0.0.2', { 'x-forwarded-user': 'J\u00f6rg' }, {}, 'user_missing'],
    ['a user who is not listed', '10.0.0.2', ann, { allowUsers: ['bob'] }, 'user_not_allowed'],
    [
      'a listed user in other letters',
      '10.0.0.2',
      { 'x-forwarded-user': 'Bob' },
      { allowUsers: ['bob'] },
      'user_not_allowed',
    ],
  ])('%s', (_, peer, headers, more, reason) => {
    expect(verdictOf(peer, headers, more)).toEqual({ kind: 'refused', reason: `trusted_proxy_${reason}` });
  });

  it('a user header that came twice, because the client may have sent one of them', () => {
    const twice = requestOf('10.0.0.2', [
      ['X-Forwarded-User', 'root'],
      ['x-forwarded-user', 'ann'],
    ]);
    expect(proxyUser(twice, settings, proxies, own)).toEqual({
      kind: 'refused',
      reason: 'trusted_proxy_user_repeated',
    });
  });
});

test.each([
  ['127.0.0.1', {}, true],
  ['::1', { authorization: 'Bearer x' }, true],
  ['127.0.0.1', { 'x-forwarded-for': '1.1.1.1' }, false],
  ['127.0.0.1', { 'x-forwarded-proto': 'https' }, false],
  ['127.0.0.1', { forwarded: 'for=1.1.1.1' }, false],
  ['127.0.0.1', { 'x-real-ip': '1.1.1.1' }, false],
  ['10.0.0.1', {}, false],
  [undefined, {}, false],
])('a request of %s with %o comes straight from a program here: %s', (peer, headers, expected) => {
  expect(isDirectLocal(peer, headers)).toBe(expected);
});
