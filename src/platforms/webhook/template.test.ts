import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cut, dump, render, renderAll } from './template.ts';

const filled = (template: string, payload: unknown, event = 'push') => render(template, { payload, event });

describe('a template', () => {
  it('puts values of any depth in, and prints what is not text as JSON does', () => {
    const payload = { a: { b: { c: 'deep' } }, n: 7, yes: true, no: null, list: [1, 'ä'], empty: {} };
    expect(filled('{a.b.c} {n} {yes} {no}', payload)).toBe('deep 7 true null');
    expect(filled('{list}', payload)).toBe('[\n  1,\n  "ä"\n]');
    expect(filled('{empty}|{a.b}', payload)).toBe('{}|{\n  "c": "deep"\n}');
  });

  it('leaves what has no value as it is written', () => {
    const payload = { a: { b: 1 }, list: [1], 'with-hyphen': 1, text: 'x' };
    for (const literal of [
      '{nothing}',
      '{a.c}',
      '{a.b.c}',
      '{list.0}',
      '{text.length}',
      '{with-hyphen}',
      '{a b}',
      '{{ a }}',
      '{}',
      '{.}',
      '{a..b}',
      '{% if a %}',
    ])
      expect(filled(literal, payload), literal).toBe(literal);
  });

  it('reads a value once: what it holds is not a template', () => {
    expect(filled('{a} {b}', { a: '{b}', b: '{__raw__}' })).toBe('{b} {__raw__}');
  });

  it('reads no property that the payload does not have itself', () => {
    const payload = JSON.parse('{"a":{},"__proto__":{"polluted":"own"}}') as object;
    for (const path of ['{a.constructor}', '{a.__proto__.x}', '{toString}', '{constructor.name}'])
      expect(filled(path, payload)).toBe(path);
    expect(filled('{__proto__.polluted}', payload)).toBe('own');
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
  });

  it('cuts objects after 2000 and the whole payload after 4000 characters, never through one', () => {
    const payload = { list: Array.from({ length: 3_000 }, (_, n) => `item ${n}`) };
    const whole = JSON.stringify(payload, null, 2);
    expect(filled('{__raw__}', payload)).toBe(whole.slice(0, 4_000));
    expect(filled('{list}', payload)).toBe(JSON.stringify(payload.list, null, 2).slice(0, 2_000));
    const faces = { face: '😀'.repeat(5_000) };
    const shown = filled('{__raw__}', faces);
    expect([...shown]).toHaveLength(4_000);
    expect(shown.isWellFormed()).toBe(true);
    expect(filled('{__raw__} {face}', { face: 'x' })).toBe('{\n  "face": "x"\n} x');
  });

  it('names the event, also where the payload has a field of that name', () => {
    expect(filled('{event_type}', { event_type: 'theirs' }, 'push')).toBe('push');
  });

  it('stays bounded for any payload', () => {
    let nested: unknown = {};
    for (let depth = 0; depth < 100_000; depth += 1) nested = [nested];
    expect([...filled('{__raw__}', nested)]).toHaveLength(4_000);
    expect(filled('{a}'.repeat(100), { a: 'x'.repeat(1_000_000) }).length).toBe(262_144);
  });

  it('of a list, a scalar or nothing fills in only the whole of it', () => {
    for (const payload of [[1, 2], 'text', 7, null, true])
      expect(filled('{0}{length}{__raw__}', payload)).toBe(`{0}{length}${JSON.stringify(payload, null, 2)}`);
  });
});

it('only texts of the first level are templates in deliver_extra', () => {
  const extra = { chat_id: '{id}', thread_id: 5, list: ['{id}'], event: '{event_type}' };
  expect([...renderAll(extra, { payload: { id: 9 }, event: 'push' })]).toEqual([
    ['chat_id', '9'],
    ['thread_id', 5],
    ['list', ['{id}']],
    ['event', 'push'],
  ]);
});

it('a dump is the beginning of the JSON of the value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 200 }), (value, most) => {
      expect(dump(value, most)).toBe(cut(JSON.stringify(value, null, 2), most));
    }),
  );
});
