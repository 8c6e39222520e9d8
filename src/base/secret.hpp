// Text that wipes itself from memory: a password between the request that brought it and its hash
// (quality.md 1, row 29). Moves, never copies; a moved-from one is empty. The owner's thread.
#pragma once

#include <string.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace maru {

// Overwrites the text, also what was cut off its end, and empties it.
inline void wipe(std::string& text) {
  text.resize(text.capacity());
  explicit_bzero(text.data(), text.size());
  text.clear();
}

class Secret {
 public:
  Secret() = default;
  // Copies: whoever lent the text wipes it.
  explicit Secret(std::string_view text)
      : bytes_(text.empty() ? nullptr : std::make_unique<char[]>(text.size())), size_(text.size()) {
    text.copy(bytes_.get(), size_);
  }
  // Takes the text out of a string, which is wiped.
  static Secret take(std::string&& text) {
    Secret secret{std::string_view(text)};
    wipe(text);
    return secret;
  }
  ~Secret() { clear(); }
  Secret(Secret&& other) noexcept
      : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
  Secret& operator=(Secret&& other) noexcept {
    if (this == &other) return *this;
    clear();
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  [[nodiscard]] std::string_view view() const {
    return bytes_ ? std::string_view(bytes_.get(), size_) : std::string_view("");
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  void clear() {
    if (bytes_) explicit_bzero(bytes_.get(), size_);
    bytes_.reset();
    size_ = 0;
  }

 private:
  // Not a std::string: a short one would be left behind in the object that it was moved from.
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace maru
