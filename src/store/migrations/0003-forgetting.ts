import type { Migration } from './list.ts';

/** What is forgotten is found by an index: ended events by account and age, transcripts that nothing continues by age. */
export const forgetting: Migration = {
  number: 3,
  name: 'forgetting',
  statements: [
    `drop index inbound_age`,
    `create index inbound_age on inbound (account, created_at)`,
    `alter table session add column transient integer not null default 0`,
    `create index session_transient on session (created_at) where transient = 1`,
  ],
};
