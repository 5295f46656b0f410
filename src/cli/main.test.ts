import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestHome, testHome } from '../config/testing.ts';
import type { TurnResult } from '../core/agent-event.ts';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import { noUsage } from '../core/message.ts';
import type { GatewayOptions, RunningGateway } from '../gateway.ts';
import { type ControlMethods, openControl } from '../supervise/control.ts';
import { main } from './main.ts';
import { type TestHost, testHost } from './testing.ts';

let home: TestHome;
let running: { close(): Promise<void> } | undefined;
beforeEach(() => {
  home = testHome();
});
afterEach(async () => {
  await running?.close();
  running = undefined;
  home.remove();
});

async function serve(methods: ControlMethods): Promise<void> {
  running = await openControl(home.path, methods, silentLog);
}

function result(text: string, more: Partial<TurnResult> = {}): TurnResult {
  const facts = { usage: noUsage, model: 'm', provider: 'p', modelCalls: 1, exit: 'text_response' };
  return { status: 'completed', text, messages: [], ...facts, ...more };
}

/** A gateway that runs until it is stopped, and remembers how it was started. */
function fakeGateway(): {
  start(options: GatewayOptions): Promise<RunningGateway>;
  options(): GatewayOptions;
  ended: string[];
} {
  let given: GatewayOptions | undefined;
  const ended: string[] = [];
  return {
    ended,
    options: () => given as GatewayOptions,
    async start(options) {
      given = options;
      const { promise, resolve } = Promise.withResolvers<{ code: number }>();
      const gateway = {
        ...(options.settings.api.enabled ? { api: { url: 'http://127.0.0.1:8642' } } : {}),
        model: { name: 'demo', provider: 'demo', isDemo: true },
        stopped: promise,
        async stop(reason: string) {
          ended.push(reason);
          resolve({ code: 0 });
        },
        status: () => ({}),
      };
      return gateway as unknown as RunningGateway;
    },
  };
}

describe('hermes', () => {
  it('shows its commands in groups on one screen', async () => {
    const host = testHost({ home: home.path });
    expect(await main(['--help'], host)).toBe(0);
    expect(host.out()).toMatch(/Talk:[\s\S]*chat[\s\S]*Gateway:[\s\S]*gateway[\s\S]*Set up:[\s\S]*config/);
    expect(host.out().trimEnd().split('\n').length).toBeLessThanOrEqual(24);
  });

  it('answers a wrong command line with exit code 2 and where to look', async () => {
    const host = testHost({ home: home.path });
    expect(await main(['gatway'], host)).toBe(2);
    expect(host.err()).toContain('gateway');
  });

  it('refuses a profile name that could leave the home', async () => {
    const host = testHost({ home: home.path });
    expect(await main(['-p', '../x', 'config', 'path'], host)).toBe(2);
    expect(host.err()).toContain('profile name');
  });

  it('uses the home of a profile', async () => {
    const host = testHost({ home: home.path });
    expect(await main(['-p', 'work', 'config', 'path'], host)).toBe(0);
    expect(host.out()).toBe(`${home.path}/profiles/work/config.yaml\n`);
  });
});

describe('hermes gateway', () => {
  it('status and stop say that nothing runs, with exit code 1', async () => {
    const host = testHost({ home: home.path });
    expect(await main(['gateway', 'status'], host)).toBe(1);
    expect(await main(['gateway', 'stop'], host)).toBe(1);
    expect(host.out().match(/✗ No gateway running for this profile/g)).toHaveLength(2);
  });

  it('status --json is one line of JSON also when nothing runs', async () => {
    const host = testHost({ home: home.path });
    expect(await main(['gateway', 'status', '--json'], host)).toBe(1);
    expect(JSON.parse(host.out())).toEqual({ state: 'stopped', home: home.path });
  });

  it('status shows a running gateway and keeps escape sequences out of the terminal', async () => {
    const status = {
      state: 'running',
      pid: 1,
      home: home.path,
      model: { name: 'm\u001b[31m', provider: 'p', isDemo: false },
      api: null,
      activeTurns: 2,
      platforms: [{ platform: 'telegram', state: 'fatal', code: 'auth', message: 'token refused' }],
      store: { writable: true },
      problems: [],
    };
    await serve({ status: async () => status });
    const host = testHost({ home: home.path });
    expect(await main(['status'], host)).toBe(0);
    expect(host.out()).toContain('Gateway running (PID 1)');
    expect(host.out()).toContain('telegram fatal: token refused');
    expect(host.out()).not.toContain('\u001b');
  });

  it('stop waits until the gateway closed the connection', async () => {
    const seen: string[] = [];
    await serve({
      stop: async () => {
        setImmediate(() => {
          seen.push('closed');
          void running?.close();
          running = undefined;
        });
        return { stopping: true, activeTurns: 1 };
      },
    });
    const host = testHost({ home: home.path });
    expect(await main(['gateway', 'stop'], host)).toBe(0);
    expect(seen).toEqual(['closed']);
    expect(host.out()).toBe(
      '⏳ Gateway draining for shutdown (1 active agent(s))\n✓ Stopped gateway for this profile\n',
    );
  });

  it('cannot be stopped from inside itself', async () => {
    const host = testHost({ home: home.path, env: { _HERMES_GATEWAY: '1' } });
    expect(await main(['gateway', 'stop'], host)).toBe(2);
    expect(host.err()).toContain('inside');
  });

  it('run without any configuration serves the API on this machine and greets', async () => {
    const gateway = fakeGateway();
    const host = testHost({ home: home.path, startGateway: gateway.start });
    const code = main(['gateway', 'run', '--greet'], host);
    await expect.poll(() => host.err()).toContain('Press Ctrl+C');
    host.signal('SIGINT');
    expect(await code).toBe(0);
    expect(gateway.options().settings.api).toMatchObject({ enabled: true, host: '127.0.0.1', port: 8642 });
    expect(host.err()).toContain('http://127.0.0.1:8642/v1');
    expect(host.err()).toMatch(/Page +http:\/\/127\.0\.0\.1:8642\/\n/);
    expect(host.err()).toContain('OPENROUTER_API_KEY');
    expect(host.err()).not.toContain('\u001b');
    expect(host.out()).toBe('');
    expect(gateway.ended).toEqual(['SIGINT']);
  });

  it('run keeps the API off when it was switched off on purpose', async () => {
    home.write('config.yaml', 'platforms: {api_server: {enabled: false}}\n');
    const gateway = fakeGateway();
    const host = testHost({ home: home.path, startGateway: gateway.start });
    const code = main(['gateway', 'run', '-q'], host);
    await expect.poll(() => gateway.options()).toBeDefined();
    await expect
      .poll(() => {
        host.signal('SIGINT');
        return gateway.ended.length;
      })
      .toBe(1);
    await code;
    expect(gateway.options().settings.api.enabled).toBe(false);
    expect(host.err()).not.toContain('Hermes');
  });

  it('run answers 1 for a SIGTERM nobody announced and 0 for an announced one', async () => {
    for (const [announced, expected] of [
      [false, 1],
      [true, 0],
    ] as const) {
      const gateway = fakeGateway();
      const host = testHost({ home: home.path, startGateway: gateway.start });
      const code = main(['gateway'], host);
      await expect.poll(() => host.err()).toContain('Press Ctrl+C');
      const marker = { target_pid: process.pid, written_at: new Date().toISOString() };
      if (announced) writeFileSync(join(home.path, '.gateway-planned-stop.json'), JSON.stringify(marker));
      host.signal('SIGTERM');
      expect(await code).toBe(expected);
    }
  });

  it('run ends with 78 when the configuration is broken, naming the line, and starts nothing', async () => {
    home.write('config.yaml', 'model: [\n');
    const host = testHost({ home: home.path });
    expect(await main(['gateway', 'run'], host)).toBe(78);
    expect(host.err()).toMatch(/config\.yaml:\d+:\d+/);
    expect(host.err()).not.toContain('    at ');
  });

  it('run ends with 78 when a key that guards access cannot be read', async () => {
    home.write('config.yaml', 'approvals: {mode: sometimes}\n');
    const host = testHost({ home: home.path });
    expect(await main(['gateway', 'run'], host)).toBe(78);
    expect(host.err()).toContain('config.yaml:1:13: approvals.mode');
  });

  it('run says who already runs, and how to end it', async () => {
    const startGateway = () => Promise.reject(new GatewayError('ALREADY_RUNNING', { pid: 4711 }));
    const host = testHost({ home: home.path, startGateway });
    expect(await main(['gateway', 'run'], host)).toBe(1);
    expect(host.err()).toContain('Another gateway instance is already running (PID 4711).');
    expect(host.err()).toContain('hermes gateway stop');
  });
});

describe('hermes chat', () => {
  it('-q prints the answer alone and ends with 0', async () => {
    await serve({
      status: async () => ({ model: { name: 'm' } }),
      chat: async ({ params, send }) => {
        send({ type: 'text.delta', text: 'par' });
        return result(`answer to ${String(params['text'])}`);
      },
    });
    const host = testHost({ home: home.path });
    expect(await main(['chat', '-q', 'hi'], host)).toBe(0);
    expect(host.out()).toBe('answer to hi\n');
  });

  it('-q ends with 1 and the reason when the turn failed', async () => {
    const failed = result('', { status: 'failed', error: { code: 'X', message: 'the model said no' } });
    await serve({ status: async () => ({}), chat: async () => failed });
    const host = testHost({ home: home.path });
    expect(await main(['chat', '-q', 'hi'], host)).toBe(1);
    expect(host.out()).toBe('');
    expect(host.err()).toContain('the model said no');
  });

  it('streams text and tool lines, and starts a new session on /new', async () => {
    const sessions: unknown[] = [];
    await serve({
      status: async () => ({ model: { name: 'm' } }),
      chat: async ({ params, send }) => {
        sessions.push(params['session']);
        send({
          type: 'tool.started',
          call: '1',
          name: 'clock',
          emoji: '🕐',
          preview: 'now',
          arguments: '{}',
        });
        send({ type: 'text.delta', text: 'it is ' });
        send({ type: 'text.delta', text: 'noon' });
        return result('it is noon');
      },
    });
    const host = testHost({ home: home.path });
    const code = main(['chat'], host);
    host.stdin.write('time?\n/new\nagain\n/exit\n');
    expect(await code).toBe(0);
    expect(host.out()).toContain('🕐 clock now');
    expect(host.out().match(/it is noon/g)).toHaveLength(2);
    expect(sessions[0]).toBe('cli');
    expect(sessions[1]).not.toBe('cli');
  });

  it('Ctrl+C ends the answer and keeps the chat', async () => {
    let interrupted = false;
    await serve({
      status: async () => ({}),
      chat: ({ params, signal, send }) =>
        new Promise((resolve) => {
          if (params['text'] !== 'long') return resolve(result('short answer'));
          send({ type: 'text.delta', text: 'thinking…' });
          signal.addEventListener('abort', () => {
            interrupted = true;
            resolve(result(''));
          });
        }),
    });
    const host = testHost({ home: home.path });
    const code = main(['chat'], host);
    host.stdin.write('long\n');
    await expect.poll(() => host.out()).toContain('thinking…');
    host.signal('SIGINT');
    await expect.poll(() => host.out()).toContain('(interrupted)');
    host.stdin.end('next\n');
    expect(await code).toBe(0);
    expect(interrupted).toBe(true);
    expect(host.out()).toContain('short answer');
  });

  it('tells the gateway’s own error with its fix', async () => {
    await serve({
      status: async () => ({}),
      chat: async () => {
        throw new GatewayError('BUSY', { waiting: 9 });
      },
    });
    const host = testHost({ home: home.path });
    expect(await main(['chat', '-q', 'hi'], host)).toBe(1);
    expect(host.err()).toContain('Too many turns are waiting (9).');
    expect(host.err()).toContain('Try again in a few seconds.');
  });
});

describe('hermes config', () => {
  const run = async (host: TestHost, ...argv: string[]) => main(['config', ...argv], host);

  it('explain names value, place and what lost', async () => {
    home.write('config.yaml', 'platforms: {api_server: {port: 9000}}\n');
    const host = testHost({ home: home.path, env: { API_SERVER_PORT: '9001' } });
    expect(await run(host, 'explain', 'API_SERVER_PORT')).toBe(0);
    expect(host.out()).toContain('platforms.api_server.port = 9001');
    expect(host.out()).toContain('environment variable API_SERVER_PORT');
    expect(host.out()).toContain(`unused  9000 from ${home.path}/config.yaml:1`);
  });

  it('explain of an unknown key suggests the nearest one', async () => {
    const host = testHost({ home: home.path });
    expect(await run(host, 'explain', 'agent.max_turn')).toBe(2);
    expect(host.err()).toContain('agent.max_turns');
  });

  it('check ends with 0, 0 and 1 for nothing, warnings and errors', async () => {
    expect(await run(testHost({ home: home.path }), 'check')).toBe(0);
    home.write('config.yaml', 'agentt: {}\n');
    expect(await run(testHost({ home: home.path }), 'check')).toBe(0);
    home.write('config.yaml', 'approvals: {mode: x}\n');
    const host = testHost({ home: home.path });
    expect(await run(host, 'check')).toBe(1);
    expect(host.out()).toContain('1 error(s)');
  });

  it('set writes secrets to .env and never shows them', async () => {
    const host = testHost({ home: home.path });
    expect(await run(host, 'set', 'OPENROUTER_API_KEY', 'sk-or-very-secret-value')).toBe(0);
    expect(await run(host, 'set', 'model.default', 'a/b')).toBe(0);
    expect(readFileSync(join(home.path, '.env'), 'utf8')).toBe(
      'OPENROUTER_API_KEY=sk-or-very-secret-value\n',
    );
    expect(await run(host, 'show')).toBe(0);
    expect(host.out()).toContain('model.default = a/b');
    expect(host.out() + host.err()).not.toContain('very-secret');
  });

  it('env-path prints the path of .env alone', async () => {
    const host = testHost({ home: home.path });
    expect(await run(host, 'env-path')).toBe(0);
    expect(host.out()).toBe(`${home.path}/.env\n`);
  });
});
