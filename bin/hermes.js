#!/usr/bin/env node
// Launcher of `hermes`: finds a Node that is new enough, then runs the source of a checkout or the built program of a package.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import { becomeNode, isNewEnough, pinnedNode, refuse } from './node.js';

if (isNewEnough()) {
  module.enableCompileCache?.();
  // Some 5 MiB less at rest for code that only starts the program; taken back before it serves (bench P4, P7).
  v8.setFlagsFromString('--optimize-for-size');
  const built = new URL('../dist/cli/main.js', import.meta.url);
  const source = new URL('../src/cli/main.ts', import.meta.url);
  // A checkout runs what one edits; the published package has no source.
  const { main } = await import(existsSync(source) ? source.href : built.href);
  process.exitCode = await main(process.argv.slice(2));
} else {
  const node = pinnedNode();
  if (node === undefined) refuse();
  else becomeNode(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
}
