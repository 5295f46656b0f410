/** Checks the import rules of `import-rules.ts`, circles, platform isolation and who reads the environment. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { environmentReader, exempt, instead, packages, parts } from './import-rules.ts';

export interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
}

const statement = /^(import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm;

/** Imports of one file as written. Formatting is the project's own, so lines start with the keyword. */
export function importsOf(source: string): Import[] {
  return [...source.matchAll(statement)].map((match) => ({
    target: match[3] ?? match[4] ?? '',
    // A lazy import cannot make a circle at load time.
    typeOnly: match[2] !== undefined || match[4] !== undefined,
  }));
}

/** Every violation as a sentence. `files` are paths from the project's root with their text. */
export function check(files: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const edges = new Map<string, string[]>();
  for (const [file, source] of files) {
    const inProduct = !exempt.some((rule) => rule.test(file));
    const part = file.split('/')[1] ?? '';
    const list: string[] = [];
    for (const { target, typeOnly } of importsOf(source)) {
      if (!target.startsWith('.')) {
        const owners = Object.entries(packages).find(
          ([name]) => target === name || target.startsWith(`${name}/`),
        )?.[1];
        if (inProduct && owners && !owners.includes(part))
          problems.push(`${file}: only ${owners.join(', ')} may import ${target}`);
        const advice = instead[target];
        if (inProduct && !typeOnly && advice !== undefined && !/\/fake(\.ts$|\/)/.test(file))
          problems.push(`${file}: ${advice}`);
        continue;
      }
      const to = normalize(join(dirname(file), target));
      if (!files.has(to) && to.endsWith('.ts') && to.startsWith('src/'))
        problems.push(`${file}: ${target} does not exist`);
      if (!typeOnly) list.push(to);
      if (inProduct) problems.push(...crossing(file, part, to));
    }
    edges.set(file, list);
    if (inProduct && part !== environmentReader && /\bprocess\.env\b/.test(source)) {
      problems.push(`${file}: only src/${environmentReader} reads process.env`);
    }
  }
  return [...problems, ...circles(edges)];
}

function crossing(file: string, part: string, to: string): string[] {
  if (!to.startsWith('src/')) return [`${file}: the product does not import ${to}`];
  const other = to.slice('src/'.length).replace(/\.ts$/, '');
  if (part === 'platforms') {
    const [mine, theirs] = [file.split('/')[2], to.split('/')[2]];
    const shared = theirs === 'kit' || theirs === 'contract.ts';
    if (to.startsWith('src/platforms/') && mine !== theirs && !shared && !mine?.endsWith('.ts')) {
      return [`${file}: a platform does not import another one (${to})`];
    }
  }
  if (other === part || other.startsWith(`${part}/`)) return [];
  const allowed = parts[part];
  if (allowed === undefined)
    return file.split('/').length === 2 ? [] : [`${file}: src/${part} has no import rule`];
  const fits = allowed.some((entry) => other === entry || other.startsWith(`${entry}/`));
  return fits ? [] : [`${file}: src/${part} may not import ${to}`];
}

function circles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const state = new Map<string, 'open' | 'done'>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      found.push(`circle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`);
      return;
    }
    state.set(file, 'open');
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of edges.keys()) visit(file, []);
  return found;
}

export function sourceFiles(root: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(root.length + 1), readFileSync(path, 'utf8'));
  }
  return files;
}

if (import.meta.main) {
  const problems = check(sourceFiles(process.cwd()));
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? 'imports: all rules hold' : `imports: ${problems.length} violations`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
