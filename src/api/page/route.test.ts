import { describe, expect, test } from 'vitest';
import { openFake } from '../testing/open.ts';
import { assetTypes } from './assets.ts';

async function opened(api: Parameters<typeof openFake>[0] = {}) {
  const { api: server } = await openFake(api);
  return server;
}

describe('the page', () => {
  test('needs no key, says what it is and what it may do', async () => {
    const api = await opened();
    const page = await api.inject('/');
    expect(page.statusCode).toBe(200);
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    });
    const policy = String(page.headers['content-security-policy']);
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "form-action 'none'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ]) {
      expect(policy.split('; ')).toContain(rule);
    }
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    await api.close();
  });

  test('has no script, style or handler of its own inside, and loads nothing from elsewhere', async () => {
    const api = await opened();
    const { body } = await api.inject('/');
    expect(body).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|https?:|\/\//i);
    const named = [...body.matchAll(/(?:src|href)="(page\/[^"]+)"/g)].map((match) => match[1] ?? '');
    expect(named.length).toBeGreaterThan(4);
    for (const path of named) expect((await api.inject(`/${path}`)).statusCode).toBe(200);
    await api.close();
  });

  test('is not made of text anywhere: its scripts know no way from text to markup', async () => {
    const api = await opened();
    for (const name of Object.keys(assetTypes).filter((each) => each.endsWith('.js'))) {
      const { body, headers } = await api.inject(`/page/${name}`);
      expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
      expect(body).not.toMatch(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\(|new Function|srcdoc/,
      );
      expect(body).not.toMatch(
        /localStorage|sessionStorage|indexedDB|document\.cookie|location\.(?:hash|search)|history\.(?:push|replace)State/,
      );
    }
    await api.close();
  });

  test('is asked for again only when it changed', async () => {
    const api = await opened();
    const first = await api.inject('/page/main.js');
    const etag = String(first.headers.etag);
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    const again = await api.inject({ url: '/page/main.js', headers: { 'if-none-match': `W/${etag}` } });
    expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', etag]);
    const other = await api.inject({ url: '/page/main.js', headers: { 'if-none-match': '"other"' } });
    expect(other.statusCode).toBe(200);
    await api.close();
  });

  test('answers HEAD, and says 404 to files that are not part of it and 405 to other methods', async () => {
    const api = await opened();
    const head = await api.inject({ method: 'HEAD', url: '/' });
    expect([head.statusCode, head.body]).toEqual([200, '']);
    for (const name of ['tsconfig.json', 'constructor', '..%2froute.ts', '%2e%2e/assets.ts', 'x']) {
      const missing = await api.inject(`/page/${name}`);
      expect([missing.statusCode, missing.json().error.code]).toEqual([404, 'not_found']);
    }
    expect((await api.inject({ method: 'POST', url: '/' })).statusCode).toBe(405);
    await api.close();
  });

  test('learns whether it has to ask for a key before it asks for anything', async () => {
    const closed = await opened();
    const told = await closed.inject('/__openclaw/control-ui-config.json');
    expect(told.json()).toEqual({
      basePath: '',
      assistantName: 'Hermes',
      assistantAvatar: '⚕',
      assistantAgentId: 'main',
      serverVersion: '1.2.3',
      credential: 'key',
    });
    expect(told.headers['cache-control']).toBe('no-store');
    await closed.close();
    const open = await opened({ api: { key: undefined } });
    expect((await open.inject('/__openclaw/control-ui-config.json')).json().credential).toBe('none');
    await open.close();
  });

  test('opens from a link of another site, but answers nothing that site asks for', async () => {
    const api = await opened({ api: { key: undefined } });
    const headers = { host: 'localhost:8642', 'sec-fetch-site': 'cross-site' };
    expect((await api.inject({ url: '/', headers })).statusCode).toBe(200);
    expect((await api.inject({ url: '/health/detailed', headers })).statusCode).toBe(403);
    const foreign = { ...headers, origin: 'https://evil.example' };
    expect((await api.inject({ url: '/', headers: foreign })).statusCode).toBe(403);
    await api.close();
  });

  test('can be switched off', async () => {
    const api = await opened({ api: { page: false } });
    for (const url of ['/', '/page/main.js', '/__openclaw/control-ui-config.json']) {
      expect((await api.inject(url)).statusCode).toBe(404);
    }
    await api.close();
  });
});
