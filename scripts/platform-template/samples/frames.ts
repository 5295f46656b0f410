/** Frames as Echonet sends them, and what they mean. */

const ada = { id: 'u1', name: 'Ada' };
const dm = { id: 'c1', kind: 'dm' };

export const samples = [
  {
    name: 'a direct message',
    event: { type: 'message', id: '1', chat: dm, from: ada, text: 'hello', at: 1_767_614_400_000 },
    inbound: {
      key: 'c1/1',
      at: { chat: 'c1' },
      kind: 'message',
      scope: 'dm',
      from: { id: 'u1', name: 'Ada', isBot: false, isSelf: false },
      message: '1',
      text: 'hello',
      sentAt: 1_767_614_400_000,
    },
  },
  {
    name: 'a reply in a group',
    event: {
      type: 'message',
      id: '2',
      chat: { id: 'g1', kind: 'group', name: 'Friends' },
      from: ada,
      text: 'yes',
      reply_to: '1',
    },
    inbound: { key: 'g1/2', at: { chat: 'g1' }, scope: 'group', chatName: 'Friends', replyTo: { id: '1' } },
  },
  {
    name: 'an edit',
    event: { type: 'edited', id: '1', chat: dm, from: ada, text: 'hello!', revision: 2 },
    inbound: { key: 'c1/1/2', kind: 'edit', message: '1', text: 'hello!' },
  },
  {
    name: 'a message of another bot',
    event: { type: 'message', id: '3', chat: dm, from: { id: 'b9', name: 'Beep', bot: true }, text: 'beep' },
    inbound: { key: 'c1/3', from: { id: 'b9', name: 'Beep', isBot: true, isSelf: false } },
  },
  {
    name: 'our own message',
    event: { type: 'message', id: '4', chat: dm, from: { id: 'bot7', name: 'Me', bot: true }, text: 'mine' },
    inbound: { key: 'c1/4', from: { id: 'bot7', name: 'Me', isBot: true, isSelf: true } },
  },
  { name: 'a kind of event nobody knows yet', event: { type: 'poll_closed', id: '5', chat: dm } },
] as const;
