import { expect, test } from 'vitest';
import { openDelivery } from './delivery.ts';

function start() {
  const shown: string[] = [];
  const delivery = openDelivery((text) => shown.push(text));
  delivery.answer();
  const say = (...deltas: string[]) => {
    for (const delta of deltas) delivery.text(delta);
  };
  return { delivery, say, all: () => shown.join(''), shown };
}

test('exactly one blank line stands between the texts of two answers, whatever blanks the model sends', () => {
  for (const [end, begin] of [
    ['one', 'two'],
    ['one\n', ' \n two'],
    ['one\n\n', '\n\ntwo'],
  ] as const) {
    const { delivery, say, all } = start();
    say(end);
    delivery.answer();
    say(' ', '\n', begin);
    expect(all()).toBe('one\n\ntwo');
  }
});

test('an answer without text before the tools does not start with a blank line', () => {
  const { delivery, say, all } = start();
  delivery.answer();
  say('two');
  expect(all()).toBe('two');
});

test('a repeated call does not show the same words twice', () => {
  const { delivery, say, all } = start();
  say('I will ', 'look');
  delivery.again();
  say('I wi', 'll look', ' now');
  expect(all()).toBe('I will look now');
  expect(delivery.current).toBe('I will look now');
});

test('a repeated call that says something else starts a new paragraph', () => {
  const { delivery, say, all } = start();
  say('I will look');
  delivery.again();
  say('Let me see');
  expect(all()).toBe('I will look\n\nLet me see');
  expect(delivery.current).toBe('Let me see');
});

test('a continued call goes on without a break', () => {
  const { delivery, say, all } = start();
  say('half of ');
  delivery.goOn();
  say('it');
  expect([all(), delivery.current]).toEqual(['half of it', 'half of it']);
});

test('repeating a continuation keeps what was said before it', () => {
  const { delivery, say, all } = start();
  say('half of ');
  delivery.goOn();
  expect(delivery.spoke).toBe(false);
  say('i');
  expect(delivery.spoke).toBe(true);
  delivery.again();
  say('it');
  expect([all(), delivery.current]).toEqual(['half of it', 'half of it']);
});
