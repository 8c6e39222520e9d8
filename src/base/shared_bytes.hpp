// Immutable bytes shared by every connection that writes them: one allocation, an intrusive atomic
// count. Copying is one atomic increment; any thread may hold one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace maru {

class SharedBytes {
 public:
  SharedBytes() = default;

  static SharedBytes copy(std::string_view bytes) {
    return build(bytes.size(), [&](char* out) { std::memcpy(out, bytes.data(), bytes.size()); });
  }

  // Allocates `size` bytes and lets `fill(char*)` write them once, before anyone else can see them.
  template <class Fill>
  static SharedBytes build(std::size_t size, Fill&& fill) {
    if (size == 0) return {};
    void* memory = ::operator new(sizeof(Block) + size);
    auto* block = new (memory) Block{size};
    fill(block->data());
    SharedBytes bytes;
    bytes.block_ = block;
    return bytes;
  }

  SharedBytes(const SharedBytes& other) noexcept : block_(other.block_) {
    if (block_) block_->count.fetch_add(1, std::memory_order_relaxed);
  }
  SharedBytes(SharedBytes&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedBytes& operator=(SharedBytes other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedBytes() { release(); }

  [[nodiscard]] std::string_view view() const {
    return block_ ? std::string_view(block_->data(), block_->size) : std::string_view();
  }
  [[nodiscard]] std::size_t size() const { return block_ ? block_->size : 0; }
  [[nodiscard]] bool empty() const { return block_ == nullptr; }

 private:
  friend class OnceBytes;
  struct Block {
    explicit Block(std::size_t n) : size(n) {}
    std::size_t size;
    std::atomic<std::uint32_t> count{1};
    char* data() { return reinterpret_cast<char*>(this + 1); }
  };

  void release() noexcept {
    if (block_ && block_->count.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      block_->~Block();
      ::operator delete(block_);
    }
  }

  Block* block_ = nullptr;
};

// Bytes that are made of an immutable value once, by the first who needs them, and end with it. Any
// thread; where two make them at once, one of the two is kept. A copy of the value begins without.
class OnceBytes {
 public:
  OnceBytes() = default;
  OnceBytes(const OnceBytes& /*other*/) noexcept {}
  OnceBytes& operator=(const OnceBytes& other) noexcept {
    if (this != &other) release();
    return *this;
  }
  ~OnceBytes() { release(); }

  // `make()` gives SharedBytes, never empty.
  template <class Make>
  [[nodiscard]] SharedBytes get(Make&& make) const {
    SharedBytes::Block* kept = block_.load(std::memory_order_acquire);
    if (kept == nullptr) {
      SharedBytes made = make();
      if (block_.compare_exchange_strong(kept, made.block_, std::memory_order_acq_rel)) {
        SharedBytes given = made;
        made.block_ = nullptr;  // this one's own now
        return given;
      }
    }
    kept->count.fetch_add(1, std::memory_order_relaxed);
    SharedBytes bytes;
    bytes.block_ = kept;
    return bytes;
  }

 private:
  void release() noexcept {
    SharedBytes ends;
    ends.block_ = block_.exchange(nullptr, std::memory_order_acq_rel);
  }

  mutable std::atomic<SharedBytes::Block*> block_{nullptr};
};

}  // namespace maru
