#include "fanout/recovery_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "fanout/position.hpp"
#include "fanout/recovery_file.hpp"
#include "fanout/testing/fakes.hpp"

namespace maru::fanout {
namespace {

using testing::chat_id;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::session_id;
using testing::user_id;
using Records = std::vector<std::pair<Sequence, wire::Position>>;

constexpr wire::Position kBase = 1000;

class RecoveryTableTest : public ::testing::Test {
 protected:
  // Sequences of each chat count from 1.
  void deliver(std::uint64_t chat) {
    table.delivered(table.last_position() + 1, chat_id(chat), {++sequences[chat]});
  }
  RecoverableSocket socket(std::string pid, std::vector<std::uint64_t> chats) {
    RecoverableSocket out;
    out.pid = std::move(pid);
    out.sid = "sid";
    out.user = user_id(1);
    out.session = session_id(1);
    for (const std::uint64_t chat : chats) out.chats.push_back(chat_id(chat));
    out.last_delivered = table.last_position();
    out.left_at = table.last_position();
    return out;
  }

  ManualClock clock;
  SoftStateOptions options{
      .recovery_pids_max = 3, .recovery_events_max = 5, .recovery_ring_max = 8};
  RecoveryTable table{options, clock, kBase};
  std::map<std::uint64_t, std::uint64_t> sequences;
};

TEST_F(RecoveryTableTest, GivesWhatWasMissedOnce) {
  deliver(1);
  table.socket_left(socket("p", {1, 2, 3}));
  deliver(1);
  deliver(9);
  deliver(2);
  deliver(1);
  ASSERT_TRUE(table.find("p"));
  const auto recovery = table.take("p", kBase + 1);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->socket.sid, "sid");
  ASSERT_EQ(recovery->missed.size(), 2u);
  EXPECT_EQ(recovery->missed[0].chat, chat_id(1));
  EXPECT_EQ(recovery->missed[0].records, (Records{{{2}, kBase + 2}, {{3}, kBase + 5}}));
  EXPECT_EQ(recovery->missed[1].records, (Records{{{1}, kBase + 4}}));
  EXPECT_EQ(recovery->position, kBase + 5);
  EXPECT_THAT(recovery->heads, ElementsAre(Sequence{3}, Sequence{1}, Sequence{0}));
  EXPECT_FALSE(table.take("p", kBase + 1));
  EXPECT_FALSE(table.find("p"));
}

TEST_F(RecoveryTableTest, WhatWasHandedOverButLostOnTheWayIsMissed) {
  for (int i = 0; i < 3; ++i) deliver(1);
  table.socket_left(socket("p", {1}));
  const auto recovery = table.take("p", kBase + 1);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->missed.at(0).records, (Records{{{2}, kBase + 2}, {{3}, kBase + 3}}));
}

TEST_F(RecoveryTableTest, NothingMissed) {
  table.socket_left(socket("p", {1}));
  const auto recovery = table.take("p", kBase);
  ASSERT_TRUE(recovery);
  EXPECT_THAT(recovery->missed, IsEmpty());
}

TEST_F(RecoveryTableTest, WhatTheAttachAnswerCoveredIsNotMissed) {
  for (int i = 0; i < 3; ++i) deliver(1);
  RecoverableSocket left = socket("p", {1});
  left.floors = {{2}};
  left.last_delivered = kBase + 3;
  table.socket_left(left);
  const auto recovery = table.take("p", kBase);  // the offset of hello
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->missed.at(0).records, (Records{{{3}, kBase + 3}}));
}

TEST_F(RecoveryTableTest, QuietClientIsRecoveredHoweverOldItsOffset) {
  for (int i = 0; i < 100; ++i) deliver(9);  // far more than the ring holds
  RecoverableSocket quiet = socket("quiet", {1});
  quiet.last_delivered = 0;
  table.socket_left(quiet);
  deliver(1);
  const auto recovery = table.take("quiet", kBase);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->missed.at(0).records.size(), 1u);

  // Without knowing what it was handed, such an offset is too old.
  RecoverableSocket unknown = socket("unknown", {1});
  unknown.left_at = 0;
  table.socket_left(unknown);
  EXPECT_FALSE(table.take("unknown", kBase));
}

TEST_F(RecoveryTableTest, TooManyMissedOrNoLongerKnown) {
  table.socket_left(socket("max", {1}));
  table.socket_left(socket("more", {1}));
  for (int i = 0; i < 5; ++i) deliver(1);
  EXPECT_TRUE(table.take("max", kBase));
  deliver(1);
  EXPECT_FALSE(table.take("more", kBase));

  table.socket_left(socket("edge", {2}));
  const wire::Position left_at = table.last_position();
  table.socket_left(socket("gone", {2}));
  for (int i = 0; i < 8; ++i) deliver(9);
  EXPECT_TRUE(table.take("edge", left_at));  // the ring holds exactly what followed
  deliver(9);
  EXPECT_FALSE(table.take("gone", left_at));
}

TEST_F(RecoveryTableTest, ForeignOffsets) {
  deliver(1);
  for (const wire::Position offset : {wire::Position{0}, kBase - 1, kBase + 2, kBase << 20}) {
    RecoverableSocket left = socket("p", {1});
    left.last_delivered = kBase + 1;
    table.socket_left(left);
    EXPECT_FALSE(table.take("p", offset)) << offset;
    EXPECT_FALSE(table.find("p"));
  }
  EXPECT_FALSE(table.take("unknown", kBase));
  EXPECT_FALSE(table.take("", kBase));
}

TEST_F(RecoveryTableTest, WindowEnds) {
  table.socket_left(socket("p", {1}));
  clock.advance_ms(options.recovery_window_ms - 1);
  table.socket_left(socket("q", {1}));
  table.expire();
  EXPECT_TRUE(table.find("p"));
  clock.advance_ms(1);
  EXPECT_FALSE(table.find("p"));
  table.expire();
  EXPECT_EQ(table.size(), 1u);
  EXPECT_FALSE(table.take("p", kBase));
  EXPECT_TRUE(table.take("q", kBase));
}

TEST_F(RecoveryTableTest, FirstToLeaveAreForgottenPastTheMax) {
  for (const char* pid : {"a", "b", "c"}) table.socket_left(socket(pid, {1}));
  table.socket_left(socket("a", {1}));  // again: now the newest
  table.socket_left(socket("d", {1}));
  EXPECT_EQ(table.size(), 3u);
  EXPECT_FALSE(table.find("b"));
  for (const char* pid : {"a", "c", "d"}) EXPECT_TRUE(table.find(pid)) << pid;
}

TEST_F(RecoveryTableTest, RevokedSessionsAreForgotten) {
  table.socket_left(socket("a", {1}));
  RecoverableSocket other = socket("b", {1});
  other.session = session_id(2);
  table.socket_left(other);
  RecoverableSocket without = socket("c", {1});
  without.session = SessionId();
  table.socket_left(without);
  table.session_revoked(session_id(1));
  table.session_revoked(SessionId());
  EXPECT_FALSE(table.find("a"));
  EXPECT_TRUE(table.find("b"));
  EXPECT_TRUE(table.find("c"));
}

TEST_F(RecoveryTableTest, GapInThePositionsStartsAnew) {
  table.socket_left(socket("p", {1}));
  table.delivered(kBase + 5, chat_id(1), {7});
  EXPECT_FALSE(table.take("p", kBase));
  EXPECT_EQ(table.last_position(), kBase + 5);
}

TEST_F(RecoveryTableTest, SurvivesARestart) {
  for (int i = 0; i < 20; ++i) deliver(1);
  RecoverableSocket left = socket("p", {1, 2});
  left.floors = {{3}, {0}};
  table.socket_left(left);
  deliver(1);
  deliver(2);
  clock.advance_ms(1'000);
  const std::string bytes = table.save("epoch");

  clock.advance_ms(60'000);
  RecoveryTable next(options, clock, first_position(clock.wall()) - 1);
  ASSERT_TRUE(next.load(bytes, "epoch"));
  EXPECT_EQ(next.last_position(), table.last_position());
  next.delivered(next.last_position() + 1, chat_id(1), {22});
  const auto found = next.find("p");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->chats, left.chats);
  EXPECT_EQ(found->floors, left.floors);
  EXPECT_EQ(found->user, left.user);
  EXPECT_EQ(found->session, left.session);
  const auto recovery = next.take("p", kBase + 20);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->missed.at(0).records, (Records{{{21}, kBase + 21}, {{22}, kBase + 23}}));
  EXPECT_EQ(recovery->missed.at(1).records, (Records{{{1}, kBase + 22}}));
}

TEST_F(RecoveryTableTest, RestartThatTookTooLong) {
  table.socket_left(socket("p", {1}));
  const std::string bytes = table.save("epoch");
  clock.advance_ms(options.recovery_window_ms);
  const wire::Position start = first_position(clock.wall()) - 1;
  RecoveryTable next(options, clock, start);
  ASSERT_TRUE(next.load(bytes, "epoch"));
  EXPECT_EQ(next.size(), 0u);
  EXPECT_EQ(next.last_position(), start);  // never behind the saved one

  RecoveryTable set_back(options, clock, 5);
  ASSERT_TRUE(set_back.load(bytes, "epoch"));
  EXPECT_EQ(set_back.last_position(), kBase);
}

TEST_F(RecoveryTableTest, DamagedAndForeignBytesAreRefusedAndChangeNothing) {
  for (int i = 0; i < 3; ++i) deliver(1);
  table.socket_left(socket("p", {1, 2}));
  const std::string bytes = table.save("epoch");
  RecoveryTable next(options, clock, 77);
  EXPECT_FALSE(next.load(bytes, "other"));
  EXPECT_FALSE(next.load("", "epoch"));
  EXPECT_FALSE(next.load(bytes + "x", "epoch"));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(next.load(std::string_view(bytes).substr(0, size), "epoch")) << size;
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    EXPECT_FALSE(next.load(bad, "epoch")) << i;
  }
  EXPECT_EQ(next.last_position(), 77u);
  EXPECT_EQ(next.size(), 0u);
  EXPECT_TRUE(next.load(bytes, "epoch"));
}

// Right checksums over wrong contents must not get far either.
TEST_F(RecoveryTableTest, WellSignedNonsenseIsHarmless) {
  for (int i = 0; i < 3; ++i) deliver(1);
  table.socket_left(socket("p", {1, 2}));
  const std::string bytes = table.save("epoch");
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string bad = bytes;
    for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
      bad[16 + random() % (bad.size() - 16)] = static_cast<char>(random());
    }
    std::uint64_t sum = 0xcbf2'9ce4'8422'2325ULL;
    for (std::size_t i = 16; i < bad.size(); ++i) {
      sum = (sum ^ static_cast<unsigned char>(bad[i])) * 0x100'0000'01b3ULL;
    }
    for (int i = 0; i < 8; ++i) bad[8 + i] = static_cast<char>(sum >> (8 * i));
    RecoveryTable next(options, clock, 77);
    (void)next.load(bad, "epoch");
    (void)next.take("p", kBase + 1);
  }
}

class RecoveryFileTest : public RecoveryTableTest {
 protected:
  void SetUp() override {
    directory = std::filesystem::temp_directory_path() /
                ("maru_recovery_" + std::to_string(std::random_device()()));
    std::filesystem::create_directory(directory);
    path = directory / "recovery";
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  std::filesystem::path directory, path;
};

TEST_F(RecoveryFileTest, IsUsedOnceAndReadableByItsOwnerOnly) {
  table.socket_left(socket("p", {1}));
  ASSERT_TRUE(save_recovery(table, path, "epoch"));
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);

  RecoveryTable next(options, clock, 77);
  EXPECT_TRUE(load_recovery(next, path, "epoch"));
  EXPECT_TRUE(next.find("p"));
  EXPECT_TRUE(std::filesystem::is_empty(directory));
  EXPECT_FALSE(load_recovery(next, path, "epoch"));
}

TEST_F(RecoveryFileTest, GarbageIsRemovedAndIgnored) {
  std::ofstream(path) << "garbage";
  EXPECT_FALSE(load_recovery(table, path, "epoch"));
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(table.last_position(), kBase);
}

TEST_F(RecoveryFileTest, SavingWhereItCannotIsNotFatal) {
  EXPECT_FALSE(save_recovery(table, directory / "absent" / "recovery", "epoch"));
  std::filesystem::create_directory(path);
  EXPECT_FALSE(save_recovery(table, path, "epoch"));
  EXPECT_FALSE(load_recovery(table, path, "epoch"));
}

TEST(FirstPosition, GrowsWithTheClockAndIsNeverZero) {
  EXPECT_GT(first_position(WallTime{0}), 0u);
  EXPECT_GT(first_position(WallTime{-5}), 0u);
  EXPECT_EQ(
      first_position(WallTime{1'700'000'000'001}) - first_position(WallTime{1'700'000'000'000}),
      wire::Position{1} << 20);
  EXPECT_LT(first_position(WallTime{7'000'000'000'000}), RecoveryTable::kPositionMax);
}

}  // namespace
}  // namespace maru::fanout
