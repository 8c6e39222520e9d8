#include "gateway/events/session_table.hpp"

#include <utility>

#include "gateway/events/client_session.hpp"

namespace maru::gateway {
namespace {
constexpr std::uint64_t kSlotMask = 0xffff'ffff;
}

SessionTable::SessionTable() = default;
SessionTable::~SessionTable() = default;

SessionKey SessionTable::insert(std::unique_ptr<ClientSession> session) {
  std::uint32_t slot;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  slots_[slot].session = std::move(session);
  ++size_;
  return (static_cast<SessionKey>(slots_[slot].generation) << 32) | slot;
}

ClientSession* SessionTable::find(SessionKey key) const {
  const std::size_t slot = key & kSlotMask;
  if (slot >= slots_.size() || slots_[slot].generation != key >> 32) return nullptr;
  return slots_[slot].session.get();
}

void SessionTable::erase(SessionKey key) {
  if (find(key) == nullptr) return;
  Slot& slot = slots_[key & kSlotMask];
  const std::unique_ptr<ClientSession> gone = std::move(slot.session);
  // Generation 0 is left out, so that key 0 never names a slot.
  if (++slot.generation == 0) slot.generation = 1;
  free_.push_back(static_cast<std::uint32_t>(key & kSlotMask));
  --size_;
}

ClientSession* SessionTable::at_slot(std::size_t slot) const {
  return slot < slots_.size() ? slots_[slot].session.get() : nullptr;
}

}  // namespace maru::gateway
