// What is refused when the disk is nearly full, and by whom.
#include "chat/room.hpp"

#include <gtest/gtest.h>

#include "chat/testing/core_harness.hpp"
#include "chat/testing/matchers.hpp"

namespace maru::chat {
namespace {

using testing::answer_of;
using testing::CoreHarness;
using testing::new_session;
using testing::outcome_of;

class RoomTest : public ::testing::Test {
 protected:
  CoreHarness at;
  LoggedIn guest = at.log_in_guest("guest");
  UserId account = at.add_account("account");
  ChatId group = at.add_group(account, {guest.user.id});
  ChatId other = at.add_group(account);

  std::string send(UserId user, const char* id) {
    return outcome_of(at.run(SendMessage{group, user, "text", id}));
  }
};

TEST_F(RoomTest, GuestsAndNewcomersWaitFirst) {
  at.store.set_room(Room::kShort);
  EXPECT_EQ(send(guest.user.id, "g"), "unavailable");
  EXPECT_EQ(outcome_of(at.run(JoinChat{other, guest.user.id})), "unavailable");
  EXPECT_EQ(outcome_of(at.run(CreateChat{guest.user.id, "x", false, {}, {}})), "unavailable");
  const NewSession session = new_session();
  EXPECT_EQ(outcome_of(at.run(OpenGuest{"n", "n", GuestRule::kNameMustBeFree, session})),
            "unavailable");
  EXPECT_EQ(outcome_of(at.run(RegisterUser{"m", "m", "hash", session})), "unavailable");
  EXPECT_EQ(send(account, "a"), "ok");
  EXPECT_EQ(outcome_of(at.run(CreateChat{account, "x", false, {}, {}})), "ok");
  at.store.set_room(Room::kPlenty);
  EXPECT_EQ(send(guest.user.id, "g"), "ok");
}

TEST_F(RoomTest, ThenEverybodyButNobodyIsLockedIn) {
  ASSERT_EQ(send(guest.user.id, "before"), "ok");
  at.store.set_room(Room::kNone);
  EXPECT_EQ(send(account, "a"), "unavailable");
  EXPECT_EQ(outcome_of(at.run(CreateChat{account, "x", false, {}, {}})), "unavailable");
  // What is stored is answered, what adds nothing works, and so does ending things.
  EXPECT_TRUE(
      answer_of<Sent>(at.run(SendMessage{group, guest.user.id, "text", "before"})).duplicate);
  EXPECT_EQ(outcome_of(at.run(JoinChat{group, account})), "ok");
  const auto in = answer_of<LoggedIn>(at.run(OpenSession{account, "hash", "", new_session()}));
  EXPECT_EQ(outcome_of(at.run(SetPassword{account, in.session.id, "hash", "new"})), "ok");
  EXPECT_EQ(outcome_of(at.run(RevokeSession{account, in.session.id})), "ok");
  EXPECT_EQ(outcome_of(at.run(LeaveChat{group, guest.user.id})), "ok");
  EXPECT_EQ(outcome_of(at.run(RevokeSession{guest.user.id, guest.session.id})), "ok");
}

TEST_F(RoomTest, BytesAreCountedByWhoWroteThem) {
  const auto bytes = [&](AccountType type) {
    return at.counters.bytes_by_type.at(static_cast<std::size_t>(type)).load();
  };
  const auto guests = bytes(AccountType::kGuest);
  const auto accounts = bytes(AccountType::kAccount);
  ASSERT_TRUE(at.run(SendMessage{group, guest.user.id, std::string(1000, 'x'), {}}));
  EXPECT_GE(bytes(AccountType::kGuest), guests + 1000);
  EXPECT_EQ(bytes(AccountType::kAccount), accounts);
  at.store.set_full(true);
  ASSERT_FALSE(at.run(SendMessage{group, account, std::string(1000, 'x'), {}}));
  EXPECT_EQ(bytes(AccountType::kAccount), accounts) << "not stored";
}

}  // namespace
}  // namespace maru::chat
