#include "base/testing/failing_allocations.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

// One to use the reserve, one to fail, and some for those who wait.
constexpr int kTries = 4;

thread_local std::size_t left = 0;  // 0: none fails
thread_local bool has_failed = false;

bool is_the_one() {
  if (left == 0 || --left != 0) return false;
  has_failed = true;
  return true;
}

void* allocate(std::size_t size) {
  int refusals = is_the_one() ? kTries : 0;
  for (;;) {
    void* const memory = refusals-- > 0 ? nullptr : std::malloc(std::max<std::size_t>(size, 1));
    if (memory != nullptr) return memory;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace maru::testing {

FailingAllocation::FailingAllocation(std::size_t nth) {
  left = nth;
  has_failed = false;
}
FailingAllocation::~FailingAllocation() {
  left = 0;
}
bool FailingAllocation::happened() {
  return has_failed;
}

}  // namespace maru::testing
