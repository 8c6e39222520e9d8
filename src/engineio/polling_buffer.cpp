#include "engineio/polling_buffer.hpp"

#include <utility>

#include "engineio/base64.hpp"
#include "engineio/packet.hpp"

namespace maru::engineio {

namespace {
// Allowed however small the bound is.
constexpr std::size_t kEntriesFree = 16;
}  // namespace

bool PollingBuffer::push(Entry entry, std::size_t wire_size, std::size_t bytes_max) {
  const std::size_t size = size_bytes_ + wire_size + (entries_.empty() ? 0 : 1);
  if (size > bytes_max) return false;
  if (entries_.size() >= kEntriesFree + bytes_max / sizeof(Entry)) return false;
  entries_.push_back(std::move(entry));
  size_bytes_ = size;
  return true;
}

bool PollingBuffer::push_shared(const SharedBytes& bytes, std::size_t skip, std::size_t bytes_max) {
  return push({bytes, static_cast<std::uint32_t>(skip), false}, bytes.size() - skip, bytes_max);
}

bool PollingBuffer::push_text(std::string_view packet, std::size_t bytes_max) {
  return push({SharedBytes::copy(packet), 0, false}, packet.size(), bytes_max);
}

bool PollingBuffer::push_binary(std::string_view bytes, std::size_t bytes_max) {
  return push({SharedBytes::copy(bytes), 0, true}, 1 + (bytes.size() + 2) / 3 * 4, bytes_max);
}

std::string PollingBuffer::take_payload() {
  std::string out;
  out.reserve(size_bytes_);
  for (const Entry& entry : entries_) {
    if (!out.empty()) out.push_back(kSeparator);
    if (entry.binary) {
      out.push_back('b');
      append_base64(out, entry.view());
    } else {
      out += entry.view();
    }
  }
  clear();
  return out;
}

void PollingBuffer::clear() {
  entries_ = {};
  size_bytes_ = 0;
}

}  // namespace maru::engineio
