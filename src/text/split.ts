/**
 * One answer → as few messages as the platform's limit needs. Cuts between blocks first, then list items, lines,
 * sentences, words; inside a word only where it must. Fences are closed and re-opened with their language, list
 * numbers go on, links stay whole. What counts is the length of the rendered piece, so escapes are paid for.
 */
import { type Atom, Cut, cuttable, fromAtoms, simplify, toAtoms, withText } from './atoms.ts';
import type { Doc, Rendered } from './dialect.ts';
import { cutBefore, measure, type Unit } from './measure.ts';

/** Kept free in every piece: 10 for the suffix ` (i/n)` and 4 for a fence that has to be closed. */
const RESERVE = 14;

/** Share of a piece that may stay unused between words, for the sake of fewer renderings. */
const SLACK = 0.03;

export interface SplitOptions {
  /** Longest message the platform takes, in `unit`. */
  readonly max: number;
  readonly unit: Unit;
  /** `source`: markup counts; `visible`: only what the reader sees. */
  readonly counts: 'source' | 'visible';
  readonly render: (doc: Doc) => Rendered;
}

export interface Piece {
  readonly doc: Doc;
  readonly rendered: Rendered;
}

/** No piece is blank; a blank document gives none. Up to 9999 pieces keep room for their number. */
export function split(doc: Doc, options: SplitOptions): Piece[] {
  const whole = options.render(doc);
  if (whole.plain.trim() === '') return [];
  if (lengthOf(whole, options) <= options.max) return [{ doc, rendered: whole }];
  return new Splitter(toAtoms(doc), options).run();
}

function lengthOf(rendered: Rendered, { unit, counts }: SplitOptions): number {
  return measure(counts === 'source' ? rendered.text : rendered.plain, unit);
}

class Splitter {
  /** Consumed from the front; an atom that was cut is replaced by its second half. */
  readonly #atoms: Atom[];
  /** `#before[i]` = rough length of all atoms before i. */
  readonly #before: number[] = [0];
  readonly #options: SplitOptions;
  readonly #limit: number;
  /** Rendered length per rough length, as last seen. */
  #ratio = 1;

  constructor(atoms: Atom[], options: SplitOptions) {
    this.#atoms = atoms;
    this.#options = options;
    this.#limit = Math.max(1, options.max - RESERVE);
    let sum = 0;
    for (const atom of atoms) {
      sum += atom.size;
      this.#before.push(sum);
    }
  }

  run(): Piece[] {
    const out: Piece[] = [];
    for (let at = 0; at < this.#atoms.length; ) {
      const to = this.#furthest(at);
      const taken = to === at ? this.#first(at) : this.#best(at, to);
      at = taken.at;
      if (taken.atoms.length === 0) continue;
      const piece = this.#draw(taken.atoms);
      if (piece.rendered.plain.trim() !== '') out.push(piece);
    }
    return out;
  }

  #draw(atoms: readonly Atom[]): Piece {
    const doc = fromAtoms(atoms);
    return { doc, rendered: this.#options.render(doc) };
  }

  #length(atoms: readonly Atom[]): number {
    return lengthOf(this.#draw(atoms).rendered, this.#options);
  }

  #furthest(at: number): number {
    const size = (to: number) => this.#before[to]! - this.#before[at]!;
    return this.#search(at, this.#atoms.length, SLACK, size, (to) => this.#length(this.#atoms.slice(at, to)));
  }

  /** The best border in the second half of what fits; if there is none, the next atom fills the piece up. */
  #best(at: number, furthest: number): { atoms: readonly Atom[]; at: number } {
    if (furthest === this.#atoms.length) return { atoms: this.#atoms.slice(at), at: furthest };
    const size = (to: number) => this.#before[to]! - this.#before[at]!;
    const enough = this.#limit / this.#ratio / 2;
    let best = furthest;
    let worth: number = Cut.none;
    for (let to = furthest; to > at && size(to) >= enough; to--) {
      const { cut } = this.#atoms[to - 1]!;
      if (cut > worth) [worth, best] = [cut, to];
    }
    const kept = this.#atoms.slice(at, best);
    if (worth > Cut.none || size(furthest) >= enough) return { atoms: kept, at: best };
    const head = isCode(this.#atoms[furthest]!) ? undefined : this.#cutHead(kept, furthest);
    return { atoms: head ? [...kept, head] : kept, at: furthest };
  }

  /** An atom that does not even fit alone: cut it, or give up what makes it long. */
  #first(at: number): { atoms: readonly Atom[]; at: number } {
    const head = this.#cutHead([], at);
    if (head) return { atoms: [head], at };
    const atom = this.#atoms[at]!;
    const simpler = simplify(atom);
    if (simpler) {
      this.#expand(at, simpler);
      return { atoms: [], at };
    }
    // A limit below one character cannot be met; the reader gets the character.
    const text = cuttable(atom) ?? '';
    const [char = ''] = text;
    if (char.length === text.length) return { atoms: [atom], at: at + 1 };
    this.#replace(at, withText(atom, text.slice(char.length), true));
    return { atoms: [withText(atom, char, false)], at };
  }

  /** Takes from atom `at` as much as fits behind `kept` and leaves the rest in its place. */
  #cutHead(kept: readonly Atom[], at: number): Atom | undefined {
    const atom = this.#atoms[at]!;
    const text = cuttable(atom);
    if (text === undefined) return undefined;
    const length = (to: number) =>
      this.#length([...kept, withText(atom, text.slice(0, cutBefore(text, to)), false)]);
    let cut = cutBefore(
      text,
      this.#search(0, text.length - 1, 0, (to) => to, length),
    );
    const space = text.lastIndexOf(' ', cut - 1) + 1;
    if (space > cut * 0.75) cut = space;
    if (cut === 0 || text.slice(0, cut).trim() === '') return undefined;
    this.#replace(at, withText(atom, text.slice(cut), true));
    return withText(atom, text.slice(0, cut), false);
  }

  /** Rare, so moving everything behind it is cheap enough. */
  #expand(at: number, atoms: readonly Atom[]): void {
    this.#atoms.splice(at, 1, ...atoms);
    const ends: number[] = [];
    let sum = this.#before[at + 1]! - atoms.reduce((total, atom) => total + atom.size, 0);
    for (const atom of atoms) {
      ends.push(sum);
      sum += atom.size;
    }
    this.#before.splice(at, 1, ...ends);
  }

  #replace(at: number, atom: Atom): void {
    this.#atoms[at] = atom;
    this.#before[at] = this.#before[at + 1]! - atom.size;
  }

  /**
   * The largest index in (low, high] whose rendered `length` is within the limit, or `low`. Interpolates on the
   * rough `size`, because rendered length is close to proportional to it, then bisects: a few renderings of about
   * one piece each. Ends early when no more than the share `slack` of the limit is unused.
   */
  #search(
    low: number,
    high: number,
    slack: number,
    size: (to: number) => number,
    length: (to: number) => number,
  ): number {
    let good = low;
    let bad = high + 1;
    const aim = () => {
      const target = this.#limit / this.#ratio;
      let [from, to] = [good + 1, bad - 1];
      while (from < to) {
        const middle = (from + to + 1) >> 1;
        if (size(middle) <= target) from = middle;
        else to = middle - 1;
      }
      return from;
    };
    for (let round = 0; bad - good > 1; round++) {
      const probe = round < 6 ? aim() : (good + bad) >> 1;
      const found = length(probe);
      this.#ratio = Math.max(0.05, found / Math.max(1, size(probe)));
      if (found > this.#limit) bad = probe;
      else {
        good = probe;
        if (found >= this.#limit * (1 - slack)) break;
      }
    }
    return good;
  }
}

function isCode(atom: Atom): boolean {
  return atom.body.kind === 'inline' && atom.body.node.kind === 'code';
}
