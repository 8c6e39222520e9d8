// The tables, how a store is made, and how an older one is brought forward.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "storage/sqlite/database.hpp"

namespace maru::sqlite {

// "MARU", in the header of every database file of ours (PRAGMA application_id).
inline constexpr std::uint32_t kApplicationId = 0x4D415255;
// PRAGMA user_version. A change of the tables raises it and adds a Migration, or is a rebuild.
inline constexpr int kSchemaVersion = 5;
// The way from there is not taken in place: rebuild.hpp.
inline constexpr int kRebuiltFrom = 3;

// Brings a store of version `from` to `from + 1`. Runs inside the migrating transaction.
struct Migration {
  int from = 0;
  const char* sql = "";
};
// The one from kRebuiltFrom makes the tables only; rebuild.hpp brings the rows.
[[nodiscard]] std::span<const Migration> migrations();

// All of kSchemaVersion, as a store of the first version comes to them.
void make_tables(Database& database);

// Brings `database`, the file at `path`, to version `target` in one transaction, after copying it
// to `path`.v<old>.backup, under an epoch of its own. Errors: kUnavailable, with one sentence for
// the operator: a newer store than `target`, no way from its version, a failed backup or step; then
// nothing has changed.
[[nodiscard]] Result<void> migrate(Database& database, const std::filesystem::path& path,
                                   std::span<const Migration> steps, int target);

// What of the tables and indexes of `database` is not as this version makes them, a sentence each;
// empty: all is well. A store without an index of records would take a message twice. Throws
// SqliteError.
[[nodiscard]] std::vector<std::string> schema_differences(Database& database);

// Marks whoever is deleted and in a group as ending.
#define MARU_MARK_ENDING                                                              \
  "UPDATE users SET ending = 1 WHERE deleted_at IS NOT NULL AND ref IN (SELECT user " \
  "FROM members WHERE chat IN (SELECT ref FROM chats WHERE personal = 0));"

// Named integers and texts of the store (table meta).
[[nodiscard]] std::int64_t read_meta(Database& database, const char* name);
void write_meta(Database& database, const char* name, std::int64_t value);

inline constexpr const char* kMetaLastNumber = "last_number";
// Records up to this rowid were checked, or written by a process that went on well after them.
inline constexpr const char* kMetaCleanMark = "clean_mark";

}  // namespace maru::sqlite
