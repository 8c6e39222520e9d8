#include "net/outbox.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

#include "net/frame.hpp"

namespace maru::net {
namespace {

std::string gathered(const Outbox& outbox, std::size_t parts_max = 64) {
  std::vector<iovec> parts(parts_max);
  parts.resize(outbox.gather(parts));
  std::string text;
  for (const iovec& part : parts) text.append(static_cast<char*>(part.iov_base), part.iov_len);
  return text;
}

TEST(Outbox, KeepsOrderAndForgetsWhatIsWritten) {
  Outbox outbox;
  outbox.push(SharedBytes::copy("hello "));
  outbox.push({});
  outbox.push(SharedBytes::copy("world"));
  EXPECT_EQ(outbox.bytes(), 11U);
  EXPECT_EQ(outbox.items(), 2U);
  outbox.consume(3);
  EXPECT_EQ(gathered(outbox), "lo world");
  outbox.consume(3);
  EXPECT_EQ(gathered(outbox), "world");
  outbox.consume(0);
  outbox.push(SharedBytes::copy("!"));
  outbox.consume(5);
  EXPECT_EQ(gathered(outbox), "!");
  outbox.consume(1);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(gathered(outbox), "");
}

TEST(Outbox, GathersAndCopiesNoMoreThanAskedFor) {
  Outbox outbox;
  for (int i = 0; i < 10; ++i) outbox.push(SharedBytes::copy("ab"));
  EXPECT_EQ(gathered(outbox, 3), "ababab");
  std::array<char, 5> buffer{};
  outbox.consume(1);
  EXPECT_EQ(outbox.copy_front(buffer), 5U);
  EXPECT_EQ(std::string(buffer.data(), 5), "babab");
}

TEST(Outbox, AnyMixOfPushesAndWritesIsTheSameStream) {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    Outbox outbox;
    std::string pushed;
    std::string written;
    for (int i = 0; i < 500; ++i) {
      if (random() % 2 == 0) {
        const std::string piece(random() % 40, static_cast<char>('a' + random() % 26));
        pushed += piece;
        outbox.push(SharedBytes::copy(piece));
      } else if (!outbox.empty()) {
        const std::string front = gathered(outbox, 4);
        const std::size_t size = random() % (front.size() + 1);
        written += front.substr(0, size);
        outbox.consume(size);
      }
      ASSERT_EQ(written.size() + outbox.bytes(), pushed.size());
    }
    written += gathered(outbox, 1000);
    EXPECT_EQ(written, pushed);
  }
}

TEST(TextFrame, HasTheShortestHeader) {
  const auto head = [](std::size_t size) {
    const TextFrame frame = TextFrame::make(std::string(size, 'x'));
    EXPECT_EQ(frame.payload(), std::string(size, 'x'));
    const std::string_view bytes = frame.bytes().view();
    return std::string(bytes.substr(0, bytes.size() - size));
  };
  using namespace std::string_literals;
  EXPECT_EQ(head(0), "\x81\x00"s);
  EXPECT_EQ(head(125), "\x81\x7D");
  EXPECT_EQ(head(126), "\x81\x7E\x00\x7E"s);
  EXPECT_EQ(head(65'535), "\x81\x7E\xFF\xFF");
  EXPECT_EQ(head(65'536), "\x81\x7F\x00\x00\x00\x00\x00\x01\x00\x00"s);
}

}  // namespace
}  // namespace maru::net
