/** The launcher of a checkout that has a build as well, which `bin/hermes.js` would prefer. */
import module from 'node:module';

module.enableCompileCache?.();
// Loaded after the line above, or nothing of it would be cached.
const { main } = await import('../../src/cli/main.ts');
process.exitCode = await main(process.argv.slice(2));
