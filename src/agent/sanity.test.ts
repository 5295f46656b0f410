import { expect, test } from 'vitest';
import { coerce, distinctCalls, readArguments, repairName } from './sanity.ts';

const names = ['read_file', 'search_files', 'terminal', 'todo', 'write_file'];

test.each([
  ['read_file', 'read_file'],
  ['Read-File', 'read_file'],
  ['ReadFile', 'read_file'],
  ['read file', 'read_file'],
  ['functions.terminal', 'terminal'],
  ['read_file_tool', 'read_file'],
  ['terminal<|channel|>', 'terminal'],
  ['serch_files', 'search_files'],
  ['frobnicate', undefined],
  ['', undefined],
])('the name %j is taken as %j', (name, expected) => {
  expect(repairName(name, names)).toBe(expected);
});

test.each([
  ['', { kind: 'ok', value: {} }],
  [' {"a":1} ', { kind: 'ok', value: { a: 1 } }],
  ['{"path":"/tmp/x', { kind: 'truncated' }],
  ['{"a":}', { kind: 'invalid', why: expect.any(String) }],
  ['[1]', { kind: 'invalid', why: 'the arguments must be a JSON object' }],
])('the arguments %j are read as %j', (text, expected) => {
  expect(readArguments(text)).toEqual(expected);
});

test('strings become what the schema wants when that is safe, and stay otherwise', () => {
  const type = (name: string) => ({ type: name });
  const properties = {
    n: type('integer'),
    b: type('boolean'),
    l: type('array'),
    o: type('object'),
    s: type('string'),
  };
  const schema = { name: 't', description: '', parameters: { type: 'object', properties } };
  expect(coerce({ n: '42', b: 'true', l: '["x"]', o: '{"a":1}', s: '42', other: '1' }, schema)).toEqual({
    n: 42,
    b: true,
    l: ['x'],
    o: { a: 1 },
    s: '42',
    other: '1',
  });
  const unfit = { n: '4.5', b: 'yes', l: '{}', o: 'null' };
  expect(coerce(unfit, schema)).toEqual(unfit);
});

test('identical calls run once, and repeated ids are told apart', () => {
  const call = (id: string, args: string) => ({ id, name: 'todo', arguments: args });
  expect(distinctCalls([call('c', '{}'), call('d', '{}'), call('c', '{"a":1}')]).map((c) => c.id)).toEqual([
    'c',
    'c_2',
  ]);
});
