// How much room the store has for more.
#pragma once

#include <cstdint>

namespace maru::chat {

enum class Room : std::uint8_t {
  kPlenty,
  kShort,  // what guests and newcomers write is refused, kUnavailable
  kNone,   // what anybody writes is; to log in, out, leave and revoke always works
};

}  // namespace maru::chat
