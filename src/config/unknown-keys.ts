/** Keys of config.yaml that nothing knows, each with the nearest name that is known. */
import { closest, distance } from 'fastest-levenshtein';
import type { ConfigDocument, Path } from './document.ts';
import { keys, openSections, platformNames } from './keys.ts';
import type { Problem } from './problem.ts';
import { isVariable } from './resolve.ts';
import { isMapping } from './values.ts';

interface Branch {
  readonly children: Map<string, Branch>;
  /** Everything below is somebody else's to check. */
  open: boolean;
  /** A value may stand here. */
  leaf: boolean;
}

function knownTree(platforms: readonly string[], sections: readonly string[]): Branch {
  const root: Branch = { children: new Map(), open: false, leaf: false };
  const add = (path: string, open: boolean) => {
    let branch = root;
    for (const segment of path.split('.')) {
      const next = branch.children.get(segment) ?? { children: new Map(), open: false, leaf: false };
      branch.children.set(segment, next);
      branch = next;
    }
    branch.leaf = true;
    if (open) branch.open = true;
  };
  for (const [name, key] of Object.entries(keys)) {
    if (isVariable(name)) continue;
    const also = 'also' in key ? key.also : [];
    for (const path of [name, ...also]) add(path, false);
  }
  for (const section of [...openSections, ...sections]) add(section, true);
  for (const name of new Set([...platformNames, ...platforms])) {
    if (name === 'api_server') continue;
    for (const place of ['', 'platforms.', 'gateway.platforms.', 'gateway.']) add(`${place}${name}`, true);
  }
  for (const place of ['platforms', 'gateway.platforms', 'gateway']) {
    for (const name of ['home_channel', 'reply_to_mode', 'gateway_restart_notification'])
      if (place !== 'gateway') add(`${place}.api_server.${name}`, true);
  }
  return root;
}

/** Values of keys are not looked at here: `resolve.ts` checks their types. */
export function unknownKeys(
  document: ConfigDocument,
  platforms: readonly string[],
  sections: readonly string[] = [],
): readonly Problem[] {
  const problems: Problem[] = [];
  const root = knownTree(platforms, sections);
  const walk = (value: unknown, branch: Branch, path: Path) => {
    if (branch.open) return;
    if (!isMapping(value)) {
      if (!branch.leaf && path.length > 0 && value !== null && value !== undefined)
        problems.push(say(document, path, 'expected a mapping of keys.', undefined));
      return;
    }
    // A key whose own value is a mapping: nothing below it is ours to name.
    if (branch.leaf && branch.children.size === 0) return;
    for (const [name, child] of Object.entries(value)) {
      const here = [...path, name];
      const next = branch.children.get(name) ?? branch.children.get('*');
      if (next !== undefined) walk(child, next, here);
      else
        problems.push(
          say(document, here, 'unknown key, it has no effect.', nearest(name, path, branch, root)),
        );
    }
  };
  walk(document.data, root, []);
  return problems;
}

function say(document: ConfigDocument, path: Path, message: string, hint: string | undefined): Problem {
  return {
    severity: 'warning',
    path: path.join('.'),
    message,
    ...(hint === undefined ? {} : { hint }),
    file: document.file,
    ...document.where(path),
  };
}

/** The most similar sibling; else the same name at the place where it belongs. */
function nearest(name: string, path: Path, branch: Branch, root: Branch): string | undefined {
  const siblings = [...branch.children.keys()].filter((key) => key !== '*');
  const sibling = siblings.length === 0 ? undefined : closest(name, siblings);
  if (sibling !== undefined && distance(name, sibling) <= Math.max(1, Math.floor(name.length / 3)))
    return `Did you mean \`${[...path, sibling].join('.')}\`?`;
  const elsewhere = pathsEndingIn(name, root);
  return elsewhere === undefined ? undefined : `It belongs to \`${elsewhere}\`.`;
}

function pathsEndingIn(name: string, root: Branch): string | undefined {
  const known = Object.keys(keys).filter((key) => !isVariable(key));
  return known.find((key) => key.split('.').at(-1) === name) ?? (root.children.has(name) ? name : undefined);
}
