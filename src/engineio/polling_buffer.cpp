#include "engineio/polling_buffer.hpp"

#include <algorithm>
#include <utility>

#include "engineio/base64.hpp"
#include "engineio/packet.hpp"

namespace maru::engineio {

namespace {
// Allowed however small the bound is.
constexpr std::size_t kEntriesFree = 16;
}  // namespace

std::size_t PollingBuffer::wire_size(const Entry& entry) {
  const std::size_t size = entry.view().size();
  return entry.binary ? 1 + (size + 2) / 3 * 4 : size;
}

bool PollingBuffer::push(Entry entry, std::size_t bytes_max) {
  const std::size_t size = size_bytes_ + wire_size(entry) + (empty() ? 0 : 1);
  if (size > bytes_max) return false;
  if (entries_.size() - first_ >= kEntriesFree + bytes_max / sizeof(Entry)) return false;
  // A buffer that never drains must not grow by what it has given: close the gap when it is half.
  if (first_ > 0 && first_ * 2 >= entries_.size()) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  entries_.push_back(std::move(entry));
  size_bytes_ = size;
  return true;
}

bool PollingBuffer::push_shared(const SharedBytes& bytes, std::size_t skip, std::size_t bytes_max) {
  return push({bytes, static_cast<std::uint32_t>(skip), false}, bytes_max);
}

bool PollingBuffer::push_text(std::string_view packet, std::size_t bytes_max) {
  return push({SharedBytes::copy(packet), 0, false}, bytes_max);
}

bool PollingBuffer::push_binary(std::string_view bytes, std::size_t bytes_max) {
  return push({SharedBytes::copy(bytes), 0, true}, bytes_max);
}

std::string PollingBuffer::take_payload() {
  const std::size_t end = std::min(entries_.size(), first_ + kPacketsPerPayloadMax);
  std::size_t size = 0;
  for (std::size_t i = first_; i < end; ++i) size += wire_size(entries_[i]) + (i > first_ ? 1 : 0);
  std::string out;
  out.reserve(size);
  for (std::size_t i = first_; i < end; ++i) {
    Entry& entry = entries_[i];
    if (i > first_) out.push_back(kSeparator);
    if (entry.binary) {
      out.push_back('b');
      append_base64(out, entry.view());
    } else {
      out += entry.view();
    }
    entry.bytes = {};
  }
  if (end == entries_.size()) {
    clear();
  } else {
    first_ = end;
    size_bytes_ -= out.size() + 1;
  }
  return out;
}

void PollingBuffer::clear() {
  entries_ = {};
  first_ = 0;
  size_bytes_ = 0;
}

}  // namespace maru::engineio
