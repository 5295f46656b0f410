/** How the demo model tells what a tool answered: the results of the built-in tools as Markdown, others as they are. */
import type { Message } from '../../core/message.ts';

type Fields = Readonly<Record<string, unknown>>;

const longest = 600;
const marks: Readonly<Record<string, string>> = { completed: '[x]', cancelled: '[-]' };

export function report({ name, content }: Extract<Message, { role: 'tool' }>): string {
  const fields = parsed(content);
  if (fields === undefined)
    return `The tool \`${name}\` answered: ${cut(content.replace(/\s+/g, ' ').trim(), 160)}`;
  if (typeof fields['error'] === 'string' && fields['error'] !== '')
    return `The tool \`${name}\` refused: ${cut(fields['error'], 300)}`;
  const told = inWords(name, fields);
  return told ?? `The tool \`${name}\` answered:\n\n${fenced(JSON.stringify(fields, undefined, 2))}`;
}

function inWords(name: string, fields: Fields): string | undefined {
  switch (name) {
    case 'todo':
      return list(
        fields['todos'],
        ({ content, status }) => `${marks[String(status)] ?? '[ ]'} ${content}`,
        'My list:',
      );
    case 'search_files': {
      const files = fields['files'];
      if (!Array.isArray(files)) return undefined;
      if (files.length === 0) return 'There are no files here.';
      return `I found:\n\n${files.map((file) => `- \`${file}\``).join('\n')}`;
    }
    case 'terminal':
      return `It ended with code ${fields['exit_code']}:\n\n${fenced(String(fields['output'] ?? ''))}`;
    case 'read_file':
      return `It begins with:\n\n${fenced(String(fields['content'] ?? ''))}`;
    default:
      return undefined;
  }
}

function list(items: unknown, line: (item: Fields) => string, title: string): string | undefined {
  if (!Array.isArray(items)) return undefined;
  return [title, '', ...items.map((item) => `- ${line(item as Fields)}`)].join('\n');
}

const fenced = (text: string) =>
  `\`\`\`text\n${cut(text.replaceAll('```', "'''").trimEnd(), longest)}\n\`\`\``;

const cut = (text: string, most: number) => (text.length > most ? `${text.slice(0, most)}…` : text);

function parsed(content: string): Fields | undefined {
  try {
    // Tools add hints for the model behind their JSON.
    const value: unknown = JSON.parse(content.split('\n\n[Hint')[0] ?? '');
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : undefined;
  } catch {
    return undefined;
  }
}
