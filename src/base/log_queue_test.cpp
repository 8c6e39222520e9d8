#include "base/log_queue.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

namespace maru::log {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A pipe that is full until somebody reads.
class FullPipe {
 public:
  FullPipe() {
    EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0);
    ::fcntl(ends_[1], F_SETFL, O_NONBLOCK);
    const std::string filler(4096, '-');
    while (::write(ends_[1], filler.data(), filler.size()) > 0) filled_ += filler.size();
  }
  ~FullPipe() {
    for (const int end : ends_) ::close(end);
  }
  [[nodiscard]] int in() const { return ends_[1]; }
  // What was written behind the filling, up to and with the line that holds `last`.
  std::string read_until(const std::string& last) {
    while (seen_.size() < filled_ || seen_.find(last, filled_) == std::string::npos ||
           seen_.back() != '\n') {
      std::array<char, 4096> bytes{};
      const ssize_t size = ::read(ends_[0], bytes.data(), bytes.size());
      if (size <= 0) break;
      seen_.append(bytes.data(), static_cast<std::size_t>(size));
    }
    return seen_.substr(filled_);
  }

 private:
  std::array<int, 2> ends_{};
  std::size_t filled_ = 0;
  std::string seen_;
};

LogQueue::Callbacks callbacks() {
  return {[](const DroppedLines& d) {
            return "dropped " + std::to_string(d.audit) + " " + std::to_string(d.other) + "\n";
          },
          [] {}};
}

TEST(LogQueue, NobodyWaitsForTheReaderAndDetailsAreDroppedBeforeTroubleBeforeAudit) {
  FullPipe pipe;
  LogQueue queue(pipe.in(), {40, 40}, callbacks());
  EXPECT_TRUE(queue.push(Kind::kDetail, "first\n"));
  while (queue.push(Kind::kDetail, "detail\n")) {
  }
  while (queue.push(Kind::kTrouble, "trouble\n")) {
  }
  EXPECT_FALSE(queue.push(Kind::kDetail, "d\n"));
  int audits = 0;
  while (queue.push(Kind::kAudit, "audit\n")) ++audits;
  EXPECT_GE(audits, 6);  // their own 40 bytes
  EXPECT_TRUE(queue.push(Kind::kLastWords, "last words\n"));
  EXPECT_FALSE(queue.flush(milliseconds(5)));
  const DroppedLines dropped = queue.dropped();
  EXPECT_EQ(dropped.audit, 1U);
  EXPECT_EQ(dropped.other, 3U);
  const std::string written = pipe.read_until("dropped 1 3");
  EXPECT_EQ(written.find("first\ndetail\n"), 0U) << written;
  EXPECT_NE(written.find("audit\nlast words\ndropped 1 3\n"), std::string::npos) << written;
  EXPECT_EQ(written.find("dropped"), written.rfind("dropped")) << written;
  EXPECT_TRUE(queue.flush(seconds(10)));
  EXPECT_TRUE(queue.push(Kind::kDetail, "after\n"));
  EXPECT_TRUE(queue.stop(seconds(10)));
  EXPECT_FALSE(queue.push(Kind::kDetail, "too late\n"));
  EXPECT_EQ(pipe.read_until("after"), written + "after\n");
}

TEST(LogQueue, StopDoesNotWaitForEver) {
  FullPipe pipe;
  LogQueue queue(pipe.in(), {1000, 1000}, callbacks());
  queue.push(Kind::kAudit, "stuck\n");
  EXPECT_FALSE(queue.stop(milliseconds(20)));
  EXPECT_FALSE(queue.push(Kind::kAudit, "too late\n"));
  // The thread that was left behind still has the descriptor: let it end before the pipe does.
  EXPECT_EQ(pipe.read_until("stuck"), "stuck\n");
}

TEST(LogQueue, WhatTheDescriptorDoesNotTakeIsCounted) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  LogQueue queue(full, {1000, 1000}, callbacks());
  for (int i = 0; i < 3; ++i) queue.push(Kind::kAudit, "a line\n");
  EXPECT_TRUE(queue.stop(seconds(10)));
  EXPECT_EQ(queue.dropped().unwritten, 3U);
  ::close(full);
}

TEST(LogQueue, AWriteIsWholeLines) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_DIRECT), 0);  // a read is a write
  LogQueue queue(ends[1], {100'000, 100'000}, callbacks());
  const std::string line = std::string(500, 'x') + '\n';
  for (int i = 0; i < 40; ++i) queue.push(Kind::kAudit, line);
  std::size_t got = 0;
  std::vector<char> bytes(std::size_t{64} * 1024);
  while (got < 40 * line.size()) {
    const ssize_t size = ::read(ends[0], bytes.data(), bytes.size());
    ASSERT_GT(size, 0);
    EXPECT_EQ(static_cast<std::size_t>(size) % line.size(), 0U);
    got += static_cast<std::size_t>(size);
  }
  EXPECT_TRUE(queue.stop(seconds(10)));
  for (const int end : ends) ::close(end);
}

}  // namespace
}  // namespace maru::log
