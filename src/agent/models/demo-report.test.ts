import { expect, it } from 'vitest';
import { report } from './demo-report.ts';

const told = (name: string, content: unknown) =>
  report({
    role: 'tool',
    toolCallId: 'c',
    name,
    content: typeof content === 'string' ? content : JSON.stringify(content),
  });

it.each([
  ['todo', { todos: [{ id: '1', content: 'a', status: 'completed' }] }, 'My list:\n\n- [x] a'],
  ['search_files', { total_count: 1, files: ['a.ts'] }, 'I found:\n\n- `a.ts`'],
  ['search_files', '{"files":["a.ts"]}\n\n[Hint: Results truncated.]', 'I found:\n\n- `a.ts`'],
  ['search_files', { total_count: 0, files: [] }, 'There are no files here.'],
  ['terminal', { output: 'hi\n', exit_code: 0, error: null }, 'It ended with code 0:\n\n```text\nhi\n```'],
  ['read_file', { content: '1|# Title' }, 'It begins with:\n\n```text\n1|# Title\n```'],
  ['read_file', { error: 'no such file' }, 'The tool `read_file` refused: no such file'],
  ['weather', 'sunny\n and warm', 'The tool `weather` answered: sunny and warm'],
])('tells what %s answered in Markdown', (name, content, words) => {
  expect(told(name, content)).toBe(words);
});

it('keeps long results short, and their fences closed', () => {
  const words = told('terminal', { output: `\`\`\`${'x'.repeat(2_000)}`, exit_code: 1 });
  expect(words.length).toBeLessThan(700);
  expect(words.match(/```/g)).toHaveLength(2);
});
