import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import type { Settings } from '../config/settings.ts';
import type { Persona } from './contract.ts';
import { openPrompts } from './prompt.ts';
import { testRun } from './testing.ts';

const settings = (timezone: string, ephemeralSystemPrompt = '') =>
  ({ timezone, agent: { ephemeralSystemPrompt } }) as Pick<Settings, 'timezone' | 'agent'>;
const midnight = Date.UTC(2026, 0, 5, 23, 50);

test('what belongs to one turn comes last, so that the bytes before it are shared', () => {
  const prompts = openPrompts(settings('UTC', 'Be kind.'), virtualClock());
  const plain = prompts.system(testRun('x').run);
  const own = prompts.system(testRun('x', [], { ephemeralSystem: 'Answer in French.' }).run);
  expect(own).toBe(`${plain}\n\nAnswer in French.`);
  expect(plain.endsWith('Be kind.')).toBe(true);
});

test('a session keeps the day it started on; a new one has its own', async () => {
  const clock = virtualClock({ start: midnight });
  const prompts = openPrompts(settings('UTC'), clock);
  const before = prompts.system(testRun('x').run);
  await clock.advance(3_600_000);
  expect(prompts.system(testRun('x').run)).toBe(before);
  expect(prompts.system(testRun('x', [], { session: 'other' }).run)).toContain('Tuesday, January 06, 2026');
});

test('the day is that of the configured time zone; an unknown zone does not stop a turn', () => {
  const clock = virtualClock({ start: midnight });
  const day = (timezone: string) => openPrompts(settings(timezone), clock).system(testRun('x').run);
  expect(day('Asia/Tokyo')).toContain('Tuesday, January 06');
  expect(day('Nowhere/None')).toContain('Monday, January 05');
});

test('a program and a terminal are told apart; platforms describe themselves in the context', () => {
  const prompts = openPrompts(settings('UTC'), virtualClock());
  const system = (more: Parameters<typeof testRun>[2]) => prompts.system(testRun('x', [], more).run);
  expect(system({ platform: 'api_server' })).toContain('a program or an unknown client');
  expect(system({ platform: 'telegram', contextPrompt: '**Platform notes:** x' })).toContain(
    'Platform notes',
  );
  expect(system({ platform: 'unheard-of' })).not.toMatch(/undefined|unknown client/);
});

test('OC-37: a public agent says that it is one, and nothing of the machine it runs on', () => {
  const prompts = openPrompts(settings('UTC'), virtualClock());
  const system = (persona: Persona) => prompts.system(testRun('x', [], { persona }).run);
  const open = system({ text: 'You sell tea.', isPublic: true, channel: 'voice' });
  expect(open.split('\n')).toContain('Runtime: public-facing agent');
  expect(open).toContain('You sell tea.');
  expect(open).toContain('the channel voice');
  expect(open).not.toContain(hostname());
  expect(open).not.toContain(process.cwd());
  expect(system({ text: '', isPublic: false })).not.toContain('Runtime:');
});
