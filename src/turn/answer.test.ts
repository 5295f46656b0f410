import { expect, it } from 'vitest';
import type { TurnResult } from '../core/agent-event.ts';
import { answerOf } from './answer.ts';

const completed = (text: string) => ({ status: 'completed', text }) as TurnResult;

it('the marker of silence alone sends nothing, and mentioned in a text it is text', () => {
  for (const text of ['[SILENT]', ' [silent]\n', 'NO_REPLY', 'no reply'])
    expect(answerOf(completed(text)), text).toBeUndefined();
  expect(answerOf(completed('I will stay [SILENT]'))).toBe('I will stay [SILENT]');
  expect(answerOf(completed('[SILENT]\nnothing new'))).toBe('[SILENT]\nnothing new');
});

it('where nobody asked, it also counts as the first or last line', () => {
  for (const text of ['[SILENT]', '[SILENT]\nnothing new', 'nothing new\n\n [SILENT] \n'])
    expect(answerOf(completed(text), true), text).toBeUndefined();
  for (const text of ['I will stay [SILENT]', 'one\n[SILENT]\ntwo'])
    expect(answerOf(completed(text), true), text).toBe(text);
});
