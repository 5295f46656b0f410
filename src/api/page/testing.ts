/** The page's own modules for tests: plain JavaScript, checked by its own tsconfig.json, so types are said here. */
export type Token =
  | { readonly type: 'text' | 'code'; readonly text: string }
  | { readonly type: 'break' }
  | { readonly type: 'strong' | 'em' | 'del'; readonly children: readonly Token[] }
  | { readonly type: 'link'; readonly href: string; readonly children: readonly Token[] }
  | { readonly type: 'image'; readonly href: string; readonly alt: string }
  | { readonly type: 'picture'; readonly source: string; readonly alt: string };

export interface Block {
  readonly kind: string;
  readonly source: string;
  readonly [field: string]: unknown;
}

export interface Said {
  readonly role: 'user' | 'assistant';
  readonly text: string;
  readonly pictures?: readonly string[];
}

interface Modules {
  readonly 'inline.js': { inline(text: string): Token[]; safeAddress(address: string): string | undefined };
  readonly 'markdown.js': { outline(text: string): Block[] };
  readonly 'sse.js': { eventCutter(): (text: string) => { event: string; data: string }[] };
  readonly 'conversation.js': {
    messagesOf(said: readonly Said[], most?: number): { role: string; content: unknown }[];
  };
  readonly 'words.js': {
    lasting(ms: number): string;
    platformState(platform: { state: string; code?: string }): string;
  };
}

export async function pageModule<N extends keyof Modules>(name: N): Promise<Modules[N]> {
  return (await import(new URL(`./assets/${name}`, import.meta.url).href)) as Modules[N];
}
