// A fixed array of zero bytes that takes memory only where it is touched: for tables that are as
// large as a busy server needs them, of which most servers use little. Owner: whoever holds it;
// what T says of threads holds for its elements.
#pragma once

#include <cstddef>
#include <type_traits>

#include "base/memory.hpp"

namespace maru {

// T: zero bytes are one of its values, and it ends without a trace.
template <class T>
class ZeroedArray {
  static_assert(std::is_trivially_destructible_v<T>);
  static_assert(alignof(T) <= memory::kPageBytes);

 public:
  // Throws std::bad_alloc.
  explicit ZeroedArray(std::size_t size)
      : elements_(static_cast<T*>(memory::map_zeroed(size * sizeof(T)))), size_(size) {}
  ~ZeroedArray() { memory::unmap(elements_, size_ * sizeof(T)); }
  ZeroedArray(const ZeroedArray&) = delete;
  ZeroedArray& operator=(const ZeroedArray&) = delete;

  T& operator[](std::size_t i) { return elements_[i]; }
  const T& operator[](std::size_t i) const { return elements_[i]; }
  [[nodiscard]] std::size_t size() const { return size_; }
  T* begin() { return elements_; }
  T* end() { return elements_ + size_; }

 private:
  T* const elements_;
  const std::size_t size_;
};

}  // namespace maru
