import type { Dialect } from '../../src/text/dialect.ts';
import { plainDialect } from '../../src/text/plain.ts';

/** Echonet shows text as it is. A network with markup declares what it supports and renders it here. */
export const dialect: Dialect = { ...plainDialect, name: 'echonet' };
