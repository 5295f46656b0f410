/** How one question and its answer look while the answer is written. */
import { announce, button, copyButton, make } from './dom.js';
import { MarkdownView } from './render.js';
import { counted, took } from './words.js';

/** @typedef {import('./ask.js').Tool} Tool */

/** Without a word for so long the answer shows that it is still being thought about. */
const lullMs = 1_500;

/**
 * @param {string} text
 * @param {readonly string[]} pictures Data URLs.
 */
export function questionView(text, pictures) {
  const article = make('article', { class: 'said you', 'aria-label': 'You' });
  for (const src of pictures) article.append(make('img', { src, alt: 'Attached picture' }));
  if (text !== '') article.append(make('p', { dir: 'auto' }, text));
  return article;
}

/** @type {Readonly<Record<import('./ask.js').Why, string>>} */
const waitingFor = {
  unreachable: 'The gateway does not answer. Your message is kept; this goes on by itself when it is back.',
  broken:
    'The connection broke while Hermes was answering. The question is asked again when the gateway is back.',
  restarting: 'The gateway is restarting. The question is asked again when it is back.',
  busy: 'The gateway is busy with other answers. Yours begins as soon as there is room.',
};

export class AnswerView {
  /** All the text so far; what the conversation keeps. */
  text = '';
  element = make('article', { class: 'said hermes', 'aria-label': 'Hermes' });
  #body = make('div', { class: 'body' });
  #notice = make('div', { class: 'notice' });
  #foot = make('footer', { class: 'foot' });
  #thinking = make('p', { class: 'thinking' }, make('span', { class: 'unseen' }, 'Hermes is thinking'));
  #moved;
  /** The piece that is written now; tools between two pieces end the first. @type {{ view: MarkdownView, text: string } | undefined} */
  #piece;
  /** @type {Map<string, { row: HTMLElement, since: number, name: string }>} */
  #running = new Map();
  /** @type {HTMLElement | undefined} */
  #tools;
  /** @type {HTMLElement | undefined} */
  #thoughts;
  #frame = 0;
  #isStale = false;
  #startedAt = performance.now();
  #lull = 0;

  /** @param {() => void} moved Called when the answer has become longer. */
  constructor(moved) {
    this.#moved = moved;
    this.#thinking.append(make('span', { class: 'dots', 'aria-hidden': 'true' }, '●●●'));
    this.element.append(this.#body, this.#thinking, this.#notice, this.#foot);
    this.#say(this.#notice);
    this.#say(this.#foot);
    this.#notice.setAttribute('role', 'status');
  }

  begin() {
    this.#say(this.#notice);
    this.#say(this.#foot);
    this.element.dataset.state = 'writing';
    this.#thinking.hidden = false;
    // What stands there stays until there is something better.
    this.#isStale = true;
  }

  /** @param {string} delta */
  write(delta) {
    this.#replaceStale();
    this.text += delta;
    if (this.#piece === undefined) {
      const view = new MarkdownView();
      this.#body.append(view.element);
      this.#piece = { view, text: '' };
      this.#tools = undefined;
      this.#thoughts = undefined;
    }
    this.#piece.text += delta;
    this.#thinking.hidden = true;
    clearTimeout(this.#lull);
    this.#lull = setTimeout(() => {
      this.#thinking.hidden = false;
      this.#moved();
    }, lullMs);
    this.#drawSoon();
  }

  /** @param {string} delta */
  thought(delta) {
    this.#replaceStale();
    if (this.#thoughts === undefined) {
      this.#draw();
      this.#piece = undefined;
      this.#tools = undefined;
      this.#thoughts = make('p', { dir: 'auto' });
      this.#body.append(
        make('details', { class: 'thoughts' }, make('summary', {}, 'Thoughts'), this.#thoughts),
      );
    }
    this.#thoughts.append(delta);
    this.#moved();
  }

  /** @param {Tool} tool */
  tool({ tool, emoji, label, id, state }) {
    this.#replaceStale();
    if (state === 'running') {
      this.#draw();
      this.#piece = undefined;
      const name = make('span', { class: 'name' }, tool);
      const shown =
        label === '' || label === tool ? [] : [make('code', { class: 'label', title: label }, label)];
      const mark = make('span', { class: 'mark' }, make('span', { class: 'unseen' }, 'running'));
      const icon = make('span', { class: 'icon', 'aria-hidden': 'true' }, emoji === '' ? '⚙️' : emoji);
      const row = make('li', { class: 'tool', 'data-state': 'running' }, icon, name, ...shown, mark);
      if (this.#tools === undefined) {
        this.#tools = make('ul', { class: 'tools', 'aria-label': 'Tools' });
        this.#thoughts = undefined;
        this.#body.append(this.#tools);
      }
      this.#tools.append(row);
      this.#running.set(id, { row, since: performance.now(), name: tool });
      announce(`Uses ${tool}: ${label}`);
    } else {
      const known = this.#running.get(id);
      if (known === undefined) return;
      this.#running.delete(id);
      this.#endTool(known.row, 'done', took(performance.now() - known.since), 'done');
    }
    clearTimeout(this.#lull);
    this.#thinking.hidden = this.#running.size > 0;
    this.#moved();
  }

  /** @param {string} text Something the agent says about itself. */
  note(text) {
    this.#replaceStale();
    this.#draw();
    this.#piece = undefined;
    this.#tools = undefined;
    this.#thoughts = undefined;
    this.#body.append(make('p', { class: 'note' }, text));
    this.#moved();
  }

  /** @param {import('./ask.js').Why} why */
  waiting(why) {
    this.#settle('waiting');
    const again = why === 'broken' || why === 'restarting';
    const tools = again && this.#body.querySelector('.tool') !== null;
    const more = tools ? ' Tools that were at work may run again.' : '';
    this.#say(this.#notice, make('p', {}, waitingFor[why] + more));
  }

  /** @param {import('./ask.js').End} end */
  done({ model, tokens, cut }) {
    this.#settle('done');
    const facts = [
      model,
      tokens === undefined ? '' : counted(tokens, 'token'),
      took(performance.now() - this.#startedAt),
    ];
    const copy = copyButton(() => this.text, 'Copy the answer');
    const line = make('span', {}, facts.filter((fact) => fact !== '').join(' · '));
    this.#say(this.#foot, line, ...(copy === undefined ? [] : [copy]));
    if (cut)
      this.#say(
        this.#notice,
        make('p', {}, 'The answer stopped at the model’s length limit. Ask it to go on.'),
      );
    if (this.text === '')
      this.#body.append(make('p', { class: 'note' }, 'The agent is done and has nothing to say.'));
    announce(`Hermes: ${this.text}`);
  }

  stopped() {
    this.#settle('stopped');
    this.#say(this.#foot, make('span', {}, 'Stopped'));
    announce('Stopped');
  }

  /**
   * @param {string} why
   * @param {() => void} again
   * @param {string} [label]
   */
  failed(why, again, label = 'Try again') {
    this.#settle('failed');
    const retry = button(label, again);
    this.#say(this.#notice, make('p', {}, why), retry);
  }

  /** @param {HTMLElement} place @param {...Node} nodes None: the place is not there. */
  #say(place, ...nodes) {
    place.replaceChildren(...nodes);
    place.hidden = nodes.length === 0;
    if (nodes.length > 0) this.#moved();
  }

  #replaceStale() {
    if (!this.#isStale) return;
    this.#isStale = false;
    this.text = '';
    this.#piece = undefined;
    this.#tools = undefined;
    this.#thoughts = undefined;
    this.#running.clear();
    this.#body.replaceChildren();
  }

  /** @param {'waiting' | 'done' | 'stopped' | 'failed'} state */
  #settle(state) {
    // A stream without a word and without a tool takes nothing away from what stands there.
    this.#isStale = false;
    this.#draw();
    clearTimeout(this.#lull);
    this.element.dataset.state = state;
    this.#thinking.hidden = true;
    for (const { row } of this.#running.values()) this.#endTool(row, 'cut', '', 'not finished');
    this.#running.clear();
  }

  /** @param {HTMLElement} row @param {string} state @param {string} text @param {string} spoken */
  #endTool(row, state, text, spoken) {
    row.dataset.state = state;
    row.querySelector('.mark')?.replaceChildren(make('span', { class: 'unseen' }, spoken), text);
  }

  #drawSoon() {
    if (this.#frame !== 0) return;
    // A hidden tab gets no frames, but its answer is read later.
    this.#frame = document.hidden
      ? setTimeout(() => this.#draw(), 250)
      : requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    if (this.#frame !== 0) {
      clearTimeout(this.#frame);
      cancelAnimationFrame(this.#frame);
      this.#frame = 0;
    }
    if (this.#piece === undefined) return;
    this.#piece.view.show(this.#piece.text);
    this.#moved();
  }
}
