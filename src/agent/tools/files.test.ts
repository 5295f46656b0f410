import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBench } from './testing.ts';

describe('read_file', () => {
  it('numbers lines without padding and says how to continue', async () => {
    await using bench = await openBench();
    await writeFile(join(bench.dir, 'a.txt'), '\ufeffone\r\ntwo\r\nthree\r\n');
    expect(await bench.call('read_file', { path: 'a.txt', limit: 2 })).toEqual({
      content: '1|one\n2|two',
      total_lines: 3,
      file_size: 20,
      truncated: true,
      hint: expect.stringContaining('offset=3'),
      is_binary: false,
      is_image: false,
    });
    expect(await bench.call('read_file', { path: 'a.txt', offset: 3 })).toMatchObject({
      content: '3|three',
      truncated: false,
    });
  });

  it('cuts long lines and refuses what is too much as a whole', async () => {
    await using bench = await openBench({ toolOutput: { maxLineLength: 5, fileReadMaxChars: 60 } });
    await writeFile(join(bench.dir, 'a'), `${'x'.repeat(50)}\ny\n`);
    expect(await bench.call('read_file', { path: 'a' })).toMatchObject({
      content: '1|xxxxx... [truncated]\n2|y',
    });
    await writeFile(join(bench.dir, 'b'), 'x\n'.repeat(100));
    expect(await bench.call('read_file', { path: 'b' })).toEqual({
      error: expect.stringMatching(/^Read produced \d+ characters which exceeds the safety limit/),
    });
  });

  it('answers a repeated read with a short note, then refuses it, until the conversation was shortened', async () => {
    await using bench = await openBench();
    await writeFile(join(bench.dir, 'a'), 'x\n');
    const read = () => bench.call('read_file', { path: 'a' });
    expect(await read()).toHaveProperty('content');
    expect(await read()).toMatchObject({ status: 'unchanged', dedup: true, content_returned: false });
    expect(await read()).toMatchObject({ error: expect.stringMatching(/^BLOCKED: /) });
    await bench.call('todo', {});
    expect(await read()).toMatchObject({ status: 'unchanged' });
    bench.box.forgetReads('default');
    expect(await read()).toHaveProperty('content');
    await writeFile(join(bench.dir, 'a'), 'changed\n');
    expect(await read()).toMatchObject({ content: '1|changed' });
  });

  it('refuses credential and environment files, also through links', async () => {
    await using bench = await openBench();
    for (const path of ['.env', '.env.local', '.envrc', 'sub/.env.production']) {
      await mkdir(join(bench.dir, 'sub'), { recursive: true });
      await writeFile(join(bench.dir, path), 'A=1\n');
      expect(await bench.call('read_file', { path }), path).toEqual({
        error: expect.stringContaining('Access denied'),
      });
    }
    await mkdir(join(bench.home, 'mcp-tokens'));
    for (const path of [
      'auth.json',
      '.env',
      'webhook_subscriptions.json',
      'mcp-tokens/x.json',
      'gateway.db',
      'gateway.db-wal',
    ]) {
      await writeFile(join(bench.home, path), 'secret');
      expect(await bench.call('read_file', { path: join(bench.home, path) }), path).toHaveProperty('error');
    }
    await symlink(join(bench.home, 'auth.json'), join(bench.dir, 'harmless.txt'));
    await symlink(bench.home, join(bench.dir, 'folder'));
    for (const path of [
      'harmless.txt',
      'folder/auth.json',
      'folder/../.hermes/auth.json',
      '~/.hermes/auth.json',
    ]) {
      const result = await bench.call('read_file', { path });
      expect(JSON.stringify(result), path).not.toContain('secret');
      expect(result, path).toHaveProperty('error');
    }
    expect(await bench.call('read_file', { path: '/proc/self/environ' })).toEqual({
      error: expect.stringContaining('Access denied'),
    });
  });

  it('refuses devices, pipes, sockets, folders and binary files without waiting', async () => {
    await using bench = await openBench();
    execFileSync('mkfifo', [join(bench.dir, 'pipe')]);
    const server = createServer().listen(join(bench.dir, 'sock'));
    await new Promise((ready) => server.once('listening', ready));
    await writeFile(join(bench.dir, 'bin'), Buffer.from([1, 0, 2]));
    await writeFile(join(bench.dir, 'a.png'), 'x');
    await writeFile(join(bench.dir, 'latin'), Buffer.from([0x61, 0xe9, 0x62]));
    for (const path of ['pipe', 'sock', '/dev/zero', '/dev/null', '.', 'bin', 'latin']) {
      expect(await bench.call('read_file', { path }), path).toHaveProperty('error');
    }
    expect(await bench.call('read_file', { path: 'a.png' })).toEqual({
      error: expect.stringContaining('vision_analyze'),
    });
    server.close();
  });

  it('masks keys in the text and keeps the line numbers', async () => {
    await using bench = await openBench();
    const key = 'sk-abcdefghijklmnopqrstuvwxyz123456';
    await writeFile(
      join(bench.dir, 'a.py'),
      `k = "${key}"\n-----BEGIN PRIVATE KEY-----\nAAAA\nBBBB\n-----END PRIVATE KEY-----\nlast\n`,
    );
    const { content } = await bench.call('read_file', { path: 'a.py' });
    expect(content).not.toContain(key);
    expect(content).toMatch(/^1\|k = "sk-abc\.\.\.3456"\n2\|.*\n3\|.*\n4\|.*\n5\|.*\n6\|last$/);
    expect((await bench.call('read_file', { path: 'a.py', offset: 4 }))['content']).not.toContain('BBBB');
  });

  it('means the home of the children by ~', async () => {
    await using bench = await openBench();
    await writeFile(join(bench.home, '..', 'note'), 'here');
    expect(await bench.call('read_file', { path: '~/note' })).toMatchObject({ content: '1|here' });
  });

  it('protects a HERMES_HOME that is itself a link', async () => {
    await using real = await openBench();
    await writeFile(join(real.home, 'auth.json'), 'secret');
    await symlink(real.home, join(real.dir, 'linked'));
    await using bench = await openBench({ home: join(real.dir, 'linked') });
    for (const path of [join(real.home, 'auth.json'), join(real.dir, 'linked', 'auth.json')]) {
      expect(await bench.call('read_file', { path })).toEqual({
        error: expect.stringContaining('Access denied'),
      });
      expect(await bench.call('write_file', { path, content: 'x' })).toHaveProperty('error');
    }
    expect(await bench.call('search_files', { pattern: 'secret', path: real.home })).toMatchObject({
      total_count: 0,
    });
  });

  it('names similar files when there is none', async () => {
    await using bench = await openBench();
    await writeFile(join(bench.dir, 'readme.md'), '');
    expect(await bench.call('read_file', { path: 'README.txt' })).toMatchObject({
      similar_files: [join(bench.dir, 'readme.md')],
    });
  });
});

describe('write_file', () => {
  it('creates parents, replaces atomically and keeps mode, byte order mark and CRLF', async () => {
    await using bench = await openBench();
    expect(await bench.call('write_file', { path: 'a/b/c.txt', content: 'x' })).toEqual({
      bytes_written: 1,
      dirs_created: true,
      resolved_path: join(bench.dir, 'a/b/c.txt'),
      files_modified: [join(bench.dir, 'a/b/c.txt')],
    });
    const file = join(bench.dir, 'win.sh');
    await writeFile(file, '\ufeffa\r\nb\r\n');
    await chmod(file, 0o755);
    const before = await stat(file);
    await bench.call('write_file', { path: 'win.sh', content: 'c\nd\n' });
    expect(await readFile(file, 'utf8')).toBe('\ufeffc\r\nd\r\n');
    expect((await stat(file)).mode).toBe(before.mode);
    // A new file took the place of the old one; nothing is left beside it.
    expect((await stat(file)).ino).not.toBe(before.ino);
    expect((await readdir(bench.dir)).toSorted()).toEqual(['a', 'win.sh']);
  });

  it('writes through a link instead of replacing it', async () => {
    await using bench = await openBench();
    await writeFile(join(bench.dir, 'real'), 'old');
    await symlink('real', join(bench.dir, 'link'));
    await bench.call('write_file', { path: 'link', content: 'new' });
    expect(await readFile(join(bench.dir, 'real'), 'utf8')).toBe('new');
  });

  it.each([
    '/etc/x',
    '/boot/x',
    '/usr/lib/systemd/x',
    '/var/run/docker.sock',
    '/proc/x',
    '~/.ssh/authorized_keys',
    '~/.aws/x',
    '~/.bashrc',
    '~/.netrc',
    '~/.config/gh/hosts.yml',
    '~/.hermes/config.yaml',
    '~/.hermes/.env',
    '~/.hermes/auth.json',
    '~/.hermes/pairing/x',
    '~/.hermes/mcp-tokens/x',
    '~/.hermes/gateway.db-wal',
  ])('never writes %s', async (written) => {
    await using bench = await openBench();
    // The whole path is given, so that a mistake cannot reach the home of whoever runs the tests.
    const path = written.replace(/^~/, join(bench.home, '..'));
    expect(await bench.call('write_file', { path, content: 'x' })).toEqual({
      error: expect.stringContaining('Write denied'),
    });
  });

  it('does not follow a link out into a refused place', async () => {
    await using bench = await openBench();
    await mkdir(join(bench.home, '..', '.ssh'));
    await symlink(join(bench.home, '..', '.ssh'), join(bench.dir, 'keys'));
    await symlink(join(bench.home, '..', '.ssh', 'new'), join(bench.dir, 'dangling'));
    for (const path of ['keys/authorized_keys', 'dangling']) {
      expect(await bench.call('write_file', { path, content: 'x' }), path).toEqual({
        error: expect.stringContaining('Write denied'),
      });
    }
    expect(await readdir(join(bench.home, '..', '.ssh'))).toEqual([]);
  });

  it('stays inside HERMES_WRITE_SAFE_ROOT', async () => {
    await using outer = await openBench();
    await using bench = await openBench({ writeSafeRoot: join(outer.dir, 'safe') });
    await mkdir(join(outer.dir, 'safe'));
    await symlink(outer.dir, join(outer.dir, 'safe', 'out'));
    expect(await bench.call('write_file', { path: join(outer.dir, 'safe/a'), content: '' })).toHaveProperty(
      'bytes_written',
      0,
    );
    for (const path of ['../safe2', 'out/x']) {
      expect(
        await bench.call('write_file', { path: join(outer.dir, 'safe', path), content: '' }),
      ).toHaveProperty('error');
    }
  });

  it('asks for cross_profile before it changes what another profile owns', async () => {
    await using bench = await openBench();
    const path = join(bench.home, 'profiles/other/skills/x/SKILL.md');
    expect(await bench.call('write_file', { path, content: 'x' })).toEqual({
      error: expect.stringContaining("profile 'other'"),
    });
    expect(await bench.call('write_file', { path, content: 'x', cross_profile: true })).toHaveProperty(
      'bytes_written',
      1,
    );
    expect(
      await bench.call('write_file', { path: join(bench.home, 'skills/x'), content: 'x' }),
    ).toHaveProperty('bytes_written', 1);
  });

  it('reports only problems that are new', async () => {
    await using bench = await openBench();
    expect(await bench.call('write_file', { path: 'a.json', content: '{' })).toMatchObject({
      lint: { status: 'error' },
    });
    expect(await bench.call('write_file', { path: 'a.json', content: '{{' })).toMatchObject({
      lint: { status: 'ok' },
    });
    expect(await bench.call('write_file', { path: 'a.yaml', content: 'a: [1\nb: 2' })).toMatchObject({
      lint: { status: 'error' },
    });
    expect(await bench.call('write_file', { path: 'b.yaml', content: 'a: 1\n---\nb: 2\n' })).toMatchObject({
      lint: { status: 'ok' },
    });
  });

  it('warns when the file changed since it was read, and who did it', async () => {
    await using bench = await openBench();
    const file = join(bench.dir, 'a');
    await writeFile(file, '1');
    await bench.call('read_file', { path: 'a' });
    await writeFile(file, 'by somebody');
    await utimes(file, 1, 1);
    expect(await bench.call('write_file', { path: 'a', content: '2' })).toMatchObject({
      _warning: expect.stringContaining('on disk'),
    });
    expect(await bench.call('write_file', { path: 'a', content: '3' })).not.toHaveProperty('_warning');
    await bench.call('write_file', { path: 'a', content: 'longer' }, { task: 'other' });
    expect(await bench.call('write_file', { path: 'a', content: '4' })).toMatchObject({
      _warning: expect.stringContaining('another agent'),
    });
  });

  it('does not store the status text of read_file', async () => {
    await using bench = await openBench();
    await writeFile(join(bench.dir, 'a'), 'x');
    await bench.call('read_file', { path: 'a' });
    const { message } = await bench.call('read_file', { path: 'a' });
    expect(await bench.call('write_file', { path: 'a', content: message })).toHaveProperty('error');
    expect(await readFile(join(bench.dir, 'a'), 'utf8')).toBe('x');
  });

  it('leaves the other names of a hard-linked file alone', async () => {
    await using bench = await openBench();
    await writeFile(join(bench.dir, 'a'), 'old');
    await link(join(bench.dir, 'a'), join(bench.dir, 'b'));
    await bench.call('write_file', { path: 'a', content: 'new' });
    expect(await readFile(join(bench.dir, 'b'), 'utf8')).toBe('old');
  });
});
