#include "base/memory.hpp"

#include <malloc.h>
#include <sys/mman.h>
#include <time.h>

#include <atomic>
#include <mutex>
#include <utility>

namespace maru::memory {
namespace {

// What is larger than this is a mapping of its own, which ends with it. glibc would raise the bound
// to the size of what was freed last, up to 32 MiB, and keep a burst of answers in its heaps.
constexpr int kOwnMappingBytes = 256 * 1024;
// What a heap keeps at its end for the next allocations.
constexpr int kKeptAtEndBytes = 1024 * 1024;
// Free beside the reserve when it is taken again.
constexpr std::size_t kSlackBytes = 8 * 1024 * 1024;
constexpr timespec kPause{0, 5'000'000};

std::atomic<void*> reserve{nullptr};
std::atomic<bool> prepared{false};
std::atomic<std::uint64_t> shortage_count{0};
std::atomic<std::uint64_t> shed_count{0};
std::atomic<std::uint64_t> failure_count{0};

std::mutex giving_back;

thread_local std::uint64_t shortages_seen = 0;
thread_local int patience = 0;

// Never touched: it takes room, but no memory. Null: there is no room.
void* map_bytes(std::size_t bytes) {
  void* const mapped =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mapped == MAP_FAILED ? nullptr : mapped;
}

// True: there may be memory now, by this thread or by another one since it last asked.
bool use_reserve() {
  // Who comes while another one gives it back waits for that, and finds memory.
  const std::lock_guard lock(giving_back);
  if (void* const held = reserve.exchange(nullptr)) {
    ::munmap(held, kReserveBytes);
    shortages_seen = shortage_count.fetch_add(1) + 1;
    shed_count.fetch_add(1);
    return true;
  }
  const std::uint64_t before = std::exchange(shortages_seen, shortage_count.load());
  return before != shortages_seen;
}

void on_no_memory() {
  if (use_reserve()) return;
  if (patience == 0) throw std::bad_alloc();
  ::nanosleep(&kPause, nullptr);
}

}  // namespace

void* map_zeroed(std::size_t bytes) {
  void* const mapped = map_bytes(bytes);
  if (!mapped) throw std::bad_alloc();
  return mapped;
}

void unmap(void* mapped, std::size_t bytes) noexcept {
  ::munmap(mapped, bytes);
}

void prepare() {
  ::mallopt(M_MMAP_THRESHOLD, kOwnMappingBytes);
  ::mallopt(M_TRIM_THRESHOLD, kKeptAtEndBytes);
  reserve.store(map_bytes(kReserveBytes));
  prepared.store(true);
  std::set_new_handler(on_no_memory);
}

bool is_short() {
  return prepared.load(std::memory_order_relaxed) &&
         reserve.load(std::memory_order_relaxed) == nullptr;
}

std::uint64_t shed_round() {
  return shed_count.load(std::memory_order_relaxed);
}

void recover() {
  if (!is_short()) return;
  ::malloc_trim(0);
  // Somewhat more has to be free, or it would be used again at once.
  if (void* const room = map_bytes(kReserveBytes + kSlackBytes)) {
    ::munmap(static_cast<char*>(room) + kReserveBytes, kSlackBytes);
    reserve.store(room);
  } else {
    shed_count.fetch_add(1);
  }
}

std::uint64_t shortages() {
  return shortage_count.load(std::memory_order_relaxed);
}
std::uint64_t failures() {
  return failure_count.load(std::memory_order_relaxed);
}
void count_failure() {
  failure_count.fetch_add(1, std::memory_order_relaxed);
}

Impatience::Impatience() : patience_before_(std::exchange(patience, 0)) {}
Impatience::~Impatience() {
  patience = patience_before_;
}

Patience::Patience() {
  ++patience;
}
Patience::~Patience() {
  --patience;
}

}  // namespace maru::memory
