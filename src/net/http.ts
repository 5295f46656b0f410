/**
 * `node:http` for servers, taken without an `import`: an import of it evaluates every export, and some of them load the
 * runtime's built-in fetch, which cost 16 MiB and is used nowhere. Everything in `src/` that opens a server takes it
 * from here; types may be imported as usual.
 */
export const { createServer, STATUS_CODES } = process.getBuiltinModule('node:http');
