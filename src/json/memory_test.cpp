// What a parser holds and how often it allocates, counted at operator new (simdjson's included).
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>

#include "base/limits.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

namespace {

std::atomic<std::size_t> live_bytes;
std::atomic<std::size_t> allocations;

void* allocate(std::size_t size) noexcept {
  void* const memory = std::malloc(size);
  if (memory != nullptr) {
    live_bytes += malloc_usable_size(memory);
    ++allocations;
  }
  return memory;
}

void* allocate_or_throw(std::size_t size) {
  void* const memory = allocate(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void release(void* memory) noexcept {
  if (memory != nullptr) live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate_or_throw(size);
}
void* operator new[](std::size_t size) {
  return allocate_or_throw(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  release(memory);
}
void operator delete[](void* memory) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  release(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  release(memory);
}

namespace maru::json {
namespace {

constexpr std::size_t kHeldBytesMax = 256 * 1024;

std::string send_message(std::size_t content_bytes) {
  return R"(["sendMessage",{"chatId":"65a1b2c3d4e5f60718293a4b","content":")" +
         std::string(content_bytes, 'x') + "\"}]";
}

TEST(ParserMemory, HoldsLittleAfterAnyDocumentOfAPayload) {
  std::string numbers = "[0";
  while (numbers.size() + 3 < limits::kMaxPayloadBytes) numbers += ",1";
  std::string keys = "{\"k\":0";
  for (int i = 0; i < 998; ++i) keys += ",\"key number " + std::to_string(i) + "\":[]";
  const std::string texts[] = {send_message(200),
                               send_message(8'000),
                               send_message(limits::kMaxPayloadBytes - 100),
                               numbers + "]",
                               numbers,
                               keys + "}",
                               keys,
                               std::string(limits::kMaxPayloadBytes, '[')};
  const std::size_t before = live_bytes;
  Parser used;
  for (const std::string& text : texts) {
    (void)used.parse(text);
    EXPECT_LT(live_bytes - before, kHeldBytesMax) << text.substr(0, 40) << " " << text.size();
  }
  for (const std::string& text : texts) {
    const std::size_t before_fresh = live_bytes;
    Parser fresh;
    (void)fresh.parse(text);
    EXPECT_LT(live_bytes - before_fresh, kHeldBytesMax) << text.substr(0, 40) << " " << text.size();
  }
}

TEST(ParserMemory, GivesBackWhatAHugeDocumentTook) {
  const std::size_t before = live_bytes;
  Parser parser;
  ASSERT_TRUE(parser.parse(send_message(8'000'000)));
  EXPECT_GT(live_bytes - before, 8'000'000U);  // the value's strings, as long as it may be used
  ASSERT_TRUE(parser.parse("{}"));
  EXPECT_LT(live_bytes - before, kHeldBytesMax);
  ASSERT_FALSE(parser.parse(send_message(8'000'000) + "x"));
  EXPECT_LT(live_bytes - before, kHeldBytesMax);
}

TEST(ParserMemory, ReadsMessagesWithoutAllocating) {
  Parser parser;
  const std::string text = send_message(3'000);
  ASSERT_TRUE(parser.parse(text));
  const std::size_t before = allocations;
  bool good = true;
  for (int i = 0; i < 100; ++i) {
    const auto value = parser.parse(text);
    good &= value && value->at(1)["content"].as_string()->size() == 3'000;
  }
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(good);
}

TEST(WriterMemory, WritesIntoRoomThatIsThereWithoutAllocating) {
  std::string out;
  out.reserve(1'000);
  const std::size_t before = allocations;
  Writer(out)
      .begin_object()
      .key("content")
      .string("a \"quoted\"\nline")
      .key("number")
      .number(0.1)
      .key("time")
      .time(WallTime{1})
      .key("id")
      .id(UserId())
      .end_object();
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace maru::json
