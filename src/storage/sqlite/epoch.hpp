// A store's epoch: a random text that clients compare to learn that numbers may have started anew
// (product.md, `epoch`). A copy that is put back must not carry on under the epoch of the store it
// was taken from, or clients would wait for numbers that are given out a second time.
#pragma once

#include <filesystem>

#include "base/error.hpp"

namespace maru::sqlite {

class Database;

// For a stopped server whose files were restored by hand: gives the store in `data_dir` a fresh
// epoch, durably. Blocks on the disk. Errors: kUnavailable with one sentence for the operator;
// is_locked() if another process uses the directory; then nothing has changed.
[[nodiscard]] Result<void> renew_epoch(const std::filesystem::path& data_dir);

// The same on an open store, in the caller's transaction or in one of its own. Throws SqliteError.
void write_fresh_epoch(Database& database);

}  // namespace maru::sqlite
