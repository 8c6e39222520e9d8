// Brings a store of schema version 3 to version 4 by writing it anew: the log gets another order,
// which touches every row. The new file is built beside the old one and takes its place in one
// step; the old one stays as the backup. A kill at any moment leaves the old store, and the next
// start begins again.
#pragma once

#include <filesystem>

#include "base/error.hpp"

namespace maru::sqlite {

// `path`: a store of version kRebuiltFrom that nobody else has open. The backup is
// `path`.v3.backup, under an epoch of its own. Needs about as much room as the store takes. Blocks
// as long as it takes, and logs how far it is. Errors: kUnavailable, with one sentence for the
// operator; then nothing has changed.
[[nodiscard]] Result<void> rebuild_store(const std::filesystem::path& path, const char* vfs);

}  // namespace maru::sqlite
