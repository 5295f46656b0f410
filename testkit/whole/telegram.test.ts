import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeTelegram, startFakeTelegram } from '../../src/platforms/telegram/fake.ts';
import { GatewayProcess, type Home, makeHome } from '../gateway-process.ts';
import { startUpstream, type Upstream } from '../upstream/index.ts';

let upstream: Upstream;
let telegram: FakeTelegram;
let home: Home;
let gateway: GatewayProcess;

beforeAll(async () => {
  upstream = await startUpstream();
  telegram = await startFakeTelegram();
  home = await makeHome({
    upstream: upstream.url,
    upstreamKey: upstream.key,
    telegram: { url: telegram.url, token: telegram.token, users: [111, 112] },
  });
  gateway = new GatewayProcess(home);
  await gateway.listening();
});
afterAll(async () => {
  await gateway.kill('SIGTERM');
  await telegram.close();
  await upstream.close();
  home.remove();
});

const sent = (chat: number) =>
  telegram.seen.filter(({ method, params }) => method === 'sendMessage' && params['chat_id'] === chat);
const answers = async (chat: number, count: number) => {
  await expect.poll(() => sent(chat).length, { timeout: 15_000 }).toBeGreaterThanOrEqual(count);
  return sent(chat);
};

describe('a chat on Telegram', () => {
  it('is answered, with a typing hint before', async () => {
    await telegram.inject.text('hello there', { from: { id: 111 } });
    const [answer] = await answers(111, 1);
    expect(answer?.params['text']).toBe('echo: hello there');
    const methods = telegram.calls.map(({ method }) => method);
    expect(methods.indexOf('sendChatAction')).toBeGreaterThanOrEqual(0);
    expect(methods.indexOf('sendChatAction')).toBeLessThan(methods.indexOf('sendMessage'));
  });

  it('gets an answer of 10,000 characters in order, in chunks the network takes', async () => {
    const lines = Array.from({ length: 400 }, (_, index) => `- item **${index}** (with some. marks!)`);
    const text = lines.join('\n').slice(0, 10_000);
    upstream.script({ text: [text] });
    const before = sent(111).length;
    await telegram.inject.text('tell me a lot', { from: { id: 111 } });
    const isLast = () => /\((\d+)\/\1\)$/.test(telegram.messages(111).at(-1)?.text ?? '');
    await expect.poll(isLast, { timeout: 15_000 }).toBe(true);
    const chunks = sent(111).slice(before);
    expect(chunks.length).toBeGreaterThanOrEqual(3);
    const shown = chunks.map(
      ({ message }) => telegram.messages(111).find(({ id }) => id === message)?.text ?? '',
    );
    for (const each of shown) expect(each.length).toBeLessThanOrEqual(4096);
    const numbers = [...shown.join('\n').matchAll(/item (\d+)/g)].map((match) => Number(match[1]));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.length).toBe([...text.matchAll(/\*\*(\d+)\*\*/g)].length);
    expect(shown[0]).toMatch(/\(1\/\d\)$/);
  });

  it('of a stranger stays silent and reaches no model', async () => {
    const before = upstream.requests.length;
    await telegram.inject.text('let me in', { from: { id: 666, first_name: 'Eve' } });
    await telegram.inject.text('still here?', { from: { id: 112 } });
    await answers(112, 1);
    expect(sent(666)).toEqual([]);
    expect(upstream.requests.slice(before).map(({ lastUserText }) => lastUserText)).toEqual(['still here?']);
  });

  it('keeps the conversations of two people apart', async () => {
    await telegram.inject.text('my secret is swordfish', { from: { id: 111 } });
    await answers(111, sent(111).length + 1);
    await telegram.inject.text('what is the secret?', { from: { id: 112 } });
    await answers(112, sent(112).length + 1);
    const request = upstream.requests.find(({ lastUserText }) => lastUserText === 'what is the secret?');
    expect(JSON.stringify(request?.body)).not.toContain('swordfish');
  });

  it('hears of a failing model in words', async () => {
    upstream.script({
      fault: { kind: 'status', status: 401, message: 'bad key sk-aaaaaaaaaaaaaaaaaaaaaaaa' },
    });
    const before = sent(111).length;
    await telegram.inject.text('hm', { from: { id: 111 } });
    const text = String((await answers(111, before + 1)).at(-1)?.params['text']);
    expect(text).toContain('request failed');
    expect(text).not.toContain('sk-aaaaaaaaaaaaaaaaaaaaaaaa');
  });

  it('is still answered when messages waited for a restart, each once', async () => {
    await gateway.kill();
    const before = sent(112).length;
    await telegram.inject.text('while you were away', { from: { id: 112 } });
    gateway = new GatewayProcess(home);
    await gateway.listening();
    const found = (await answers(112, before + 1)).slice(before).map(({ params }) => params['text']);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(found).toEqual(['echo: while you were away']);
    expect(sent(112)).toHaveLength(before + 1);
  });
});
