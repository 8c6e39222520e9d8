#include "fanout/recovery/delivery_ring.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

namespace maru::fanout {

DeliveryRing::DeliveryRing(std::size_t entries_max)
    : entries_max_(std::max<std::size_t>(entries_max, 1)) {}

void DeliveryRing::push(wire::Position position, const ChatId& chat, Sequence sequence) {
  if (position != last() + 1) reset(position - 1);
  if (size_ == entries_max_) drop_oldest();
  if (size_ == entries_.size()) grow();

  Entry entry{chat, 0, sequence};
  const auto [newest, is_new] = newest_.try_emplace(chat, position);
  if (!is_new) {
    const wire::Position distance = position - newest->second;
    if (distance <= std::numeric_limits<std::uint32_t>::max()) {
      entry.back = static_cast<std::uint32_t>(distance);
    }
    newest->second = position;
  }
  entries_[(head_ + size_) % entries_.size()] = entry;
  ++size_;
}

const DeliveryRing::Entry& DeliveryRing::at(wire::Position position) const {
  assert(position >= first_ && position <= last());
  return entries_[(head_ + (position - first_)) % entries_.size()];
}

void DeliveryRing::reset(wire::Position last) {
  entries_.clear();
  newest_.clear();
  head_ = 0;
  size_ = 0;
  first_ = last + 1;
}

void DeliveryRing::drop_oldest() {
  const auto newest = newest_.find(entries_[head_].chat);
  if (newest != newest_.end() && newest->second == first_) newest_.erase(newest);
  head_ = (head_ + 1) % entries_.size();
  --size_;
  ++first_;
}

void DeliveryRing::grow() {
  constexpr std::size_t kSizeMin = 1024;
  std::vector<Entry> larger(
      std::min(entries_max_, std::max(kSizeMin, entries_.size() + entries_.size() / 2)));
  for (std::size_t i = 0; i < size_; ++i) larger[i] = entries_[(head_ + i) % entries_.size()];
  entries_.swap(larger);
  head_ = 0;
}

}  // namespace maru::fanout
