/** The page: one conversation, and the state of the gateway beside it. */
import { AnswerView, questionView } from './answer.js';
import { ask, Failed } from './ask.js';
import { Composer } from './composer.js';
import { messagesOf } from './conversation.js';
import { announce, button, byId, byIdAs, make } from './dom.js';
import { call, hasKey, Refusal, randomId } from './gateway.js';
import { Lock, NotNow } from './lock.js';
import { Panel } from './panel.js';

/** @typedef {import('./conversation.js').Said} Said */
/** @typedef {{ body: string, question: string, session: string | undefined }} Request */

const log = byId('log');
const welcome = byId('welcome');
const fresh = byIdAs('fresh', HTMLButtonElement);
const newest = byIdAs('newest', HTMLButtonElement);
byId('enter-key').addEventListener('click', () => unlock());

/** @type {Said[]} */
let said = [];
let session = `page-${randomId()}`;
/** The answer that is being written. @type {AbortController | undefined} */
let running;

const composer = new Composer({
  send,
  stop: () => running?.abort(new DOMException('Stopped', 'AbortError')),
});
const panel = new Panel({ seen, refused: unlock });
const lock = new Lock(() => panel.start());

/** @param {Refusal} [refusal] */
function unlock(refusal) {
  lock.ask(refusal).catch(() => {});
}

/** Reads along while the reader is at the end, and stays where the reader is otherwise. */
let isAtEnd = true;
function follow() {
  if (isAtEnd) log.scrollTop = log.scrollHeight;
  newest.hidden = isAtEnd;
}
log.addEventListener(
  'scroll',
  () => {
    isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    newest.hidden = isAtEnd;
  },
  { passive: true },
);
newest.addEventListener('click', () => {
  isAtEnd = true;
  follow();
});
new ResizeObserver(follow).observe(log);

/** @param {string} text @param {readonly string[]} pictures */
function send(text, pictures) {
  welcome.hidden = true;
  fresh.hidden = false;
  isAtEnd = true;
  const conversation = said;
  /** @type {Said} */
  const question = { role: 'user', text, pictures };
  conversation.push(question);
  const view = questionView(text, pictures);
  const answer = new AnswerView(follow);
  log.append(view, answer.element);
  const request = {
    body: JSON.stringify({ model: 'hermes-agent', stream: true, messages: messagesOf(said) }),
    question: randomId(),
    // Without a key the gateway keeps no session that a request could name; the messages themselves are the history.
    session: hasKey() ? session : undefined,
  };
  void write(request, answer, () => {
    view.remove();
    answer.element.remove();
    conversation.splice(conversation.indexOf(question), 1);
    composer.fill(text, pictures);
    composer.focus();
  });
}

/**
 * @param {Request} request
 * @param {AnswerView} answer
 * @param {() => void} takeBack Puts the question back into the box.
 */
async function write(request, answer, takeBack) {
  const turn = new AbortController();
  const conversation = said;
  running = turn;
  composer.busy();
  answer.begin();
  follow();
  panel.soon();
  const again = () => {
    if (running !== undefined) return;
    composer.focus();
    void write(request, answer, takeBack);
  };
  let goesOn = false;
  try {
    const end = await ask(
      request,
      {
        begin: () => answer.begin(),
        text: (delta) => answer.write(delta),
        thought: (delta) => answer.thought(delta),
        tool: (tool) => answer.tool(tool),
        note: (text) => answer.note(text),
        waiting(why) {
          answer.waiting(why);
          panel.start();
        },
        locked(refusal) {
          panel.locked();
          return lock.ask(refusal);
        },
      },
      turn.signal,
    );
    answer.done(end);
    conversation.push({ role: 'assistant', text: answer.text });
    goesOn = true;
  } catch (error) {
    if (turn.signal.aborted) {
      answer.stopped();
      conversation.push({ role: 'assistant', text: answer.text });
      goesOn = conversation === said;
    } else if (error instanceof NotNow) answer.failed(error.message, again, 'Enter the key');
    else if (error instanceof Refusal && error.status === 403) {
      answer.failed(error.message, () => void lock.ask().then(again, () => {}), 'Use another key');
    } else if (error instanceof Refusal && error.status >= 400 && error.status < 500) {
      answer.failed(error.message, takeBack, 'Change the message');
    } else answer.failed(messageOf(error), again);
  } finally {
    panel.soon();
    follow();
    if (running === turn) {
      running = undefined;
      composer.free(goesOn);
    }
  }
}

/** @param {unknown} error */
function messageOf(error) {
  if (error instanceof Failed || error instanceof Refusal) return error.message;
  console.error(error);
  return 'Something went wrong in this page. Reload it if that goes on.';
}

fresh.addEventListener('click', () => {
  running?.abort(new DOMException('A new chat', 'AbortError'));
  said = [];
  session = `page-${randomId()}`;
  for (const each of [...log.children]) if (each !== welcome) each.remove();
  welcome.hidden = false;
  fresh.hidden = true;
  isAtEnd = true;
  follow();
  announce('New chat');
  composer.focus();
});

const showPanel = byIdAs('show-panel', HTMLButtonElement);
showPanel.addEventListener('click', () => {
  const isShown = document.body.classList.toggle('with-panel');
  showPanel.setAttribute('aria-expanded', String(isShown));
});

const suggestions = {
  demo: ['Make a plan', 'List the files here', 'Tell me a long story'],
  real: [
    'What can you do on this machine?',
    'List the files here and say what they are',
    'Make a plan for my week',
  ],
};
/** @type {string | undefined} */
let suggested;

/** @param {import('./panel.js').Health} health */
function seen({ model }) {
  const kind = model?.demo ? 'demo' : 'real';
  if (kind === suggested) return;
  suggested = kind;
  byId('welcome-text').textContent =
    kind === 'demo'
      ? 'The built-in demo model answers: scripted, offline, with real tools. Try one of these.'
      : 'You talk to an agent that works on the gateway’s machine, with its tools and files.';
  byId('suggestions').replaceChildren(
    ...suggestions[kind].map((text) =>
      make(
        'li',
        {},
        button(text, () => running === undefined && send(text, []), 'chip'),
      ),
    ),
  );
}

/** A gateway that needs its key is not asked without one: that would be written down as a wrong one. */
async function start() {
  try {
    const response = await call('__openclaw/control-ui-config.json');
    const { credential } = await response.json();
    if (credential === 'key' && !hasKey()) {
      panel.locked();
      unlock();
      return;
    }
  } catch {
    // The panel says that nobody answers, and goes on asking.
  }
  panel.start();
}

void start();
composer.focus();
