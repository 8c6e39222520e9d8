// Tells one request from another one under the same key. It is stored and compared after restarts
// and on other machines, so it is not std::hash. Whoever finds two texts of one fingerprint has
// fooled themselves only: keys are the sender's own. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "chat/record.hpp"

namespace maru::chat {

// FNV-1a, 64 bits.
class Fingerprint {
 public:
  void add(const void* bytes, std::size_t size) {
    const auto* at = static_cast<const unsigned char*>(bytes);
    for (std::size_t i = 0; i < size; ++i) hash_ = (hash_ ^ at[i]) * 0x100000001B3u;
  }
  void add(std::string_view text) { add(text.data(), text.size()); }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xCBF29CE484222325u;
};

// Of a text as it was sent.
[[nodiscard]] inline std::uint64_t fingerprint_of(std::string_view text) {
  Fingerprint fingerprint;
  fingerprint.add(text);
  return fingerprint.value();
}

[[nodiscard]] inline Text text_as_sent(std::string content,
                                       std::optional<std::string> client_msg_id) {
  Text text{std::move(content), std::move(client_msg_id)};
  if (text.client_msg_id) text.fingerprint = fingerprint_of(text.content);
  return text;
}

}  // namespace maru::chat
