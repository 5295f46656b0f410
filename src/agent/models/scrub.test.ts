import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scrubber } from './scrub.ts';

function run(deltas: readonly string[]) {
  const scrub = scrubber();
  const parts = [...deltas.map((delta) => scrub.push(delta)), scrub.end()];
  return { text: parts.map((p) => p.text).join(''), reasoning: parts.map((p) => p.reasoning).join('') };
}

test('thinking never becomes text, also when the tag is cut by the deltas', () => {
  expect(run(['a <thi', 'nk>secret</think> b'])).toEqual({ text: 'a  b', reasoning: 'secret' });
});

test.each(['think', 'thinking', 'reasoning', 'thought', 'REASONING_SCRATCHPAD', 'Think'])(
  '<%s> is a think tag',
  (tag) => {
    expect(run([`x<${tag}>hidden</${tag}>y`])).toEqual({ text: 'xy', reasoning: 'hidden' });
  },
);

test('text that only looks like a tag stays text', () => {
  const text = 'if a <b && c<thin> 2 < 3 <thinkers> <';
  expect(run([...text])).toEqual({ text, reasoning: '' });
});

test('an unclosed section hides the rest, a lone closing tag is dropped', () => {
  expect(run(['a<think>b', ' c'])).toEqual({ text: 'a', reasoning: 'b c' });
  expect(run(['a</think>b'])).toEqual({ text: 'ab', reasoning: '' });
});

test('the result does not depend on where the deltas are cut', () => {
  const piece = fc.constantFrom(
    '<think>',
    '</think>',
    '<',
    'a',
    ' ',
    '</',
    'thought>',
    '<THOUGHT>',
    '</thought>',
    '😀',
  );
  const cutAt = fc.array(fc.nat(200), { maxLength: 8 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), cutAt, (pieces, cuts) => {
      const whole = pieces.join('');
      const borders = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length];
      const deltas = borders.slice(1).map((end, index) => whole.slice(borders[index], end));
      expect(run(deltas)).toEqual(run([whole]));
    }),
  );
});
