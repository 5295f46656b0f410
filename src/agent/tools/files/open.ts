/**
 * Opening files for the tools: symlinks are resolved before the deny lists are asked, and what was opened is
 * compared with what was checked, so that a link swapped in between opens nothing.
 */

import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize, resolve } from 'node:path';
import type { Stamp } from '../task-state.ts';
import type { Places } from './places.ts';

/** An expected failure whose message the model gets. */
export class FileRefusal extends Error {
  readonly code: 'missing' | 'refused' | 'not-a-file' | 'too-large' | 'changed' | 'binary';
  constructor(code: FileRefusal['code'], message: string) {
    super(message);
    this.name = 'FileRefusal';
    this.code = code;
  }
}

/** `~` and relative paths made absolute; no access. */
export function absolute(path: string, cwd: string, home: string): string {
  if (path.includes('\0')) throw new FileRefusal('refused', 'The path contains a NUL character.');
  if (path === '~' || path.startsWith('~/')) return normalize(join(home, path.slice(1)));
  return isAbsolute(path) ? normalize(path) : resolve(cwd, path);
}

/** Real path of something that may not exist yet: the existing part is resolved, the rest is appended. */
export async function realTarget(path: string): Promise<string> {
  const missing: string[] = [];
  let at = path;
  for (let links = 0; ; ) {
    try {
      return join(await realpath(at), ...missing);
    } catch (error) {
      if (codeOf(error) === 'ELOOP') throw new FileRefusal('refused', `Too many symbolic links: ${path}`);
      if (codeOf(error) === 'ENOTDIR')
        throw new FileRefusal('not-a-file', `A parent of ${path} is not a directory.`);
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    // A dangling link still says where a new file would appear.
    const link = await readlink(at).catch(() => undefined);
    if (link !== undefined) {
      links += 1;
      if (links > 40) throw new FileRefusal('refused', `Too many symbolic links: ${path}`);
      at = resolve(dirname(at), link);
      continue;
    }
    const parent = dirname(at);
    if (parent === at) return join(at, ...missing);
    missing.unshift(basename(at));
    at = parent;
  }
}

/** The configured places with their own symlinks resolved, so that they compare with real paths. */
export async function realPlaces(places: Places): Promise<Places> {
  const real = (path: string) => realTarget(path).catch(() => path);
  return {
    home: await real(places.home),
    userHomes: [...new Set([...places.userHomes, ...(await Promise.all(places.userHomes.map(real)))])],
    writeRoot: places.writeRoot === undefined ? undefined : await real(places.writeRoot),
  };
}

/**
 * Opens the regular file at the real path `path` for reading. Throws `FileRefusal` when it is missing, a device,
 * a pipe or a directory, or when another file was put in its place.
 */
export async function openRegular(path: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new FileRefusal('missing', `File not found: ${path}`);
    if (code === 'ELOOP')
      throw new FileRefusal('changed', `${path} became a symbolic link while it was being opened.`);
    if (code === 'EACCES' || code === 'EPERM') throw new FileRefusal('refused', `Permission denied: ${path}`);
    if (code === 'ENXIO') throw new FileRefusal('not-a-file', `${path} is not a regular file.`);
    throw error;
  }
  try {
    const info = await handle.stat();
    if (info.isDirectory())
      throw new FileRefusal('not-a-file', `${path} is a directory; use search_files to list it.`);
    if (!info.isFile()) {
      throw new FileRefusal('not-a-file', `${path} is a device or pipe; only regular files can be read.`);
    }
    if ((await openedPath(handle, path)) !== path) {
      throw new FileRefusal('changed', `${path} was replaced while it was being opened.`);
    }
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Where the kernel says an open file is; elsewhere the path is resolved again. */
async function openedPath(handle: FileHandle, path: string): Promise<string> {
  if (process.platform === 'linux') {
    const link = await readlink(`/proc/self/fd/${handle.fd}`).catch(() => undefined);
    if (link !== undefined) return link;
  }
  const [now, opened] = [await stat(path), await handle.stat()];
  return now.ino === opened.ino && now.dev === opened.dev ? await realpath(path) : '';
}

/** Reads at most `limit` bytes; `FileRefusal('too-large')` above. */
export async function readAll(handle: FileHandle, limit: number): Promise<{ bytes: Buffer; stamp: Stamp }> {
  const info = await handle.stat();
  if (info.size > limit) {
    throw new FileRefusal(
      'too-large',
      `The file has ${info.size} bytes; the limit of this tool is ${limit}.`,
    );
  }
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(65_536);
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) break;
    total += bytesRead;
    // Files below /proc have size 0 and grow while they are read.
    if (total > limit) throw new FileRefusal('too-large', `The file has more than ${limit} bytes.`);
    chunks.push(chunk.subarray(0, bytesRead));
  }
  return { bytes: Buffer.concat(chunks, total), stamp: { mtimeMs: info.mtimeMs, size: info.size } };
}

/**
 * Replaces or creates the file at the real path `path`: temporary file in the same directory, fsync, rename,
 * fsync of the directory. Readers see the old or the new text, never a part. Mode and owner are kept.
 * The directory must exist; `check` is asked again for the directory that was really opened.
 */
export async function writeAtomically(
  path: string,
  bytes: Uint8Array,
  unique: string,
  check: (real: string) => void,
): Promise<Stamp> {
  const folder = await open(
    dirname(path),
    constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
  ).catch((error: unknown) => {
    const why = codeOf(error) === 'ELOOP' || codeOf(error) === 'ENOTDIR' ? 'changed' : 'refused';
    throw new FileRefusal(why, `Cannot open the directory of ${path} (${codeOf(error)}).`);
  });
  try {
    const real =
      process.platform === 'linux'
        ? await readlink(`/proc/self/fd/${folder.fd}`)
        : await realpath(dirname(path));
    const target = join(real, basename(path));
    if (target !== path) throw new FileRefusal('changed', `The directory of ${path} was replaced.`);
    check(target);
    // Going through the open directory, a later swap of one of its parents changes nothing.
    const base = process.platform === 'linux' ? `/proc/self/fd/${folder.fd}` : real;
    const final = join(base, basename(path));
    const before = await stat(final).catch(() => undefined);
    if (before !== undefined && !before.isFile()) {
      throw new FileRefusal('not-a-file', `${path} exists and is not a regular file.`);
    }
    const temporary = join(base, `.${basename(path).slice(0, 100)}.${unique}.tmp`);
    const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o666);
    let stamp: Stamp;
    try {
      await file.writeFile(bytes);
      if (before !== undefined) {
        if (before.uid !== process.getuid?.() || before.gid !== process.getgid?.()) {
          await file.chown(before.uid, before.gid).catch(() => {});
        }
        await file.chmod(before.mode & 0o7777);
      }
      await file.sync();
      await file.close();
      await rename(temporary, final);
      const info = await stat(final);
      stamp = { mtimeMs: info.mtimeMs, size: info.size };
    } catch (error) {
      await file.close().catch(() => {});
      await rm(temporary, { force: true });
      throw error;
    }
    await folder.sync().catch(() => {});
    return stamp;
  } finally {
    await folder.close();
  }
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
