import { expect, it } from 'vitest';
import { serve } from './testing.ts';
import { faultsOfBody, StreamJudge } from './testing-schema.ts';

it('the judge finds what is wrong with a body', async () => {
  await using server = await serve();
  const good = await server.ask({ input: 'x' });
  expect(faultsOfBody(JSON.stringify(good))).toEqual([]);
  for (const wrong of [
    { ...good, usage: undefined },
    { ...good, temperature: null },
    { ...good, output: [{ type: 'message' }] },
    { ...good, output: [{ type: 'hermes:tool_call', id: 'a' }] },
    { ...good, object: 'something' },
    { error: { message: 'no type' } },
    { object: 'list', data: [{ type: 'message' }] },
  ]) {
    expect(faultsOfBody(JSON.stringify(wrong))).not.toEqual([]);
  }
});

it('the judge finds what is wrong with a stream', async () => {
  await using server = await serve();
  const text = await (await server.post({ input: 'x', stream: true })).text();
  const faults = (stream: string) => {
    const judge = new StreamJudge();
    for (const character of stream) judge.read(character);
    return judge.faults;
  };
  expect(faults(text)).toEqual([]);
  for (const wrong of [
    text.replace('"sequence_number":3', '"sequence_number":4'),
    text.replace('event: response.output_text.delta', 'event: response.output_text.done'),
    text.replaceAll('response.output_text.delta', 'response.reasoning_text.delta'),
    text.replace('"tools":[]', '"tools":null'),
    `${text}event: x\ndata: {"type":"x"}\n\n`,
    `${text.slice(0, text.indexOf('event: response.completed'))}data: [DONE]\n\n`,
  ]) {
    expect(wrong).not.toBe(text);
    expect(faults(wrong)).not.toEqual([]);
  }
});

it('a test that is told something invalid fails at its end', async () => {
  const server = await serve();
  server.faults.push('something invalid');
  await expect(server[Symbol.asyncDispose]()).rejects.toThrow('something invalid');
});
