import type { Migration } from './list.ts';

/** Responses of `POST /v1/responses` and the names that point at the newest one of a conversation. */
export const responses: Migration = {
  number: 2,
  name: 'responses',
  statements: [
    `create table response (
       id $text primary key,
       scope $text not null,
       state $text not null,
       turn_key $text not null,
       conversation $text,
       body $text not null,
       accessed_at bigint not null
     )`,
    `create index response_accessed on response (accessed_at)`,
    `create index response_open on response (id) where state = 'open'`,
    `create table conversation (
       scope $text not null,
       name $text not null,
       response $text not null,
       primary key (scope, name)
     )`,
    `create index conversation_response on conversation (response)`,
  ],
};
