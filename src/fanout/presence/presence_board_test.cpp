#include "fanout/presence/presence_board.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fanout/testing/fakes.hpp"

namespace maru::fanout {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::user_id;

MATCHER_P2(IsPush, user, online, "") {
  return arg.user == user && arg.online == online && arg.last_seen_at.has_value() != online;
}

class PresenceBoardTest : public ::testing::Test {
 protected:
  std::vector<PresencePush> after_ms(std::int64_t ms) {
    clock.advance_ms(ms);
    std::vector<PresencePush> pushes;
    board.advance(pushes);
    return pushes;
  }
  std::vector<std::pair<UserId, WallTime>> last_seen() {
    std::vector<std::pair<UserId, WallTime>> out;
    board.take_last_seen(1000, out);
    return out;
  }

  ManualClock clock;
  PresenceOptions options;
  PresenceBoard board{options, clock};
  const UserId ann = user_id(1);
};

TEST_F(PresenceBoardTest, OnlineAtOnceAndOfflineAfterTheGrace) {
  board.opened(ann);
  EXPECT_TRUE(board.is_online(ann));
  EXPECT_THAT(after_ms(0), ElementsAre(IsPush(ann, true)));
  const WallTime closed_at = clock.wall();
  board.closed(ann);
  EXPECT_THAT(after_ms(9'999), IsEmpty());
  EXPECT_TRUE(board.is_online(ann));
  const auto pushes = after_ms(1);
  EXPECT_THAT(pushes, ElementsAre(IsPush(ann, false)));
  EXPECT_EQ(pushes[0].last_seen_at, closed_at);
  EXPECT_FALSE(board.is_online(ann));
  after_ms(1'000);
  EXPECT_EQ(board.size(), 0u);
  EXPECT_FALSE(board.next_due());
}

TEST_F(PresenceBoardTest, SeveralDevices) {
  board.opened(ann);
  board.opened(ann);
  after_ms(0);
  board.closed(ann);
  EXPECT_THAT(after_ms(60'000), IsEmpty());
  EXPECT_TRUE(board.is_online(ann));
  board.closed(ann);
  EXPECT_THAT(after_ms(10'000), ElementsAre(IsPush(ann, false)));
}

TEST_F(PresenceBoardTest, ComingBackWithinTheGraceIsNoChange) {
  board.opened(ann);
  after_ms(0);
  for (int i = 0; i < 10; ++i) {
    board.closed(ann);
    EXPECT_THAT(after_ms(5'000), IsEmpty());
    board.opened(ann);
    EXPECT_THAT(after_ms(20'000), IsEmpty());
  }
}

TEST_F(PresenceBoardTest, AtMostOnePushASecond) {
  board.opened(ann);
  EXPECT_EQ(after_ms(0).size(), 1u);
  board.logged_out(ann);
  EXPECT_THAT(after_ms(999), IsEmpty());
  board.opened(ann);  // undone before it was due
  EXPECT_THAT(after_ms(1), IsEmpty());
  board.logged_out(ann);
  EXPECT_THAT(after_ms(0), ElementsAre(IsPush(ann, false)));
  board.opened(ann);
  EXPECT_THAT(after_ms(500), IsEmpty());
  EXPECT_THAT(after_ms(500), ElementsAre(IsPush(ann, true)));
}

TEST_F(PresenceBoardTest, NamingKeepsOnlineForAWhile) {
  board.named(ann);
  EXPECT_EQ(after_ms(0).size(), 1u);
  after_ms(30'000);
  board.named(ann);
  EXPECT_THAT(after_ms(59'999), IsEmpty());
  EXPECT_THAT(after_ms(1), ElementsAre(IsPush(ann, false)));
}

TEST_F(PresenceBoardTest, ConnectionOutlivesNamingAndTheOtherWayRound) {
  board.named(ann);
  board.opened(ann);
  after_ms(120'000);
  EXPECT_TRUE(board.is_online(ann));
  board.named(ann);
  board.closed(ann);
  after_ms(59'999);
  EXPECT_TRUE(board.is_online(ann));
  EXPECT_THAT(after_ms(1), ElementsAre(IsPush(ann, false)));
}

TEST_F(PresenceBoardTest, LogoutTakesEffectAtOnceAndKeepsCountingConnections) {
  board.opened(ann);
  after_ms(0);
  after_ms(5'000);
  board.logged_out(ann);
  EXPECT_FALSE(board.is_online(ann));
  EXPECT_THAT(after_ms(0), ElementsAre(IsPush(ann, false)));
  after_ms(100'000);
  board.closed(ann);
  after_ms(1'000);
  EXPECT_EQ(board.size(), 0u);
  board.logged_out(ann);  // unknown: fine
  board.closed(ann);
  EXPECT_EQ(board.size(), 0u);
}

TEST_F(PresenceBoardTest, FailedPushIsRepeated) {
  board.opened(ann);
  EXPECT_EQ(after_ms(0).size(), 1u);
  board.push_failed(ann);
  EXPECT_THAT(after_ms(999), IsEmpty());
  EXPECT_THAT(after_ms(1), ElementsAre(IsPush(ann, true)));
  EXPECT_THAT(after_ms(10'000), IsEmpty());

  board.closed(ann);
  EXPECT_EQ(after_ms(10'000).size(), 1u);
  board.push_failed(ann);
  EXPECT_THAT(after_ms(1'000), ElementsAre(IsPush(ann, false)));
  after_ms(1'000);
  EXPECT_EQ(board.size(), 0u);
}

TEST_F(PresenceBoardTest, LastSeenIsWrittenOnChangesOnly) {
  board.opened(ann);
  EXPECT_THAT(last_seen(), ElementsAre(std::pair(ann, clock.wall())));
  after_ms(1'000);
  board.opened(ann);
  board.closed(ann);
  EXPECT_FALSE(board.has_last_seen());
  board.closed(ann);
  const WallTime closed_at = clock.wall();
  after_ms(10'000);
  const auto times = last_seen();
  EXPECT_THAT(times, ElementsAre(std::pair(ann, closed_at)));
  board.put_back_last_seen(times);
  EXPECT_EQ(last_seen(), times);

  board.opened(ann);
  last_seen();
  after_ms(5'000);
  board.touch_online();
  EXPECT_THAT(last_seen(), ElementsAre(std::pair(ann, clock.wall())));
}

TEST_F(PresenceBoardTest, ListsSomeOfTheOnline) {
  for (std::uint64_t n = 1; n <= 10; ++n) board.opened(user_id(n));
  board.logged_out(ann);
  EXPECT_EQ(board.online_users(0).size(), 0u);
  EXPECT_EQ(board.online_users(3).size(), 3u);
  EXPECT_EQ(board.online_users(9).size(), 9u);
  EXPECT_EQ(board.online_users(100).size(), 9u);
}

TEST_F(PresenceBoardTest, ForgetsEveryoneInTheEndHoweverTheyCameAndWent) {
  std::uint64_t state = 12345;
  const auto pick = [&](std::uint64_t n) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % n;
  };
  std::vector<int> connections(20);
  std::vector<PresencePush> pushes;
  for (int i = 0; i < 50'000; ++i) {
    const std::uint64_t user = pick(20);
    switch (pick(5)) {
      case 0:
        board.opened(user_id(user));
        ++connections[user];
        break;
      case 1:
        if (connections[user] > 0) {
          board.closed(user_id(user));
          --connections[user];
        }
        break;
      case 2:
        board.named(user_id(user));
        break;
      case 3:
        board.logged_out(user_id(user));
        break;
      default:
        clock.advance_ms(static_cast<std::int64_t>(pick(4'000)));
        board.advance(pushes);
    }
  }
  for (std::uint64_t user = 0; user < connections.size(); ++user) {
    for (; connections[user] > 0; --connections[user]) board.closed(user_id(user));
  }
  clock.advance_ms(100'000);
  board.advance(pushes);
  clock.advance_ms(1'000);
  board.advance(pushes);
  EXPECT_EQ(board.size(), 0u);
  EXPECT_FALSE(board.next_due());
  // What was pushed last is the truth.
  std::unordered_map<UserId, bool> announced;
  for (const PresencePush& push : pushes) announced[push.user] = push.online;
  for (const auto& [user, online] : announced) EXPECT_FALSE(online);
}

// ---- other nodes
// -----------------------------------------------------------------------------

using Changes = std::vector<chat::PresenceRegistry::Change>;

class PresenceOfNodes : public PresenceBoardTest {
 protected:
  void say(const NodeId& node, const Changes& changes, bool is_all = false) {
    board.heard(node, changes, is_all);
  }
  Changes local_changes() {
    Changes out;
    board.take_local_changes(out);
    return out;
  }

  const NodeId east = testing::make_id<NodeId>(1);
  const NodeId west = testing::make_id<NodeId>(2);
  const UserId bob = user_id(2);
};

TEST_F(PresenceOfNodes, OnlineWhileAnyOfThemSaysSo) {
  say(east, {{ann, true}});
  EXPECT_TRUE(board.is_online(ann));
  EXPECT_THAT(board.online_users(9), ElementsAre(ann));
  EXPECT_THAT(after_ms(0), ElementsAre(IsPush(ann, true)));
  say(west, {{ann, true}});
  say(east, {{ann, true}});  // again
  say(east, {{ann, false}});
  EXPECT_THAT(after_ms(20'000), IsEmpty());
  // The grace has passed there: offline at once.
  say(west, {{ann, false}});
  EXPECT_FALSE(board.is_online(ann));
  EXPECT_THAT(after_ms(0), ElementsAre(IsPush(ann, false)));
  after_ms(1'000);
  EXPECT_EQ(board.size(), 0u);
  EXPECT_THAT(local_changes(), IsEmpty());
  EXPECT_THAT(last_seen(), IsEmpty());
}

TEST_F(PresenceOfNodes, ANodeThatHasGoneLeavesItsUsersTheGrace) {
  say(east, {{ann, true}, {bob, true}});
  after_ms(0);
  say(east, {}, true);
  EXPECT_TRUE(board.is_online(ann));
  EXPECT_THAT(after_ms(9'999), IsEmpty());
  say(west, {{bob, true}});  // has come again elsewhere
  EXPECT_THAT(after_ms(1), ElementsAre(IsPush(ann, false)));
  EXPECT_FALSE(board.is_online(ann));
  EXPECT_THAT(after_ms(60'000), IsEmpty());
  EXPECT_TRUE(board.is_online(bob));
  say(east, {}, true);  // it is gone already
  EXPECT_TRUE(board.is_online(bob));
}

TEST_F(PresenceOfNodes, AllThatANodeHasTakesThePlaceOfWhatItSaid) {
  say(east, {{ann, true}, {bob, true}});
  after_ms(0);
  say(east, {{bob, true}}, true);
  EXPECT_THAT(after_ms(10'000), ElementsAre(IsPush(ann, false)));
  EXPECT_TRUE(board.is_online(bob));
}

TEST_F(PresenceOfNodes, HereAndThereIsOnlineUntilBothHaveEnded) {
  board.opened(ann);
  say(east, {{ann, true}});
  after_ms(0);
  board.closed(ann);
  EXPECT_THAT(after_ms(10'000), IsEmpty());
  EXPECT_THAT(local_changes(),
              ElementsAre(::testing::Pair(ann, true), ::testing::Pair(ann, false)));
  EXPECT_TRUE(board.is_online(ann));
  say(east, {{ann, false}});
  EXPECT_THAT(after_ms(0), ElementsAre(IsPush(ann, false)));
  // The other way round.
  board.opened(bob);
  say(east, {{bob, true}});
  after_ms(0);
  say(east, {}, true);
  EXPECT_THAT(after_ms(30'000), IsEmpty());
  board.closed(bob);
  EXPECT_THAT(after_ms(10'000), ElementsAre(IsPush(bob, false)));
}

TEST_F(PresenceOfNodes, WhatWasNeverSaidIsNotTakenBack) {
  say(east, {{ann, false}});
  say(west, {}, true);
  EXPECT_EQ(board.size(), 0u);
  EXPECT_FALSE(board.is_online(ann));
  EXPECT_THAT(after_ms(1'000), IsEmpty());
}

}  // namespace
}  // namespace maru::fanout
