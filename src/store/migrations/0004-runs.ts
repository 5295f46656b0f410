import type { Migration } from './list.ts';

/** Runs of `POST /v1/runs`, what they said, and which session a session key of a caller stands for. */
export const runs: Migration = {
  number: 4,
  name: 'runs',
  statements: [
    `create table run (
       id $text primary key,
       scope $text not null,
       state $text not null,
       key $text,
       fingerprint $text,
       body $text not null,
       updated_at bigint not null,
       unique (scope, key)
     )`,
    `create index run_open on run (id) where state = 'open'`,
    `create index run_ended on run (updated_at) where state = 'ended'`,
    `create table run_event (
       run $text not null,
       first bigint not null,
       body $text not null,
       primary key (run, first)
     )`,
    `create table run_session (
       scope $text not null,
       name $text not null,
       session $text not null,
       primary key (scope, name)
     )`,
  ],
};
