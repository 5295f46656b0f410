/** The built-in page (openclaw-http §15, §16). */
import { anything, flag, names, text } from '../values.ts';
import { key, unset } from './shape.ts';

export const pageKeys = {
  'gateway.controlUi.enabled': key(flag(), true, 'Serve the built-in page at `/`.', {
    guard: true,
    field: 'api.page',
  }),
  'gateway.controlUi.basePath': unset(text(), 'Path of the page.'),
  'gateway.controlUi.root': unset(anything(), 'Folder with another page.'),
  'gateway.controlUi.allowedOrigins': unset(names(), 'Origins that may open a control socket.'),
} as const;
