#include "net/outbox.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace maru::net {
namespace {
// Storage up to so many items is worth keeping for the next connection.
constexpr std::size_t kItemsKept = 64;
}  // namespace

void Outbox::push(SharedBytes bytes) {
  if (bytes.empty()) return;
  // A queue that never drains must not grow by what it has written: close the gap when it is half.
  if (first_ > 32 && first_ * 2 > items_.size()) {
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  bytes_ += bytes.size();
  items_.push_back(std::move(bytes));
}

std::size_t Outbox::gather(std::span<iovec> parts) const {
  std::size_t count = 0;
  std::size_t skip = offset_;
  for (std::size_t i = first_; i < items_.size() && count < parts.size(); ++i) {
    const std::string_view view = items_[i].view().substr(skip);
    parts[count++] = {const_cast<char*>(view.data()), view.size()};
    skip = 0;
  }
  return count;
}

std::size_t Outbox::copy_front(std::span<char> out) const {
  std::size_t size = 0;
  std::size_t skip = offset_;
  for (std::size_t i = first_; i < items_.size() && size < out.size(); ++i) {
    const std::string_view view = items_[i].view().substr(skip);
    const std::size_t part = std::min(view.size(), out.size() - size);
    std::memcpy(out.data() + size, view.data(), part);
    size += part;
    skip = 0;
  }
  return size;
}

void Outbox::consume(std::size_t size) {
  assert(size <= bytes_);
  bytes_ -= size;
  if (bytes_ == 0) {
    clear();
    return;
  }
  size += offset_;
  while (size >= items_[first_].size()) {
    size -= items_[first_].size();
    items_[first_] = {};
    ++first_;
  }
  offset_ = size;
}

void Outbox::clear() {
  items_.clear();
  if (items_.capacity() > kItemsKept) std::vector<SharedBytes>().swap(items_);
  first_ = 0;
  offset_ = 0;
  bytes_ = 0;
}

}  // namespace maru::net
