/**
 * Takes think-tag sections out of a text stream (agent-runtime §1.2 rule 3). Tags may be cut anywhere by the deltas,
 * in any case. What stands between them is reasoning; a closing tag without an opening one is dropped.
 */

const names = 'think|thinking|reasoning|thought|reasoning_scratchpad';
const anyTag = new RegExp(`<(/?)(?:${names})>`, 'i');
/** Longest tag, `</reasoning_scratchpad>`, less its last character: more than that can never be an open end. */
const longestOpenEnd = '</reasoning_scratchpad'.length;
const prefixes = new Set(
  names.split('|').flatMap((name) => [`<${name}>`, `</${name}>`].flatMap((tag) => startsOf(tag))),
);

export interface Scrubbed {
  readonly text: string;
  readonly reasoning: string;
}

export interface Scrubber {
  push(delta: string): Scrubbed;
  /** What was held back because it could have become a tag. */
  end(): Scrubbed;
}

export function scrubber(): Scrubber {
  let thinking = false;
  let held = '';

  const put = (out: { text: string; reasoning: string }, piece: string) => {
    if (thinking) out.reasoning += piece;
    else out.text += piece;
  };

  return {
    push(delta) {
      // Nearly every delta takes this path: no allocation beyond the answer.
      if (!thinking && held === '' && !delta.includes('<')) return { text: delta, reasoning: '' };
      const out = { text: '', reasoning: '' };
      let rest = held + delta;
      for (let tag = anyTag.exec(rest); tag !== null; tag = anyTag.exec(rest)) {
        put(out, rest.slice(0, tag.index));
        thinking = tag[1] === '';
        rest = rest.slice(tag.index + tag[0].length);
      }
      held = openEnd(rest);
      put(out, rest.slice(0, rest.length - held.length));
      return out;
    },
    end() {
      const out = { text: '', reasoning: '' };
      put(out, held);
      held = '';
      return out;
    },
  };
}

/** The tail of `text` that may still grow into a tag. */
function openEnd(text: string): string {
  const at = text.lastIndexOf('<');
  if (at < 0 || text.length - at > longestOpenEnd) return '';
  const tail = text.slice(at);
  return prefixes.has(tail.toLowerCase()) ? tail : '';
}

function startsOf(tag: string): string[] {
  return Array.from({ length: tag.length - 1 }, (_, index) => tag.slice(0, index + 1));
}
