import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import { loadPlatform } from '../registry.ts';
import { type FakeWeCom, startFakeWeCom } from './fake.ts';
import { qrLogin, scanToCreate } from './login.ts';
import { manifest } from './manifest.ts';

let fake: FakeWeCom;
beforeEach(async () => {
  fake = await startFakeWeCom();
});
afterEach(() => fake.close());

async function scan(signal = new AbortController().signal) {
  const clock = virtualClock({ autoSleep: true });
  const said: string[] = [];
  const codes: string[][] = [];
  let dots = 0;
  const result = await scanToCreate(
    { clock, fetch, host: fake.origin },
    { say: (text) => said.push(text), code: (...shown) => codes.push(shown), dot: () => dots++ },
    signal,
  );
  return { result, said, codes, dots, waited: clock.monotonic(), pending: clock.pending };
}

describe('scanning a code', () => {
  test('gives the two settings after three looks that found nothing', async () => {
    fake.web.scan.pending = 3;
    const { result, said, codes, dots, pending } = await scan();
    expect(result).toEqual({
      kind: 'created',
      env: { WECOM_BOT_ID: 'BOT-NEW', WECOM_SECRET: 'secret-new' },
    });
    expect(said).toEqual([
      'Connecting to WeCom...',
      'Scan the QR code above, or open this URL directly:',
      'Fetching configuration results...',
    ]);
    expect(codes).toEqual([
      ['https://work.weixin.qq.com/auth?code=1', `${fake.origin}/ai/qc/gen?source=hermes&scode=a%2Fb%20c`],
    ]);
    expect([dots, pending]).toEqual([4, 0]);
    expect(fake.web.requests.slice(0, 2)).toEqual([
      'HermesAgent/1.0 /ai/qc/generate?source=hermes',
      'HermesAgent/1.0 /ai/qc/query_result?scode=a%2Fb%20c',
    ]);
  });

  test('ends after five minutes in which nobody scanned', async () => {
    fake.web.scan.pending = Number.POSITIVE_INFINITY;
    const { result, waited, dots } = await scan();
    expect(result).toEqual({
      kind: 'timeout',
      say: 'QR scan timed out (5 minutes). Please try again.',
    });
    expect([waited, dots]).toEqual([300_000, 100]);
  });

  test('that gives no credentials leads to typing them', async () => {
    fake.web.scan.result = { status: 'SUCCESS', bot_info: { botid: 'B' } };
    expect((await scan()).result).toEqual({
      kind: 'manual',
      say: 'QR scan reported success but no bot credentials were returned.',
    });
  });

  test('takes the id under its other name, too', async () => {
    fake.web.scan.result = { status: 'Success', bot_info: { bot_id: 'B', secret: 's' } };
    expect((await scan()).result).toMatchObject({ env: { WECOM_BOT_ID: 'B' } });
  });

  test('without a code leads to typing them', async () => {
    for (const generated of [{}, { scode: 'x' }, { auth_url: 'https://x' }]) {
      fake.web.scan.generated = generated;
      expect((await scan()).result).toMatchObject({ kind: 'manual' });
    }
  });

  test('goes on when a look fails, and stops when it is told to', async () => {
    fake.web.scan.pending = 2;
    let looks = 0;
    const broken: typeof fetch = (...asked) => {
      if (String(asked[0]).includes('query') && ++looks < 3) return Promise.reject(new Error('reset'));
      return fetch(...asked);
    };
    const screen = { say: () => {}, code: () => {}, dot: () => {} };
    const deps = { clock: virtualClock({ autoSleep: true }), fetch: broken, host: fake.origin };
    const abort = new AbortController();
    expect(await scanToCreate(deps, screen, abort.signal)).toMatchObject({ kind: 'created' });
    fake.web.scan.looks = 0;
    fake.web.scan.pending = Number.POSITIVE_INFINITY;
    const stopped = scanToCreate(
      deps,
      { ...screen, dot: () => looks++ > 5 && abort.abort(new Error('enough')) },
      abort.signal,
    );
    await expect(stopped).rejects.toThrow('enough');
  });
});

test('the wizard finds it at the platform', async () => {
  const { login } = await loadPlatform('wecom');
  expect(login?.offer).toMatch(/QR code/);
  const screen = { say: () => {}, code: () => {}, dot: () => {} };
  const deps = { clock: virtualClock({ autoSleep: true }), fetch, host: fake.origin };
  const result = await login?.run(deps, screen, new AbortController().signal);
  expect(result).toMatchObject({ kind: 'created', env: { WECOM_BOT_ID: 'BOT-NEW' } });
});

test('typing them is described for the wizard: both settings, and only the secret is hidden', () => {
  const asked = manifest.setup.flatMap(({ env, secret }) =>
    env === undefined ? [] : [[env, secret === true]],
  );
  expect(asked.slice(0, 2)).toEqual([
    ['WECOM_BOT_ID', false],
    ['WECOM_SECRET', true],
  ]);
  expect(new URL(qrLogin.host).host).toBe('work.weixin.qq.com');
  expect(manifest.origins).toContain('work.weixin.qq.com');
});
