import { expect, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import { CallFragments, type Fragment } from './chat-wire-calls.ts';

/** Fragments in short: index, id, name, arguments. */
type Short = readonly [index: unknown, id: unknown, name: unknown, args: unknown];

function calls(...fragments: readonly Short[]): string[] | undefined {
  const building = new CallFragments();
  for (const [index, id, name, args] of fragments) {
    building.add({ index, id, function: { name, arguments: args } });
  }
  return building.finished('p', virtualClock())?.map((call) => `${call.id} ${call.name} ${call.arguments}`);
}

const none = undefined;

test('fragments of one index are one call, also when calls are interleaved', () => {
  expect(
    calls([1, 'b', 'two', ''], [0, 'a', 'one', '{"x"'], [1, none, none, '{}'], [0, none, none, ':1}']),
  ).toEqual(['a one {"x":1}', 'b two {}']);
});

test('a new id with a name on the same index starts a new call', () => {
  expect(calls([0, 'a', 't', '{"x":1}'], [0, 'b', 't', '{"x":'], [0, none, none, '2}'])).toEqual([
    'a t {"x":1}',
    'b t {"x":2}',
  ]);
});

test('an id that changes without a name goes on with the call', () => {
  expect(calls([0, 'a', 't', '{"x"'], [0, 'b', none, ':1}'], [0, 'c', '', ''])).toEqual(['a t {"x":1}']);
});

test('a name that is repeated with every fragment changes nothing', () => {
  expect(calls([0, 'a', 't', '{"x"'], [0, 'a', 't', ':{'], [0, 'a', 't', '}}'])).toEqual(['a t {"x":{}}']);
});

test('the same tool on one index without ids is called twice when its arguments begin again', () => {
  const found = calls([0, none, 't', '{"x":1}'], [0, none, 't', '{"x":2}'], [0, none, 'u', '{}']);
  expect(found?.map((call) => call.split(' ').slice(1).join(' '))).toEqual([
    't {"x":1}',
    't {"x":2}',
    'u {}',
  ]);
});

test('calls without an index are told apart by id or name, and nameless fragments go on with the newest', () => {
  expect(
    calls(
      [none, 'a', 't', '{"x"'],
      [none, none, none, ':1}'],
      [none, 'b', 't', '{}'],
      [none, 'a', none, ' '],
    ),
  ).toEqual(['a t {"x":1} ', 'b t {}']);
});

test('a missing or repeated id is replaced by one of our own', () => {
  const ids = calls([0, none, 't', '{}'], [1, 'a', 't', '{}'], [2, 'a', 't', '{}'])?.map(
    (c) => c.split(' ')[0],
  );
  expect(ids?.[1]).toBe('a');
  expect(ids?.[0]).toMatch(/^call_[0-9a-f]{24}$/);
  expect(ids?.[2]).toMatch(/^call_[0-9a-f]{24}$/);
  expect(new Set(ids).size).toBe(3);
});

test('the name and the id may come after the first arguments', () => {
  expect(calls([0, none, none, '{"x"'], [0, 'a', 't', ':1}'])).toEqual(['a t {"x":1}']);
});

test('arguments that come as an object are written as JSON text', () => {
  expect(calls([0, 'a', 't', { x: 1 }])).toEqual(['a t {"x":1}']);
});

test('a call that never got a name is no call, and an empty fragment opens none', () => {
  expect(calls([0, 'a', none, '{}'])).toBeUndefined();
  expect(calls([0, none, none, none], [1, 'a', 't', '{}'])).toEqual(['a t {}']);
});

test('opaque content of a call is kept with it, for the one who wrote it', () => {
  const building = new CallFragments();
  const extra_content = { google: { thought_signature: 'SIG' } };
  const fragment: Fragment = { index: 0, id: 'a', function: { name: 't', arguments: '' }, extra_content };
  building.add(fragment);
  building.add({ index: 0, function: { arguments: '{}' }, extra_content: null });
  expect(building.finished('p', virtualClock())).toEqual([
    {
      id: 'a',
      name: 't',
      arguments: '{}',
      meta: { provider: 'p', data: { openaiCompatible: { extra_content } } },
    },
  ]);
});
