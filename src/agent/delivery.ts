/**
 * The visible text of one turn on its way out (agent-runtime §1.2 rule 2, §3). Leading blank text of an answer is
 * dropped; between the texts of two answers stands exactly one blank line; text that a repeated call sends again is
 * not shown again.
 */
export interface Delivery {
  /** A new model call starts; its text is a paragraph of its own. */
  answer(): void;
  /** The call is repeated: what follows may say the delivered words again. */
  again(): void;
  /** The call is continued: what follows goes on in the middle of the text. */
  goOn(): void;
  text(delta: string): void;
  /** Text of the current answer as the model gave it, without leading blanks; continuations included. */
  readonly current: string;
  /** True when the present call, a continuation too, has brought text. */
  readonly spoke: boolean;
}

export function openDelivery(show: (text: string) => void): Delivery {
  let shownEnd = '';
  let pieces: string[] = [];
  let blank = true;
  let breakDue = false;
  let repeated = '';
  /** Pieces that earlier calls of the same answer brought. */
  let kept = 0;

  const put = (text: string) => {
    if (text === '') return;
    let out = text;
    if (breakDue) {
      breakDue = false;
      if (shownEnd !== '' && !shownEnd.endsWith('\n\n'))
        out = (shownEnd.endsWith('\n') ? '\n' : '\n\n') + text;
    }
    shownEnd = (shownEnd + out.slice(-2)).slice(-2);
    show(out);
  };

  return {
    answer() {
      pieces = [];
      kept = 0;
      blank = true;
      breakDue = shownEnd !== '';
      repeated = '';
    },
    again() {
      repeated = pieces.slice(kept).join('');
      pieces.length = kept;
      blank = kept === 0;
    },
    goOn() {
      kept = pieces.length;
      repeated = '';
    },
    text(delta) {
      let text = delta;
      if (blank) {
        text = delta.trimStart();
        if (text === '') return;
        blank = false;
      }
      pieces.push(text);
      if (repeated === '') return put(text);
      if (repeated.startsWith(text)) {
        repeated = repeated.slice(text.length);
        return;
      }
      if (text.startsWith(repeated)) text = text.slice(repeated.length);
      else breakDue = true;
      repeated = '';
      put(text);
    },
    get current() {
      return pieces.join('');
    },
    get spoke() {
      return pieces.length > kept;
    },
  };
}
