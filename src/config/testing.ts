/** A home in a temporary folder, for tests. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestHome {
  readonly path: string;
  /** Writes a file of the home and answers its path. */
  write(name: string, text: string | Uint8Array): string;
  remove(): void;
}

export function testHome(): TestHome {
  const path = mkdtempSync(join(tmpdir(), 'hermes-home-'));
  return {
    path,
    write(name, text) {
      const file = join(path, name);
      writeFileSync(file, text);
      return file;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
