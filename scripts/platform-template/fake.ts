/** Echonet on loopback, as strict as the real one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import {
  type Fake,
  type FakeReply,
  type FakeRequest,
  startFakeServer,
  type Write,
} from '../../src/platforms/kit/fake.ts';

const maxText = 1_000;
const text = z.string();
const newMessage = z.strictObject({
  chat: z.string(),
  text,
  key: z.string().optional(),
  reply_to: z.string().optional(),
});
const edit = z.strictObject({ text });

const refuse = (status: number, error: string, headers?: Record<string, string>): FakeReply => ({
  status,
  json: { error },
  ...(headers === undefined ? {} : { headers }),
});

interface Update {
  readonly seq: number;
  readonly event: object;
}

export async function startFake(token: string): Promise<Fake> {
  const seen: Write[] = [];
  const byKey = new Map<string, string>();
  const messages = new Map<string, { chat: string; text: string }>();
  const acknowledged: Update[] = [];
  let waiting: Update[] = [];
  let seq = 0;
  let polling = false;
  let wake = () => {};

  const give = (event: object) => {
    seq += 1;
    waiting.push({ seq, event });
    wake();
  };

  const poll = async (request: FakeRequest): Promise<FakeReply> => {
    // A caller that has just gone may still look connected for a moment.
    for (let tries = 0; polling && tries < 10; tries++) await sleep(10);
    if (polling) return refuse(409, 'conflict');
    const after = Number(request.query.get('after'));
    const wait = Number(request.query.get('wait'));
    if (!Number.isInteger(after) || !(wait >= 0 && wait <= 50)) return refuse(400, 'bad_request');
    acknowledged.push(...waiting.filter((update) => update.seq <= after));
    waiting = waiting.filter((update) => update.seq > after);
    polling = true;
    if (waiting.length === 0) await news(wait * 1_000, request.gone);
    polling = false;
    return { status: 200, json: { updates: waiting.slice(0, 100) } };
  };

  const news = (ms: number, gone: AbortSignal) =>
    new Promise<void>((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      wake = finish;
      if (gone.aborted) finish();
      gone.addEventListener('abort', finish, { once: true });
    });

  const checked = (value: string): FakeReply | undefined => {
    if ([...value].length > maxText) return refuse(400, 'too_long');
    if (value.trim() === '' || !value.isWellFormed()) return refuse(400, 'bad_text');
    return undefined;
  };

  const post = ({ body }: FakeRequest): FakeReply => {
    const parsed = newMessage.safeParse(JSON.parse(body));
    if (!parsed.success) return refuse(400, 'bad_request');
    const { chat, text, key } = parsed.data;
    const bad = checked(text);
    if (bad !== undefined) return bad;
    const known = key === undefined ? undefined : byKey.get(key);
    if (known !== undefined) return { status: 200, json: { id: known } };
    const id = `m${messages.size + 1}`;
    if (key !== undefined) byKey.set(key, id);
    messages.set(id, { chat, text });
    seen.push({ op: 'send', chat, id, text });
    return { status: 201, json: { id } };
  };

  const change = (request: FakeRequest, id: string): FakeReply => {
    const message = messages.get(id);
    if (message === undefined) return refuse(404, 'no_such_message');
    if (request.method === 'DELETE') {
      messages.delete(id);
      seen.push({ op: 'delete', chat: message.chat, id });
      return { status: 200, json: { id } };
    }
    const parsed = edit.safeParse(JSON.parse(request.body));
    if (!parsed.success) return refuse(400, 'bad_request');
    const bad = checked(parsed.data.text);
    if (bad !== undefined) return bad;
    seen.push({ op: 'edit', chat: message.chat, id, text: parsed.data.text });
    return { status: 200, json: { id } };
  };

  const server = await startFakeServer({
    sideOf: ({ path }) => (path === '/updates' ? 'intake' : 'delivery'),
    refuse: (status, retryMs) =>
      refuse(
        status,
        'injected',
        retryMs === undefined ? undefined : { 'retry-after': String(Math.ceil(retryMs / 1_000)) },
      ),
    handle: (request) => {
      if (request.headers['authorization'] !== `Bearer ${token}`) return refuse(401, 'unauthorized');
      const route = `${request.method} ${request.path}`;
      if (route === 'GET /updates') return poll(request);
      if (route === 'POST /messages') return post(request);
      if (route === 'POST /typing') return { status: 200, json: {} };
      const id = /^(?:PATCH|DELETE) \/messages\/([^/]+)$/.exec(route)?.[1];
      return id === undefined ? refuse(404, 'no_such_path') : change(request, decodeURIComponent(id));
    },
  });

  return {
    url: server.url,
    inject: async (event) => give(event),
    redeliver: async () => {
      for (const { event } of acknowledged.splice(0)) give(event);
    },
    get unacknowledged() {
      return waiting.length;
    },
    seen,
    get calls() {
      return server.calls;
    },
    get attempts() {
      return server.attempts;
    },
    fault: server.fault,
    calm: server.calm,
    close: server.close,
  };
}
