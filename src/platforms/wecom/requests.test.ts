import { expect, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import { NotSent } from '../../core/outcome.ts';
import { Requests, Unanswered } from './requests.ts';
import { parseFrame } from './wire.ts';

function make() {
  const clock = virtualClock();
  const sent: string[] = [];
  const requests = new Requests((text) => void sent.push(text), clock);
  const ask = (reqId: string, n = 0, signal = new AbortController().signal) =>
    requests.ask({ cmd: 'aibot_respond_msg', reqId, body: { n }, timeoutText: 'Timeout' }, signal);
  const answer = (reqId: string, errcode = 0) =>
    requests.answer(parseFrame(JSON.stringify({ headers: { req_id: reqId }, errcode }))!);
  return { clock, sent, requests, ask, answer };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('requests with one id leave one after another and get their answers in that order', async () => {
  const { sent, ask, answer } = make();
  const answers = [1, 2, 3].map((n) => ask('R', n).then(({ errcode }) => errcode));
  for (const n of [1, 2, 3]) {
    await settled();
    expect(sent).toHaveLength(n);
    answer('R', n);
  }
  expect(await Promise.all(answers)).toEqual([1, 2, 3]);
  expect(answer('R')).toBe(false);
});

test('requests with different ids do not wait for each other', async () => {
  const { sent, ask, answer } = make();
  const both = [ask('A'), ask('B')];
  await settled();
  expect(sent).toHaveLength(2);
  answer('B');
  answer('A');
  await Promise.all(both);
});

test('an answer that does not come within 15 s leaves the request in doubt, and the next with its id unsent', async () => {
  const { clock, sent, ask, requests } = make();
  const [first, second] = [ask('R').catch((error) => error), ask('R').catch((error) => error)];
  await clock.advance(14_999);
  expect(requests.waiting).toBe(1);
  await clock.advance(1);
  expect(await first).toEqual(new Unanswered('Timeout'));
  expect(await second).toBeInstanceOf(NotSent);
  expect([sent.length, clock.pending, requests.waiting]).toEqual([1, 0, 0]);
});

test('the end of the connection ends every request at once, and later ones are not sent', async () => {
  const { clock, sent, ask, requests } = make();
  const errors = [ask('A'), ask('A'), ask('B')].map((each) => each.catch((error) => error));
  await settled();
  requests.end('WeCom connection interrupted');
  const [first, queued, other] = await Promise.all(errors);
  expect([first, other]).toEqual([
    new Unanswered('WeCom connection interrupted'),
    new Unanswered('WeCom connection interrupted'),
  ]);
  expect(queued).toBeInstanceOf(NotSent);
  await expect(ask('C')).rejects.toBeInstanceOf(NotSent);
  expect([sent.length, clock.pending]).toEqual([2, 0]);
});

test('an abort leaves a sent request in doubt and takes a waiting one back', async () => {
  const { clock, ask } = make();
  const [one, two] = [new AbortController(), new AbortController()];
  const first = ask('R', 1, one.signal).catch((error) => error);
  const second = ask('R', 2, two.signal).catch((error) => error);
  await settled();
  two.abort();
  expect(await second).toBeInstanceOf(NotSent);
  one.abort();
  expect(await first).toBeInstanceOf(Unanswered);
  expect(clock.pending).toBe(0);
});

test('what cannot be written was not sent', async () => {
  const clock = virtualClock();
  const broken = new Requests(() => {
    throw new NotSent('the socket is not open');
  }, clock);
  const asked = broken.ask({ cmd: 'x', reqId: 'R', body: {}, timeoutText: '' }, new AbortController().signal);
  await expect(asked).rejects.toBeInstanceOf(NotSent);
  expect([clock.pending, broken.waiting]).toEqual([0, 0]);
});
