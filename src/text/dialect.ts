/** The seam between the Markdown tree and a platform's own markup. `text/` imports nothing of ours. */

export type Level = 'native' | 'approximate' | 'strip';

export type NodeName =
  | 'bold'
  | 'italic'
  | 'strike'
  | 'code'
  | 'fence'
  | 'link'
  | 'quote'
  | 'list'
  | 'heading'
  | 'table'
  | 'image'
  | 'spoiler';

export type Inline =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'break' }
  | { readonly kind: 'bold' | 'italic' | 'strike' | 'spoiler'; readonly children: readonly Inline[] }
  | { readonly kind: 'link'; readonly url: string; readonly children: readonly Inline[] }
  | { readonly kind: 'image'; readonly url: string; readonly alt: string };

export type Block =
  | { readonly kind: 'paragraph'; readonly children: readonly Inline[] }
  | { readonly kind: 'heading'; readonly level: number; readonly children: readonly Inline[] }
  | { readonly kind: 'fence'; readonly lang: string; readonly text: string }
  | { readonly kind: 'quote'; readonly children: readonly Block[] }
  | {
      readonly kind: 'list';
      readonly ordered: boolean;
      readonly start: number;
      /** The source's own bullet, for dialects that show it. */
      readonly bullet: string;
      readonly items: readonly (readonly Block[])[];
    }
  | {
      readonly kind: 'table';
      readonly header: readonly (readonly Inline[])[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
    }
  | { readonly kind: 'rule' };

export interface Doc {
  readonly blocks: readonly Block[];
}

/** One platform-native text. `plain` is what the outbox sends if the platform refuses the format. */
export interface Rendered {
  readonly text: string;
  /** The platform's name of the markup, e.g. `MarkdownV2`. Absent = no markup. */
  readonly mode?: string;
  readonly plain: string;
}

export interface Dialect {
  readonly name: string;
  readonly supports: Readonly<Record<NodeName, Level>>;
  /** Total: never throws, never returns text the platform refuses for its format. */
  render(doc: Doc): Rendered;
  /** Marks a piece of a longer answer, in the dialect's own markup: ` (1/3)`. */
  numbered?(rendered: Rendered, index: number, total: number): Rendered;
}
