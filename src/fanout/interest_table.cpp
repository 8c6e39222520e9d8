#include "fanout/interest_table.hpp"

#include <cassert>

namespace maru::fanout {
namespace {

// Ids carry random bits, but imported ones need not: spread them.
std::size_t slot_of(ChatId chat, std::size_t slots) {
  const std::uint64_t mixed = std::hash<ChatId>()(chat) * 0x9E37'79B9'7F4A'7C15ULL;
  return static_cast<std::size_t>(mixed >> 32) & (slots - 1);
}

}  // namespace

InterestTable::InterestTable(unsigned threads, chat::EventBus* bus)
    : threads_(threads), bus_(bus), counts_(std::size_t{threads} * kSlots) {}

// Sequentially consistent on both sides: an I/O thread counts its interest and then has a snapshot
// read; whoever commits after that snapshot must see the count.
void InterestTable::add(unsigned thread, ChatId chat) {
  assert(thread < threads_);
  counts_[thread * kSlots + slot_of(chat, kSlots)].fetch_add(1);
  // After the count: what the bus lets through because of this finds the thread interested.
  if (bus_ != nullptr) bus_->follow(chat);
}

void InterestTable::remove(unsigned thread, ChatId chat) {
  assert(thread < threads_);
  if (bus_ != nullptr) bus_->unfollow(chat);
  [[maybe_unused]] const std::uint32_t before =
      counts_[thread * kSlots + slot_of(chat, kSlots)].fetch_sub(1);
  assert(before > 0);
}

bool InterestTable::may_have(unsigned thread, ChatId chat) const {
  return counts_[thread * kSlots + slot_of(chat, kSlots)].load() != 0;
}

}  // namespace maru::fanout
