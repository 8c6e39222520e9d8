// What waits for a polling client's next GET, or for the end of its upgrade. Bounded by the caller:
// past `bytes_max`, on the wire or in what the entries take beside it, nothing is queued (slow
// consumer). Holds no memory while empty. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/shared_bytes.hpp"

namespace maru::engineio {

class PollingBuffer {
 public:
  // A text packet as it stands in `bytes` after `skip` of them: a frame that all recipients share.
  [[nodiscard]] bool push_shared(const SharedBytes& bytes, std::size_t skip, std::size_t bytes_max);
  [[nodiscard]] bool push_text(std::string_view packet, std::size_t bytes_max);
  // A binary message; it is counted as it will be on the wire, in base64.
  [[nodiscard]] bool push_binary(std::string_view bytes, std::size_t bytes_max);

  [[nodiscard]] bool empty() const { return first_ == entries_.size(); }
  // The size of the one body that all of it would make.
  [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }

  // The first kPacketsPerPayloadMax packets as one payload; the rest stays.
  [[nodiscard]] std::string take_payload();
  // All of it in order, for a WebSocket: visit(bytes, skip, is_binary), as it was pushed. Empties
  // the buffer.
  template <class Visit>
  void drain(Visit&& visit) {
    std::vector<Entry> entries = std::move(entries_);
    const std::size_t first = first_;
    clear();
    for (std::size_t i = first; i < entries.size(); ++i) {
      visit(std::move(entries[i].bytes), entries[i].skip, entries[i].binary);
    }
  }

 private:
  struct Entry {
    SharedBytes bytes;
    std::uint32_t skip = 0;
    bool binary = false;
    [[nodiscard]] std::string_view view() const { return bytes.view().substr(skip); }
  };

  [[nodiscard]] static std::size_t wire_size(const Entry& entry);
  [[nodiscard]] bool push(Entry entry, std::size_t bytes_max);
  void clear();

  std::vector<Entry> entries_;  // those before first_ are gone
  std::size_t first_ = 0;
  std::size_t size_bytes_ = 0;
};

}  // namespace maru::engineio
