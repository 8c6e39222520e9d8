// Identifiers that cannot be mixed up. Any thread; values.
//
// Every document id has the form of a MongoDB ObjectId, 24 hex digits, on every store (product.md
// section 2). Here its 12 bytes are 4 bytes of seconds, big-endian, and 64 random bits, so that ids
// cannot be guessed (quality.md 1, row 9) and those made later sort later.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace maru {

template <class Tag>
class ObjectId {
 public:
  static constexpr std::size_t kSize = 12;
  using Bytes = std::array<std::uint8_t, kSize>;

  ObjectId() = default;
  explicit ObjectId(const Bytes& bytes) : bytes_(bytes) {}

  // Exactly 24 hex digits of either case; anything else is nothing.
  static std::optional<ObjectId> parse(std::string_view hex);

  [[nodiscard]] std::string hex() const;  // 24 lower-case digits
  void write_hex(char* out24) const;
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  [[nodiscard]] bool is_zero() const { return bytes_ == Bytes{}; }

  auto operator<=>(const ObjectId&) const = default;

 private:
  Bytes bytes_{};
};

namespace id_detail {
bool parse_hex(std::string_view hex, std::uint8_t* out12);
void write_hex(const std::uint8_t* bytes12, char* out24);
}  // namespace id_detail

template <class Tag>
std::optional<ObjectId<Tag>> ObjectId<Tag>::parse(std::string_view hex) {
  Bytes bytes;
  if (!id_detail::parse_hex(hex, bytes.data())) return std::nullopt;
  return ObjectId(bytes);
}

template <class Tag>
std::string ObjectId<Tag>::hex() const {
  std::string out(24, '\0');
  write_hex(out.data());
  return out;
}

template <class Tag>
void ObjectId<Tag>::write_hex(char* out24) const {
  id_detail::write_hex(bytes_.data(), out24);
}

// A number that is not just any number.
template <class Tag, class Rep>
struct StrongNumber {
  Rep value{};
  auto operator<=>(const StrongNumber&) const = default;
};

using UserId = ObjectId<struct UserIdTag>;
using ChatId = ObjectId<struct ChatIdTag>;
using RecordId = ObjectId<struct RecordIdTag>;
using SessionId = ObjectId<struct SessionIdTag>;  // a login session
using NodeId = ObjectId<struct NodeIdTag>;        // a run of a server

using ChatNumber = StrongNumber<struct ChatNumberTag, std::int64_t>;  // the room number, from 1
using Sequence = StrongNumber<struct SequenceTag, std::uint64_t>;     // dense per chat, from 1

// SHA-256 of a login token: the only form in which a token is kept (quality.md 1, row 4).
using TokenHash = std::array<std::uint8_t, 32>;

// Makes ids. Any thread. Random bits come from libsodium in app/ (or a seed in tests).
class IdSource {
 public:
  virtual ~IdSource() = default;
  virtual std::array<std::uint8_t, 12> next_object_id() = 0;

  template <class Id>
  Id next() {
    return Id(next_object_id());
  }
};

}  // namespace maru

template <class Tag>
struct std::hash<maru::ObjectId<Tag>> {
  std::size_t operator()(const maru::ObjectId<Tag>& id) const noexcept {
    std::uint64_t random_bits;
    std::memcpy(&random_bits, id.bytes().data() + 4, sizeof random_bits);
    return static_cast<std::size_t>(random_bits);
  }
};

template <class Tag, class Rep>
struct std::hash<maru::StrongNumber<Tag, Rep>> {
  std::size_t operator()(const maru::StrongNumber<Tag, Rep>& number) const noexcept {
    return std::hash<Rep>()(number.value);
  }
};
