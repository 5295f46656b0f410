/** The message box: text, pictures, keys. */
import { announce, button, byId, byIdAs, make } from './dom.js';

const mostPictures = 4;
const largestPicture = 3_000_000;
const kinds = ['image/png', 'image/jpeg', 'image/webp', 'image/gif'];

export class Composer {
  #question = byIdAs('question', HTMLTextAreaElement);
  #send = byIdAs('send', HTMLButtonElement);
  #stop = byIdAs('stop', HTMLButtonElement);
  #list = byId('pictures');
  /** @type {string[]} Data URLs. */
  #pictures = [];
  #isBusy = false;
  /** Sent while an answer was still being written: goes off when it ends. */
  #isNext = false;

  /**
   * @param {{ send: (text: string, pictures: readonly string[]) => void, stop: () => void }} does
   */
  constructor(does) {
    const files = byIdAs('files', HTMLInputElement);
    byIdAs('composer', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#question.value.trim();
      if (text === '' && this.#pictures.length === 0) return;
      if (this.#isBusy) return this.#waits(true);
      const pictures = this.#pictures;
      this.fill('', []);
      does.send(text, pictures);
    });
    this.#question.addEventListener('keydown', (event) => {
      // Enter also ends the choice of a character in an input method.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      byIdAs('composer', HTMLFormElement).requestSubmit();
    });
    this.#question.addEventListener('input', () => {
      this.#waits(false);
      this.#show();
    });
    this.#question.addEventListener('paste', (event) => {
      const pasted = [...(event.clipboardData?.files ?? [])];
      if (pasted.length > 0) event.preventDefault();
      void this.#attach(pasted);
    });
    this.#stop.addEventListener('click', does.stop);
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.#isBusy && document.querySelector('dialog[open]') === null)
        does.stop();
    });
    byId('attach').addEventListener('click', () => files.click());
    files.addEventListener('change', () => {
      void this.#attach([...(files.files ?? [])]);
      files.value = '';
    });
    this.#show();
  }

  focus() {
    this.#question.focus();
  }

  /** @param {string} text @param {readonly string[]} pictures */
  fill(text, pictures) {
    this.#question.value = text;
    this.#pictures = [...pictures];
    this.#show();
  }

  /** From now on what is sent waits for the end of the answer. */
  busy() {
    this.#change(true);
  }

  /** @param {boolean} goesOn What waits is sent; otherwise it stays in the box. */
  free(goesOn) {
    this.#change(false);
    const isNext = this.#isNext;
    this.#waits(false);
    if (goesOn && isNext) byIdAs('composer', HTMLFormElement).requestSubmit();
  }

  /** @param {boolean} isBusy */
  #change(isBusy) {
    const hadFocus = document.activeElement === this.#stop || document.activeElement === this.#send;
    this.#isBusy = isBusy;
    this.#show();
    if (hadFocus) this.focus();
  }

  /** @param {boolean} isNext */
  #waits(isNext) {
    if (isNext === this.#isNext) return;
    this.#isNext = isNext;
    byId('composer-hint').hidden = isNext;
    byId('next-hint').hidden = !isNext;
    if (isNext) announce('Is sent when the answer is done');
  }

  /** @param {readonly File[]} files */
  async #attach(files) {
    for (const file of files) {
      if (!kinds.includes(file.type)) announce(`${file.name} is no picture the agent can read.`);
      else if (file.size > largestPicture) announce(`${file.name} is larger than 3 MB.`);
      else if (this.#pictures.length >= mostPictures) announce(`Not more than ${mostPictures} pictures.`);
      else this.#pictures.push(await dataUrl(file));
    }
    this.#show();
  }

  #show() {
    this.#stop.hidden = !this.#isBusy;
    this.#send.hidden = this.#isBusy;
    this.#send.disabled = this.#question.value.trim() === '' && this.#pictures.length === 0;
    this.#list.hidden = this.#pictures.length === 0;
    this.#list.replaceChildren(
      ...this.#pictures.map((src, at) => {
        const remove = button(
          '×',
          () => this.fill(this.#question.value, this.#pictures.toSpliced(at, 1)),
          'remove',
        );
        remove.setAttribute('aria-label', `Remove picture ${at + 1}`);
        return make('li', {}, make('img', { src, alt: `Picture ${at + 1}` }), remove);
      }),
    );
  }
}

/** @param {File} file @returns {Promise<string>} */
function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
