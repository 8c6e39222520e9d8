// The tables of schema version 1, as its programs made them: what migration starts from. Never
// changes. Tests only.
#pragma once

namespace maru::sqlite::testing {

inline constexpr const char* kSchemaV1 = R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE users(
  ref INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  folded_name TEXT UNIQUE,             -- null once deleted: the name is free again
  search_name TEXT,                    -- text::name_search_query of the name; null once deleted
  type INTEGER NOT NULL,
  password_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_seen_at INTEGER,
  deleted_at INTEGER);

CREATE INDEX users_by_search_name ON users(search_name) WHERE search_name IS NOT NULL;

CREATE TABLE user_terms(               -- text::name_search_terms of living users
  term TEXT NOT NULL,
  user INTEGER NOT NULL,
  PRIMARY KEY(term, user)) WITHOUT ROWID;

CREATE TABLE sessions(
  ref INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  user INTEGER NOT NULL,
  token BLOB NOT NULL UNIQUE,          -- SHA-256 of the token
  created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  user_agent TEXT NOT NULL);
CREATE INDEX sessions_by_user ON sessions(user);
CREATE INDEX sessions_by_use ON sessions(last_used_at);

CREATE TABLE chats(
  ref INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  number INTEGER NOT NULL UNIQUE,
  name TEXT NOT NULL,
  personal INTEGER NOT NULL,
  archived INTEGER NOT NULL,
  owner INTEGER,
  created_at INTEGER NOT NULL,
  pair_low INTEGER,                    -- a 1:1: its two users, the smaller ref first
  pair_high INTEGER);
CREATE UNIQUE INDEX chats_by_pair ON chats(pair_low, pair_high) WHERE pair_low IS NOT NULL;
CREATE INDEX chats_public ON chats(number) WHERE personal = 0 AND archived = 0;

CREATE TABLE heads(                    -- apart from chats: many in a page, rewritten with every batch
  chat INTEGER PRIMARY KEY,
  head INTEGER NOT NULL,
  text_count INTEGER NOT NULL,
  updated_at INTEGER NOT NULL);

CREATE TABLE members(
  chat INTEGER NOT NULL,
  user INTEGER NOT NULL,
  role INTEGER NOT NULL,
  joined_at INTEGER NOT NULL,          -- sequence; 0: from the start
  ordinal INTEGER NOT NULL,            -- place among those of the start
  PRIMARY KEY(chat, user)) WITHOUT ROWID;
CREATE INDEX members_by_user ON members(user, chat);

CREATE TABLE records(
  ref INTEGER PRIMARY KEY,
  chat INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  id BLOB NOT NULL,
  kind INTEGER NOT NULL,               -- 0 text, 1 join, 2 leave
  text_count INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  sender INTEGER,                      -- text
  client_msg_id,                       -- text; a UUID as 16 bytes, else TEXT
  subject INTEGER,                     -- join, leave
  member_count INTEGER,                -- join, leave
  content TEXT NOT NULL);
CREATE UNIQUE INDEX records_by_sequence ON records(chat, sequence);
CREATE UNIQUE INDEX records_by_client_msg_id ON records(client_msg_id, chat, sender)
  WHERE client_msg_id IS NOT NULL;

CREATE TABLE created_keys(             -- Idempotency-Key of chat creation
  caller INTEGER NOT NULL,
  key TEXT NOT NULL,
  chat INTEGER NOT NULL,
  fingerprint INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY(caller, key)) WITHOUT ROWID;
CREATE INDEX created_keys_by_age ON created_keys(created_at);

INSERT INTO meta VALUES
  ('epoch', lower(hex(randomblob(12)))), ('last_number', 0), ('public_groups', 0), ('clean_mark', 0);
)sql";

}  // namespace maru::sqlite::testing
