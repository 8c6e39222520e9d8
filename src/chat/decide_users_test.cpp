#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "chat/testing/core_harness.hpp"
#include "chat/testing/matchers.hpp"

namespace maru::chat {
namespace {

using testing::answer_of;
using testing::AppendFault;
using testing::check_store;
using testing::CoreHarness;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::new_session;
using testing::outcome_of;

class UsersTest : public ::testing::Test {
 protected:
  RegisterUser account(std::string name) {
    return RegisterUser{name, name, "hash", new_session("agent")};
  }
  OpenGuest open_guest(std::string name, GuestRule rule = GuestRule::kNameMustBeFree) {
    return OpenGuest{name, name, rule, new_session("agent")};
  }
  std::size_t sessions_of(UserId user) {
    std::size_t count = 0;
    for (const auto& [id, session] : at.store.sessions()) count += session.user == user;
    return count;
  }
  std::vector<SessionId> revoked() {
    std::vector<SessionId> ids;
    for (const auto& event : at.bus.all<SessionRevoked>()) ids.push_back(event.session);
    return ids;
  }

  CoreHarness at;
};

// ---- names ----

TEST_F(UsersTest, RegisteringMakesAnAccountAndASession) {
  const auto logged_in = answer_of<LoggedIn>(at.run(account("a")));
  EXPECT_TRUE(logged_in.created);
  EXPECT_EQ(logged_in.user.type, AccountType::kAccount);
  EXPECT_EQ(logged_in.user.password_hash, "hash");
  EXPECT_EQ(logged_in.user.created_at, at.clock.wall());
  EXPECT_EQ(logged_in.session.user, logged_in.user.id);
  EXPECT_EQ(logged_in.session.user_agent, "agent");
  EXPECT_EQ(logged_in.session.last_used_at, at.clock.wall());
  EXPECT_EQ(at.store.sessions().at(logged_in.session.id).token, logged_in.session.token);
}

TEST_F(UsersTest, ANameIsTakenInTheStoreAndInTheBatch) {
  const auto replies = at.run_batch({account("a"), account("a"), open_guest("a"), open_guest("b")});
  EXPECT_EQ(outcome_of(replies[0]), "ok");
  EXPECT_EQ(outcome_of(replies[1]), "name_taken");
  EXPECT_EQ(outcome_of(replies[2]), "name_taken");
  EXPECT_EQ(outcome_of(replies[3]), "ok");
  EXPECT_EQ(outcome_of(at.run(account("b"))), "name_taken");
  EXPECT_EQ(outcome_of(at.run(open_guest("a"))), "name_taken");
  EXPECT_EQ(at.store.users().size(), 2u);
}

TEST_F(UsersTest, NamesAreComparedFolded) {
  ASSERT_TRUE(at.run(RegisterUser{"Anna", "anna", "hash", new_session()}));
  EXPECT_EQ(outcome_of(at.run(RegisterUser{"ANNA", "anna", "hash", new_session()})), "name_taken");
}

TEST_F(UsersTest, InOpenModeTheSameNameIsTheSameUser) {
  const auto first = answer_of<LoggedIn>(at.run(open_guest("a", GuestRule::kSameNameSameUser)));
  const auto second = answer_of<LoggedIn>(at.run(open_guest("a", GuestRule::kSameNameSameUser)));
  EXPECT_TRUE(first.created);
  EXPECT_FALSE(second.created);
  EXPECT_EQ(second.user.id, first.user.id);
  EXPECT_NE(second.session.id, first.session.id);
  EXPECT_EQ(sessions_of(first.user.id), 2u);
  ASSERT_TRUE(at.run(account("b")));
  EXPECT_EQ(outcome_of(at.run(open_guest("b", GuestRule::kSameNameSameUser))),
            "invalid_credentials");

  const auto replies = at.run_batch({open_guest("n", GuestRule::kSameNameSameUser),
                                     open_guest("n", GuestRule::kSameNameSameUser)});
  EXPECT_EQ(answer_of<LoggedIn>(replies[0]).user.id, answer_of<LoggedIn>(replies[1]).user.id);
}

// After a change from open mode to accounts.
TEST_F(UsersTest, AGuestWithoutASessionHoldsItsNameNoLonger) {
  const auto left = answer_of<LoggedIn>(at.run(open_guest("a", GuestRule::kSameNameSameUser)));
  const UserId other = at.add_guest("b");
  const ChatId group = at.add_group(left.user.id, {other});
  EXPECT_EQ(outcome_of(at.run(open_guest("a"))), "name_taken");
  ASSERT_TRUE(at.run(RevokeSession{left.user.id, left.session.id, true}));
  const auto next = answer_of<LoggedIn>(at.run(open_guest("a")));
  EXPECT_TRUE(next.created);
  EXPECT_NE(next.user.id, left.user.id);
  EXPECT_TRUE(at.store.users().at(left.user.id).deleted_at);
  at.settle_endings();
  EXPECT_EQ(at.store.chats().at(group).members.size(), 1u);
  EXPECT_EQ(at.store.names().at("a"), next.user.id);
  // An account holds its name without a session.
  const auto account_b = at.add_account("c", "hash");
  EXPECT_EQ(outcome_of(at.run(open_guest("c"))), "name_taken");
  EXPECT_FALSE(at.store.users().at(account_b).deleted_at);
}

// ---- passwords ----

TEST_F(UsersTest, LoginNeedsTheHashThatWasVerified) {
  const UserId user = at.add_account("a", "hash-1");
  EXPECT_EQ(outcome_of(at.run(OpenSession{user, "hash-1", "", new_session()})), "ok");
  EXPECT_EQ(outcome_of(at.run(OpenSession{user, "hash-0", "", new_session()})),
            "invalid_credentials");
  EXPECT_EQ(outcome_of(at.run(OpenSession{UserId{}, "hash-1", "", new_session()})),
            "invalid_credentials");
  const UserId without = at.add_guest("guest");
  EXPECT_EQ(outcome_of(at.run(OpenSession{without, "", "", new_session()})), "invalid_credentials");
  EXPECT_EQ(sessions_of(user), 2u);
}

TEST_F(UsersTest, LoginStoresANewerHash) {
  const UserId user = at.add_account("a", "old");
  const auto logged_in =
      answer_of<LoggedIn>(at.run(OpenSession{user, "old", "new", new_session()}));
  EXPECT_EQ(logged_in.user.password_hash, "new");
  EXPECT_EQ(at.store.users().at(user).password_hash, "new");
  EXPECT_EQ(outcome_of(at.run(OpenSession{user, "old", "", new_session()})), "invalid_credentials");
}

TEST_F(UsersTest, APasswordMakesAGuestAnAccountAndRevokesOtherSessions) {
  const auto first = at.log_in_guest("a", GuestRule::kSameNameSameUser);
  const auto second = at.log_in_guest("a", GuestRule::kSameNameSameUser);
  const auto third = at.log_in_guest("a", GuestRule::kSameNameSameUser);
  const UserId user = first.user.id;
  EXPECT_EQ(outcome_of(at.run(SetPassword{user, second.session.id, "wrong", "new"})),
            "invalid_credentials");
  EXPECT_THAT(revoked(), IsEmpty());
  ASSERT_TRUE(at.run(SetPassword{user, second.session.id, "", "new"}));
  EXPECT_THAT(revoked(), ::testing::UnorderedElementsAre(first.session.id, third.session.id));
  EXPECT_EQ(sessions_of(user), 1u);
  EXPECT_TRUE(at.store.sessions().contains(second.session.id));
  EXPECT_EQ(at.store.users().at(user).type, AccountType::kAccount);
  EXPECT_EQ(at.store.users().at(user).password_hash, "new");
  EXPECT_EQ(outcome_of(at.run(SetPassword{user, second.session.id, "", "newer"})),
            "invalid_credentials");
  EXPECT_EQ(outcome_of(at.run(SetPassword{user, second.session.id, "new", "newer"})), "ok");
  EXPECT_EQ(outcome_of(at.run(SetPassword{UserId{}, SessionId{}, "", "x"})), "unauthenticated");
}

TEST_F(UsersTest, ASessionThatHasEndedSetsNoPassword) {
  const auto thief = at.log_in_guest("a", GuestRule::kSameNameSameUser);
  const auto owner = at.log_in_guest("a", GuestRule::kSameNameSameUser);
  const UserId user = owner.user.id;
  const auto replies = at.run_batch({RevokeSession{user, thief.session.id, true},
                                     SetPassword{user, thief.session.id, "", "stolen"}});
  EXPECT_EQ(outcome_of(replies[1]), "unauthenticated");
  EXPECT_EQ(outcome_of(at.run(SetPassword{user, SessionId{}, "", "stolen"})), "unauthenticated");
  EXPECT_EQ(at.store.users().at(user).password_hash, "");
  EXPECT_TRUE(at.store.sessions().contains(owner.session.id));
}

// ---- sessions ----

TEST_F(UsersTest, TheLeastRecentlyUsedSessionMakesRoom) {
  const UserId user = at.add_account("a", "hash");
  const SessionId first = at.store.sessions().begin()->first;
  SessionId second;
  for (std::size_t i = 1; i < limits::kSessionsPerUserMax; ++i) {
    at.clock.advance_ms(1);
    const auto opened = answer_of<LoggedIn>(at.run(OpenSession{user, "hash", "", new_session()}));
    if (i == 1) second = opened.session.id;
  }
  EXPECT_EQ(sessions_of(user), limits::kSessionsPerUserMax);
  EXPECT_THAT(revoked(), IsEmpty());

  at.clock.advance_ms(1);
  const auto replies = at.run_batch({TouchActivity{{{first, at.clock.wall()}}, {}},
                                     OpenSession{user, "hash", "", new_session()}});
  EXPECT_EQ(outcome_of(replies[1]), "ok");
  EXPECT_EQ(sessions_of(user), limits::kSessionsPerUserMax);
  EXPECT_THAT(revoked(), ElementsAre(second));
  EXPECT_TRUE(at.store.sessions().contains(first));
}

TEST_F(UsersTest, RevokingIsForOnesOwnSessions) {
  const UserId a = at.add_account("a");
  const SessionId session = at.store.sessions().begin()->first;
  const UserId b = at.add_account("b");
  EXPECT_EQ(outcome_of(at.run(RevokeSession{b, session})), "not_found");
  EXPECT_EQ(outcome_of(at.run(RevokeSession{a, SessionId{}})), "not_found");
  EXPECT_THAT(revoked(), IsEmpty());
  EXPECT_EQ(outcome_of(at.run(RevokeSession{a, session})), "ok");
  EXPECT_THAT(revoked(), ElementsAre(session));
  EXPECT_EQ(outcome_of(at.run(RevokeSession{a, session})), "not_found");
  EXPECT_FALSE(at.store.users().at(a).deleted_at) << "an account stays";
}

TEST_F(UsersTest, AGuestEndsWithItsLastSession) {
  const UserId other = at.add_account("other");
  const LoggedIn guest = at.log_in_guest("guest");
  const UserId user = guest.user.id;
  const ChatId owned = at.add_group(user, {other});
  const ChatId alone = at.add_group(user);
  const ChatId joined = at.add_group(other, {user});
  const ChatId pair = at.add_personal(user, other);
  at.bus.events.clear();
  ASSERT_TRUE(at.run(RevokeSession{user, guest.session.id}));

  EXPECT_TRUE(std::holds_alternative<SessionRevoked>(at.bus.events.front()));
  EXPECT_EQ(at.bus.events.size(), 1u);
  EXPECT_TRUE(at.store.ending().contains(user));
  EXPECT_THAT(check_store(at.store), IsEmpty());
  at.settle_endings();
  EXPECT_FALSE(at.store.ending().contains(user));
  EXPECT_EQ(at.bus.all<ChatRemoved>().size(), 3u);
  EXPECT_EQ(at.bus.all<RecordCommitted>().size(), 3u);
  const User& ended = at.store.users().at(user);
  EXPECT_EQ(ended.deleted_at, at.clock.wall());
  EXPECT_NE(ended.name, "guest");
  EXPECT_EQ(at.store.chats().at(owned).chat.owner, other);
  EXPECT_TRUE(at.store.chats().at(alone).chat.archived);
  EXPECT_EQ(at.store.records(joined).back()->to_name, "guest");
  EXPECT_EQ(at.store.chats().at(pair).members.size(), 2u);
  EXPECT_EQ(sessions_of(user), 0u);

  const auto next = answer_of<LoggedIn>(at.run(open_guest("guest")));
  EXPECT_TRUE(next.created);
  EXPECT_NE(next.user.id, user);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

TEST_F(UsersTest, AnEndingGuestSeesTheBatchItEndsIn) {
  const UserId other = at.add_account("other");
  const LoggedIn guest = at.log_in_guest("guest");
  const UserId user = guest.user.id;
  const ChatId left = at.add_group(other, {user});
  const ChatId joined = at.add_group(other);
  const auto replies = at.run_batch(
      {LeaveChat{left, user}, JoinChat{joined, user}, CreateChat{user, "new", false, {other}, {}},
       CreateChat{user, "p", true, {other}, {}}, RevokeSession{user, guest.session.id},
       open_guest("guest"), SendMessage{joined, user, "late", {}}, JoinChat{joined, user},
       RevokeSession{user, guest.session.id}});
  for (int i = 0; i < 6; ++i) EXPECT_EQ(outcome_of(replies[i]), "ok") << i;
  EXPECT_EQ(outcome_of(replies[6]), "ok") << "it was sent before the end came round";
  EXPECT_EQ(outcome_of(replies[7]), "ok") << "a member still";
  EXPECT_EQ(outcome_of(replies[8]), "not_found");
  at.settle_endings();
  EXPECT_EQ(outcome_of(at.run(SendMessage{joined, user, "late", {}})), "not_member");
  EXPECT_EQ(outcome_of(at.run(JoinChat{joined, user})), "unauthenticated");
  EXPECT_EQ(at.store.records(left).size(), 1u);
  EXPECT_EQ(at.store.records(joined).size(), 3u);
  EXPECT_EQ(answer_of<LoggedIn>(replies[5]).user.name, "guest");
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

TEST_F(UsersTest, AGuestWithAnotherSessionOrInOpenModeStays) {
  const auto first = at.log_in_guest("a", GuestRule::kSameNameSameUser);
  const auto second = at.log_in_guest("a", GuestRule::kSameNameSameUser);
  const UserId user = first.user.id;
  ASSERT_TRUE(at.run(RevokeSession{user, first.session.id}));
  EXPECT_FALSE(at.store.users().at(user).deleted_at);
  ASSERT_TRUE(at.run(RevokeSession{user, second.session.id, true}));
  EXPECT_FALSE(at.store.users().at(user).deleted_at);
  EXPECT_EQ(sessions_of(user), 0u);
  EXPECT_EQ(at.log_in_guest("a", GuestRule::kSameNameSameUser).user.id, user);
}

TEST_F(UsersTest, IdleSessionsExpireAndTheirGuestsEnd) {
  const LoggedIn idle = at.log_in_guest("idle");
  const UserId account = at.add_account("account");
  const ChatId group = at.add_group(account, {idle.user.id});
  at.clock.advance_ms(1000);
  const LoggedIn live = at.log_in_guest("live");
  at.bus.events.clear();
  const auto done = answer_of<Done>(at.run(ExpireSessions{at.clock.wall()}));
  EXPECT_FALSE(done.more);
  EXPECT_EQ(revoked().size(), 2u);
  EXPECT_TRUE(at.store.users().at(idle.user.id).deleted_at);
  EXPECT_FALSE(at.store.users().at(account).deleted_at);
  EXPECT_TRUE(at.store.sessions().contains(live.session.id));
  at.settle_endings();
  EXPECT_EQ(at.store.records(group).size(), 1u);
  EXPECT_FALSE(answer_of<Done>(at.run(ExpireSessions{at.clock.wall()})).more);
  EXPECT_EQ(revoked().size(), 2u);
}

TEST_F(UsersTest, IdempotencyKeysExpireByTimeWithoutAnotherChat) {
  constexpr std::int64_t kDayMs = 24LL * 60 * 60 * 1000;
  const UserId user = at.add_account("account");
  CreateChat create{.caller = user, .name = "group"};
  create.idempotency_key = "key";
  ASSERT_TRUE(at.run(create));
  const auto is_stored = [&] {
    return at.store.load_created_under_key(user, "key", WallTime{0})->has_value();
  };
  at.clock.advance_ms(kDayMs);
  at.run(ExpireSessions{WallTime{0}});
  EXPECT_TRUE(is_stored()) << "its day is not over";
  at.clock.advance_ms(1);
  at.run(ExpireSessions{WallTime{0}});
  EXPECT_FALSE(is_stored());
}

TEST_F(UsersTest, ASessionUsedOrClosedInTheSameBatchDoesNotExpire) {
  const LoggedIn used = at.log_in_guest("used");
  const LoggedIn closed = at.log_in_guest("closed");
  at.clock.advance_ms(1000);
  const auto replies = at.run_batch({TouchActivity{{{used.session.id, at.clock.wall()}}, {}},
                                     RevokeSession{closed.user.id, closed.session.id},
                                     ExpireSessions{at.clock.wall()}});
  for (const Reply& reply : replies) EXPECT_EQ(outcome_of(reply), "ok");
  EXPECT_THAT(revoked(), ElementsAre(closed.session.id));
  EXPECT_TRUE(at.store.sessions().contains(used.session.id));
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

TEST_F(UsersTest, ExpiryIsBoundedPerCommand) {
  for (int i = 0; i < 150; ++i) at.add_guest("guest" + std::to_string(i));
  at.clock.advance_ms(1);
  EXPECT_TRUE(answer_of<Done>(at.run(ExpireSessions{at.clock.wall(), true})).more);
  EXPECT_EQ(at.store.sessions().size(), 50u);
  EXPECT_FALSE(answer_of<Done>(at.run(ExpireSessions{at.clock.wall(), true})).more);
  EXPECT_THAT(at.store.sessions(), IsEmpty());
  EXPECT_EQ(at.store.names().size(), 150u);
}

TEST_F(UsersTest, TouchingSkipsWhatIsNotThere) {
  const LoggedIn guest = at.log_in_guest("a");
  at.clock.advance_ms(5);
  const WallTime now = at.clock.wall();
  ASSERT_TRUE(at.run(TouchActivity{{{guest.session.id, now}, {SessionId{}, now}},
                                   {{guest.user.id, now}, {UserId{}, now}}}));
  EXPECT_EQ(at.store.sessions().at(guest.session.id).last_used_at, now);
  EXPECT_EQ(at.store.users().at(guest.user.id).last_seen_at, now);
  EXPECT_TRUE(at.run(TouchActivity{}));
}

TEST_F(UsersTest, CountersOfFailedLoginsAreNotedAndExpire) {
  const WallTime now = at.clock.wall();
  ASSERT_TRUE(at.run(NoteLoginFailures{
      {{LoginKey{1}, 1, now}, {LoginKey{2}, 2, WallTime{now.ms + 1}}, {LoginKey{1}, 3, now}}}));
  ASSERT_EQ(at.store.login_failures().size(), 2u);
  EXPECT_EQ(at.store.login_failures().back().failures, 3);
  ASSERT_TRUE(at.run(ExpireLoginFailures{WallTime{now.ms + 1}, 10}));
  ASSERT_EQ(at.store.login_failures().size(), 1u);
  ASSERT_TRUE(at.run(NoteLoginFailures{{{LoginKey{2}, 0, now}}}));
  EXPECT_THAT(at.store.login_failures(), IsEmpty());
  at.store.fail_append(at.store.appends() + 1, AppendFault::kUnavailable);
  EXPECT_EQ(outcome_of(at.run(NoteLoginFailures{{{LoginKey{2}, 1, now}}})), "unavailable");
  EXPECT_THAT(at.store.login_failures(), IsEmpty());
}

TEST_F(UsersTest, AFailedAppendTakesNoName) {
  at.store.fail_append(1, AppendFault::kUnavailable);
  EXPECT_EQ(outcome_of(at.run(account("a"))), "unavailable");
  EXPECT_EQ(outcome_of(at.run(account("a"))), "ok");
}

TEST_F(UsersTest, AFailedLoadEndsNoGuestHalfway) {
  const LoggedIn guest = at.log_in_guest("guest");
  for (int i = 0; i < 3; ++i) at.add_group(guest.user.id);
  for (std::size_t skip = 0;; ++skip) {
    LaneCounters counters;
    GroupCommit cold(at.store, at.bus, at.clock, at.ids, counters);
    at.store.fail_loads(1, skip);
    std::string outcome;
    Command revoke{RevokeSession{guest.user.id, guest.session.id},
                   [&](const Reply& reply) { outcome = outcome_of(reply); }};
    cold.run({&revoke, 1});
    if (outcome == "ok") break;
    EXPECT_EQ(outcome, "unavailable");
    EXPECT_EQ(sessions_of(guest.user.id), 1u);
    ASSERT_LT(skip, 20u);
  }
  at.store.fail_loads(0);
  EXPECT_TRUE(at.store.users().at(guest.user.id).deleted_at);
  EXPECT_THAT(check_store(at.store), IsEmpty());
}

}  // namespace
}  // namespace maru::chat
