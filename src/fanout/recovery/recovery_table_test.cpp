#include "fanout/recovery/recovery_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "fanout/position.hpp"
#include "fanout/recovery/recovery_file.hpp"
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
constexpr SocketOwner kOwner{.key = 7, .thread = 1};

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
  RecoveryOptions options{.pids_max = 3, .events_max = 5, .ring_max = 8};
  Counters counters;
  RecoveryTable table{options, clock, kBase, counters};
  std::map<std::uint64_t, std::uint64_t> sequences;
};

TEST_F(RecoveryTableTest, GivesWhatWasMissedUntilASocketGoesOnWithIt) {
  deliver(1);
  table.socket_left(socket("p", {1, 2, 3}), kOwner);
  deliver(1);
  deliver(9);
  deliver(2);
  deliver(1);
  ASSERT_TRUE(table.find("p"));
  const auto recovery = table.recover("p", kBase + 1);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->socket.sid, "sid");
  ASSERT_EQ(recovery->missed.size(), 2u);
  EXPECT_EQ(recovery->missed[0].chat, chat_id(1));
  EXPECT_EQ(recovery->missed[0].records, (Records{{{2}, kBase + 2}, {{3}, kBase + 5}}));
  EXPECT_EQ(recovery->missed[1].records, (Records{{{1}, kBase + 4}}));
  EXPECT_THAT(recovery->heads, ElementsAre(Sequence{3}, Sequence{1}, Sequence{0}));
  // A connection that died on the way: the next one gets the same.
  EXPECT_TRUE(table.recover("p", kBase + 1));
  table.socket_opened("p", kOwner, kBase + 5);
  EXPECT_FALSE(table.find("p"));
  EXPECT_FALSE(table.recover("p", kBase + 1));
  EXPECT_EQ(counters.recoveries, 1u);
  EXPECT_EQ(counters.refused_unknown, 1u);
}

TEST_F(RecoveryTableTest, KnowsWhoseALivingPidIs) {
  const std::string pid = "abcdefghijklmnopqrst";
  const SocketOwner later{.key = 8, .thread = 0};
  table.socket_opened(pid, kOwner, kBase);
  EXPECT_EQ(table.find_live(pid), kOwner);
  EXPECT_FALSE(table.find_live("ABCDEFGHIJKLMNOPQRST"));
  EXPECT_FALSE(table.find_live(""));
  EXPECT_FALSE(table.find(pid));
  table.socket_left(socket(pid, {1}), kOwner);
  EXPECT_FALSE(table.find_live(pid));
  EXPECT_TRUE(table.find(pid));
  table.socket_opened(pid, later, kBase);
  // The earlier owner has no say in it any more.
  table.socket_left(socket(pid, {1}), kOwner);
  table.socket_ended(pid, kOwner);
  EXPECT_FALSE(table.find(pid));
  EXPECT_EQ(table.find_live(pid), later);
  table.socket_ended(pid, later);
  EXPECT_FALSE(table.find_live(pid));
  EXPECT_FALSE(table.find(pid));
}

TEST_F(RecoveryTableTest, TheFirstSocketBeginsTheRingWhereItsHelloDid) {
  // Nobody could be recovered, so nothing was told to the table meanwhile.
  table.socket_opened("p", kOwner, kBase + 50);
  EXPECT_EQ(table.last_position(), kBase + 50);
  RecoverableSocket left = socket("p", {1});
  left.last_delivered = 0;
  table.socket_left(left, kOwner);
  EXPECT_TRUE(table.recover("p", kBase + 50));
  // Another one changes nothing for it.
  table.socket_opened("q", kOwner, kBase + 90);
  EXPECT_TRUE(table.recover("p", kBase + 50));
}

// ---- account events
// --------------------------------------------------------------------------

TEST_F(RecoveryTableTest, WhoMissedAnAccountEventIsNotRecovered) {
  const std::array users{user_id(1), user_id(2)};
  table.delivered_to_users(kBase + 1, users);
  table.socket_left(socket("p", {1}), kOwner);
  EXPECT_TRUE(table.recover("p", kBase + 1));
  table.delivered_to_users(kBase + 2, std::span(users).subspan(1));  // another user's
  EXPECT_TRUE(table.recover("p", kBase + 1));
  table.delivered_to_users(kBase + 3, users);
  EXPECT_FALSE(table.recover("p", kBase + 1));
  EXPECT_EQ(counters.refused_account, 1u);
  EXPECT_FALSE(table.find("p"));
}

TEST_F(RecoveryTableTest, AnAccountEventThatWasHandedOverButLostOnTheWayIsMissed) {
  const std::array users{user_id(1)};
  deliver(1);
  table.delivered_to_users(kBase + 2, users);
  table.socket_left(socket("p", {1}), kOwner);
  EXPECT_TRUE(table.recover("p", kBase + 2));
  EXPECT_FALSE(table.recover("p", kBase + 1));
}

TEST_F(RecoveryTableTest, WatchesSurviveARestart) {
  RecoverableSocket left = socket("p", {1});
  left.watched = {user_id(7), user_id(8)};
  table.socket_left(left, kOwner);
  RecoveryTable next(options, clock, 77, counters);
  ASSERT_TRUE(next.load(table.save("epoch"), "epoch"));
  EXPECT_EQ(next.find("p")->watched, left.watched);
}

TEST_F(RecoveryTableTest, AccountEventsSurviveARestart) {
  const std::array users{user_id(1)};
  table.socket_left(socket("p", {1}), kOwner);
  RecoverableSocket other = socket("q", {1});
  other.user = user_id(2);
  table.socket_left(other, kOwner);
  deliver(1);
  table.delivered_to_users(kBase + 2, users);
  RecoveryTable next(options, clock, 77, counters);
  ASSERT_TRUE(next.load(table.save("epoch"), "epoch"));
  EXPECT_FALSE(next.recover("p", kBase));
  EXPECT_TRUE(next.recover("q", kBase));
}

TEST(AccountEvents, AreBoundedAndForgottenWithTheRing) {
  AccountEvents events(10);
  EXPECT_FALSE(events.covers(9));
  EXPECT_TRUE(events.covers(10));
  for (std::size_t i = 0; i <= AccountEvents::kEventsMax; ++i) {
    const UserId user = user_id(i);
    events.push(11 + i, std::span(&user, 1));
  }
  EXPECT_EQ(events.entries().size(), AccountEvents::kEventsMax);
  EXPECT_EQ(events.newest_of(user_id(0)), 0u);
  EXPECT_FALSE(events.covers(10));
  EXPECT_TRUE(events.covers(11));
  EXPECT_EQ(events.newest_of(user_id(1)), 12u);
  events.forget_before(13);
  EXPECT_EQ(events.newest_of(user_id(1)), 0u);
  EXPECT_EQ(events.newest_of(user_id(2)), 13u);
  EXPECT_TRUE(events.covers(12));
  events.reset(500'000);
  EXPECT_TRUE(events.entries().empty());
  EXPECT_FALSE(events.covers(499'999));
}

TEST_F(RecoveryTableTest, WhatWasHandedOverButLostOnTheWayIsMissed) {
  for (int i = 0; i < 3; ++i) deliver(1);
  table.socket_left(socket("p", {1}), kOwner);
  const auto recovery = table.recover("p", kBase + 1);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->missed.at(0).records, (Records{{{2}, kBase + 2}, {{3}, kBase + 3}}));
}

TEST_F(RecoveryTableTest, NothingMissed) {
  table.socket_left(socket("p", {1}), kOwner);
  const auto recovery = table.recover("p", kBase);
  ASSERT_TRUE(recovery);
  EXPECT_THAT(recovery->missed, IsEmpty());
}

TEST_F(RecoveryTableTest, WhatTheAttachAnswerCoveredIsNotMissed) {
  for (int i = 0; i < 3; ++i) deliver(1);
  RecoverableSocket left = socket("p", {1});
  left.floors = {{2}};
  left.last_delivered = kBase + 3;
  table.socket_left(left, kOwner);
  const auto recovery = table.recover("p", kBase);  // the offset of hello
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->missed.at(0).records, (Records{{{3}, kBase + 3}}));
}

TEST_F(RecoveryTableTest, QuietClientIsRecoveredHoweverOldItsOffset) {
  for (int i = 0; i < 100; ++i) deliver(9);  // far more than the ring holds
  RecoverableSocket quiet = socket("quiet", {1});
  quiet.last_delivered = 0;
  table.socket_left(quiet, kOwner);
  deliver(1);
  const auto recovery = table.recover("quiet", kBase);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->missed.at(0).records.size(), 1u);

  // Without knowing what it was handed, such an offset is too old.
  RecoverableSocket unknown = socket("unknown", {1});
  unknown.left_at = 0;
  table.socket_left(unknown, kOwner);
  EXPECT_FALSE(table.recover("unknown", kBase));
}

TEST_F(RecoveryTableTest, TooManyMissedOrNoLongerKnown) {
  table.socket_left(socket("max", {1}), kOwner);
  table.socket_left(socket("more", {1}), kOwner);
  for (int i = 0; i < 5; ++i) deliver(1);
  EXPECT_TRUE(table.recover("max", kBase));
  deliver(1);
  EXPECT_FALSE(table.recover("more", kBase));

  table.socket_left(socket("edge", {2}), kOwner);
  const wire::Position left_at = table.last_position();
  table.socket_left(socket("gone", {2}), kOwner);
  for (int i = 0; i < 8; ++i) deliver(9);
  EXPECT_TRUE(table.recover("edge", left_at));  // the ring holds exactly what followed
  deliver(9);
  EXPECT_FALSE(table.recover("gone", left_at));
}

TEST_F(RecoveryTableTest, ForeignOffsets) {
  deliver(1);
  for (const wire::Position offset : {wire::Position{0}, kBase - 1, kBase + 2, kBase << 20}) {
    RecoverableSocket left = socket("p", {1});
    left.last_delivered = kBase + 1;
    table.socket_left(left, kOwner);
    EXPECT_FALSE(table.recover("p", offset)) << offset;
    EXPECT_FALSE(table.find("p"));
  }
  EXPECT_FALSE(table.recover("unknown", kBase));
  EXPECT_FALSE(table.recover("", kBase));
}

TEST_F(RecoveryTableTest, WindowEnds) {
  table.socket_left(socket("p", {1}), kOwner);
  clock.advance_ms(options.window_ms - 1);
  table.socket_left(socket("q", {1}), kOwner);
  table.expire();
  EXPECT_TRUE(table.find("p"));
  clock.advance_ms(1);
  EXPECT_FALSE(table.find("p"));
  table.expire();
  EXPECT_EQ(table.size(), 1u);
  EXPECT_FALSE(table.recover("p", kBase));
  EXPECT_TRUE(table.recover("q", kBase));
}

TEST_F(RecoveryTableTest, FirstToLeaveAreForgottenPastTheMax) {
  for (const char* pid : {"a", "b", "c"}) table.socket_left(socket(pid, {1}), kOwner);
  table.socket_left(socket("a", {1}), kOwner);  // again: now the newest
  table.socket_left(socket("d", {1}), kOwner);
  EXPECT_EQ(table.size(), 3u);
  EXPECT_FALSE(table.find("b"));
  for (const char* pid : {"a", "c", "d"}) EXPECT_TRUE(table.find(pid)) << pid;
}

TEST_F(RecoveryTableTest, RevokedSessionsAreForgotten) {
  table.socket_left(socket("a", {1}), kOwner);
  RecoverableSocket other = socket("b", {1});
  other.session = session_id(2);
  table.socket_left(other, kOwner);
  RecoverableSocket without = socket("c", {1});
  without.session = SessionId();
  table.socket_left(without, kOwner);
  table.session_revoked(session_id(1));
  table.session_revoked(SessionId());
  EXPECT_FALSE(table.find("a"));
  EXPECT_TRUE(table.find("b"));
  EXPECT_TRUE(table.find("c"));
}

TEST_F(RecoveryTableTest, GapInThePositionsStartsAnew) {
  table.socket_left(socket("p", {1}), kOwner);
  table.delivered(kBase + 5, chat_id(1), {7});
  EXPECT_FALSE(table.recover("p", kBase));
  EXPECT_EQ(table.last_position(), kBase + 5);
}

TEST_F(RecoveryTableTest, SurvivesARestart) {
  for (int i = 0; i < 20; ++i) deliver(1);
  RecoverableSocket left = socket("p", {1, 2});
  left.floors = {{3}, {0}};
  table.socket_left(left, kOwner);
  deliver(1);
  deliver(2);
  clock.advance_ms(1'000);
  const std::string bytes = table.save("epoch");

  clock.advance_ms(60'000);
  RecoveryTable next(options, clock, first_position(clock.wall()) - 1, counters);
  ASSERT_TRUE(next.load(bytes, "epoch"));
  EXPECT_EQ(next.last_position(), table.last_position());
  next.delivered(next.last_position() + 1, chat_id(1), {22});
  const auto found = next.find("p");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->chats, left.chats);
  EXPECT_EQ(found->floors, left.floors);
  EXPECT_EQ(found->user, left.user);
  EXPECT_EQ(found->session, left.session);
  const auto recovery = next.recover("p", kBase + 20);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->missed.at(0).records, (Records{{{21}, kBase + 21}, {{22}, kBase + 23}}));
  EXPECT_EQ(recovery->missed.at(1).records, (Records{{{1}, kBase + 22}}));
}

TEST_F(RecoveryTableTest, RestartThatTookTooLong) {
  table.socket_left(socket("p", {1}), kOwner);
  const std::string bytes = table.save("epoch");
  clock.advance_ms(options.window_ms);
  const wire::Position start = first_position(clock.wall()) - 1;
  RecoveryTable next(options, clock, start, counters);
  ASSERT_TRUE(next.load(bytes, "epoch"));
  EXPECT_EQ(next.size(), 0u);
  EXPECT_EQ(next.last_position(), start);  // never behind the saved one

  RecoveryTable set_back(options, clock, 5, counters);
  ASSERT_TRUE(set_back.load(bytes, "epoch"));
  EXPECT_EQ(set_back.last_position(), kBase);
}

TEST_F(RecoveryTableTest, DamagedAndForeignBytesAreRefusedAndChangeNothing) {
  for (int i = 0; i < 3; ++i) deliver(1);
  table.socket_left(socket("p", {1, 2}), kOwner);
  const std::string bytes = table.save("epoch");
  RecoveryTable next(options, clock, 77, counters);
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
  table.socket_left(socket("p", {1, 2}), kOwner);
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
    RecoveryTable next(options, clock, 77, counters);
    (void)next.load(bad, "epoch");
    (void)next.recover("p", kBase + 1);
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
  table.socket_left(socket("p", {1}), kOwner);
  ASSERT_TRUE(save_recovery(table, path, "epoch"));
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);

  RecoveryTable next(options, clock, 77, counters);
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
