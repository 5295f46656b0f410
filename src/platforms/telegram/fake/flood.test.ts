import { expect, test } from 'vitest';
import { Flood } from './flood.ts';

function at() {
  const time = { ms: 0 };
  const flood = new Flood(() => time.ms);
  flood.on = true;
  const passes = (id: number, type: 'private' | 'group') => {
    try {
      flood.check({ id, type });
      return true;
    } catch (error) {
      return error;
    }
  };
  return { time, passes };
}

const refused = (seconds: number) =>
  expect.objectContaining({ status: 429, parameters: { retry_after: seconds } });

test('a private chat takes a burst of five and then one a second', () => {
  const { time, passes } = at();
  for (let n = 0; n < 5; n++) expect(passes(1, 'private')).toBe(true);
  expect(passes(1, 'private')).toEqual(refused(5));
  time.ms = 5001;
  expect(passes(1, 'private')).toBe(true);
});

test('a group takes twenty messages a minute', () => {
  const { time, passes } = at();
  for (let n = 0; n < 20; n++) expect(passes(-1, 'group')).toBe(true);
  time.ms = 30_000;
  expect(passes(-1, 'group')).toEqual(refused(30));
  expect(passes(-2, 'group')).toBe(true);
});

test('all chats together take thirty a second, and what is refused does not count', () => {
  const { time, passes } = at();
  for (let chat = 1; chat <= 30; chat++) expect(passes(chat, 'private')).toBe(true);
  for (let n = 0; n < 10; n++) expect(passes(31, 'private')).toEqual(refused(1));
  time.ms = 1001;
  expect(passes(31, 'private')).toBe(true);
});
