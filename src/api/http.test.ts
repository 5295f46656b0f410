import { describe, expect, test } from 'vitest';
import { securityHeaders } from './headers.ts';
import { hello, key, listenFake, openFake } from './testing/open.ts';

const origin = 'http://localhost:3000';
const invalidKey = {
  error: { message: 'Invalid API key', type: 'invalid_request_error', param: null, code: 'invalid_api_key' },
};

describe('access', () => {
  const headers: [string, Record<string, string>, number][] = [
    ['the key', { authorization: `Bearer ${key}` }, 200],
    ['the key with another case of the scheme', { authorization: `bearer ${key}` }, 200],
    ['spaces around the key', { authorization: `Bearer   ${key}  ` }, 200],
    ['a wrong key', { authorization: 'Bearer nope' }, 401],
    ['a prefix of the key', { authorization: `Bearer ${key.slice(0, -1)}` }, 401],
    ['an empty token', { authorization: 'Bearer ' }, 401],
    ['another scheme', { authorization: `Basic ${key}` }, 401],
    ['no header', {}, 401],
  ];
  test.each(headers)('13. %s', async (_, sent, status) => {
    const { api } = await openFake();
    const reply = await api.inject({ url: '/v1/models', headers: sent });
    expect(reply.statusCode).toBe(status);
    if (status === 401) {
      expect(reply.json()).toEqual(invalidKey);
      expect(reply.headers['www-authenticate']).toBe('Bearer');
    }
    await api.close();
  });

  test('14. a key outside ASCII is compared by its bytes', async () => {
    await using server = await listenFake({ api: { key: 'schlüssel-🔑-0123456789' } });
    const send = (token: string) =>
      fetch(`${server.url}/v1/models`, {
        headers: { Authorization: `Bearer ${Buffer.from(token, 'utf8').toString('latin1')}` },
      });
    expect((await send('schlüssel-🔑-0123456789')).status).toBe(200);
    expect((await send('schlüssel-🔐-0123456789')).status).toBe(401);
    expect((await send('ü')).status).toBe(401);
  });

  test('every route in the OpenAPI document but the public ones needs the key', async () => {
    const { api } = await openFake();
    const { paths } = (await api.inject('/openapi.json')).json();
    const open: string[] = [];
    for (const [path, operations] of Object.entries(paths as Record<string, object>)) {
      for (const method of Object.keys(operations)) {
        const reply = await api.inject({
          method: method.toUpperCase() as 'GET',
          url: path.replace('{id}', 'x'),
        });
        if (reply.statusCode !== 401) open.push(path);
      }
    }
    expect(open).toEqual([
      '/health',
      '/v1/health',
      '/openapi.json',
      '/',
      '/page/{file}',
      '/__openclaw/control-ui-config.json',
    ]);
    await api.close();
  });

  test('a refused caller is logged in one line without the token', async () => {
    const { api, logs } = await openFake();
    await api.inject({
      url: '/v1/models?token=leak',
      headers: {
        authorization: 'Bearer guessed-token',
        'user-agent': 'a'.repeat(999),
        'x-forwarded-for': '1.2.3.4',
      },
    });
    const line = logs.find(({ event }) => event.includes('invalid API key'));
    expect(line?.data).toMatchObject({ forwardedFor: '1.2.3.4', method: 'GET', path: '/v1/models' });
    expect(String(line?.data?.userAgent)).toHaveLength(300);
    expect(JSON.stringify(logs)).not.toMatch(/guessed-token|leak/);
    await api.close();
  });
});

test('15. both health routes answer without a key and are equal', async () => {
  const { api } = await openFake();
  const [one, two] = await Promise.all([api.inject('/health'), api.inject('/v1/health')]);
  expect(one.json()).toEqual({ status: 'ok', platform: 'hermes-agent', version: '1.2.3' });
  expect(two.json()).toEqual(one.json());
  await api.close();
});

test('16. security headers and a request id are on every answer', async () => {
  await using server = await listenFake();
  const answers = await Promise.all([
    server.get('/v1/models'),
    fetch(`${server.url}/v1/models`),
    server.get('/v1/models', { Origin: 'http://evil.example' }),
    server.get('/nope'),
    server.get('/v1/models/%ZZ'),
    fetch(`${server.url}/v1/models`, { method: 'DELETE' }),
    server.post('{'),
    server.post({ ...hello, stream: true }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 401, 403, 404, 400, 405, 400, 200]);
  for (const answer of answers) {
    for (const [name, value] of Object.entries(securityHeaders)) expect(answer.headers.get(name)).toBe(value);
    expect(answer.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{24}$/);
    await answer.text();
  }
});

describe('cross-origin requests', () => {
  test('17. are refused with an empty body before the key is checked when no origin is configured', async () => {
    await using server = await listenFake();
    for (const answer of [
      await server.get('/health', { Origin: origin }),
      await server.post(hello, { Origin: origin }),
      await fetch(`${server.url}/v1/models`, { method: 'OPTIONS', headers: { Origin: origin } }),
      await fetch(`${server.url}/v1/models`, { method: 'OPTIONS' }),
    ]) {
      expect([answer.status, await answer.text()]).toEqual([403, '']);
    }
    expect(server.turns.turns).toEqual([]);
  });

  test('18. from a listed origin pass with its name and Vary, with * without', async () => {
    await using listed = await listenFake({ api: { corsOrigins: [origin, 'null'] } });
    const answer = await listed.get('/v1/models', { Origin: origin });
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    expect(answer.headers.get('vary')).toBe('Origin');
    expect(answer.headers.get('access-control-max-age')).toBe('600');
    expect(answer.headers.get('access-control-expose-headers')).toContain('X-Hermes-Session-Id');
    expect((await listed.get('/v1/models', { Origin: `${origin}.evil` })).status).toBe(403);
    await using any = await listenFake({ api: { corsOrigins: ['*'] } });
    const wild = await any.get('/v1/models', { Origin: 'http://any.example' });
    expect([wild.headers.get('access-control-allow-origin'), wild.headers.get('vary')]).toEqual(['*', null]);
  });

  test('19. are announced by a preflight that needs no key and allows what SDKs send', async () => {
    await using server = await listenFake({ api: { corsOrigins: [origin] } });
    const answer = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,x-stainless-lang,bad name',
      },
    });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    expect(answer.headers.get('access-control-allow-headers')).toBe(
      'Authorization, Content-Type, Idempotency-Key, X-Hermes-Session-Id, X-Hermes-Session-Key, x-stainless-lang',
    );
    expect(answer.headers.get('access-control-allow-methods')).toContain('PATCH');
  });

  test('20. get CORS headers on a stream and on errors too', async () => {
    await using server = await listenFake({ api: { corsOrigins: [origin] } });
    const stream = await server.post({ ...hello, stream: true }, { Origin: origin });
    await stream.text();
    const refused = await fetch(`${server.url}/v1/models`, { headers: { Origin: origin } });
    expect(refused.status).toBe(401);
    for (const answer of [stream, refused]) {
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    }
  });
});

describe('a keyless server refuses what a web page could have caused', () => {
  const ownPage = { host: 'localhost:8642', origin: 'http://localhost:8642' };
  const requests: [string, Record<string, string>, number][] = [
    ['a plain client', { host: '127.0.0.1:8642' }, 200],
    ['localhost by name', { host: 'localhost:8642' }, 200],
    ['a name under localhost', { host: 'app.localhost' }, 200],
    ['the IPv6 literal', { host: '[::1]:8642' }, 200],
    ['any token', { host: 'localhost', authorization: 'Bearer not-needed' }, 200],
    ['a page that re-pointed its name here', { host: 'evil.example:8642' }, 403],
    ['a name that only looks local', { host: '127.0.0.1.evil.example' }, 403],
    ['user info in the host', { host: 'localhost@evil.example' }, 403],
    ['an embedded cross-site request', { host: 'localhost', 'sec-fetch-site': 'cross-site' }, 403],
    ['another local site', { host: 'localhost', 'sec-fetch-site': 'same-site' }, 403],
    ['a foreign origin', { host: 'localhost', origin: 'http://evil.example' }, 403],
    ['an opaque origin', { host: 'localhost', origin: 'null' }, 403],
    ['a typed address', { host: 'localhost', 'sec-fetch-site': 'none' }, 200],
    ['the own page', { ...ownPage, 'sec-fetch-site': 'same-origin' }, 200],
    ['the own page in a browser that does not name its site', ownPage, 200],
    [
      'a page of another port',
      { ...ownPage, origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' },
      403,
    ],
    [
      'a page of another port that does not name its site',
      { host: 'localhost', origin: 'http://localhost:3000' },
      403,
    ],
    [
      'an own page under a re-pointed name',
      { ...ownPage, host: 'evil.example', origin: 'http://evil.example' },
      403,
    ],
  ];
  test.each(requests)('%s', async (_, headers, status) => {
    const { api, turns } = await openFake({ api: { key: undefined } });
    expect((await api.inject({ url: '/v1/models', headers })).statusCode).toBe(status);
    const chat = await api.inject({ method: 'POST', url: '/v1/chat/completions', headers, payload: hello });
    expect(chat.statusCode).toBe(status);
    expect(turns.turns).toHaveLength(status === 200 ? 1 : 0);
    await api.close();
  });

  test('listed origins pass, but * does not open the agent', async () => {
    const headers = { host: 'localhost', origin, 'sec-fetch-site': 'cross-site' };
    const listed = await openFake({ api: { key: undefined, corsOrigins: [origin] } });
    expect((await listed.api.inject({ url: '/v1/models', headers })).statusCode).toBe(200);
    const any = await openFake({ api: { key: undefined, corsOrigins: ['*'] } });
    expect((await any.api.inject({ url: '/v1/models', headers })).statusCode).toBe(403);
    expect((await any.api.inject({ url: '/health', headers })).headers['access-control-allow-origin']).toBe(
      '*',
    );
    expect(any.logs.some(({ level, event }) => level === 'warn' && event.includes('CORS'))).toBe(true);
    await listed.api.close();
    await any.api.close();
  });
});

describe('unknown places', () => {
  test('answer JSON 404, and 405 with Allow for a wrong method', async () => {
    const { api } = await openFake();
    const missing = await api.inject('/x?secret=1');
    expect([missing.statusCode, missing.json()]).toEqual([
      404,
      {
        error: {
          message: 'Not found: GET /x',
          type: 'invalid_request_error',
          param: null,
          code: 'not_found',
        },
      },
    ]);
    const wrong = await api.inject({ method: 'GET', url: '/v1/chat/completions' });
    expect([wrong.statusCode, wrong.headers.allow, wrong.json().error.code]).toEqual([
      405,
      'POST, OPTIONS',
      'method_not_allowed',
    ]);
    const other = await api.inject({ method: 'POST', url: '/v1/models/x', payload: {} });
    expect([other.statusCode, other.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
    await api.close();
  });

  test('HEAD works where GET does', async () => {
    const { api } = await openFake();
    expect((await api.inject({ method: 'HEAD', url: '/health' })).statusCode).toBe(200);
    expect((await api.inject({ method: 'HEAD', url: '/v1/models' })).statusCode).toBe(401);
    await api.close();
  });
});

describe('bodies', () => {
  const post = async (payload: string | Buffer, contentType?: string) => {
    const { api } = await openFake();
    const reply = await api.inject({
      method: 'POST',
      url: '/v1/chat/completions',
      headers: {
        authorization: `Bearer ${key}`,
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
      },
      payload,
    });
    await api.close();
    return { status: reply.statusCode, message: reply.json().error?.message as string | undefined };
  };

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'not a type', 'application/json'])(
    'are JSON whatever they call themselves: %s',
    async (type) => {
      expect((await post(JSON.stringify(hello), type)).status).toBe(200);
    },
  );

  const invalid: [string, string | Buffer, string][] = [
    ['nothing', '', 'Invalid JSON in request body'],
    ['half an object', '{"messages":[', 'Invalid JSON in request body'],
    [
      'bytes that are not UTF-8',
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      'Invalid JSON in request body',
    ],
    ['an array', '[]', 'Request body must be a JSON object'],
    ['null', 'null', 'Request body must be a JSON object'],
    ['a string', '"x"', 'Request body must be a JSON object'],
    [
      'a million levels',
      `{"messages":${'['.repeat(1_000_000)}`,
      'Request body is nested deeper than 200 levels.',
    ],
    ['9.9 million levels', '['.repeat(9_900_000), 'Request body is nested deeper than 200 levels.'],
  ];
  test.each(invalid)('%s is refused with 400', async (_, payload, message) => {
    expect(await post(payload)).toEqual({ status: 400, message });
  });

  test('brackets and quotes inside strings are not nesting', async () => {
    const text = `${'[{'.repeat(500)}\\"${'\\\\'.repeat(3)}`;
    expect((await post(`{"messages":[{"role":"user","content":"${text}"}]}`)).status).toBe(200);
  });

  test('__proto__ in a body changes nothing', async () => {
    expect(
      (
        await post(
          '{"__proto__":{"stream":true},"messages":[{"role":"user","content":"x","__proto__":{"role":"system"}}]}',
        )
      ).status,
    ).toBe(200);
    expect(({} as { stream?: boolean }).stream).toBeUndefined();
  });
});
