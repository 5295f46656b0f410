#!/usr/bin/env node
// Runs a tool of node_modules/.bin or a script of this repository under the pinned Node, whatever Node called it:
// `node bin/run.js vitest run`, `node bin/run.js scripts/verify.ts`.
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { becomeNode, isNewEnough, pinnedNode, refuse } from './node.js';

const [name, ...args] = process.argv.slice(2);
if (name === undefined) {
  process.stderr.write('Usage: node bin/run.js TOOL|SCRIPT [ARGUMENTS]\n');
  process.exit(2);
}
const root = fileURLToPath(new URL('../', import.meta.url));
const tools = join(root, 'node_modules', '.bin');
const tool = join(tools, name);
const file = existsSync(tool) ? realpathSync(tool) : resolve(name);
const node = pinnedNode() ?? (isNewEnough() ? process.execPath : undefined);
if (node === undefined) refuse();
else {
  // Tools and scripts that start `node` themselves must find the same one.
  process.env.PATH = [dirname(node), tools, process.env.PATH ?? ''].join(delimiter);
  becomeNode(node, [file, ...args]);
}
