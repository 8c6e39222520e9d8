#include "net/test_allocations.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t outstanding_blocks = 0;
thread_local std::size_t largest_bytes = 0;

}  // namespace

void* operator new(std::size_t size) {
  void* memory = std::malloc(std::max<std::size_t>(size, 1));
  if (memory == nullptr) throw std::bad_alloc();
  ++outstanding_blocks;
  largest_bytes = std::max(largest_bytes, size);
  return memory;
}

void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  --outstanding_blocks;
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  ::operator delete(memory);
}

namespace maru::net::test {

std::size_t Allocations::outstanding() {
  return outstanding_blocks;
}
std::size_t Allocations::largest() {
  return largest_bytes;
}
void Allocations::reset() {
  largest_bytes = 0;
}

}  // namespace maru::net::test
