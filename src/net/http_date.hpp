// The field Date of answers (RFC 9110, sections 5.6.7 and 6.6.1): made once a second, then a view.
// One thread's; no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/clock.hpp"

namespace maru::net {

class HttpDate {
 public:
  // "Sun, 06 Nov 1994 08:49:37 GMT". Good until the next call.
  std::string_view at(WallTime now);

 private:
  static constexpr std::size_t kSize = 29;

  std::array<char, kSize> text_{};
  std::int64_t second_ = -1;
};

}  // namespace maru::net
