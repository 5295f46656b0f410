import { expect, test } from 'vitest';
import { ReplyContexts } from './contexts.ts';

test('a known message has its own request id, everything else the newest of its chat', () => {
  const contexts = new ReplyContexts();
  contexts.remember('chat', 'M1', 'R1');
  contexts.remember('chat', 'M2', 'R2');
  expect(contexts.find('chat', 'M1')).toBe('R1');
  expect(contexts.find('chat', 'unknown')).toBe('R2');
  expect(contexts.find('chat', undefined)).toBe('R2');
  expect(contexts.find('chat', 'quote:M1')).toBe('R2');
  expect(contexts.find('other', undefined)).toBeUndefined();
});

test('a forgotten request id is not used again, neither for its message nor for its chat', () => {
  const contexts = new ReplyContexts();
  contexts.remember('chat', 'M1', 'R1');
  contexts.remember('chat', 'M2', 'R2');
  contexts.forget('R2');
  expect(contexts.find('chat', 'M2')).toBeUndefined();
  expect(contexts.find('chat', 'M1')).toBe('R1');
});

test('the thousand newest are kept', () => {
  const contexts = new ReplyContexts();
  for (let n = 0; n <= 1000; n++) contexts.remember(`chat${n}`, `M${n}`, `R${n}`);
  expect(contexts.find('chat0', 'M0')).toBeUndefined();
  expect(contexts.find('chat1', 'M1')).toBe('R1');
  expect(contexts.find('chat1000', undefined)).toBe('R1000');
});
