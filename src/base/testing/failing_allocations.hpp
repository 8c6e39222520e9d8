// Makes one allocation of this thread fail, so that a test can try each of them in turn. Tests
// only: failing_allocations.cpp replaces operator new in the program that links it.
#pragma once

#include <cstddef>

namespace maru::testing {

// While it lives, the `nth` allocation of this thread (from 1) finds no memory, however often its
// handler tries; one that waits for memory (base/memory.hpp, Patience) gets it after a while.
class FailingAllocation {
 public:
  explicit FailingAllocation(std::size_t nth);
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;

  // False: there were fewer.
  [[nodiscard]] static bool happened();
};

}  // namespace maru::testing
