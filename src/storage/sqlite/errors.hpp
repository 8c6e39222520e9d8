// What a failing SQLite call means for the server (architecture.md, "Embedded store").
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/memory.hpp"
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

// The folder's edge, where its exceptions end, for one kind of work of one connection (a writer's
// appends succeed again when the disk has room, its loads never stopped). The connection's thread.
//
// That the store is unavailable is logged once per outage, which lasts to the next success: a full
// disk fails every batch, and logging would help to fill it.
class Edge {
 public:
  explicit Edge(FatalHandler fatal) : fatal_(std::move(fatal)) {}

  // Runs `body`, a callable that returns a value. What it throws becomes an Error, after calling
  // the fatal handler where that is due.
  template <class Body>
  auto run(Body&& body) -> Result<decltype(body())> {
    try {
      auto value = body();
      failing_ = false;
      return value;
    } catch (const SqliteError& error) {
      return std::unexpected(to_error(error));
    } catch (const ContractError& error) {
      return std::unexpected(to_error(error));
    } catch (const std::bad_alloc&) {
      memory::count_failure();
      return std::unexpected(Error{ErrorCode::kUnavailable, "No memory.", {}, 0});  // it needs none
    }
  }

 private:
  [[nodiscard]] Error to_error(const SqliteError& error);
  [[nodiscard]] static Error to_error(const ContractError& error);

  FatalHandler fatal_;
  bool failing_ = false;  // and that has been logged
};

}  // namespace maru::sqlite
