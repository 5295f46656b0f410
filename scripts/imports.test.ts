import { describe, expect, it } from 'vitest';
import { check } from './imports.ts';

const tree = (files: Record<string, string>) => check(new Map(Object.entries(files)));

describe('the import rules', () => {
  it('let a part import what stands below it', () => {
    expect(tree({ 'src/turn/a.ts': "import { b } from '../core/b.ts';", 'src/core/b.ts': '' })).toEqual([]);
  });

  it('refuse imports that point upwards, also of types', () => {
    const found = tree({ 'src/core/a.ts': "import type { B } from '../turn/b.ts';", 'src/turn/b.ts': '' });
    expect(found).toEqual(['src/core/a.ts: src/core may not import src/turn/b.ts']);
  });

  it('keep platforms apart from each other and from the core parts', () => {
    const found = tree({
      'src/platforms/a/adapter.ts':
        "import { x } from '../b/wire.ts';\nimport { s } from '../../store/store.ts';\nimport { k } from '../kit/k.ts';",
      'src/platforms/b/wire.ts': '',
      'src/platforms/kit/k.ts': '',
      'src/store/store.ts': '',
    });
    expect(found).toEqual([
      'src/platforms/a/adapter.ts: a platform does not import another one (src/platforms/b/wire.ts)',
      'src/platforms/a/adapter.ts: src/platforms may not import src/store/store.ts',
    ]);
  });

  it('find values taken from where only types may come from', () => {
    const file = 'src/api/a.ts';
    expect(tree({ [file]: "import { createServer } from 'node:http';" })[0]).toContain('src/net/http.ts');
    expect(tree({ [file]: "import type { Server } from 'node:http';" })).toEqual([]);
    expect(tree({ 'src/platforms/x/fake.ts': "import { createServer } from 'node:http';" })).toEqual([]);
  });

  it('find circles, packages out of place, missing files and readers of the environment', () => {
    const found = tree({
      'src/core/a.ts': "import { b } from './b.ts';\nconst home = process.env.HOME;",
      'src/core/b.ts': "import { a } from './a.ts';\nimport { Pool } from 'pg';\nimport { c } from './c.ts';",
    });
    expect(found.map((each) => each.split(':')[1]!.trim())).toEqual([
      'only src/config reads process.env',
      'only store may import pg',
      './c.ts does not exist',
      'src/core/a.ts → src/core/b.ts → src/core/a.ts',
    ]);
  });
});
