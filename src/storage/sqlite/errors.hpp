// What a failing SQLite call means for the server (architecture.md, "Embedded store").
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/error.hpp"
#include "storage/sqlite/database.hpp"

namespace maru::sqlite {

enum class Failure : std::uint8_t {
  kUnavailable,  // nothing was written; it may work later (full disk, locked, a failed write or
                 // read)
  kConflict,     // a unique key was hit
  kBug,          // another constraint, a wrong statement
  kFatal,        // a failed fsync or a damaged file: going on may lie
};
[[nodiscard]] Failure classify(int extended_code);

// Called with one sentence when the process must not go on. The default logs and ends the process
// with status 70 without running destructors. A test's handler may return: the store then refuses
// everything with kUnavailable.
using FatalHandler = std::function<void(std::string_view reason)>;
[[noreturn]] void stop_process(std::string_view reason);

// Turns what was thrown into an Error, after calling `fatal` where that is due.
[[nodiscard]] Error to_error(const SqliteError& error, const FatalHandler& fatal);
[[nodiscard]] Error to_error(const ContractError& error);

// Runs `body`, a callable that returns a value, at the folder's edge.
template <class Body>
auto guarded(const FatalHandler& fatal, Body&& body) -> Result<decltype(body())> {
  try {
    return body();
  } catch (const SqliteError& error) {
    return std::unexpected(to_error(error, fatal));
  } catch (const ContractError& error) {
    return std::unexpected(to_error(error));
  }
}

}  // namespace maru::sqlite
