import type { Migration } from './list.ts';

/** First schema. The words with `$` are explained in list.ts. */
export const start: Migration = {
  number: 1,
  name: 'start',
  statements: [
    `create table account (
       id $text primary key,
       cursor $text,
       cursor_at bigint not null
     )`,
    `create table inbound (
       id $id,
       account $text not null,
       key $text not null,
       trace $text not null,
       state $text not null,
       reason $text,
       session_key $text not null,
       turn $text,
       consumer $text not null,
       ready_at bigint not null,
       body $text not null,
       raw $text not null,
       created_at bigint not null,
       unique (account, key)
     )`,
    // Partial: the working set stays small however many messages were ever answered.
    `create index inbound_open on inbound (session_key, id) where state in ('pending', 'claimed')`,
    `create index inbound_turn on inbound (turn) where turn is not null`,
    `create index inbound_age on inbound (created_at)`,
    `create table lane (
       session_key $text primary key,
       fence bigint not null,
       session_id $text not null
     )`,
    `create table session (
       id $text primary key,
       session_key $text not null,
       source $text not null,
       origin $text not null,
       created_at bigint not null,
       updated_at bigint not null,
       ended_at bigint,
       end_reason $text
     )`,
    `create table message (
       id $id,
       session_id $text not null,
       turn $text not null,
       body $text not null,
       created_at bigint not null
     )`,
    `create index message_session on message (session_id, id)`,
    `create table turn (
       id $text primary key,
       session_key $text not null,
       session_id $text not null,
       fence bigint not null,
       state $text not null,
       consumer $text not null,
       trace $text not null,
       attempts integer not null,
       model $text,
       provider $text,
       usage $text,
       error $text,
       started_at bigint not null,
       ended_at bigint
     )`,
    `create index turn_running on turn (session_key) where state = 'running'`,
    `create index turn_started on turn (started_at)`,
    `create table step (
       turn $text not null,
       n integer not null,
       kind $text not null,
       state $text not null,
       body $text not null,
       created_at bigint not null,
       primary key (turn, n)
     )`,
    `create table part (
       id $id,
       key $text not null unique,
       account $text not null,
       chat $text not null,
       thread $text,
       turn $text,
       trace $text not null,
       class $text not null,
       state $text not null,
       op $text not null,
       attempt integer not null,
       ready_at bigint not null,
       message $text,
       why $text,
       mark $text,
       created_at bigint not null,
       settled_at bigint
     )`,
    `create index part_open on part (account, chat, id) where state in ('queued', 'attempting')`,
    `create index part_age on part (created_at)`,
    `create index part_trace on part (trace)`,
    `create table idempotency (
       scope $text not null,
       key $text not null,
       fingerprint $text not null,
       turn $text not null,
       result $text,
       expires_at bigint not null,
       primary key (scope, key)
     )`,
    `create index idempotency_expiry on idempotency (expires_at)`,
  ],
};
