import { cpSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

export type Build = 'dist' | 'source';

const root = join(import.meta.dirname, '../..');

/** When `dist/` was built; undefined = it was not. */
export function builtAt(): Date | undefined {
  const main = join(root, 'dist/cli/main.js');
  return existsSync(main) ? statSync(main).mtime : undefined;
}

export interface Package {
  readonly launcher: string;
  remove(): void;
}

/** What its user starts: the launcher of this checkout, or the build laid out like the published package. */
export function openPackage(build: Build, folder: string): Package {
  if (build === 'source') return { launcher: join(root, 'bin/hermes.js'), remove: () => {} };
  const path = mkdtempSync(join(folder, 'hermes-bench-package-'));
  for (const part of ['bin', 'dist', 'package.json']) {
    cpSync(join(root, part), join(path, part), { recursive: true });
  }
  return {
    launcher: join(path, 'bin/hermes.js'),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
