/** Webhooks through the whole gateway: a process with its store, an agent, a chat network and a GitHub. */
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, GatewayProcess, type Home, makeHome } from '../../../testkit/gateway-process.ts';
import { startUpstream, type Upstream } from '../../../testkit/upstream/index.ts';
import { type FakeTelegram, startFakeTelegram } from '../telegram/fake.ts';
import { type FakeGitHub, signers, startFakeGitHub } from './fake.ts';

const secret = 'a-secret-of-this-test';
let upstream: Upstream;
let telegram: FakeTelegram;
let github: FakeGitHub;
let home: Home;
let gateway: GatewayProcess;
let port: number;

beforeAll(async () => {
  [upstream, telegram, github] = await Promise.all([
    startUpstream(),
    startFakeTelegram(),
    startFakeGitHub('gho_0123456789abcdef0123'),
  ]);
  port = await freePort();
  const toPullRequest = { repo: '{repo}', pr_number: '{number}' };
  const routes = {
    plain: { prompt: 'Task {n}: {text}' },
    home: { prompt: 'Say {text}', deliver: 'telegram' },
    review: { prompt: 'Review {number}', deliver: 'github_comment', deliver_extra: toPullRequest },
    topic: {
      prompt: 'Into the topic {n}',
      deliver: 'telegram',
      deliver_only: true,
      deliver_extra: { chat_id: '-1001', message_thread_id: '{topic}' },
    },
    alert: { prompt: 'Disk {host} at {percent}%', deliver: 'telegram', deliver_only: true },
    quiet: { prompt: 'PR {n} is {state}', coalesce: { key: 'n', window_seconds: 2 } },
    pages: { prompt: 'Page {n}', deliver: 'telegram' },
    lost: { prompt: 'Lost {n}', deliver: 'discord' },
    nowhere: { prompt: 'x', deliver: 'discord', deliver_only: true },
  };
  const gh = { gh: github.gh, gh_env: github.env };
  const extra = { host: '127.0.0.1', port, secret, rate_limit: 60, ...gh, routes };
  const made = await makeHome({
    upstream: upstream.url,
    upstreamKey: upstream.key,
    telegram: { url: telegram.url, token: telegram.token, users: [111] },
    yaml: `webhook: ${JSON.stringify({ enabled: true, extra })}\nlogging: {level: INFO}`,
  });
  home = { ...made, env: { ...made.env, TELEGRAM_HOME_CHANNEL: '111' } };
  await telegram.inject.text('/start', { from: { id: 111 } });
  gateway = new GatewayProcess(home);
  await gateway.listening();
});
afterAll(async () => {
  await gateway.kill('SIGTERM');
  await Promise.all([telegram.close(), upstream.close(), github.close()]);
  home.remove();
});

const post = async (route: string, event: object, headers: Readonly<Record<string, string>> = {}) => {
  const body = JSON.stringify(event);
  const response = await fetch(`http://127.0.0.1:${port}/webhooks/${route}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signers.github(body, secret), ...headers },
    body,
  });
  return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> };
};
const logged = () => readFileSync(join(home.path, 'logs/gateway.log'), 'utf8');
const sent = () =>
  telegram.seen.flatMap(({ method, params }) => (method === 'sendMessage' ? [String(params['text'])] : []));
const asked = (text: string) => upstream.requests.filter(({ lastUserText }) => lastUserText?.includes(text));
const hermes = (...args: string[]) =>
  new Promise<{ code: number | null; out: string }>((resolve) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../../bin/hermes.js'), ...args], {
      env: home.env,
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (out += chunk));
    child.on('close', (code) => resolve({ code, out }));
  });

describe('an event', () => {
  it('is worked on by the agent, who sees it as data, and the answer is in the log', async () => {
    const answer = await post('plain', { n: 7, text: '/restart' }, { 'x-github-delivery': 'd-1' });
    expect(answer).toEqual({
      status: 202,
      body: { status: 'accepted', route: 'plain', event: 'push', delivery_id: 'd-1' },
    });
    await expect
      .poll(logged, { timeout: 10_000 })
      .toContain('[webhook] Response for webhook:plain:d-1: echo: ');
    const [request] = asked('Task 7: /restart');
    expect(request?.lastUserText).toContain('Task {n}: {text}');
    expect(JSON.stringify(request?.body)).not.toMatch(/"name":"(?:terminal|write_file)"/);
  });

  it('that comes again is a duplicate, also after a crash', async () => {
    await post('plain', { n: 8, text: 'once' }, { 'x-github-delivery': 'd-2' });
    await gateway.kill();
    gateway = new GatewayProcess(home);
    await gateway.listening();
    expect(await post('plain', { n: 8, text: 'once' }, { 'x-github-delivery': 'd-2' })).toEqual({
      status: 200,
      body: { status: 'duplicate', delivery_id: 'd-2' },
    });
    await expect.poll(logged, { timeout: 10_000 }).toContain('webhook:plain:d-2: echo: ');
    expect(logged().split('webhook:plain:d-2: echo: ')).toHaveLength(2);
  });

  it('of fifty at once is fifty conversations, none of which knows another', async () => {
    const words = Array.from({ length: 50 }, (_, n) => `fifty${n}x`);
    const answers = await Promise.all(words.map((text) => post('plain', { n: 50, text })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    await expect.poll(() => asked('fifty').length, { timeout: 20_000 }).toBe(50);
    for (const { body } of asked('fifty'))
      expect(new Set(JSON.stringify(body).match(/fifty\d+x/g)).size).toBe(1);
  });

  it('that coalesces stands for those before it, also when the gateway is killed meanwhile', async () => {
    for (const state of ['opened', 'labeled', 'closed'])
      expect(await post('quiet', { n: 7, state })).toMatchObject({
        status: 202,
        body: { status: 'coalesced' },
      });
    await gateway.kill();
    gateway = new GatewayProcess(home);
    await gateway.listening();
    expect(await post('quiet', { n: 7, state: 'labeled' })).toMatchObject({ body: { status: 'duplicate' } });
    await expect.poll(() => asked('PR 7 is').length, { timeout: 15_000 }).toBe(1);
    const [request] = asked('PR 7 is');
    expect(request?.lastUserText).toContain('PR 7 is closed');
    expect(request?.lastUserText).toContain('2 earlier event(s)');
    await expect.poll(logged, { timeout: 10_000 }).toContain('Response for webhook:quiet:');
    expect(asked('PR 7 is')).toHaveLength(1);
  });

  it('is answered in the home channel of another platform', async () => {
    await post('home', { text: 'hello from afar' });
    await expect.poll(() => sent().join(), { timeout: 10_000 }).toContain('hello from afar');
  });

  it('whose answer has no place to go is answered in the log, which says why', async () => {
    await post('lost', { n: 1 }, { 'x-github-delivery': 'lost-1' });
    await expect.poll(logged, { timeout: 10_000 }).toContain('Response for webhook:lost:lost-1: echo:');
    expect(logged()).toContain('The platform discord is not connected.');
  });

  it('whose answer is the marker of silence is delivered nowhere', async () => {
    const before = sent().length;
    for (const text of ['[SILENT]', 'Nothing new.\n[SILENT]']) {
      upstream.script({ text });
      const asks = asked('Page 1').length;
      await post('pages', { n: 1 }, { 'x-github-delivery': text.slice(0, 5) });
      await expect.poll(() => asked('Page 1').length, { timeout: 10_000 }).toBe(asks + 1);
    }
    await post('pages', { n: 2 }, { 'x-github-delivery': 'loud' });
    await expect.poll(() => sent().length, { timeout: 10_000 }).toBe(before + 1);
    expect(sent().at(-1)).toContain('Page 2');
  });

  it('is answered with a comment on GitHub', async () => {
    await post('review', { repo: 'octo/repo', number: 2 });
    await expect.poll(() => github.seen.length, { timeout: 10_000 }).toBe(1);
    expect(github.seen[0]).toMatchObject({ chat: 'github:octo/repo#2' });
    expect(github.seen[0]?.text).toContain('Review 2');
  });
});

describe('a message without an agent', () => {
  it('is delivered before its sender is answered, with no call of a model', async () => {
    const calls = upstream.requests.length;
    const answer = await post('alert', { host: 'db1', percent: 97 });
    expect(answer).toMatchObject({ status: 200, body: { status: 'delivered', target: 'telegram' } });
    expect(sent().at(-1)).toContain('Disk db1 at 97');
    expect(upstream.requests.length).toBe(calls);
  });

  it('goes into the topic of a forum', async () => {
    const chat = { id: -1001, type: 'supergroup' as const, title: 'Ops', is_forum: true };
    await telegram.inject.text('hi all', { chat, from: { id: 111 }, thread: 42 });
    expect(await post('topic', { n: 1, topic: 42 })).toMatchObject({ body: { status: 'delivered' } });
    const last = telegram.seen.at(-1);
    expect(last?.params).toMatchObject({ chat_id: -1001, message_thread_id: 42 });
  });

  it('that was refused is answered 502, and delivered once when it is sent again', async () => {
    telegram.fault({ kind: 'status', code: 403, times: 2, method: 'sendMessage' });
    const event = { host: 'db2', percent: 98 };
    expect(await post('alert', event)).toMatchObject({ status: 502, body: { error: 'Delivery failed' } });
    telegram.fault({ kind: 'none' });
    expect(await post('alert', event)).toMatchObject({ status: 200, body: { status: 'delivered' } });
    expect(await post('alert', event)).toMatchObject({ status: 200, body: { status: 'duplicate' } });
    expect(sent().filter((text) => text.includes('Disk db2'))).toHaveLength(1);
  });

  it('for a platform that is not connected is answered 502', async () => {
    const { status, body } = await post('nowhere', {});
    expect([status, body['error']]).toEqual([502, 'Delivery failed']);
  });
});

describe('a body over the limit', () => {
  const answerTo = (lines: string, body = '') =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(`${lines}\r\n\r\n${body}`));
      let text = '';
      socket.on('data', (chunk) => (text += chunk));
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
    });
  const head = 'POST /webhooks/plain HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';

  it('is refused before it is sent', async () => {
    const answer = await answerTo(`${head}Content-Length: 1048577`);
    expect(answer).toContain('HTTP/1.1 413');
    expect(answer).toContain('{"error":"Payload too large"}');
  });

  it('is refused as soon as it is too long, if it does not say so', async () => {
    const chunk = `100001\r\n${'x'.repeat(0x100001)}\r\n`;
    expect(await answerTo(`${head}Transfer-Encoding: chunked`, chunk)).toContain('HTTP/1.1 413');
  });
});

describe('a subscription', () => {
  it('is live without a restart, and gone when it is removed', async () => {
    const made = await hermes('webhook', 'subscribe', 'Live One', '--secret', secret, '--prompt', 'Live {n}');
    expect(made.out).toContain(`URL:    http://127.0.0.1:${port}/webhooks/live-one`);
    expect(statSync(join(home.path, 'webhook_subscriptions.json')).mode & 0o777).toBe(0o600);
    expect((await post('live-one', { n: 1 })).status).toBe(202);
    const tested = await hermes('webhook', 'test', 'live-one');
    expect(tested.out).toContain('Response (202): {"status":"accepted","route":"live-one","event":"test"');
    const hidden = 'an-own-secret-of-the-new-route';
    await hermes('webhook', 'subscribe', 'hidden', '--secret', hidden, '--prompt', '{n}');
    await post('plain', { n: 1, text: hidden }, { 'x-github-delivery': 'shown' });
    await expect.poll(logged, { timeout: 10_000 }).toContain('Response for webhook:plain:shown');
    expect(logged()).not.toContain(hidden);
    await hermes('webhook', 'remove', 'live-one');
    expect((await post('live-one', { n: 2 })).status).toBe(404);
  });
});
