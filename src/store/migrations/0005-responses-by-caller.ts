import type { Migration } from './list.ts';

/** How many responses are kept is counted for each caller, so those of one caller are found in their order. */
export const responsesByCaller: Migration = {
  number: 5,
  name: 'responses by caller',
  statements: [`create index response_scope on response (scope, accessed_at)`],
};
