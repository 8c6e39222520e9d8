// Counts what operator new gives out on this thread: what a test says about memory it can then say
// exactly. Tests only; link test_allocations.cpp.
#pragma once

#include <cstddef>

namespace maru::net::test {

struct Allocations {
  static std::size_t outstanding();  // given out by this thread, and not given back on it
  static std::size_t largest();      // in bytes, since reset()
  static void reset();
};

}  // namespace maru::net::test
