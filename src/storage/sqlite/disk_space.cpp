#include "storage/sqlite/disk_space.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/log.hpp"

namespace maru::sqlite {
namespace {

const char* name_of(chat::Room room) {
  switch (room) {
    case chat::Room::kPlenty:
      return "everybody writes";
    case chat::Room::kShort:
      return "guests cannot write";
    case chat::Room::kNone:
      break;
  }
  return "nobody can write";
}

}  // namespace

chat::Room room_for(std::uint64_t free_bytes, std::uint64_t reserve_bytes, chat::Room before) {
  const auto is_below = [&](std::uint64_t mark, bool was_below) {
    return free_bytes < (was_below ? mark + mark / 10 : mark);
  };
  if (is_below(reserve_bytes / 2, before == chat::Room::kNone)) return chat::Room::kNone;
  if (is_below(reserve_bytes, before != chat::Room::kPlenty)) return chat::Room::kShort;
  return chat::Room::kPlenty;
}

DiskSpace::DiskSpace(std::filesystem::path directory, DiskReserve reserve)
    : directory_(std::move(directory)), reserve_(reserve) {}

std::uint64_t DiskSpace::reserve_of(std::uint64_t total) const {
  std::uint64_t reserve = std::numeric_limits<std::uint64_t>::max();
  if (reserve_.bytes) reserve = *reserve_.bytes;
  if (reserve_.percent) reserve = std::min<std::uint64_t>(reserve, total / 100 * *reserve_.percent);
  return reserve;
}

chat::Room DiskSpace::look(MonotonicTime now) {
  if (looked_at_ && now.ms - looked_at_->ms < kLookIntervalMs && written_ < kLookBytes) {
    return room_;
  }
  looked_at_ = now;
  written_ = 0;
  struct statvfs found{};
  if (::statvfs(directory_.c_str(), &found) != 0) return room_;
  const std::uint64_t free = std::uint64_t{found.f_bavail} * found.f_frsize;
  const std::uint64_t reserve = reserve_of(std::uint64_t{found.f_blocks} * found.f_frsize);
  free_bytes_.store(free);
  reserve_bytes_.store(reserve);
  change_to(room_for(free, reserve, room_));
  return room_;
}

void DiskSpace::change_to(chat::Room room) {
  if (std::exchange(room_, room) == room) return;
  const auto level = room == chat::Room::kPlenty ? log::Level::kInfo : log::Level::kWarn;
  log::write(level, "disk_room",
             {{"meaning", name_of(room)},
              {"free_bytes", free_bytes()},
              {"reserve_bytes", reserve_bytes()}});
}

}  // namespace maru::sqlite
