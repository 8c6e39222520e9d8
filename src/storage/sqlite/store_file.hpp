// The file of a store: how it is made, whole or not at all.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.hpp"

namespace maru::sqlite {

// Makes an empty store at `path`, complete or not at all: it is built beside and renamed into
// place. Errors: kUnavailable.
[[nodiscard]] Result<void> create_store(const std::filesystem::path& path, const char* vfs);

// An empty file that is its owner's alone; it must not be there. Errors: kUnavailable.
[[nodiscard]] Result<void> make_private_file(const std::filesystem::path& path);
// The tables of an empty store, into an empty file. Throws SqliteError.
void fill_new_store(const std::string& path, const char* vfs);
void remove_with_journals(const std::filesystem::path& path);

}  // namespace maru::sqlite
