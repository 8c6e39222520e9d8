#include "storage/sqlite/schema.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <system_error>

#include "base/log.hpp"
#include "storage/sqlite/data_directory.hpp"
#include "storage/sqlite/epoch.hpp"
#include "storage/sqlite/errors.hpp"
#include "storage/sqlite/store_file.hpp"

namespace maru::sqlite {
namespace {

// Everything that grows with traffic is append-ordered: rows are found by rowid ("ref"), and the
// indexes of records are led by what grows (chat and sequence, a time-ordered client id). Other
// tables name users and chats by ref, so that a 12-byte id or a name is stored once.
constexpr const char* kTables = R"sql(
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

// Since version 2.
constexpr const char* kLoginFailures = R"sql(
CREATE TABLE login_failures(           -- counters, so that a restart does not give new guesses
  key BLOB PRIMARY KEY,
  failures INTEGER NOT NULL,
  until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX login_failures_by_time ON login_failures(until);
)sql";

// Since version 3: what others do with a user is counted apart. Of an older store, whoever is in a
// chat is taken to want it.
constexpr const char* kEntries = R"sql(
ALTER TABLE members ADD COLUMN entry INTEGER NOT NULL DEFAULT 0;    -- chat::Entry
ALTER TABLE members ADD COLUMN accepted INTEGER NOT NULL DEFAULT 1;
UPDATE members SET entry = 1 + (SELECT personal FROM chats WHERE ref = members.chat)
  WHERE joined_at = 0 AND ordinal > 0; -- who made the chat is the first of those of the start
DROP INDEX members_by_user;
CREATE INDEX members_by_user ON members(user, entry, chat);
CREATE TABLE quotas(                   -- chat::QuotaCount
  user INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  since INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY(user, kind)) WITHOUT ROWID;
CREATE INDEX quotas_by_time ON quotas(since);
)sql";

// Since version 4: what a chat began with is kept, records say what they changed, and nothing that
// is written with each text is ordered by chat. The rows come along in rebuild.cpp.
constexpr const char* kLog = R"sql(
ALTER TABLE chats ADD COLUMN creation BLOB NOT NULL DEFAULT x'';  -- body_codec.hpp: its first members
DROP TABLE heads;
CREATE TABLE heads(                    -- the newest record of each chat: record_writer.hpp
  slot INTEGER PRIMARY KEY,            -- grows; a head that is written moves to the end by and by
  chat INTEGER NOT NULL UNIQUE,
  sequence INTEGER NOT NULL,           -- 0: there is no record yet
  ref INTEGER NOT NULL,                -- of that record
  text_count INTEGER NOT NULL,
  last_effect INTEGER NOT NULL,
  updated_at INTEGER NOT NULL);
DROP TABLE records;
CREATE TABLE records(
  ref INTEGER PRIMARY KEY,             -- in the order of writing
  chat INTEGER NOT NULL,
  sequence INTEGER NOT NULL,           -- 1, 2, 3, … in its chat
  previous INTEGER NOT NULL,           -- ref of the one before it in its chat; 0: none
  id BLOB NOT NULL,
  kind INTEGER NOT NULL,               -- chat::kRecordKinds
  text_count INTEGER NOT NULL,
  effect INTEGER NOT NULL,             -- how far behind its last_effect is; 0: it has one itself
  created_at INTEGER NOT NULL,
  actor INTEGER NOT NULL,
  client_msg_id,                       -- of a text; a UUID as 16 bytes, else TEXT
  fingerprint INTEGER,                 -- with an id: of the text as it was sent
  target INTEGER,                      -- sequence of the record that it supersedes
  body NOT NULL);                      -- of a text TEXT, else a BLOB: body_codec.hpp
CREATE UNIQUE INDEX records_by_client_msg_id ON records(client_msg_id, chat, actor)
  WHERE client_msg_id IS NOT NULL;
CREATE TABLE marks(                    -- where whole runs of a chat's records are
  chat INTEGER NOT NULL,
  block INTEGER NOT NULL,              -- records 32 block + 1 … 32 block + 32
  refs BLOB NOT NULL,                  -- record_positions.hpp
  PRIMARY KEY(chat, block)) WITHOUT ROWID;
)sql";

// Since version 5: an ended user leaves its groups one by one. Whoever was left behind in one,
// which no earlier version did, is taken out too.
constexpr const char* kEndings = R"sql(
ALTER TABLE users ADD COLUMN ending INTEGER NOT NULL DEFAULT 0;  -- 1: deleted, and perhaps in groups
CREATE INDEX users_ending ON users(ref) WHERE ending = 1;
)sql" MARU_MARK_ENDING;

constexpr Migration kMigrations[] = {{1, kLoginFailures}, {2, kEntries}, {3, kLog}, {4, kEndings}};

// Without comments and spacing, so that neither makes a difference.
std::string normalized(std::string_view sql) {
  std::string out;
  for (std::size_t at = 0; at < sql.size(); ++at) {
    if (sql.substr(at).starts_with("--")) {
      at = std::min(sql.find('\n', at), sql.size());
      continue;
    }
    if (sql[at] != ' ' && sql[at] != '\n') out += sql[at];
  }
  return out;
}

// What a schema is made of, by kind and name. SQLite's own tables and indexes are left out.
using Schema = std::map<std::string, std::string>;
Schema read_schema(Database& database) {
  Schema schema;
  Statement statement(database,
                      "SELECT type || ' ' || name, sql FROM sqlite_schema"
                      " WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'");
  Rows rows = statement.query();
  while (rows.next()) schema.emplace(rows.text(0), normalized(rows.text(1)));
  return schema;
}

Result<void> back_up(Database& database, const std::filesystem::path& path, int version) {
  const std::string target = path.string() + ".v" + std::to_string(version) + ".backup";
  const std::string partial = target + ".partial";
  remove_with_journals(partial);
  if (auto made = make_private_file(partial); !made) return made;
  Statement vacuum(database, "VACUUM INTO ?1");
  vacuum.execute(std::string_view(partial));
  {
    // Whoever puts the copy back goes back in time; clients must be able to tell.
    Database copy(partial, OpenMode::kReadWrite);
    copy.execute("PRAGMA synchronous=FULL");
    write_fresh_epoch(copy);
  }
  std::error_code error;
  std::filesystem::rename(partial, target, error);
  if (error || !sync_directory(path.parent_path())) {
    return fail(ErrorCode::kUnavailable, "The backup " + target + " cannot be completed.");
  }
  log::info("store_backed_up", {{"path", target}});
  return {};
}

Result<void> run_steps(Database& database, std::span<const Migration> steps, int from, int target) {
  WriteTransaction transaction(database);
  for (int version = from; version < target; ++version) {
    const Migration* step = nullptr;
    for (const Migration& candidate : steps) {
      if (candidate.from == version) step = &candidate;
    }
    if (!step) {
      return fail(ErrorCode::kUnavailable, "The store has schema version " + std::to_string(from) +
                                               ", from which this program knows no way forward.");
    }
    database.execute(step->sql);
  }
  database.execute(("PRAGMA user_version=" + std::to_string(target)).c_str());
  transaction.commit();
  log::info("store_migrated", {{"from", from}, {"to", target}});
  return {};
}

}  // namespace

std::span<const Migration> migrations() {
  return kMigrations;
}

void make_tables(Database& database) {
  database.execute(kTables);
  for (const Migration& step : kMigrations) database.execute(step.sql);
}

Result<void> migrate(Database& database, const std::filesystem::path& path,
                     std::span<const Migration> steps, int target) {
  try {
    const int version = static_cast<int>(database.query_integer("PRAGMA user_version"));
    if (version == target) return {};
    if (version > target) {
      return fail(ErrorCode::kUnavailable,
                  path.string() + " was written by a newer Maru (schema version " +
                      std::to_string(version) + ", this one knows " + std::to_string(target) +
                      "). Run that version, or restore the backup that it made.");
    }
    if (auto backed_up = back_up(database, path, version); !backed_up) return backed_up;
    return run_steps(database, steps, version, target);
  } catch (const SqliteError& error) {
    return fail(ErrorCode::kUnavailable, "The store " + path.string() +
                                             " cannot be brought to schema version " +
                                             std::to_string(target) + ": " + error.what() + ".");
  }
}

std::vector<std::string> schema_differences(Database& database) {
  Database fresh(":memory:", OpenMode::kReadWrite);
  make_tables(fresh);
  const Schema expected = read_schema(fresh);
  const Schema found = read_schema(database);
  std::vector<std::string> differences;
  for (const auto& [name, sql] : expected) {
    const auto one = found.find(name);
    if (one == found.end()) {
      differences.push_back("the " + name + " is missing");
    } else if (one->second != sql) {
      differences.push_back("the " + name + " is not the one that Maru makes");
    }
  }
  for (const auto& [name, sql] : found) {
    if (!expected.contains(name)) differences.push_back("the " + name + " is none of Maru's");
  }
  return differences;
}

std::int64_t read_meta(Database& database, const char* name) {
  Statement statement(database, "SELECT value FROM meta WHERE name = ?1");
  Rows rows = statement.query(std::string_view(name));
  return rows.next() ? rows.integer(0) : 0;
}

void write_meta(Database& database, const char* name, std::int64_t value) {
  Statement statement(database, "UPDATE meta SET value = ?2 WHERE name = ?1");
  statement.execute(std::string_view(name), value);
}

}  // namespace maru::sqlite
