#include "gateway/tasks/frame_pool.hpp"

#include <array>
#include <new>

namespace maru::gateway {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeepsFrames = false;  // or a use after the end would go unseen
#elif defined(__has_feature)
constexpr bool kKeepsFrames = !__has_feature(address_sanitizer);
#else
constexpr bool kKeepsFrames = true;
#endif

constexpr std::size_t kStep = 128;
constexpr std::size_t kSizes = 16;       // up to 2 KiB
constexpr std::size_t kKeptOfEach = 64;  // so at most 1.1 MiB a thread

constexpr std::size_t index_of(std::size_t size) {
  return (size - 1) / kStep;
}

class Frames {
 public:
  Frames() = default;
  Frames(const Frames&) = delete;
  Frames& operator=(const Frames&) = delete;
  ~Frames() {
    for (List& list : lists_) {
      while (Free* const frame = list.first) {
        list.first = frame->next;
        ::operator delete(frame);
      }
    }
  }
  // Null: there is none.
  void* take(std::size_t index) {
    List& list = lists_.at(index);
    Free* const frame = list.first;
    if (frame == nullptr) return nullptr;
    list.first = frame->next;
    --list.count;
    return frame;
  }
  bool keep(void* frame, std::size_t index) {
    List& list = lists_.at(index);
    if (list.count == kKeptOfEach) return false;
    list.first = new (frame) Free{list.first};
    ++list.count;
    return true;
  }

 private:
  struct Free {
    Free* next;
  };
  struct List {
    Free* first = nullptr;
    std::size_t count = 0;
  };
  std::array<List, kSizes> lists_{};
};

thread_local Frames frames;

}  // namespace

void* FramePool::take(std::size_t size) {
  const std::size_t index = index_of(size);
  if (!kKeepsFrames || index >= kSizes) return ::operator new(size);
  if (void* const frame = frames.take(index)) return frame;
  return ::operator new((index + 1) * kStep);
}

void FramePool::give_back(void* frame, std::size_t size) noexcept {
  const std::size_t index = index_of(size);
  if (kKeepsFrames && index < kSizes && frames.keep(frame, index)) return;
  ::operator delete(frame);
}

}  // namespace maru::gateway
