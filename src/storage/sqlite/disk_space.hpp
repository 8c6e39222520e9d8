// How much room the file system of the data directory has left, against a reserve: below it guests
// wait with what they write, below half of it everybody does, so that the store never meets the end
// of the disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/clock.hpp"
#include "chat/room.hpp"

namespace maru::sqlite {

// The smaller of the two.
struct DiskReserve {
  std::optional<std::uint64_t> bytes = std::uint64_t{1} << 30;
  std::optional<unsigned> percent = 5;  // of the file system
};

class DiskSpace {
 public:
  static constexpr std::int64_t kLookIntervalMs = 250;
  static constexpr std::uint64_t kLookBytes = std::uint64_t{1} << 20;

  DiskSpace(std::filesystem::path directory, DiskReserve reserve);

  // Asks the file system, once in kLookIntervalMs or kLookBytes written; logs each change once. A
  // file system that does not answer has room: its own errors tell. The sequencer's thread.
  chat::Room look(MonotonicTime now);
  void wrote(std::uint64_t bytes) { written_ += bytes; }

  // As of the last look; any thread.
  [[nodiscard]] std::uint64_t free_bytes() const { return free_bytes_.load(); }
  [[nodiscard]] std::uint64_t reserve_bytes() const { return reserve_bytes_.load(); }

 private:
  [[nodiscard]] std::uint64_t reserve_of(std::uint64_t total) const;
  void change_to(chat::Room room);

  const std::filesystem::path directory_;
  const DiskReserve reserve_;
  std::optional<MonotonicTime> looked_at_;
  std::uint64_t written_ = 0;  // since then
  chat::Room room_ = chat::Room::kPlenty;
  std::atomic<std::uint64_t> free_bytes_{0};
  std::atomic<std::uint64_t> reserve_bytes_{0};
};

// What a look comes to. A state ends only a little above where it began, so that what hovers there
// does not change it with every write.
[[nodiscard]] chat::Room room_for(std::uint64_t free_bytes, std::uint64_t reserve_bytes,
                                  chat::Room before);

}  // namespace maru::sqlite
