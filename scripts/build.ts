/**
 * `npm run build`: bundles the product into `dist/`, one file per lazily loaded part. Platform folders keep their names,
 * because the registry finds them by listing. Everything written in JavaScript is bundled: reading hundreds of
 * small files is most of a cold start.
 */
import { cpSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { ascii } from './ascii.ts';

const platformFiles = globSync('src/platforms/*/manifest.ts')
  .flatMap((file) => ['manifest', 'adapter', 'fake'].map((part) => `${dirname(file)}/${part}.ts`))
  .filter((file) => existsSync(file));
/** Keeps its place, because the files of the page lie beside it. */
const pageFiles = 'src/api/page/assets.ts';
const input = Object.fromEntries(
  ['src/cli/main.ts', 'src/platforms/registry.ts', pageFiles, ...platformFiles].map((file) => [
    file.replace(/^src\//, '').replace(/\.ts$/, ''),
    file,
  ]),
);

rmSync('dist', { recursive: true, force: true });
const bundle = await rolldown({
  input,
  platform: 'node',
  // Optional native drivers of pg; never installed here.
  external: [/^node:/, 'pg-native', 'pg-cloudflare'],
  resolve: { conditionNames: ['import', 'node', 'default'] },
  logLevel: 'warn',
});
await bundle.write({
  dir: 'dist',
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
  minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  sourcemap: false,
});
await bundle.close();

for (const file of globSync('dist/**/*.js')) writeFileSync(file, ascii(readFileSync(file, 'utf8'), file));

// Listing is all that connects a platform to the product, so its loss would go unnoticed until somebody starts it.
const registry: typeof import('../src/platforms/registry.ts') = await import(
  pathToFileURL('dist/platforms/registry.js').href
);
const listed = await registry.listPlatforms();
if (listed.length === 0 || listed.length !== globSync('src/platforms/*/manifest.ts').length)
  throw new Error(`the built registry lists ${listed.length} platforms`);
cpSync('src/api/page/assets', 'dist/api/page/assets', {
  recursive: true,
  filter: (source) => !source.endsWith('tsconfig.json'),
});
