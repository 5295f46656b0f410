import { describe, expect, it } from 'vitest';
import { signers } from './fake.ts';
import { handClock, read, request, secret, setUp } from './testing.ts';

const accepted = (route: string, event: string, id: unknown = expect.any(String)) => ({
  status: 202,
  body: { status: 'accepted', route, event, delivery_id: id },
});

describe('the listener', () => {
  it('says that it is there', async () => {
    const { adapter, intake } = setUp({});
    const reply = await adapter.webhook!(request('/health', '', {}, 'GET'), intake);
    expect(reply).toEqual({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: '{"status":"ok","platform":"webhook"}',
    });
  });

  it('knows no other paths and methods', async () => {
    const { adapter, intake } = setUp({ r: {} });
    const status = async (path: string, method: string) =>
      (await adapter.webhook!(request(path, '{}', {}, method), intake)).status;
    for (const path of ['/', '/webhooks', '/webhooks/', '/webhooks/r/x', '/p//webhooks/r'])
      expect(await status(path, 'POST'), path).toBe(404);
    expect([await status('/webhooks/r', 'GET'), await status('/health', 'POST')]).toEqual([405, 405]);
  });

  it('answers an unknown route, one of another profile and a broken name in the same words', async () => {
    const { post, intake, adapter } = setUp({ other: { profile: 'work' } });
    expect(await post('nope', {})).toEqual({ status: 404, body: { error: 'Unknown route: nope' } });
    expect(await post('other', {})).toEqual({ status: 404, body: { error: 'Unknown route: other' } });
    expect((await post('%E0%A4%A', {})).status).toBe(404);
    for (const name of ['__proto__', 'constructor']) expect((await post(name, {})).status).toBe(404);
    const served = request('/p/work/webhooks/other', '{}');
    expect(read(await adapter.webhook!(served, intake)).body).toEqual({
      error: 'Unknown or unconfigured profile',
    });
  });

  it('takes its own profile as a prefix', async () => {
    const { adapter, intake } = setUp(
      { r: { profile: 'work' } },
      {},
      { home: '/home/x/.hermes/profiles/work' },
    );
    const signed = request('/p/work/webhooks/r', '{}', signers.github('{}', secret));
    expect((await adapter.webhook!(signed, intake)).status).toBe(202);
  });

  it('refuses a disabled route before it looks at anything', async () => {
    const { post } = setUp({ r: { enabled: false } });
    expect(await post('r', '{', {})).toEqual({ status: 403, body: { error: 'Route disabled: r' } });
  });

  it('refuses a body over the limit', async () => {
    const { post } = setUp({ r: {} }, { max_body_bytes: 10 });
    expect(await post('r', 'x'.repeat(11))).toEqual({ status: 413, body: { error: 'Payload too large' } });
  });

  it('checks the signature before it reads the body', async () => {
    const { post, intake } = setUp({ r: {} });
    const refused = { status: 401, body: { error: 'Invalid signature' } };
    expect(await post('r', '{broken', {})).toEqual(refused);
    expect(await post('r', '{}', signers.github('{} ', secret))).toEqual(refused);
    expect(await post('r', '{broken')).toEqual({ status: 400, body: { error: 'Cannot parse body' } });
    expect(intake.events).toEqual([]);
  });

  it('accepts events of every kind of sender', async () => {
    const { post, intake, clock, log } = setUp({ r: {} });
    for (const [name, sign] of Object.entries(signers)) {
      const body = JSON.stringify({ from: name });
      expect((await post('r', body, sign(body, secret, clock.time / 1000))).status, name).toBe(202);
    }
    expect(intake.events).toHaveLength(Object.keys(signers).length);
    const body = '{"once more":1}';
    await post('r', body, signers.genericV1(body, secret));
    expect(log.filter(({ event }) => event === 'webhook.deprecated')).toHaveLength(1);
  });

  it('takes unsigned events where that was asked for, but not from a page in a browser', async () => {
    const { post } = setUp({ r: { secret: 'INSECURE_NO_AUTH' } }, { host: '127.0.0.1' });
    expect((await post('r', '{}', {})).status).toBe(202);
    expect((await post('r', '{}', { origin: 'https://evil.example' })).status).toBe(401);
  });

  it('takes 30 events a minute per route; refused senders do not use them up', async () => {
    const { post, clock } = setUp({ r: {}, other: {} });
    for (let n = 0; n < 40; n += 1) expect((await post('r', { n }, {})).status).toBe(401);
    for (let n = 0; n < 30; n += 1) expect((await post('r', { n })).status).toBe(202);
    expect(await post('r', { n: 30 })).toEqual({ status: 429, body: { error: 'Rate limit exceeded' } });
    expect((await post('other', { n: 31 })).status).toBe(202);
    clock.time += 60_000;
    expect((await post('r', { n: 32 })).status).toBe(202);
  });
});

describe('an event', () => {
  it('is ignored when the route does not want its kind', async () => {
    const { post, intake } = setUp({ r: { events: ['push'] } });
    const ping = { ...signers.github('{}', secret), 'x-github-event': 'ping' };
    expect(await post('r', '{}', ping)).toEqual({ status: 200, body: { status: 'ignored', event: 'ping' } });
    expect(await post('r', { a: 1 })).toEqual(accepted('r', 'push'));
    expect(intake.events).toHaveLength(1);
  });

  it('of GitLab matches the name of its header and the kind in its payload', async () => {
    const { post } = setUp({
      header: { events: ['Merge Request Hook'] },
      kind: { events: ['merge_request'] },
    });
    const body = '{"object_kind":"merge_request"}';
    const headers = { ...signers.gitlab(body, secret), 'x-gitlab-event': 'Merge Request Hook' };
    for (const route of ['header', 'kind'])
      expect(await post(route, body, headers)).toEqual(accepted(route, 'Merge Request Hook'));
  });

  it('takes its name from the headers, then from the payload', async () => {
    const { post } = setUp({ r: {} });
    const bearer = { authorization: `Bearer ${secret}` };
    for (const [body, name] of [
      ['{"event_type":"a","type":"b"}', 'a'],
      ['{"event_type":"","type":"b"}', 'b'],
      ['{"type":5}', 'unknown'],
      ['[]', 'unknown'],
    ] as const)
      expect(await post('r', body, bearer)).toEqual(accepted('r', name));
  });

  it('becomes a conversation of its own that belongs to the route', async () => {
    const { post, intake, clock } = setUp({ 'pr-review': { prompt: 'Look at {n}', toolsets: ['web'] } });
    const headers = { ...signers.github('{"n":7}', secret), 'x-github-delivery': 'd-1' };
    expect(await post('pr-review', '{"n":7}', headers)).toEqual(accepted('pr-review', 'push', 'd-1'));
    expect(intake.events[0]).toMatchObject({
      key: 'pr-review:d-1',
      at: { chat: 'webhook:pr-review:d-1' },
      kind: 'message',
      scope: 'dm',
      from: { id: 'webhook:pr-review', name: 'pr-review', isBot: false, isSelf: false },
      message: 'd-1',
      chatName: 'webhook/pr-review',
      toolsets: ['web'],
      sentAt: clock.time,
      raw: '{"n":7}',
    });
    expect(intake.events[0]).not.toHaveProperty('answerTo');
  });

  it('of fifty at once becomes fifty conversations', async () => {
    const { post, intake } = setUp({ r: {} }, { rate_limit: 50 });
    const bearer = { authorization: `Bearer ${secret}` };
    await Promise.all(Array.from({ length: 50 }, () => post('r', '{}', bearer)));
    expect(new Set(intake.events.map(({ at }) => at.chat)).size).toBe(50);
    expect(new Set(intake.events.map(({ key }) => key)).size).toBe(50);
  });

  it('that comes again within an hour is a duplicate, and after it a new one', async () => {
    const clock = handClock();
    const { post, intake } = setUp({ r: {}, other: {} }, {}, { clock });
    const id = (await post('r', { a: 1 })).body;
    const delivery_id = (id as { delivery_id: string }).delivery_id;
    clock.time += 3_600_000;
    expect(await post('r', { a: 1 })).toEqual({ status: 200, body: { status: 'duplicate', delivery_id } });
    expect((await post('other', { a: 1 })).status).toBe(202);
    clock.time += 1_000;
    expect((await post('r', { a: 1 })).status).toBe(202);
    expect((await post('r', { a: 1 })).status).toBe(200);
    expect(intake.events).toHaveLength(3);
  });

  it('that could not be stored is not confirmed, and may come again', async () => {
    const { adapter, intake, post } = setUp({ r: {} });
    const signed = request('/webhooks/r', '{}', signers.github('{}', secret));
    const full = { ...intake, accept: () => Promise.reject(new Error('disk full')) };
    await expect(adapter.webhook!(signed, full)).rejects.toThrow('disk full');
    expect((await post('r', '{}')).status).toBe(202);
  });

  it('never becomes a command, whatever it says', async () => {
    const { post, intake } = setUp({ r: { prompt: '{message}' } });
    await post('r', { message: '/restart' });
    expect(intake.events[0]?.text?.startsWith('/')).toBe(false);
    expect(intake.events[0]?.text).toContain('\n/restart\n');
  });

  it('with a body of any form is answered without an error of ours', async () => {
    const { post, intake } = setUp({ r: { prompt: '{a}|{__raw__}' } }, { rate_limit: 100 });
    const bearer = { authorization: `Bearer ${secret}` };
    const form = { ...bearer, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    expect((await post('r', '[1,2]', bearer)).status).toBe(202);
    expect((await post('r', '"text"', bearer)).status).toBe(202);
    expect((await post('r', 'null', bearer)).status).toBe(202);
    expect((await post('r', '', bearer)).status).toBe(400);
    expect((await post('r', 'a=1', bearer)).status).toBe(400);
    expect((await post('r', `payload=${encodeURIComponent('{"a":"in a form"}')}`, form)).status).toBe(202);
    expect(intake.events.at(-1)?.text).toContain('in a form|{\n  "a": "in a form"\n}');
    expect((await post('r', 'a=field&b=2&__proto__=x', form)).status).toBe(202);
    expect(intake.events.at(-1)?.text).toContain('field|{');
    expect((await post('r', `payload=${encodeURIComponent('[1]')}`, form)).status).toBe(202);
    const { adapter } = setUp({ r: {} });
    const invalid = request('/webhooks/r', Buffer.from([0x22, 0xff, 0x22]), bearer);
    expect((await adapter.webhook!(invalid, intake)).status).toBe(400);
  });

  it('that a filter rejects is ignored', async () => {
    const { post, intake } = setUp({ r: { filters: [{ field: 'action', equals: 'opened' }] } });
    expect(await post('r', { action: 'labeled' })).toEqual({
      status: 200,
      body: { status: 'ignored', reason: 'filter', route: 'r' },
    });
    expect((await post('r', { action: 'opened' })).status).toBe(202);
    expect(intake.events).toHaveLength(1);
  });

  it('for a cron job is refused in words: there are none yet', async () => {
    const { post, log } = setUp({ r: { cron_job: 'daily' } });
    expect(await post('r', {})).toEqual({
      status: 501,
      body: { error: 'cron_job is not available in this version', route: 'r' },
    });
    expect(JSON.stringify(log)).toContain('cron jobs are not available');
  });

  it('whose comment has no valid place still runs, and the reason is in the log', async () => {
    const extra = { repo: '{repo}', pr_number: '{n}' };
    const { post, intake, log } = setUp({ r: { deliver: 'github_comment', deliver_extra: extra } });
    for (const [payload, why] of [
      [{ repo: 'a/b', n: '0' }, 'Invalid pr_number'],
      [{ repo: 'a/b', n: '1; rm' }, 'Invalid pr_number'],
      [{ repo: 'a/b/c', n: 1 }, 'Invalid repo format'],
    ] as const) {
      expect((await post('r', payload)).status).toBe(202);
      expect(log.at(-1)).toMatchObject({ level: 'error', data: { why } });
    }
    expect(intake.events.map(({ answerTo }) => answerTo)).toEqual([undefined, undefined, undefined]);
    await post('r', { repo: 'a/b', n: 12 });
    expect(intake.events.at(-1)?.answerTo).toEqual({ platform: 'webhook', chat: 'github:a/b#12' });
  });
});

describe('a message that needs no agent', () => {
  const route = { deliver: 'telegram', deliver_only: true, prompt: 'Disk {host} at {percent}%' };
  const payload = { host: 'db1', percent: 97 };

  it('is delivered as it is written, and the sender hears it', async () => {
    const deliver_extra = { chat_id: '-100', message_thread_id: '42' };
    const { post, intake } = setUp({ r: { ...route, deliver_extra } });
    const answer = await post('r', payload, {
      ...signers.github(JSON.stringify(payload), secret),
      'x-github-delivery': 'd',
    });
    expect(answer).toEqual({
      status: 200,
      body: { status: 'delivered', route: 'r', target: 'telegram', delivery_id: 'd' },
    });
    expect(intake.relayed[0]).toMatchObject({
      text: 'Disk db1 at 97%',
      answerTo: { platform: 'telegram', chat: '-100', thread: '42' },
    });
    expect(intake.events).toEqual([]);
  });

  it('that failed may be sent again under the same id, and is then delivered once', async () => {
    const { post, intake, log } = setUp({ r: route });
    intake.results.push('failed');
    const failed = await post('r', payload);
    expect(failed).toEqual({
      status: 502,
      body: { status: 'error', error: 'Delivery failed', delivery_id: expect.any(String) },
    });
    expect(log.at(-1)?.event).toBe('webhook.undeliverable');
    expect((await post('r', payload)).body).toMatchObject({ status: 'delivered' });
    expect((await post('r', payload)).body).toMatchObject({ status: 'duplicate' });
    expect(intake.relayed).toHaveLength(1);
  });

  it('whose delivery takes longer is accepted, not refused: sending it again would double it', async () => {
    const { post, intake } = setUp({ r: route });
    intake.results.push('pending');
    expect(await post('r', payload)).toMatchObject({
      status: 202,
      body: { status: 'accepted', target: 'telegram' },
    });
    expect((await post('r', payload)).body).toMatchObject({ status: 'duplicate' });
  });

  it('for a place that cannot be reached fails without saying why to the sender', async () => {
    const { BadTarget } = await import('../contract.ts');
    const { post, intake, log } = setUp({ r: route });
    intake.results.push(new BadTarget('Telegram has no home channel; set TELEGRAM_HOME_CHANNEL.'));
    const answer = await post('r', payload);
    expect(answer.status).toBe(502);
    expect(JSON.stringify(answer.body)).not.toContain('TELEGRAM');
    expect(JSON.stringify(log.at(-1))).toContain('TELEGRAM_HOME_CHANNEL');
  });

  it('that is empty is not sent', async () => {
    const { post, intake } = setUp({ r: { ...route, prompt: '{host}' } });
    expect((await post('r', { host: ' ' })).body).toMatchObject({ status: 'ignored', reason: 'empty' });
    expect(intake.relayed).toEqual([]);
  });
});

describe('an answer', () => {
  it('goes to the log in one line of 200 characters', async () => {
    const { deliver, log } = setUp({});
    const outcome = await deliver('webhook:r:d-1', `first\nsecond ${'😀'.repeat(300)}`);
    expect(outcome.kind).toBe('sent');
    expect(log).toEqual([
      {
        level: 'info',
        event: `[webhook] Response for webhook:r:d-1: first second ${'😀'.repeat(187)}`,
        data: undefined,
      },
    ]);
  });

  it('that says to be silent is delivered nowhere', async () => {
    const { deliver, log } = setUp({}, { gh: '/nonexistent/gh' });
    for (const text of ['[SILENT]', ' [SILENT]\n', '[SILENT]\nnothing new', 'nothing new\n[SILENT]'])
      for (const chat of ['webhook:r:d', 'github:a/b#1'])
        expect((await deliver(chat, text)).kind, text).toBe('sent');
    expect(log).toEqual([]);
    await deliver('webhook:r:d', 'I will stay [SILENT] about it');
    expect(log).toHaveLength(1);
  });
});
