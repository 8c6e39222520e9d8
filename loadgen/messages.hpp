// Messages as a client sends and hears them.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace loadgen {

inline constexpr std::size_t kTextBytes = 200;  // quality.md 3: 200-byte text

// What clients name their messages by.
enum class ClientIds : std::uint8_t { kNone, kTimeOrdered, kRandom };

// The frames of one sender in one chat.
class Sender {
 public:
  Sender(std::string chat, ClientIds ids);
  // A masked frame; `ack`: the id of the ack that is asked for, none below 0.
  std::string next_frame(std::int64_t ack = -1);

 private:
  std::string chat_;
  ClientIds ids_;
  std::uint64_t count_ = 0;
  std::mt19937_64 random_;
};

struct Heard {
  std::uint64_t sequence = 0;
  bool is_text = false;
};
// Of `42["message",{…}]`; nothing for any other packet. Ends the program at a `problem`.
std::optional<Heard> parse_message(std::string_view packet);

// What one client hears of one chat: every record once, in order, or the program ends.
class Stream {
 public:
  // The first one that comes is where it begins.
  void take(const Heard& heard);
  [[nodiscard]] std::uint64_t last() const { return last_; }

 private:
  std::uint64_t last_ = 0;
};

}  // namespace loadgen
