import { describe, expect, it } from 'vitest';
import { readCommand } from './command.ts';

describe('command detection', () => {
  it.each([
    ['/new', { name: 'new', args: '' }],
    ['/New@my_bot  My title', { name: 'new', args: 'My title' }],
    ['/model x —provider y', { name: 'model', args: 'x --provider y' }],
    ['/usr/bin/x', undefined],
    ['/', undefined],
    ['no /new here', undefined],
  ])('%s', (text, expected) => {
    expect(readCommand(text)).toEqual(expected);
  });
});
