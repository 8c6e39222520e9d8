#include "fanout/room_index.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "base/limits.hpp"
#include "chat/testing/quiet_bus.hpp"
#include "fanout/interest_table.hpp"
#include "fanout/testing/fakes.hpp"

namespace maru::fanout {
namespace {

using testing::chat_id;
using ::testing::ElementsAre;
using testing::FakeListener;
using ::testing::IsEmpty;
using testing::leave_event;
using testing::routed_event;
using testing::session_id;
using testing::text_event;
using testing::user_id;
using Route = wire::WireEvent::Route;

class RoomIndexTest : public ::testing::Test {
 protected:
  void SetUp() override {
    index.add(ann, user_id(1), session_id(11));
    index.add(bob, user_id(2), session_id(12));
  }
  void TearDown() override {
    index.remove(ann);
    index.remove(bob);
    EXPECT_EQ(index.listener_count(), 0u);
    EXPECT_FALSE(interest.may_have(0, kChat));
  }
  void attach(FakeListener& listener, ChatId chat, std::uint64_t upto = 0) {
    ASSERT_EQ(index.attach_pending(chat, listener), AttachResult::kPending);
    ASSERT_TRUE(index.release(chat, listener, {upto}));
  }
  std::vector<UserId> watched_by(const FakeListener& listener) const {
    RecoverableSocket left;
    index.leave_behind(listener, left);
    return left.watched;
  }
  void deliver(const wire::WireEvent& event) { index.deliver(std::span(&event, 1)); }

  const ChatId kChat = chat_id(100);
  InterestTable interest{1};
  RoomIndex index{0, interest};
  FakeListener ann, bob;
};

TEST_F(RoomIndexTest, DeliversToTheAttachedOnly) {
  attach(ann, kChat);
  deliver(text_event(kChat, 1));
  deliver(text_event(chat_id(101), 1));
  EXPECT_THAT(ann.heard, ElementsAre(1));
  EXPECT_THAT(bob.heard, IsEmpty());
  index.detach(kChat, ann);
  deliver(text_event(kChat, 2));
  EXPECT_THAT(ann.heard, ElementsAre(1));
}

TEST_F(RoomIndexTest, ReleaseDropsWhatTheSnapshotHadAndKeepsTheRest) {
  attach(bob, kChat);
  index.attach_pending(kChat, ann);
  for (std::uint64_t n = 5; n <= 8; ++n) deliver(text_event(kChat, n));
  EXPECT_THAT(ann.heard, IsEmpty());
  EXPECT_TRUE(index.release(kChat, ann, {6}));
  EXPECT_THAT(ann.heard, ElementsAre(7, 8));
  deliver(text_event(kChat, 9));
  EXPECT_THAT(ann.heard, ElementsAre(7, 8, 9));
  EXPECT_THAT(bob.heard, ElementsAre(5, 6, 7, 8, 9));
}

// The store may be ahead of this thread: what the snapshot had is still to come.
TEST_F(RoomIndexTest, DropsWhatTheSnapshotHadEvenAfterRelease) {
  attach(ann, kChat, 3);
  const std::array batch{text_event(kChat, 2), leave_event(kChat, 3, user_id(1)),
                         text_event(kChat, 4), text_event(kChat, 5)};
  index.deliver(batch);
  EXPECT_THAT(ann.heard, ElementsAre(4, 5));
  EXPECT_THAT(ann.detached, IsEmpty());
}

TEST_F(RoomIndexTest, SeveralWaitIndependently) {
  index.attach_pending(kChat, ann);
  deliver(text_event(kChat, 1));
  index.attach_pending(kChat, bob);
  deliver(text_event(kChat, 2));
  index.release(kChat, bob, {1});
  EXPECT_THAT(bob.heard, ElementsAre(2));
  deliver(text_event(kChat, 3));
  index.release(kChat, ann, {0});
  EXPECT_THAT(ann.heard, ElementsAre(1, 2, 3));
  EXPECT_THAT(bob.heard, ElementsAre(2, 3));
}

TEST_F(RoomIndexTest, AttachingAndReleasingTwiceChangesNothing) {
  attach(ann, kChat);
  EXPECT_EQ(index.attach_pending(kChat, ann), AttachResult::kAttached);
  deliver(text_event(kChat, 1));
  EXPECT_TRUE(index.release(kChat, ann, {0}));
  EXPECT_THAT(ann.heard, ElementsAre(1));
}

TEST_F(RoomIndexTest, AbandoningDetachesOnlyWhatIsStillPending) {
  index.attach_pending(kChat, ann);
  index.abandon(kChat, ann);
  EXPECT_FALSE(index.is_attached(kChat, ann));
  attach(ann, kChat);
  index.abandon(kChat, ann);
  EXPECT_TRUE(index.is_attached(kChat, ann));
  deliver(text_event(kChat, 1));
  EXPECT_THAT(ann.heard, ElementsAre(1));
}

TEST_F(RoomIndexTest, ReleaseAfterDetachDoesNothing) {
  index.attach_pending(kChat, ann);
  deliver(text_event(kChat, 1));
  index.detach(kChat, ann);
  EXPECT_FALSE(index.release(kChat, ann, {0}));
  EXPECT_FALSE(index.is_attached(kChat, ann));
  EXPECT_THAT(ann.heard, IsEmpty());
}

TEST_F(RoomIndexTest, HoldsUpToTheMaxAndOverflowsPastIt) {
  index.attach_pending(kChat, ann);
  index.attach_pending(kChat, bob);
  for (std::uint64_t n = 1; n <= RoomIndex::kHeldEventsMax; ++n) deliver(text_event(kChat, n));
  EXPECT_THAT(ann.overflowed, IsEmpty());
  index.release(kChat, bob, {0});
  EXPECT_EQ(bob.heard.size(), RoomIndex::kHeldEventsMax);
  deliver(text_event(kChat, RoomIndex::kHeldEventsMax + 1));
  EXPECT_THAT(ann.overflowed, ElementsAre(kChat));
  EXPECT_FALSE(index.is_attached(kChat, ann));
  EXPECT_FALSE(index.release(kChat, ann, {0}));
  EXPECT_THAT(ann.heard, IsEmpty());
  EXPECT_EQ(bob.heard.size(), RoomIndex::kHeldEventsMax + 1);
}

TEST_F(RoomIndexTest, LeaveDetachesEveryDeviceOfItsSubjectAfterIt) {
  FakeListener phone;
  index.add(phone, user_id(1), session_id(13));
  attach(ann, kChat);
  attach(phone, kChat);
  attach(bob, kChat);
  const std::array batch{text_event(kChat, 1), leave_event(kChat, 2, user_id(1)),
                         text_event(kChat, 3)};
  index.deliver(batch);
  EXPECT_THAT(ann.heard, ElementsAre(1, 2));
  EXPECT_THAT(phone.heard, ElementsAre(1, 2));
  EXPECT_THAT(ann.detached, ElementsAre(kChat));
  EXPECT_THAT(phone.detached, ElementsAre(kChat));
  EXPECT_THAT(bob.heard, ElementsAre(1, 2, 3));
  EXPECT_THAT(bob.detached, IsEmpty());
  index.remove(phone);
}

TEST_F(RoomIndexTest, HeldLeaveAfterTheSnapshotEndsTheStream) {
  index.attach_pending(kChat, ann);
  const std::array batch{text_event(kChat, 1), leave_event(kChat, 2, user_id(1)),
                         text_event(kChat, 3)};
  index.deliver(batch);
  EXPECT_TRUE(index.is_attached(kChat, ann));
  EXPECT_TRUE(index.release(kChat, ann, {0}));
  EXPECT_THAT(ann.heard, ElementsAre(1, 2));
  EXPECT_THAT(ann.detached, ElementsAre(kChat));
  EXPECT_FALSE(index.is_attached(kChat, ann));
}

TEST_F(RoomIndexTest, HeldLeaveBeforeTheSnapshotIsPast) {
  index.attach_pending(kChat, ann);
  // Left and joined again before the snapshot was read.
  const std::array batch{leave_event(kChat, 1, user_id(1)), text_event(kChat, 2),
                         text_event(kChat, 3)};
  index.deliver(batch);
  index.release(kChat, ann, {2});
  EXPECT_THAT(ann.heard, ElementsAre(3));
  EXPECT_THAT(ann.detached, IsEmpty());
}

TEST_F(RoomIndexTest, ListenerMayRemoveItselfOrOthersWithinDelivery) {
  auto eve = std::make_unique<FakeListener>();
  index.add(*eve, user_id(3), session_id(13));
  attach(ann, kChat);
  attach(*eve, kChat);
  attach(bob, kChat);
  ann.on_deliver = [&](const wire::WireEvent&) {
    index.remove(ann);
    if (eve) index.remove(*eve);
    eve.reset();
  };
  deliver(text_event(kChat, 1));
  deliver(text_event(kChat, 2));
  EXPECT_THAT(ann.heard, ElementsAre(1));
  EXPECT_THAT(bob.heard, ElementsAre(1, 2));
  EXPECT_EQ(index.listener_count(), 1u);
}

TEST_F(RoomIndexTest, LastListenerMayLeaveTheRoomAndComeBackWithinDelivery) {
  attach(ann, kChat);
  ann.on_deliver = [&](const wire::WireEvent& event) {
    if (event.sequence.value != 1) return;
    index.detach(kChat, ann);
    index.attach_pending(kChat, ann);
  };
  const std::array batch{text_event(kChat, 1), text_event(kChat, 2)};
  index.deliver(batch);
  EXPECT_THAT(ann.heard, ElementsAre(1));
  index.release(kChat, ann, {1});
  EXPECT_THAT(ann.heard, ElementsAre(1, 2));
}

TEST_F(RoomIndexTest, ListenerMayRemoveItselfWhileItGetsHeldEvents) {
  index.attach_pending(kChat, ann);
  for (std::uint64_t n = 1; n <= 3; ++n) deliver(text_event(kChat, n));
  ann.on_deliver = [&](const wire::WireEvent&) { index.remove(ann); };
  EXPECT_TRUE(index.release(kChat, ann, {0}));
  EXPECT_THAT(ann.heard, ElementsAre(1));
}

TEST_F(RoomIndexTest, UserEventsReachAllDevicesOfThatUser) {
  FakeListener phone, nobody;
  index.add(phone, user_id(1), session_id(13));
  index.add(nobody, UserId(), SessionId());
  deliver(routed_event(Route::kUsers, user_id(1)));
  EXPECT_EQ(ann.heard.size(), 1u);
  EXPECT_EQ(phone.heard.size(), 1u);
  EXPECT_EQ(bob.heard.size(), 0u);
  EXPECT_EQ(nobody.heard.size(), 0u);

  index.set_user(nobody, user_id(1));
  deliver(routed_event(Route::kUsers, user_id(1)));
  EXPECT_EQ(nobody.heard.size(), 1u);
  index.set_user(nobody, user_id(2));
  deliver(routed_event(Route::kUsers, user_id(1)));
  EXPECT_EQ(nobody.heard.size(), 1u);
  index.remove(phone);
  index.remove(nobody);
}

TEST_F(RoomIndexTest, RevocationReachesThatSessionOnly) {
  FakeListener tab;
  index.add(tab, user_id(1), session_id(11));
  wire::WireEvent event = routed_event(Route::kSession, user_id(1));
  event.session = session_id(11);
  ann.on_revoked = [&] {
    index.remove(ann);
    index.remove(tab);
  };
  tab.on_revoked = [&] {
    index.remove(ann);
    index.remove(tab);
  };
  deliver(event);
  EXPECT_EQ(ann.revocations + tab.revocations, 1);
  EXPECT_EQ(bob.revocations, 0);
  EXPECT_EQ(index.listener_count(), 1u);

  event.session = session_id(12);
  event.users.clear();  // without its user: found all the same
  deliver(event);
  EXPECT_EQ(bob.revocations, 1);
}

TEST_F(RoomIndexTest, RevocationReachesASocketThatSpeaksForAnother) {
  FakeListener page;
  index.add(page, user_id(1), session_id(11));
  index.set_user(page, user_id(2));
  index.set_user(page, user_id(3));
  wire::WireEvent event = routed_event(Route::kSession, user_id(1));
  event.session = session_id(11);
  deliver(event);
  EXPECT_EQ(page.revocations, 1);
  EXPECT_EQ(ann.revocations, 1);
  index.set_user(page, user_id(1));  // itself again: told once
  deliver(event);
  EXPECT_EQ(page.revocations, 2);
  index.remove(page);
  deliver(event);
  EXPECT_EQ(page.revocations, 2);
}

TEST_F(RoomIndexTest, WatchesEndBothWaysWithWhomNoChatIsShared) {
  const UserId ann_id = user_id(1);
  const UserId bob_id = user_id(2);
  const UserId cho_id = user_id(3);
  const std::array of_ann{bob_id, cho_id};
  index.watch(ann, of_ann);
  index.watch(bob, std::span(&ann_id, 1));
  std::vector<UserId> ended;
  index.on_membership_ended([&](UserId user) { ended.push_back(user); });
  wire::WireEvent removed = routed_event(Route::kUsers, ann_id);
  deliver(removed);
  EXPECT_THAT(ended, IsEmpty());
  removed.ends_membership = true;
  deliver(removed);
  EXPECT_THAT(ended, ElementsAre(ann_id));
  EXPECT_EQ(index.memberships_ended(), 1u);
  removed.users = {user_id(9)};  // watches nobody, is watched by nobody
  deliver(removed);
  EXPECT_EQ(ended.size(), 1u);

  EXPECT_THAT(index.watch_partners(ann_id), ::testing::UnorderedElementsAre(bob_id, cho_id));
  index.end_watches(ann_id, std::span(&bob_id, 1));
  const std::size_t heard = ann.heard.size() + bob.heard.size();
  deliver(routed_event(Route::kWatchers, bob_id));
  deliver(routed_event(Route::kWatchers, ann_id));
  EXPECT_EQ(ann.heard.size() + bob.heard.size(), heard);
  deliver(routed_event(Route::kWatchers, cho_id));
  EXPECT_EQ(ann.heard.size() + bob.heard.size(), heard + 1);
  EXPECT_THAT(watched_by(ann), ElementsAre(cho_id));
  EXPECT_THAT(watched_by(bob), IsEmpty());
}

TEST_F(RoomIndexTest, PresenceReachesWatchersAndForgetsTheOldest) {
  const auto seen = [&](std::uint64_t user) {
    const std::size_t before = ann.heard.size();
    deliver(routed_event(Route::kWatchers, user_id(user)));
    return ann.heard.size() != before;
  };
  std::vector<UserId> users;
  for (std::size_t i = 0; i < limits::kWatchedUsersMax; ++i) users.push_back(user_id(1000 + i));
  index.watch(ann, users);
  index.watch(ann, users);
  EXPECT_TRUE(seen(1000));
  const UserId one_more = user_id(5000);
  index.watch(ann, std::span(&one_more, 1));
  EXPECT_FALSE(seen(1000));
  EXPECT_TRUE(seen(1001));
  EXPECT_TRUE(seen(5000));
  index.remove(ann);
  EXPECT_FALSE(seen(1001));
}

TEST_F(RoomIndexTest, ChatsOfAListenerAreBounded) {
  for (std::size_t i = 0; i < RoomIndex::kChatsPerListenerMax; ++i) {
    ASSERT_EQ(index.attach_pending(chat_id(10'000 + i), ann), AttachResult::kPending);
  }
  EXPECT_EQ(index.attach_pending(kChat, ann), AttachResult::kTooMany);
  index.detach(chat_id(15'000), ann);
  EXPECT_EQ(index.attach_pending(kChat, ann), AttachResult::kPending);
  EXPECT_EQ(index.attach_pending(chat_id(15'001), ann), AttachResult::kAttached);
  EXPECT_EQ(index.attach_pending(chat_id(15'000), ann), AttachResult::kTooMany);
}

TEST_F(RoomIndexTest, InterestFollowsTheRooms) {
  EXPECT_FALSE(interest.may_have(0, kChat));
  index.attach_pending(kChat, ann);
  EXPECT_TRUE(interest.may_have(0, kChat));
  attach(bob, kChat);
  index.remove(ann);
  EXPECT_TRUE(interest.may_have(0, kChat));
  index.detach(kChat, bob);
  EXPECT_FALSE(interest.may_have(0, kChat));
}

TEST_F(RoomIndexTest, LeavesBehindWhatRecoveryNeeds) {
  const ChatId other = chat_id(101);
  attach(ann, kChat, 4);
  index.attach_pending(other, ann);
  deliver(text_event(kChat, 5, 70));
  deliver(text_event(other, 9, 71));
  deliver(text_event(chat_id(102), 1, 72));
  RecoverableSocket left;
  index.leave_behind(ann, left);
  EXPECT_THAT(left.chats, ElementsAre(kChat, other));
  EXPECT_THAT(left.floors, ElementsAre(Sequence{4}, Sequence{8}));
  EXPECT_EQ(left.last_delivered, 70u);
  EXPECT_EQ(left.left_at, 70u);  // 71 is held for it

  index.release(other, ann, {9});
  index.leave_behind(ann, left);
  EXPECT_EQ(left.left_at, 72u);
  index.resume(ann, 90);
  index.leave_behind(ann, left);
  EXPECT_EQ(left.last_delivered, 90u);
}

class ByPositionTest : public RoomIndexTest {
 protected:
  void SetUp() override {
    RoomIndexTest::SetUp();
    index.add(phone, user_id(1), session_id(13), Order::kByPosition);
    phone.on_deliver = [this](const wire::WireEvent& event) {
      positions.push_back(event.position);
    };
    attach(phone, kChat, 4);
  }
  void TearDown() override {
    index.remove(phone);
    RoomIndexTest::TearDown();
  }
  static wire::WireEvent account_event(wire::Position position) {
    wire::WireEvent event = routed_event(Route::kUsers, user_id(1));
    event.position = position;
    return event;
  }

  const ChatId other = chat_id(101);
  const ChatId third = chat_id(102);
  FakeListener phone;
  std::vector<wire::Position> positions;
};

TEST_F(ByPositionTest, WhatComesWhileAChatIsPendingGoesOutInOrder) {
  index.attach_pending(other, phone);
  deliver(text_event(kChat, 5, 70));
  deliver(text_event(other, 8, 71));
  deliver(account_event(72));
  deliver(text_event(other, 9, 73));
  deliver(text_event(kChat, 6, 74));
  EXPECT_THAT(positions, IsEmpty());
  RecoverableSocket left;
  index.leave_behind(phone, left);
  EXPECT_EQ(left.last_delivered, 0u);
  EXPECT_EQ(left.left_at, 69u);  // nothing from 70 on was handed to it
  ASSERT_TRUE(index.release(other, phone, {8}));
  EXPECT_THAT(positions, ElementsAre(70, 72, 73, 74));
  deliver(text_event(kChat, 7, 75));
  EXPECT_THAT(positions, ElementsAre(70, 72, 73, 74, 75));
  index.leave_behind(phone, left);
  EXPECT_EQ(left.last_delivered, 75u);
  EXPECT_EQ(left.left_at, 75u);
}

TEST_F(ByPositionTest, TheLastOfSeveralPendingChatsOpensTheWay) {
  index.attach_pending(other, phone);
  index.attach_pending(third, phone);
  deliver(text_event(third, 1, 70));
  deliver(text_event(other, 1, 71));
  deliver(text_event(kChat, 5, 72));
  index.release(other, phone, {0});
  EXPECT_THAT(positions, IsEmpty());
  index.release(third, phone, {0});
  EXPECT_THAT(positions, ElementsAre(70, 71, 72));
}

TEST_F(ByPositionTest, GivingUpOpensItToo) {
  index.attach_pending(other, phone);
  deliver(text_event(kChat, 5, 70));
  deliver(text_event(other, 1, 71));
  index.abandon(other, phone);
  EXPECT_THAT(positions, ElementsAre(70));
  index.attach_pending(other, phone);
  deliver(text_event(kChat, 6, 72));
  index.detach(other, phone);
  EXPECT_THAT(positions, ElementsAre(70, 72));
}

TEST_F(ByPositionTest, WhatHasNoPositionDoesNotWait) {
  index.attach_pending(other, phone);
  index.watch(phone, std::vector{user_id(2)});
  deliver(routed_event(Route::kWatchers, user_id(2)));
  EXPECT_THAT(positions, ElementsAre(0));
  index.detach(other, phone);
}

TEST_F(ByPositionTest, TooMuchDetachesWhatIsPendingAndLosesNothing) {
  index.attach_pending(other, phone);
  std::vector<wire::WireEvent> events;
  for (std::uint64_t n = 0; n < 2 * RoomIndex::kHeldEventsMax; ++n) {
    events.push_back(text_event(kChat, 5 + n, 70 + n));
  }
  index.deliver(events);
  EXPECT_THAT(phone.overflowed, ElementsAre(other));
  EXPECT_FALSE(index.is_attached(other, phone));
  ASSERT_EQ(positions.size(), events.size());
  EXPECT_TRUE(std::ranges::is_sorted(positions));
}

TEST_F(ByPositionTest, OneThatGoesWhileItIsHandedWhatWaitedHearsNoMore) {
  index.attach_pending(other, phone);
  deliver(text_event(kChat, 5, 70));
  deliver(text_event(kChat, 6, 71));
  phone.on_deliver = [this](const wire::WireEvent& event) {
    positions.push_back(event.position);
    index.remove(phone);
  };
  index.release(other, phone, {0});
  EXPECT_THAT(positions, ElementsAre(70));
}

TEST_F(ByPositionTest, OneThatGoesWithEventsWaitingIsCalledNoMore) {
  index.attach_pending(other, phone);
  deliver(text_event(kChat, 5, 70));
  index.remove(phone);
  EXPECT_THAT(positions, IsEmpty());
}

TEST_F(RoomIndexTest, AThreadThatNobodySpeaksToLearnsHowFarTheNodeIs) {
  index.pass(90);
  index.pass(80);
  RecoverableSocket left;
  index.leave_behind(ann, left);
  EXPECT_EQ(left.left_at, 90u);
}

TEST_F(RoomIndexTest, RecoveredSocketKeepsItsFloor) {
  index.attach_pending(kChat, ann);
  index.release(kChat, ann, {9}, {3});
  RecoverableSocket left;
  index.leave_behind(ann, left);
  EXPECT_THAT(left.floors, ElementsAre(Sequence{3}));
}

TEST_F(RoomIndexTest, RecoveredSocketIsNotToldAgainWhatItsFloorCovers) {
  index.attach_pending(kChat, ann);
  deliver(text_event(kChat, 3));
  index.release(kChat, ann, {2}, {4});
  const std::array batch{text_event(kChat, 4), text_event(kChat, 5)};
  index.deliver(batch);
  EXPECT_THAT(ann.heard, ElementsAre(5));
}

// Who of the room has it is not known: all of them come back. Others go on.
TEST_F(RoomIndexTest, AnEventThatFindsNoMemoryIsLostForItsRoomAndNobodyElse) {
  FakeListener elsewhere;
  index.add(elsewhere, user_id(77), session_id(77));
  for (FakeListener* listener : {&ann, &bob}) {
    index.attach_pending(kChat, *listener);
    index.release(kChat, *listener, {0});
  }
  const ChatId other = chat_id(99);
  index.attach_pending(other, elsewhere);
  index.release(other, elsewhere, {0});
  bool fails = true;
  bob.on_deliver = [&](const wire::WireEvent&) {
    if (fails) throw std::bad_alloc();
  };
  const std::array batch{text_event(kChat, 1), text_event(other, 1)};
  index.deliver(batch);
  EXPECT_EQ(ann.losses, 1);
  EXPECT_EQ(bob.losses, 1);
  EXPECT_EQ(elsewhere.losses, 0);
  EXPECT_THAT(elsewhere.heard, ElementsAre(1));
  fails = false;
  deliver(text_event(kChat, 2));
  EXPECT_EQ(ann.heard.back(), 2u);
  index.remove(elsewhere);
}

TEST_F(RoomIndexTest, RemovingWhatWasNeverAddedIsFine) {
  FakeListener stranger;
  index.remove(stranger);
  index.detach(kChat, stranger);
  EXPECT_FALSE(index.release(kChat, stranger, {0}));
  EXPECT_FALSE(index.is_attached(kChat, stranger));
  EXPECT_THAT(watched_by(stranger), IsEmpty());
  index.abandon(kChat, stranger);
}

TEST(InterestTable, CountsPerThread) {
  InterestTable interest(2);
  interest.add(1, chat_id(5));
  interest.add(1, chat_id(5));
  EXPECT_FALSE(interest.may_have(0, chat_id(5)));
  interest.remove(1, chat_id(5));
  EXPECT_TRUE(interest.may_have(1, chat_id(5)));
  interest.remove(1, chat_id(5));
  EXPECT_FALSE(interest.may_have(1, chat_id(5)));

  EXPECT_FALSE(interest.any_recovery_user());
  interest.add_recovery_user();
  EXPECT_TRUE(interest.any_recovery_user());
  interest.remove_recovery_user();
  EXPECT_FALSE(interest.any_recovery_user());
}

// Counts as a bus must: by the sum of the calls, from several threads in any order.
class FollowingBus final : public chat::testing::QuietBus {
 public:
  void follow(ChatId chat) override { change(chat, 1); }
  void unfollow(ChatId chat) override { change(chat, -1); }
  int count_of(ChatId chat) {
    const std::lock_guard lock(mutex_);
    return counts_[chat];
  }
  int calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  std::size_t followed() {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(counts_, [](const auto& entry) { return entry.second != 0; }));
  }

 private:
  void change(ChatId chat, int by) {
    const std::lock_guard lock(mutex_);
    counts_[chat] += by;
    ++calls_;
  }
  std::mutex mutex_;
  std::map<ChatId, int> counts_;
  int calls_ = 0;
};

// The first listener of each thread follows, its last one ends that: no more calls than that.
TEST(Following, IsForThoseChatsThatSomeThreadListensTo) {
  FollowingBus bus;
  InterestTable interest(2, &bus);
  RoomIndex here(0, interest);
  RoomIndex there(1, interest);
  FakeListener ann, bob, cy;
  here.add(ann, user_id(1), session_id(1));
  here.add(bob, user_id(2), session_id(2));
  there.add(cy, user_id(3), session_id(3));
  const ChatId chat = chat_id(5);
  here.attach_pending(chat, ann);
  here.attach_pending(chat, bob);
  EXPECT_EQ(bus.calls(), 1);
  there.attach_pending(chat, cy);
  EXPECT_EQ(bus.count_of(chat), 2);
  here.remove(ann);
  here.abandon(chat, bob);
  EXPECT_EQ(bus.count_of(chat), 1);
  there.detach(chat, cy);
  EXPECT_EQ(bus.followed(), 0u);
  EXPECT_EQ(bus.calls(), 4);
  here.remove(bob);
  there.remove(cy);
  EXPECT_EQ(bus.calls(), 4);
}

TEST(Following, EndsWithTheIndexAndWithADetachWithinADelivery) {
  FollowingBus bus;
  InterestTable interest(1, &bus);
  FakeListener ann;
  {
    RoomIndex index(0, interest);
    index.add(ann, user_id(1), session_id(1));
    for (std::uint64_t n = 1; n <= 3; ++n) {
      index.attach_pending(chat_id(n), ann);
      index.release(chat_id(n), ann, {0});
    }
    const wire::WireEvent leave = leave_event(chat_id(1), 1, user_id(1));
    index.deliver(std::span(&leave, 1));
    EXPECT_EQ(bus.followed(), 2u);
    index.detach(chat_id(2), ann);
    EXPECT_EQ(bus.followed(), 1u);
    index.remove(ann);
    index.add(ann, user_id(1), session_id(1));
    index.attach_pending(chat_id(3), ann);
    EXPECT_EQ(bus.followed(), 1u);
    index.remove(ann);
    EXPECT_EQ(bus.followed(), 0u);
  }
  EXPECT_EQ(bus.followed(), 0u);
}

// Threads that come and go at once: the sum is right whatever the order was. Run it under TSan.
TEST(Following, ThreadsMayComeAndGoAtOnce) {
  constexpr unsigned kThreads = 4;
  FollowingBus bus;
  InterestTable interest(kThreads, &bus);
  const ChatId stays = chat_id(1000);
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < kThreads; ++k) {
    threads.emplace_back([&, k] {
      std::mt19937 random(k);
      RoomIndex index(k, interest);
      FakeListener listener;
      index.add(listener, user_id(k + 1), session_id(k + 1));
      for (int i = 0; i < 2'000; ++i) {
        const ChatId chat = chat_id(random() % 5);
        if (index.is_attached(chat, listener)) {
          index.detach(chat, listener);
        } else {
          index.attach_pending(chat, listener);
        }
      }
      index.remove(listener);
      interest.add(k, stays);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bus.followed(), 1u);
  EXPECT_EQ(bus.count_of(stays), static_cast<int>(kThreads));
  for (unsigned k = 0; k < kThreads; ++k) interest.remove(k, stays);
  EXPECT_EQ(bus.followed(), 0u);
}

}  // namespace
}  // namespace maru::fanout
