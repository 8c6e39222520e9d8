#include "chat/command.hpp"

#include <gtest/gtest.h>

#include "chat/testing/core_harness.hpp"
#include "chat/testing/matchers.hpp"

namespace maru::chat {
namespace {

using testing::answer_of;
using testing::check_store;
using testing::CoreHarness;
using testing::new_session;
using testing::outcome_of;
using testing::SeededIds;

std::string id_given(CommandBody body) {
  SeededIds ids;
  Command command{std::move(body), {}};
  give_ids(command, ids);
  return name_of(command);
}

TEST(CommandId, IsTheClientsWhereItGaveOne) {
  EXPECT_EQ(id_given(SendMessage{{}, {}, "x", "mine"}), "mine");
  EXPECT_NE(id_given(JoinChat{}), name_of(CommandId{})) << "one is given";
  for (CommandBody body : {CommandBody(SendMessage{{}, {}, "x", {}}), CommandBody(JoinChat{}),
                           CommandBody(LeaveChat{}), CommandBody(TouchActivity{})}) {
    const std::string id = id_given(std::move(body));
    ASSERT_EQ(id.size(), 25u);
    EXPECT_EQ(id[0], '~') << "no client can say it";
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef", 1), std::string::npos);
  }
}

TEST(CommandId, IsGivenOnceAsAreTheIdsOfWhatIsMade) {
  SeededIds ids;
  Command command{OpenGuest{"a", "a", GuestRule::kNameMustBeFree, new_session()}, {}};
  give_ids(command, ids);
  const CommandId id = command.id;
  const auto body = std::get<OpenGuest>(command.body);
  EXPECT_FALSE(body.user.is_zero());
  EXPECT_FALSE(body.session.id.is_zero());
  give_ids(command, ids);
  EXPECT_EQ(command.id, id);
  EXPECT_EQ(std::get<OpenGuest>(command.body).user, body.user);
  EXPECT_EQ(std::get<OpenGuest>(command.body).session.id, body.session.id);
}

TEST(PlaceOf, OnlyWhatHappensInAChatIsDecidedByItsOwner) {
  const ChatId chat = ChatId::parse("0123456789abcdef01234567").value();
  for (const CommandBody& body :
       {CommandBody(JoinChat{chat, {}}), CommandBody(AskLeave{chat, {}}),
        CommandBody(LeaveChat{chat, {}}), CommandBody(SendMessage{chat, {}, "x", {}})}) {
    EXPECT_EQ(place_of(body).kind, Place::kChat) << body.index();
    EXPECT_EQ(place_of(body).chat, chat) << body.index();
  }
  for (const CommandBody& body :
       {CommandBody(RegisterUser{}), CommandBody(OpenGuest{}), CommandBody(OpenSession{}),
        CommandBody(SetPassword{}), CommandBody(RevokeSession{}), CommandBody(ExpireSessions{}),
        CommandBody(TouchActivity{}), CommandBody(NoteLoginFailures{}),
        CommandBody(ExpireLoginFailures{}), CommandBody(CreateChat{}),
        CommandBody(FinishEnding{})}) {
    EXPECT_EQ(place_of(body).kind, Place::kHere) << body.index();
  }
}

// Each command twice with the ids it has got: as after an append whose answer was lost.
class DecidedAgainTest : public ::testing::Test {
 protected:
  template <class Body>
  std::pair<Reply, Reply> run_twice(Body body) {
    Command command{std::move(body), {}};
    give_ids(command, at.ids);
    const CommandBody travelling = command.body;
    Reply first = at.run(travelling);
    const std::size_t appends = at.store.appends();
    Reply again = at.run(travelling);
    EXPECT_EQ(at.store.appends(), appends) << "there is nothing left to write";
    return {std::move(first), std::move(again)};
  }
  void expect_one_login(const std::pair<Reply, Reply>& replies) {
    const auto first = answer_of<LoggedIn>(replies.first);
    const auto again = answer_of<LoggedIn>(replies.second);
    EXPECT_EQ(again.user.id, first.user.id);
    EXPECT_EQ(again.session.id, first.session.id);
    EXPECT_EQ(again.session.token, first.session.token);
    EXPECT_EQ(again.created, first.created);
  }

  CoreHarness at;
};

TEST_F(DecidedAgainTest, ALoginIsOneSession) {
  expect_one_login(run_twice(RegisterUser{"a", "a", "hash", new_session()}));
  expect_one_login(run_twice(OpenGuest{"b", "b", GuestRule::kNameMustBeFree, new_session()}));
  expect_one_login(run_twice(OpenGuest{"c", "c", GuestRule::kSameNameSameUser, new_session()}));
  expect_one_login(run_twice(OpenGuest{"c", "c", GuestRule::kSameNameSameUser, new_session()}));
  const UserId user = at.add_account("d", "hash");
  expect_one_login(run_twice(OpenSession{user, "hash", "", new_session()}));
  expect_one_login(run_twice(OpenSession{user, "hash", "rehashed", new_session()}));
  EXPECT_EQ(at.store.sessions().size(), 7u);
  EXPECT_EQ(at.store.users().size(), 4u);
  EXPECT_TRUE(check_store(at.store).empty());
}

TEST_F(DecidedAgainTest, APasswordIsSetOnce) {
  const LoggedIn guest = at.log_in_guest("a");
  const auto replies = run_twice(SetPassword{guest.user.id, guest.session.id, "", "new"});
  EXPECT_EQ(outcome_of(replies.first), "ok");
  EXPECT_EQ(outcome_of(replies.second), "ok");
}

TEST_F(DecidedAgainTest, AChatIsMadeOnce) {
  const UserId a = at.add_guest("a");
  const UserId b = at.add_guest("b");
  for (const CreateChat& create :
       {CreateChat{a, "group", false, {b}, {}}, CreateChat{a, "group", false, {b}, "key"},
        CreateChat{a, "pair", true, {b}, {}}}) {
    const auto replies = run_twice(create);
    const auto first = answer_of<ChatCreated>(replies.first);
    const auto again = answer_of<ChatCreated>(replies.second);
    EXPECT_EQ(again.document.chat.id, first.document.chat.id);
    EXPECT_FALSE(again.existed) << "it was made by this very command";
  }
  EXPECT_EQ(at.store.chats().size(), 3u);
}

}  // namespace
}  // namespace maru::chat
