import { describe, expect, it } from 'vitest';
import { generatedDocs, outdated, subcommands, table, withKeys } from './generate-docs.ts';

describe('the generated pages', () => {
  it('say what the code says; `npm run docs` writes them again', async () => {
    expect(await outdated()).toEqual([]);
  });

  it('come out the same every time', async () => {
    expect([...(await generatedDocs())]).toEqual([...(await generatedDocs())]);
  });

  it('describe every setting of every platform', async () => {
    const page = (await generatedDocs()).get('docs/reference/platforms.md') ?? '';
    const rows = page.split('\n').filter((line) => /^\| `\w+` \|/.test(line));
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.filter((row) => /\|\s*\|$/.test(row))).toEqual([]);
  });
});

describe('the generator', () => {
  it('leaves what is written by hand around the tables alone', () => {
    const page = withKeys('# Title\n<!-- generated: keys -->STALE<!-- /generated -->\nend');
    expect(page).toMatch(/^# Title\n<!-- generated: keys -->\n\n### Model\n/);
    expect(page).toMatch(/<!-- \/generated -->\nend$/);
    expect(page).not.toContain('STALE');
    expect(withKeys(page)).toBe(page);
  });

  it('refuses a page without its markers', () => {
    expect(() => withKeys('# Title')).toThrow(/lacks/);
  });

  it('keeps a cell a cell', () => {
    expect(table(['a'], [['x | y\nz']])).toBe('| a |\n| --- |\n| x \\| y z |');
  });

  it('finds commands under any heading, and neither options nor help', () => {
    const help = [
      'Usage: x [options]',
      '',
      'Options:',
      '  -h, --help  help',
      '',
      'Talk:',
      '  chat [options]  talk',
      '        goes on here',
      '  help [command]  help',
    ];
    expect(subcommands(help.join('\n'))).toEqual(['chat']);
  });
});
