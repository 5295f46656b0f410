import { expect, test } from 'vitest';
import { openGuardrails } from './guardrails.ts';
import { fakeTool } from './testing.ts';

const tool = fakeTool('probe');

test('two failures with the same arguments, or three of one tool, are pointed out', () => {
  const rails = openGuardrails();
  expect(rails.after(tool, '{"a":1}', 'no', true)).toBeUndefined();
  expect(rails.after(tool, '{"a":1}', 'no', true)).toContain('2 times with exactly these arguments');
  expect(rails.after(tool, '{"a":2}', 'no', true)).toContain('failed 3 times in this turn');
});

test('a success clears the count', () => {
  const rails = openGuardrails();
  rails.after(tool, '{}', 'no', true);
  rails.after(tool, '{}', 'yes', false);
  expect(rails.after(tool, '{}', 'no', true)).toBeUndefined();
});

test('the same result twice is no progress for an idempotent tool only', () => {
  const rails = openGuardrails();
  expect(rails.after(tool, '{}', 'same', false)).toBeUndefined();
  expect(rails.after(tool, '{}', 'same', false)).toContain('same result 2 times');
  expect(rails.after(tool, '{}', 'changed', false)).toBeUndefined();
  const write = fakeTool('write', { idempotent: false });
  rails.after(write, '{}', 'ok', false);
  expect(rails.after(write, '{}', 'ok', false)).toBeUndefined();
});
