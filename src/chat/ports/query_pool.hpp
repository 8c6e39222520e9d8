// Snapshots on the reader threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "chat/ports/snapshot.hpp"

namespace maru::chat {

// What waits for what: a query that reads much never keeps an urgent one waiting behind it.
enum class Lane : std::uint8_t {
  kUrgent,  // who somebody is, connecting, joining, sending, revocation: few rows each
  kBulk,    // lists, search, history, `sync`: as many rows as the answer is long
};
inline constexpr std::size_t kLaneCount = 2;

// Runs tasks on the reader threads, each with a fresh snapshot.
class QueryPool {
 public:
  virtual ~QueryPool() = default;
  using Query = std::move_only_function<void(Snapshot&)>;
  // Any thread, never blocks. False: the lane is full or closed; the caller answers kOverloaded.
  // The query must answer the thread that asked by posting to it; it must not throw. It may be
  // dropped unrun when the server stops: what it owns then says so to whoever asked.
  [[nodiscard]] virtual bool post(Lane lane, Query&& query) = 0;
};

}  // namespace maru::chat
