// The one way to end early: with a sentence. What process.hpp started is stopped and cleaned up.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace loadgen {

template <class... Values>
[[noreturn]] void die(fmt::format_string<Values...> text, Values&&... values) {
  fmt::print(stderr, "maru_load: {}\n", fmt::format(text, std::forward<Values>(values)...));
  std::exit(1);
}

// The server refuses what it cannot do in time: no fault, but no figure either.
inline constexpr int kOverloadedExit = 3;
[[noreturn]] inline void end_overloaded() {
  fmt::print(stderr, "maru_load: the server refused a message, it is overloaded\n");
  std::exit(kOverloadedExit);
}

// The same with errno's words.
[[noreturn]] inline void die_of_errno(const char* what) {
  die("{}: {}", what, std::strerror(errno));
}

}  // namespace loadgen
