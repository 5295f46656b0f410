/** The whole gateway, as its user starts it, on the fake: what a person in WeCom sees. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GatewayProcess, type Home, makeHome } from '../../../testkit/gateway-process.ts';
import { startUpstream } from '../../../testkit/upstream/index.ts';
import { type FakeWeCom, startFakeWeCom } from './fake.ts';
import { inGroup, message, until } from './testing.ts';

let fake: FakeWeCom;
let upstream: Awaited<ReturnType<typeof startUpstream>>;
let home: Home;
let gateways: GatewayProcess[] = [];

beforeEach(async () => {
  fake = await startFakeWeCom();
  upstream = await startUpstream();
});
afterEach(async () => {
  for (const gateway of gateways) await gateway.kill();
  gateways = [];
  home.remove();
  await fake.close();
  await upstream.close();
});

async function start(env: NodeJS.ProcessEnv, yaml = '', fault?: string): Promise<GatewayProcess> {
  const made = await makeHome({ upstream: upstream.url, upstreamKey: upstream.key, yaml });
  const wecom = { WECOM_BOT_ID: fake.botId, WECOM_SECRET: fake.secret, WECOM_WEBSOCKET_URL: fake.url };
  home = { ...made, env: { ...made.env, HERMES_WECOM_TEXT_BATCH_DELAY_SECONDS: '0', ...wecom, ...env } };
  return again(fault);
}

async function again(fault?: string): Promise<GatewayProcess> {
  const gateway = new GatewayProcess(home, fault);
  gateways.push(gateway);
  return gateway;
}

const said = (content: string, fields: object = {}) => message({ text: { content }, ...fields });
const answers = () => fake.seen.map(({ chat, text }) => [chat, text]);

test('a message that comes several times, also after a reconnect, is answered once, as a reply', async () => {
  // As people write it: ids of WeCom do not differ by case.
  await start({ WECOM_ALLOWED_USERS: 'wecom:user:ZhangSan' });
  const body = said('hello', { msgid: 'M1' });
  fake.push(body);
  fake.push(body);
  await until(() => fake.seen.length > 0, 15_000);
  expect(fake.seen[0]).toMatchObject({ cmd: 'aibot_respond_msg', chat: 'zhangsan', text: 'echo: hello' });
  fake.drop();
  fake.push(body);
  fake.push(said('and now?'));
  await until(() => fake.seen.length > 1, 15_000);
  expect(answers()).toEqual([
    ['zhangsan', 'echo: hello'],
    ['zhangsan', 'echo: and now?'],
  ]);
});

test('a command in a group is one behind the mention, too', async () => {
  await start({ WECOM_ALLOWED_USERS: 'zhangsan' });
  fake.push(said('@Hermes /help', inGroup));
  await until(() => fake.seen.length > 0, 15_000);
  expect(fake.seen[0]).toMatchObject({ cmd: 'aibot_respond_msg', chat: 'wrGROUP' });
  expect(fake.seen[0]?.text).toContain('/new');
  expect(upstream.requests).toEqual([]);
});

test('texts that follow each other closely are one question, and longer behind a piece the client has cut', async () => {
  const windows = {
    HERMES_WECOM_TEXT_BATCH_DELAY_SECONDS: '0.8',
    HERMES_WECOM_TEXT_BATCH_SPLIT_DELAY_SECONDS: '3',
  };
  await start({ WECOM_ALLOWED_USERS: 'zhangsan,lisi', ...windows });
  const piece = 'x'.repeat(3900);
  const lisi = { from: { userid: 'lisi' } };
  // The first connection takes a moment, in which nothing waits yet.
  await until(() => fake.connections === 1, 15_000);
  fake.push(said('one'));
  fake.push(said(piece, lisi));
  await new Promise((resolve) => setTimeout(resolve, 300));
  fake.push(said('two'));
  await new Promise((resolve) => setTimeout(resolve, 1200));
  fake.push(said('the rest', lisi));
  await until(() => upstream.requests.length > 1, 15_000);
  expect(upstream.requests.map(({ lastUserText }) => lastUserText).toSorted()).toEqual([
    'one\ntwo',
    `${piece}\nthe rest`,
  ]);
});

test('a long answer is three messages of whole fences, one after another, at least 0.3 s apart', async () => {
  await start({ WECOM_ALLOWED_USERS: 'zhangsan' });
  const code = Array.from({ length: 400 }, (_, n) => `line ${n} of some code`).join('\n');
  upstream.script({ text: `before\n\n\`\`\`ts\n${code}\n\`\`\`\n\nafter` });
  fake.push(said('write'));
  await until(() => fake.seen.length >= 3, 15_000);
  const frames = fake.frames.filter(({ cmd }) => cmd === 'aibot_respond_msg');
  expect(fake.refused).toEqual([]);
  expect(fake.seen.map(({ text = '' }) => text.match(/^```/gm)?.length)).toEqual([2, 2, 2]);
  // Sent 300 ms apart; the way takes different times.
  for (const [index, { at }] of frames.entries())
    if (index > 0) expect(at - frames[index - 1]!.at).toBeGreaterThan(200);
});

test('nobody is answered as long as nothing is allowed', async () => {
  await start({});
  fake.push(said('let me in'));
  fake.push(said('@Hermes let me in', inGroup));
  await until(() => fake.unacknowledged === 0 && fake.connections === 1, 15_000);
  await fake.settled();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(answers()).toEqual([]);
});

test('with both policies set to lists, exactly those on them are answered', async () => {
  const yaml = [
    'wecom:',
    '  dm_policy: allowlist',
    '  allow_from: [alice]',
    '  group_policy: allowlist',
    '  group_allow_from: ["WeCom:Group:wrgroup"]',
    '  groups: {wrGROUP: {allow_from: [bob]}}',
  ].join('\n');
  await start({ WECOM_ALLOW_ALL_USERS: 'true' }, yaml);
  const from = (userid: string) => ({ from: { userid } });
  fake.push(said('mallory', from('mallory')));
  fake.push(said('@Hermes mallory', { ...inGroup, ...from('mallory') }));
  fake.push(said('@Hermes elsewhere', { ...inGroup, chatid: 'wrOTHER', ...from('bob') }));
  fake.push(said('alice', from('alice')));
  fake.push(said('@Hermes bob', { ...inGroup, ...from('bob') }));
  await until(() => fake.seen.length >= 2, 15_000);
  expect(answers().toSorted()).toEqual([
    ['alice', 'echo: alice'],
    ['wrGROUP', 'echo: bob'],
  ]);
});

test.each(['intake:after-commit', 'outbox:before-attempt'])(
  'killed at %s, it answers exactly once after the restart, on its own account',
  async (point) => {
    const first = await start({ WECOM_ALLOWED_USERS: 'zhangsan' }, '', point);
    fake.push(said('precious'));
    await first.exited;
    expect(fake.seen).toEqual([]);
    await again();
    await until(() => fake.seen.length > 0, 15_000);
    expect(fake.seen).toMatchObject([{ cmd: 'aibot_send_msg', chat: 'zhangsan', text: 'echo: precious' }]);
  },
);
