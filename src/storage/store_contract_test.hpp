// What every chat::Store with its snapshots must do, whichever database is behind it. A store's
// test instantiates the suite with a harness:
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, ::testing::Values(make_sqlite_harness));
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "chat/command.hpp"
#include "chat/ports/snapshot.hpp"
#include "chat/ports/store.hpp"
#include "storage/testing/documents.hpp"
#include "text/text.hpp"

namespace maru::storage_testing {

class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  virtual chat::Store& store() = 0;
  // Runs `query` in a snapshot of its own and returns when it has ended.
  virtual void read(const std::function<void(chat::Snapshot&)>& query) = 0;
  // Whether it finds commands by what they came to without a text of a client's id.
  virtual bool keeps_outcomes() { return false; }
};

using HarnessFactory = std::function<std::unique_ptr<StoreHarness>()>;

class StoreContract : public ::testing::TestWithParam<HarnessFactory> {
 protected:
  void SetUp() override {
    harness_ = GetParam()();
    ASSERT_TRUE(harness_);
  }
  chat::Store& store() { return harness_->store(); }

  chat::Appended append(std::vector<chat::Change> batch) { return store().append(batch); }
  void must(std::vector<chat::Change> batch) {
    ASSERT_EQ(append(std::move(batch)), chat::Appended::kCommitted);
  }
  // The value of a snapshot's call that must not fail.
  template <class Call>
  auto read(Call&& call) {
    std::optional<decltype(call(std::declval<chat::Snapshot&>()))> result;
    harness_->read([&](chat::Snapshot& snapshot) { result.emplace(call(snapshot)); });
    if (!result->has_value()) ADD_FAILURE() << result->error().detail;
    return std::move(**result);
  }
  void add_users(std::uint32_t count) {
    std::vector<chat::Change> batch;
    for (std::uint32_t i = 1; i <= count; ++i) {
      batch.emplace_back(make_user(i, "user" + std::to_string(i)));
    }
    must(std::move(batch));
  }

  std::unique_ptr<StoreHarness> harness_;
};

// ---- users and sessions
// ---------------------------------------------------------------------------

TEST_P(StoreContract, AnEmptyStoreHasNothing) {
  const UserId user = make_id<UserId>(1);
  const ChatId chat = make_id<ChatId>(1);
  EXPECT_EQ(append({}), chat::Appended::kCommitted);
  EXPECT_FALSE(*store().load_user(user));
  EXPECT_FALSE(*store().load_user_by_name("x"));
  EXPECT_FALSE(*store().load_chat(chat));
  EXPECT_FALSE(*store().load_personal_chat(user, user));
  EXPECT_TRUE(store().load_sessions(user)->empty());
  EXPECT_TRUE(store().load_idle_sessions({1}, 10)->empty());
  EXPECT_EQ(*store().load_chat_count_of(user, chat::Entry::kOwn), 0u);
  EXPECT_EQ(*store().load_sharing(user, std::vector{user}), std::vector<chat::Store::Sharing>(1));
  EXPECT_FALSE(*store().load_quota(user, chat::QuotaKind::kStrangersAdded));
  EXPECT_EQ(*store().load_by_client_msg_id(chat, user, "x"), nullptr);
  EXPECT_FALSE(*store().load_created_under_key(user, "k", {0}));
  EXPECT_EQ(store().load_last_number()->value, 0);
  harness_->read([&](chat::Snapshot& snapshot) {
    EXPECT_FALSE(*snapshot.find_session(make_token(1)));
    EXPECT_TRUE(snapshot.search_users("a", 50)->empty());
    EXPECT_FALSE(*snapshot.find_chat(chat));
    EXPECT_FALSE(*snapshot.find_chat_by_number({1}));
    EXPECT_FALSE(*snapshot.is_member(chat, user));
    EXPECT_EQ(snapshot.list_public_groups(1, 6)->total, 0u);
    EXPECT_TRUE(snapshot.list_public_groups(1, 6)->chats.empty());
    EXPECT_TRUE(snapshot.list_my_chats(user, "", 10)->chats.empty());
    EXPECT_EQ(snapshot.head(chat)->value, 0u);
    EXPECT_TRUE(snapshot.read_records(chat, chat::RecordRange::kNewest, {}, 10)->empty());
  });
}

TEST_P(StoreContract, AUserIsFoundByIdAndFoldedName) {
  must({make_user(7, "Kim 현")});
  const auto loaded = *store().load_user(make_id<UserId>(7));
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->name, "Kim 현");
  EXPECT_EQ(loaded->type, chat::AccountType::kAccount);
  EXPECT_EQ(loaded->password_hash, "$argon2id$7");
  EXPECT_EQ(loaded->created_at.ms, 1007);
  EXPECT_EQ(loaded->updated_at.ms, 2007);
  EXPECT_FALSE(loaded->last_seen_at);
  EXPECT_FALSE(loaded->deleted_at);
  EXPECT_TRUE(*store().load_user_by_name(text::fold_name("KIM 현")));
  EXPECT_FALSE(*store().load_user_by_name("kim"));
  EXPECT_EQ(read([](auto& s) { return s.find_user(make_id<UserId>(7)); })->name, "Kim 현");
  EXPECT_TRUE(read([](auto& s) { return s.find_user_by_name(text::fold_name("kim 현")); }));
}

TEST_P(StoreContract, CountersOfFailedLoginsAreKeptReplacedForgottenAndBounded) {
  const auto noted = [](std::uint8_t key, int failures, std::int64_t until) {
    return chat::LoginFailuresNoted{{chat::LoginKey{key}, failures, {until}}};
  };
  const auto keys = [&](std::size_t limit) {
    std::vector<int> found;
    for (const auto& counter : read([&](auto& s) { return s.load_login_failures(limit); })) {
      found.push_back(counter.key[0]);
    }
    return found;
  };
  EXPECT_TRUE(keys(10).empty());
  must({noted(1, 1, 1'000), noted(2, 5, 3'000), noted(3, 2, 2'000), noted(1, 2, 4'000)});
  EXPECT_EQ(keys(10), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(keys(2), (std::vector<int>{1, 2}));
  const auto first = read([](auto& s) { return s.load_login_failures(1); }).at(0);
  EXPECT_EQ(first.failures, 2);
  EXPECT_EQ(first.until.ms, 4'000);
  must({noted(1, 0, 0), noted(9, 0, 0)});
  EXPECT_EQ(keys(10), (std::vector<int>{2, 3}));
  must({noted(4, 1, 5'000), noted(5, 1, 500)});
  must({chat::LoginFailuresExpired{{2'000}, 10}});
  EXPECT_EQ(keys(10), (std::vector<int>{4, 2, 3}));
  must({chat::LoginFailuresExpired{{0}, 3}});
  EXPECT_EQ(keys(10), (std::vector<int>{4, 2, 3}));
  must({chat::LoginFailuresExpired{{0}, 1}});
  EXPECT_EQ(keys(10), (std::vector<int>{4}));
}

TEST_P(StoreContract, TwoLivingUsersNeverHaveOneName) {
  must({make_user(1, "Maria")});
  EXPECT_EQ(append({make_user(2, "MARIA")}), chat::Appended::kConflict);
  EXPECT_EQ(append({make_user(1, "other")}), chat::Appended::kConflict);
  EXPECT_FALSE(*store().load_user(make_id<UserId>(2)));
}

TEST_P(StoreContract, AnEndedUserLeavesATombstoneAndAFreeName) {
  must({make_user(1, "가나다"), make_session(1, 1)});
  must({chat::UserEnded{make_id<UserId>(1), "(deleted)", {9000}}});
  const auto ended = *store().load_user(make_id<UserId>(1));
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->name, "(deleted)");
  EXPECT_EQ(ended->password_hash, "");
  EXPECT_EQ(ended->deleted_at, WallTime{9000});
  EXPECT_FALSE(*store().load_user_by_name("가나다"));
  EXPECT_FALSE(read([](auto& s) { return s.find_session(make_token(1)); }));
  const auto search = [](chat::Snapshot& s) {
    return s.search_users(text::name_search_query("나"), 50);
  };
  EXPECT_TRUE(read(search).empty());
  must({make_user(2, "가나다")});
  EXPECT_EQ(read(search).size(), 1u);
  EXPECT_EQ(store().load_user_by_name("가나다")->value().id, make_id<UserId>(2));
  // The tombstone's own name is no name that can be taken or found.
  EXPECT_FALSE(*store().load_user_by_name("(deleted)"));
}

TEST_P(StoreContract, AnEndedUserIsEndingUntilThatIsFinished) {
  add_users(3);
  must({make_chat(1, {1, 2}), make_chat(2, {2, 1}, true)});
  const auto ending = [&](std::size_t limit) {
    return read([&](auto& s) { return s.list_ending(limit); });
  };
  EXPECT_TRUE(ending(10).empty());
  must({chat::UserEnded{make_id<UserId>(1), "(deleted)", {9000}},
        chat::UserEnded{make_id<UserId>(3), "(deleted)", {9000}}});
  EXPECT_EQ(ending(10).size(), 2u);
  EXPECT_EQ(ending(1).size(), 1u);
  for (const std::uint32_t chat : {1u, 2u}) {
    const auto state = *store().load_chat(make_id<ChatId>(chat));
    for (const chat::Member& member : state->members) {
      EXPECT_EQ(member.ended, member.user == make_id<UserId>(1));
    }
  }
  must({chat::EndingFinished{make_id<UserId>(1)}});
  EXPECT_EQ(ending(10), std::vector{make_id<UserId>(3)});
  EXPECT_TRUE((*store().load_user(make_id<UserId>(1)))->deleted_at);
  must({chat::EndingFinished{make_id<UserId>(3)}, chat::EndingFinished{make_id<UserId>(3)}});
  EXPECT_TRUE(ending(10).empty());
}

TEST_P(StoreContract, APasswordTurnsAGuestIntoAnAccount) {
  auto guest = make_user(1, "guest");
  guest.user.type = chat::AccountType::kGuest;
  guest.user.password_hash.clear();
  must({guest});
  must({chat::UserPasswordSet{make_id<UserId>(1), "hash", chat::AccountType::kAccount, {77}}});
  const auto loaded = *store().load_user(make_id<UserId>(1));
  EXPECT_EQ(loaded->type, chat::AccountType::kAccount);
  EXPECT_EQ(loaded->password_hash, "hash");
  EXPECT_EQ(loaded->updated_at.ms, 77);
}

TEST_P(StoreContract, SessionsAreFoundByTokenAndListed) {
  must({make_user(1, "a"), make_user(2, "b"), make_session(1, 1), make_session(2, 1),
        make_session(3, 2)});
  const auto found = read([](auto& s) { return s.find_session(make_token(2)); });
  ASSERT_TRUE(found);
  EXPECT_EQ(found->session.id, make_id<SessionId>(2));
  EXPECT_EQ(found->session.user_agent, "agent 2");
  EXPECT_EQ(found->user.name, "a");
  EXPECT_FALSE(read([](auto& s) { return s.find_session(make_token(9)); }));
  EXPECT_EQ(store().load_sessions(make_id<UserId>(1))->size(), 2u);
  EXPECT_EQ(read([](auto& s) { return s.list_sessions(make_id<UserId>(1)); }).size(), 2u);
  must({chat::SessionClosed{make_id<SessionId>(2)}, chat::SessionClosed{make_id<SessionId>(99)}});
  EXPECT_FALSE(read([](auto& s) { return s.find_session(make_token(2)); }));
  EXPECT_EQ(append({make_session(1, 2)}), chat::Appended::kConflict);
}

TEST_P(StoreContract, TouchesOnlyMoveForwardAndSkipUnknownIds) {
  must({make_user(1, "a"), make_session(1, 1, {5000}), make_session(2, 1, {6000})});
  EXPECT_TRUE(store().load_idle_sessions({5000}, 10)->empty());
  EXPECT_EQ(store().load_idle_sessions({5001}, 10)->size(), 1u);
  EXPECT_EQ(store().load_idle_sessions({9999}, 1)->size(), 1u);
  must({chat::SessionTouched{make_id<SessionId>(1), {7000}},
        chat::SessionTouched{make_id<SessionId>(2), {10}},
        chat::SessionTouched{make_id<SessionId>(3), {7000}},
        chat::UserSeen{make_id<UserId>(1), {800}}, chat::UserSeen{make_id<UserId>(1), {700}},
        chat::UserSeen{make_id<UserId>(5), {700}}});
  const auto idle = *store().load_idle_sessions({6500}, 10);
  ASSERT_EQ(idle.size(), 1u);
  EXPECT_EQ(idle.front().id, make_id<SessionId>(2));
  EXPECT_EQ(idle.front().user, make_id<UserId>(1));
  EXPECT_EQ(idle.front().last_used_at.ms, 6000);
  EXPECT_EQ(store().load_user(make_id<UserId>(1))->value().last_seen_at, WallTime{800});
}

TEST_P(StoreContract, BriefsKeepTheirOrderAndLeaveOutTheUnknown) {
  add_users(3);
  const std::vector<UserId> ids = {make_id<UserId>(3), make_id<UserId>(9), make_id<UserId>(1)};
  EXPECT_EQ(names(read([&](auto& s) { return s.find_users(ids); })),
            (std::vector<std::string>{"user3", "user1"}));
}

// ---- search
// ----------------------------------------------------------------------------------------

TEST_P(StoreContract, SearchFindsAnyPartOfAName) {
  must({make_user(1, "김현"), make_user(2, "이김"), make_user(3, "Anna Kim"),
        make_user(4, "kimberly")});
  const auto search = [&](const char* typed, std::size_t limit = 50) {
    auto found =
        names(read([&](auto& s) { return s.search_users(text::name_search_query(typed), limit); }));
    return found;
  };
  EXPECT_EQ(search("김"), (std::vector<std::string>{"김현", "이김"}));  // beginnings first
  EXPECT_EQ(search("현"), (std::vector<std::string>{"김현"}));
  EXPECT_EQ(search("ㄱㅎ"), (std::vector<std::string>{"김현"}));
  EXPECT_EQ(search("ㄱ"), (std::vector<std::string>{"이김", "김현"}));
  EXPECT_EQ(search("KIM"), (std::vector<std::string>{"kimberly", "Anna Kim"}));
  EXPECT_EQ(search("berl"), (std::vector<std::string>{"kimberly"}));
  EXPECT_EQ(search("n").size(), 1u);  // once, however often the name holds it
  EXPECT_EQ(search("KIM", 1), (std::vector<std::string>{"kimberly"}));
  EXPECT_TRUE(search("KIM", 0).empty());
  EXPECT_TRUE(search("").empty());
}

TEST_P(StoreContract, SearchTakesEveryCharacterLiterally) {
  must({make_user(1, "100%"), make_user(2, "a_b"), make_user(3, "o'neil"), make_user(4, "plain")});
  const auto count = [&](std::string query) {
    return read([&](auto& s) { return s.search_users(query, 50); }).size();
  };
  EXPECT_EQ(count("%"), 1u);
  EXPECT_EQ(count("_"), 1u);
  EXPECT_EQ(count("'"), 1u);
  for (const char* nothing :
       {"(", "*", ".*", "[a-z]", "\"", "\\", "' OR 1=1 --", "%%", "\xff", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(count(nothing), 0u) << nothing;
  }
  EXPECT_EQ(count(std::string("\0", 1)), 0u);
  EXPECT_EQ(count(std::string(100'000, 'x')), 0u);
}

// ---- chats
// ------------------------------------------------------------------------------------------

TEST_P(StoreContract, AChatIsLoadedAsItWasMade) {
  add_users(3);
  must({make_chat(5, {2, 1, 3})});
  const auto state = *store().load_chat(make_id<ChatId>(5));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->chat.number.value, 5);
  EXPECT_EQ(state->chat.name, "chat 5");
  EXPECT_FALSE(state->chat.is_personal);
  EXPECT_FALSE(state->chat.archived);
  EXPECT_EQ(state->chat.owner, make_id<UserId>(2));
  EXPECT_EQ(state->chat.created_at.ms, 10'005);
  EXPECT_EQ(state->head.value, 0u);
  ASSERT_EQ(state->members.size(), 3u);
  EXPECT_EQ(state->members[0].user, make_id<UserId>(2));
  EXPECT_EQ(state->members[0].user_name, "user2");
  EXPECT_EQ(state->members[0].role, chat::Role::kOwner);
  EXPECT_EQ(state->members[1].user, make_id<UserId>(1));
  EXPECT_EQ(state->members[2].user, make_id<UserId>(3));
  const auto document = read([](auto& s) { return s.find_chat_by_number({5}); });
  ASSERT_TRUE(document);
  EXPECT_EQ(document->owner_name, "user2");
  EXPECT_EQ(document->members.size(), 3u);
  EXPECT_EQ(store().load_last_number()->value, 5);
  EXPECT_TRUE(read([](auto& s) { return s.is_member(make_id<ChatId>(5), make_id<UserId>(3)); }));
  EXPECT_FALSE(read([](auto& s) { return s.is_member(make_id<ChatId>(5), make_id<UserId>(4)); }));
}

TEST_P(StoreContract, NumbersPairsAndIdsAreUnique) {
  add_users(3);
  must({make_chat(1, {1, 2}, true)});
  auto same_number = make_chat(2, {1});
  same_number.chat.number = {1};
  EXPECT_EQ(append({same_number}), chat::Appended::kConflict);
  EXPECT_EQ(append({make_chat(3, {2, 1}, true)}), chat::Appended::kConflict);
  EXPECT_EQ(append({make_chat(1, {3})}), chat::Appended::kConflict);
  EXPECT_FALSE(*store().load_chat(make_id<ChatId>(3)));
  EXPECT_EQ(store().load_last_number()->value, 1);
  EXPECT_EQ(*store().load_personal_chat(make_id<UserId>(2), make_id<UserId>(1)),
            make_id<ChatId>(1));
  EXPECT_EQ(*store().load_personal_chat(make_id<UserId>(1), make_id<UserId>(2)),
            make_id<ChatId>(1));
  EXPECT_FALSE(*store().load_personal_chat(make_id<UserId>(1), make_id<UserId>(3)));
  EXPECT_EQ(append({make_chat(3, {2, 3}, true), make_chat(4, {1, 2})}), chat::Appended::kCommitted);
}

TEST_P(StoreContract, MembersComeAndGoInOrder) {
  add_users(4);
  must({make_chat(1, {1})});
  must({make_system(1, 1, joined(3, 2), 0), make_system(1, 2, joined(2, 3), 0)});
  EXPECT_EQ(append({make_system(1, 3, joined(2, 4), 0)}), chat::Appended::kConflict);
  auto state = *store().load_chat(make_id<ChatId>(1));
  ASSERT_EQ(state->members.size(), 3u);
  EXPECT_EQ(state->members[1].user, make_id<UserId>(3));
  EXPECT_EQ(state->members[2].joined_at.value, 2u);
  // Who was not there leaves without a trace.
  must({make_system(1, 3, left(1, 2, 3, 3), 0), make_system(1, 4, left(4, 2, 3), 0)});
  state = *store().load_chat(make_id<ChatId>(1));
  ASSERT_EQ(state->members.size(), 2u);
  EXPECT_EQ(state->members[0].role, chat::Role::kOwner);
  EXPECT_EQ(state->chat.owner, make_id<UserId>(3));
  EXPECT_EQ(state->chat.updated_at.ms, 100'004);
  EXPECT_EQ(state->head.value, 4u);
}

TEST_P(StoreContract, ChatsOfAUser) {
  add_users(3);
  must({make_chat(3, {1, 2}), make_chat(1, {1, 2}, true), make_chat(2, {1, 3}, true),
        make_chat(4, {2})});
  EXPECT_EQ(*store().load_chat_count_of(make_id<UserId>(1), chat::Entry::kOwn), 3u);
  const UserId user = make_id<UserId>(1);
  const auto page = read([&](auto& s) { return s.list_personal_chats(user, 1, 1); });
  EXPECT_EQ(page.total, 2u);
  EXPECT_EQ(numbers(page.chats), (std::vector<std::int64_t>{2}));
  EXPECT_EQ(numbers(read([&](auto& s) { return s.list_personal_chats(user, 2, 1); }).chats),
            (std::vector<std::int64_t>{1}));
  EXPECT_TRUE(read([&](auto& s) { return s.list_personal_chats(user, 3, 1); }).chats.empty());
  EXPECT_EQ(numbers(read([&](auto& s) { return s.list_group_chats(user, 1'000); })),
            (std::vector<std::int64_t>{3}));
}

TEST_P(StoreContract, HowMembersCameIsKeptAndCounted) {
  add_users(3);
  chat::ChatInserted group = make_chat(1, {1, 2, 3});
  group.members[1].entry = chat::Entry::kPutIn;
  group.members[1].accepted = false;
  group.members[2].entry = chat::Entry::kPutIn;
  chat::ChatInserted pair = make_chat(2, {1, 2}, true);
  pair.members[1].entry = chat::Entry::kOpenedToMe;
  pair.members[1].accepted = false;
  must({group, pair, make_chat(3, {3})});
  const UserId one = make_id<UserId>(1);
  const UserId two = make_id<UserId>(2);
  const auto count = [&](UserId user, chat::Entry entry) {
    return *store().load_chat_count_of(user, entry);
  };
  EXPECT_EQ(count(one, chat::Entry::kOwn), 2u);
  EXPECT_EQ(count(two, chat::Entry::kOwn), 0u);
  EXPECT_EQ(count(two, chat::Entry::kPutIn), 1u);
  EXPECT_EQ(count(two, chat::Entry::kOpenedToMe), 1u);
  EXPECT_EQ((*store().load_chat(make_id<ChatId>(1)))->members[1].entry, chat::Entry::kPutIn);
  EXPECT_FALSE((*store().load_chat(make_id<ChatId>(1)))->members[1].accepted);

  using Sharing = chat::Store::Sharing;
  const std::vector others{two, make_id<UserId>(3), make_id<UserId>(9)};
  EXPECT_EQ(*store().load_sharing(one, others),
            (std::vector<Sharing>{{true, false}, {true, true}, {false, false}}));
  // The other way round: one has made the chats.
  EXPECT_EQ(*store().load_sharing(two, std::vector{one}), (std::vector<Sharing>{{true, true}}));
  must({make_text(1, 1, 2, 1), with_effect(make_text(2, 1, 2, 1))});
  EXPECT_FALSE((*store().load_chat(make_id<ChatId>(1)))->members[1].accepted);
  EXPECT_EQ(*store().load_sharing(one, std::vector{two}), (std::vector<Sharing>{{true, true}}));
  EXPECT_TRUE((*store().load_chat(make_id<ChatId>(2)))->members[1].accepted);
}

TEST_P(StoreContract, SharingIsFoundAmongManyChats) {
  add_users(3);
  std::vector<chat::Change> batch;
  for (std::uint32_t n = 1; n <= 50; ++n) {
    batch.emplace_back(
        make_chat(n, n == 40 ? std::vector<std::uint32_t>{1, 2} : std::vector<std::uint32_t>{1}));
  }
  must(std::move(batch));
  using Sharing = chat::Store::Sharing;
  EXPECT_EQ(*store().load_sharing(make_id<UserId>(1),
                                  std::vector{make_id<UserId>(2), make_id<UserId>(3)}),
            (std::vector<Sharing>{{true, true}, {false, false}}));
}

TEST_P(StoreContract, QuotasAreKeptUntilTheyExpire) {
  add_users(2);
  using chat::QuotaKind;
  const UserId one = make_id<UserId>(1);
  const UserId two = make_id<UserId>(2);
  must({chat::QuotaCounted{{one, QuotaKind::kStrangersAdded, {100}, 7}},
        chat::QuotaCounted{{two, QuotaKind::kAddedByStrangers, {200}, 1}}});
  must({chat::QuotaCounted{{one, QuotaKind::kStrangersAdded, {100}, 8}}});
  EXPECT_EQ((*store().load_quota(one, QuotaKind::kStrangersAdded))->count, 8u);
  EXPECT_EQ((*store().load_quota(one, QuotaKind::kStrangersAdded))->since.ms, 100);
  EXPECT_FALSE(*store().load_quota(one, QuotaKind::kAddedByStrangers));
  must({chat::QuotasExpired{{200}}});
  EXPECT_FALSE(*store().load_quota(one, QuotaKind::kStrangersAdded));
  EXPECT_FALSE(*store().load_quota(two, QuotaKind::kWrittenByStrangers));
  EXPECT_EQ((*store().load_quota(two, QuotaKind::kAddedByStrangers))->count, 1u);
}

TEST_P(StoreContract, MyChatsPageByIdWithoutGapsOrRepeats) {
  add_users(2);
  std::vector<chat::Change> batch;
  for (std::uint32_t i = 1; i <= 7; ++i) batch.emplace_back(make_chat(8 - i, {1, 2}));
  batch.emplace_back(make_chat(8, {2}));
  batch.emplace_back(make_text(3, 1, 1, 1));
  batch.emplace_back(make_text(3, 2, 2, 2));
  must(std::move(batch));
  const UserId user = make_id<UserId>(1);
  for (const std::size_t limit : {1u, 2u, 3u, 6u, 7u, 8u, 100u}) {
    std::vector<std::int64_t> seen;
    std::string cursor;
    for (int pages = 0; pages < 10; ++pages) {
      const auto page = read([&](auto& s) { return s.list_my_chats(user, cursor, limit); });
      EXPECT_LE(page.chats.size(), limit);
      for (const chat::MyChat& one : page.chats) {
        seen.push_back(one.document.chat.number.value);
        if (seen.back() == 3) {
          ASSERT_TRUE(one.last);
          EXPECT_EQ(one.last->sequence.value, 2u);
        } else {
          EXPECT_FALSE(one.last);
        }
      }
      if (!page.cursor) break;
      cursor = *page.cursor;
    }
    EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7})) << limit;
    const auto whole = read([&](auto& s) { return s.list_my_chats(user, "", limit); });
    const auto bare = read([&](auto& s) { return s.list_memberships(user, "", limit); });
    EXPECT_EQ(bare.cursor, whole.cursor);
    ASSERT_EQ(bare.chats.size(), whole.chats.size());
    for (std::size_t i = 0; i < bare.chats.size(); ++i) {
      EXPECT_EQ(bare.chats[i].chat, whole.chats[i].document.chat.id);
      EXPECT_EQ(bare.chats[i].role, chat::Role::kOwner);
    }
  }
  harness_->read([&](chat::Snapshot& snapshot) {
    for (const char* bad : {"x", "%", "' OR 1=1", "65a1b2c3d4e5f60718293a4"}) {
      EXPECT_FALSE(snapshot.list_my_chats(user, bad, 5)) << bad;
      EXPECT_FALSE(snapshot.list_memberships(user, bad, 5)) << bad;
    }
  });
}

TEST_P(StoreContract, PublicGroupsAreNewestFirstWithATotal) {
  add_users(2);
  std::vector<chat::Change> batch;
  for (std::uint32_t i = 1; i <= 10; ++i) batch.emplace_back(make_chat(i, {1}));
  batch.emplace_back(make_chat(11, {1, 2}, true));
  must(std::move(batch));
  chat::MemberLeft of_a_pair = left(1, 1);
  of_a_pair.archived = true;
  must({make_system(4, 1, left(1, 0, 0), 0), make_system(5, 1, left(1, 0, 0), 0),
        make_system(5, 2, joined(1, 1, 1, chat::Role::kOwner), 0),
        make_system(5, 3, joined(2, 2), 0), make_system(11, 1, of_a_pair, 0)});
  std::vector<std::int64_t> seen;
  for (std::size_t number = 1; number <= 4; ++number) {
    const auto page = read([&](auto& s) { return s.list_public_groups(number, 4); });
    EXPECT_EQ(page.total, 9u);
    for (const std::int64_t one : numbers(page.chats)) seen.push_back(one);
  }
  EXPECT_EQ(seen, (std::vector<std::int64_t>{10, 9, 8, 7, 6, 5, 3, 2, 1}));
  for (const std::size_t far : {std::size_t{5}, std::size_t{1} << 40, ~std::size_t{0}}) {
    EXPECT_TRUE(read([&](auto& s) { return s.list_public_groups(far, 4); }).chats.empty());
  }
}

TEST_P(StoreContract, SharingAChatIsMutual) {
  add_users(5);
  must({make_chat(1, {1, 2}), make_chat(2, {3, 1}, true), make_chat(3, {4, 5})});
  const std::vector<UserId> others = {make_id<UserId>(5), make_id<UserId>(3), make_id<UserId>(9),
                                      make_id<UserId>(2)};
  const auto sharing =
      read([&](auto& s) { return s.filter_sharing_chat(make_id<UserId>(1), others); });
  EXPECT_EQ(sharing, (std::vector<UserId>{make_id<UserId>(3), make_id<UserId>(2)}));
  EXPECT_TRUE(
      read([&](auto& s) { return s.filter_sharing_chat(make_id<UserId>(8), others); }).empty());
}

TEST_P(StoreContract, IdempotencyKeysHoldADay) {
  add_users(2);
  const UserId caller = make_id<UserId>(1);
  constexpr std::int64_t kDayMs = 86'400'000;
  auto first = make_chat(1, {1});
  first.idempotency_key = "key";
  first.idempotency_fingerprint = 0xfedcba9876543210u;
  must({first});
  const auto found = *store().load_created_under_key(caller, "key", {0});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->chat, make_id<ChatId>(1));
  EXPECT_EQ(found->fingerprint, 0xfedcba9876543210u);
  EXPECT_FALSE(*store().load_created_under_key(caller, "key", {10'002}));
  EXPECT_FALSE(*store().load_created_under_key(make_id<UserId>(2), "key", {0}));
  auto again = make_chat(2, {1});
  again.idempotency_key = "key";
  EXPECT_EQ(append({again}), chat::Appended::kConflict);
  again.chat.created_at.ms = 10'001 + kDayMs + 1;
  must({again});
  EXPECT_EQ(store().load_created_under_key(caller, "key", {0})->value().chat, make_id<ChatId>(2));
  must({chat::IdempotencyExpired{{again.chat.created_at.ms + 1}}});
  EXPECT_FALSE(*store().load_created_under_key(caller, "key", {0}));

  // A key may also mean a chat that was there.
  const chat::ChatKeyUsed used{caller, "key", make_id<ChatId>(1), 7, again.chat.created_at};
  must({used});
  EXPECT_EQ(store().load_created_under_key(caller, "key", {0})->value().chat, make_id<ChatId>(1));
  EXPECT_EQ(store().load_created_under_key(caller, "key", {0})->value().fingerprint, 7u);
  EXPECT_EQ(append({used}), chat::Appended::kConflict);
}

// ---- records
// ----------------------------------------------------------------------------------------

TEST_P(StoreContract, RecordsMoveTheChatAlong) {
  add_users(3);
  must({make_chat(1, {1, 2})});
  must({make_text(1, 1, 1, 1, "0190d5c0-0000-7000-8000-00000000000a"),
        make_system(1, 2, joined(3, 3), 1), make_text(1, 3, 2, 2, "plain-id")});
  const auto state = *store().load_chat(make_id<ChatId>(1));
  EXPECT_EQ(state->head.value, 3u);
  EXPECT_EQ(state->text_count, 2u);
  EXPECT_EQ(state->chat.updated_at.ms, 100'003);
  EXPECT_EQ(read([](auto& s) { return s.head(make_id<ChatId>(1)); }).value, 3u);
  const auto records = read([](auto& s) {
    return s.read_records(make_id<ChatId>(1), chat::RecordRange::kNewest, {}, 10);
  });
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0]->actor, make_id<UserId>(1));
  EXPECT_EQ(records[0]->actor_name, "user1");
  EXPECT_EQ(chat::content_of(*records[0]), "text 1");
  EXPECT_EQ(*chat::client_msg_id_of(*records[0]), "0190d5c0-0000-7000-8000-00000000000a");
  EXPECT_EQ(records[0]->chat_number.value, 1);
  EXPECT_EQ(records[0]->id, make_id<RecordId>(100'001));
  EXPECT_FALSE(records[0]->to);
  const auto* joining = std::get_if<chat::MemberJoined>(&records[1]->body);
  ASSERT_TRUE(joining);
  EXPECT_EQ(joining->subject, make_id<UserId>(3));
  EXPECT_EQ(joining->member_count, 3u);
  EXPECT_EQ(records[1]->actor, make_id<UserId>(3));
  EXPECT_EQ(records[1]->to_name, "user3");
  EXPECT_EQ(chat::content_of(*records[1]), "입장");
  EXPECT_FALSE(chat::client_msg_id_of(*records[1]));
  EXPECT_EQ(*chat::client_msg_id_of(*records[2]), "plain-id");
  EXPECT_EQ(records[2]->text_count, 2u);
}

// Another chat's records lie between, and a store may keep runs of records apart from the rest.
TEST_P(StoreContract, PagesOfALongLogAreWholeWhereverTheyBegin) {
  add_users(2);
  must({make_chat(1, {1}), make_chat(2, {2})});
  constexpr std::uint64_t kRecords = 131;
  std::uint64_t other = 0;
  for (std::uint64_t n = 1; n <= kRecords; ++n) {
    std::vector<chat::Change> batch{make_text(1, n, 1, n)};
    for (std::uint64_t i = 0; i < n % 3; ++i, ++other) {
      batch.emplace_back(make_text(2, other + 1, 2, other + 1));
    }
    must(std::move(batch));
    if (n % 16 != 0 && n != kRecords) continue;
    const auto page = [&](chat::RecordRange range, std::uint64_t anchor, std::size_t limit) {
      return sequences(read([&](auto& s) {
        return s.read_records(make_id<ChatId>(1), range, Sequence{anchor}, limit);
      }));
    };
    const auto expect = [&](const std::vector<std::uint64_t>& found, std::uint64_t first,
                            std::uint64_t last) {
      ASSERT_EQ(found.size(), last - first + 1) << n;
      for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], first + i) << n;
    };
    expect(page(chat::RecordRange::kNewest, 0, 1'000), 1, n);
    expect(page(chat::RecordRange::kNewest, 0, 10), n - 9, n);
    for (std::uint64_t anchor = 1; anchor < n; anchor += 7) {
      expect(page(chat::RecordRange::kAfter, anchor, 50), anchor + 1, std::min(anchor + 50, n));
      if (anchor > 1) {
        expect(page(chat::RecordRange::kBefore, anchor, 40), anchor > 40 ? anchor - 40 : 1,
               anchor - 1);
      }
    }
  }
}

TEST_P(StoreContract, ATextOfA1To1IsToTheOther) {
  add_users(2);
  must({make_chat(1, {2, 1}, true), make_text(1, 1, 1, 1), make_text(1, 2, 2, 2)});
  const auto records = read([](auto& s) {
    return s.read_records(make_id<ChatId>(1), chat::RecordRange::kAfter, {0}, 10);
  });
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0]->to, make_id<UserId>(2));
  EXPECT_EQ(records[0]->to_name, "user2");
  EXPECT_EQ(records[1]->to, make_id<UserId>(1));
}

bool same_body(const chat::Text& a, const chat::Text& b) {
  return a.content == b.content && a.client_msg_id == b.client_msg_id &&
         a.fingerprint == b.fingerprint;
}
bool same_system(const chat::SystemBody& a, const chat::SystemBody& b) {
  return a.subject == b.subject && a.owner == b.owner && a.archived == b.archived &&
         a.member_count == b.member_count;
}
bool same_body(const chat::MemberJoined& a, const chat::MemberJoined& b) {
  return same_system(a, b) && a.role == b.role;
}
bool same_body(const chat::MemberLeft& a, const chat::MemberLeft& b) {
  return same_system(a, b) && a.promoted == b.promoted;
}
bool same_body(const chat::RecordBody& a, const chat::RecordBody& b) {
  return std::visit(
      [&](const auto& one) {
        const auto* other = std::get_if<std::remove_cvref_t<decltype(one)>>(&b);
        return other && same_body(one, *other);
      },
      a);
}

bool same(const chat::Record& a, const chat::Record& b) {
  return a.id == b.id && a.chat == b.chat && a.chat_number == b.chat_number &&
         a.sequence == b.sequence && a.actor == b.actor && a.actor_name == b.actor_name &&
         a.target == b.target && a.to == b.to && a.to_name == b.to_name &&
         a.text_count == b.text_count && a.last_effect == b.last_effect &&
         a.created_at == b.created_at && same_body(a.body, b.body);
}

TEST_P(StoreContract, ARecordIsReadAsItWasWritten) {
  add_users(3);
  const std::vector<chat::Change> batch{make_chat(1, {1, 2}),
                                        with_effect(make_text(1, 1, 2, 1, "id")),
                                        make_system(1, 2, joined(3, 3, 1, chat::Role::kAdmin), 1),
                                        make_system(1, 3, left(1, 2, 3, 3), 1),
                                        make_text(1, 4, 2, 2, std::nullopt, 3),
                                        make_system(1, 5, left(2, 1, 3), 2),
                                        make_system(1, 6, left(3, 0, 0), 2)};
  must(batch);
  const auto records = read([&](auto& s) {
    return s.read_records(make_id<ChatId>(1), chat::RecordRange::kNewest, {}, 10);
  });
  ASSERT_EQ(records.size(), 6u);
  for (std::size_t i = 0; i < records.size(); ++i) {
    // Names are the store's to add.
    chat::Record read = *records[i];
    EXPECT_FALSE(read.actor_name.empty());
    read.actor_name.clear();
    read.to_name.clear();
    EXPECT_TRUE(same(read, *std::get<chat::RecordAppended>(batch[i + 1]).record)) << i;
  }
}

// A store keeps what a record says it supersedes, of whatever kind it is.
TEST_P(StoreContract, ATargetIsReadAsItWasWritten) {
  add_users(2);
  auto second = std::make_shared<chat::Record>(*make_text(1, 2, 1, 2).record);
  second->target = {1};
  must({make_chat(1, {2, 1}, true), make_text(1, 1, 1, 1), chat::RecordAppended{second},
        make_text(1, 3, 2, 3)});
  std::vector<std::uint64_t> targets;
  harness_->read([&](chat::Snapshot& snapshot) {
    EXPECT_TRUE(snapshot.visit_records(
        make_id<ChatId>(1), chat::RecordRange::kNewest, {}, 10,
        [&](const chat::Record& one) { targets.push_back(one.target.value); }));
  });
  EXPECT_EQ(targets, (std::vector<std::uint64_t>{0, 1, 0}));
}

// What one record had must not show in the next.
TEST_P(StoreContract, VisitedRecordsAreThoseThatArePaged) {
  add_users(3);
  must({make_chat(1, {1, 2}), make_chat(2, {1, 2}, true),
        make_text(1, 1, 1, 1, "0190d5c0-1234-7abc-8def-0123456789ab"), make_text(1, 2, 2, 2),
        make_system(1, 3, joined(3, 3), 2), make_text(1, 4, 1, 3, "short"),
        make_system(1, 5, left(3, 2), 3), make_text(1, 6, 1, 4), make_text(2, 1, 1, 1, "a"),
        make_text(2, 2, 2, 2)});
  for (const std::uint32_t chat : {1u, 2u}) {
    const auto records = read([&](auto& s) {
      return s.read_records(make_id<ChatId>(chat), chat::RecordRange::kNewest, {}, 10);
    });
    EXPECT_GE(records.size(), 2u);
    std::size_t at = 0;
    harness_->read([&](chat::Snapshot& snapshot) {
      EXPECT_TRUE(snapshot.visit_records(make_id<ChatId>(chat), chat::RecordRange::kNewest, {}, 10,
                                         [&](const chat::Record& record) {
                                           ASSERT_LT(at, records.size());
                                           EXPECT_TRUE(same(record, *records[at]));
                                           ++at;
                                         }));
      EXPECT_TRUE(snapshot.visit_records(make_id<ChatId>(9), chat::RecordRange::kNewest, {}, 10,
                                         [](const chat::Record&) { FAIL(); }));
    });
    EXPECT_EQ(at, records.size());
  }
}

TEST_P(StoreContract, AHeaderIsTheDocumentWithoutItsMembers) {
  add_users(2);
  must({make_chat(1, {1, 2}), make_chat(2, {1, 2}, true), make_text(1, 1, 1, 1)});
  harness_->read([&](chat::Snapshot& snapshot) {
    EXPECT_FALSE(*snapshot.find_chat_header(make_id<ChatId>(9)));
    for (const std::uint32_t number : {1u, 2u}) {
      const auto header = *snapshot.find_chat_header(make_id<ChatId>(number));
      const auto document = *snapshot.find_chat(make_id<ChatId>(number));
      ASSERT_TRUE(header && document);
      EXPECT_EQ(header->head, document->head);
      EXPECT_EQ(header->chat.id, document->chat.id);
      EXPECT_EQ(header->chat.is_personal, document->chat.is_personal);
      EXPECT_EQ(header->chat.number, document->chat.number);
      EXPECT_EQ(header->chat.updated_at, document->chat.updated_at);
    }
  });
}

TEST_P(StoreContract, AHeaderNamesTheRecordThatLastChangedTheDocument) {
  add_users(3);
  must({make_chat(1, {1, 2})});
  const auto last_effect = [&] {
    return read([](auto& s) { return s.find_chat_header(make_id<ChatId>(1)); })->last_effect.value;
  };
  EXPECT_EQ(last_effect(), 0u);
  must({make_text(1, 1, 1, 1)});
  EXPECT_EQ(last_effect(), 0u);
  must({make_system(1, 2, joined(3, 3), 1)});
  EXPECT_EQ(last_effect(), 2u);
  must({make_text(1, 3, 1, 2, std::nullopt, 2)});
  EXPECT_EQ(last_effect(), 2u);
}

// However many pages have named a user before, and whichever call asks.
TEST_P(StoreContract, APageNamesItsWritersAsTheyAreCalledNow) {
  add_users(3);
  must({make_chat(1, {1, 2, 3}), make_text(1, 1, 1, 1), make_text(1, 2, 2, 2)});
  must({make_system(1, 3, left(3, 2), 2)});
  const auto names = [&] {
    std::vector<std::string> found;
    harness_->read([&](chat::Snapshot& snapshot) {
      EXPECT_TRUE(snapshot.visit_records(
          make_id<ChatId>(1), chat::RecordRange::kNewest, {}, 10, [&](const chat::Record& record) {
            found.push_back(chat::text_of(record) ? record.actor_name : record.to_name);
          }));
    });
    return found;
  };
  // So often that every reader has.
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(names(), (std::vector<std::string>{"user1", "user2", "user3"}));
  }
  must({chat::UserEnded{make_id<UserId>(2), "gone", {9'000}}});
  EXPECT_EQ(names(), (std::vector<std::string>{"user1", "gone", "user3"}));
  must({chat::UserEnded{make_id<UserId>(3), "gone", {9'001}}});
  EXPECT_EQ(names(), (std::vector<std::string>{"user1", "gone", "gone"}));
  must({make_text(1, 4, 1, 3)});
  EXPECT_EQ(names(), (std::vector<std::string>{"user1", "gone", "gone", "user1"}));
}

TEST_P(StoreContract, PagesAreAscendingAroundTheirAnchor) {
  add_users(1);
  std::vector<chat::Change> batch;
  batch.emplace_back(make_chat(1, {1}));
  batch.emplace_back(make_chat(2, {1}));
  for (std::uint64_t i = 1; i <= 10; ++i) {
    batch.emplace_back(make_text(1, i, 1, i));
    batch.emplace_back(make_text(2, i, 1, i));
  }
  must(std::move(batch));
  using Range = chat::RecordRange;
  using Numbers = std::vector<std::uint64_t>;
  const auto page = [&](Range range, std::uint64_t anchor, std::size_t limit) {
    const auto records =
        read([&](auto& s) { return s.read_records(make_id<ChatId>(1), range, {anchor}, limit); });
    Numbers visited;
    harness_->read([&](chat::Snapshot& snapshot) {
      EXPECT_TRUE(snapshot.visit_records(
          make_id<ChatId>(1), range, {anchor}, limit,
          [&](const chat::Record& record) { visited.push_back(record.sequence.value); }));
    });
    EXPECT_EQ(visited, sequences(records)) << anchor << " " << limit;
    return sequences(records);
  };
  EXPECT_EQ(page(Range::kNewest, 0, 3), (Numbers{8, 9, 10}));
  EXPECT_EQ(page(Range::kBefore, 4, 2), (Numbers{2, 3}));
  EXPECT_EQ(page(Range::kBefore, 1, 2), (Numbers{}));
  EXPECT_EQ(page(Range::kBefore, 0, 2), (Numbers{}));
  EXPECT_EQ(page(Range::kAfter, 8, 5), (Numbers{9, 10}));
  EXPECT_EQ(page(Range::kAfter, 10, 5), (Numbers{}));
  EXPECT_EQ(page(Range::kAfter, ~std::uint64_t{0}, 5), (Numbers{}));
  EXPECT_EQ(page(Range::kBefore, ~std::uint64_t{0}, 2), (Numbers{9, 10}));
  EXPECT_EQ(page(Range::kAround, 5, 4), (Numbers{3, 4, 5, 6}));
  EXPECT_EQ(page(Range::kAround, 1, 4), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(page(Range::kAround, 10, 4), (Numbers{7, 8, 9, 10}));
  EXPECT_EQ(page(Range::kAround, 5, 1), (Numbers{5}));
  EXPECT_EQ(page(Range::kAround, 5, 100).size(), 10u);
  EXPECT_EQ(page(Range::kNewest, 0, 0), (Numbers{}));
  EXPECT_EQ(page(Range::kNewest, 0, 1000).size(), 10u);
}

TEST_P(StoreContract, AClientMessageIdIsUniquePerChatAndSender) {
  add_users(2);
  must({make_chat(1, {1, 2}), make_chat(2, {1, 2})});
  const std::vector<std::string> ids = {"a",
                                        std::string(64, 'z'),
                                        "A",
                                        "_-9",
                                        "0190d5c0-1234-7abc-8def-0123456789ab",
                                        "0190D5C0-1234-7ABC-8DEF-0123456789AB"};
  std::uint64_t sequence = 0;
  for (const std::string& id : ids) {
    ++sequence;
    must({make_text(1, sequence, 1, sequence, id), make_text(2, sequence, 1, sequence, id)});
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto found =
        *store().load_by_client_msg_id(make_id<ChatId>(1), make_id<UserId>(1), ids[i]);
    ASSERT_TRUE(found) << ids[i];
    EXPECT_EQ(found->sequence.value, i + 1);
    EXPECT_EQ(*chat::client_msg_id_of(*found), ids[i]);
    EXPECT_EQ(append({make_text(1, sequence + 1, 1, sequence + 1, ids[i])}),
              chat::Appended::kConflict);
    EXPECT_EQ(*store().load_by_client_msg_id(make_id<ChatId>(1), make_id<UserId>(2), ids[i]),
              nullptr);
  }
  must({make_text(1, sequence + 1, 2, sequence + 1, "a")});
  EXPECT_EQ(*store().load_by_client_msg_id(make_id<ChatId>(1), make_id<UserId>(1), "b"), nullptr);
}

TEST_P(StoreContract, WhatACommandCameToIsFoundByItsId) {
  add_users(2);
  const ChatId chat = make_id<ChatId>(1);
  const UserId one = make_id<UserId>(1);
  const UserId two = make_id<UserId>(2);
  must(
      {make_chat(1, {1}), make_text(1, 1, 1, 1, "mine"),
       chat::RecordAppended{make_system(1, 2, joined(2, 2), 1).record, make_id<chat::CommandId>(7)},
       chat::OutcomeNoted{chat, two, "~refused", {2}, ErrorCode::kChatArchived}});
  // Nothing but notes: there may be nothing to write, and that is no conflict.
  must({chat::OutcomeNoted{chat, two, "~nothing", {2}, std::nullopt}});
  const std::vector<chat::CommandKey> keys{{chat, two, "mine"},
                                           {chat, one, "mine"},
                                           {chat, two, chat::name_of(make_id<chat::CommandId>(7))},
                                           {chat, two, "~refused"},
                                           {chat, two, "~nothing"},
                                           {make_id<ChatId>(9), one, "mine"}};
  const auto found = store().find_outcomes(keys);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), keys.size());
  EXPECT_FALSE((*found)[0]) << "another's";
  ASSERT_TRUE((*found)[1]);
  EXPECT_EQ((*found)[1]->record->sequence.value, 1u);
  EXPECT_FALSE((*found)[5]);
  EXPECT_TRUE(store().find_outcomes({})->empty());
  if (!harness_->keeps_outcomes()) return;
  ASSERT_TRUE((*found)[2] && (*found)[3] && (*found)[4]);
  EXPECT_EQ((*found)[2]->record->sequence.value, 2u);
  EXPECT_EQ((*found)[3]->refused, ErrorCode::kChatArchived);
  EXPECT_EQ((*found)[4]->refused, std::nullopt);
}

TEST_P(StoreContract, AFailedBatchWritesNothing) {
  add_users(2);
  must({make_chat(1, {1, 2}), make_text(1, 1, 1, 1, "one")});
  EXPECT_EQ(append({make_user(3, "new"), make_chat(2, {3}), make_text(2, 1, 3, 1),
                    make_text(1, 2, 1, 2), make_text(1, 3, 1, 3, "one")}),
            chat::Appended::kConflict);
  EXPECT_FALSE(*store().load_user(make_id<UserId>(3)));
  EXPECT_FALSE(*store().load_chat(make_id<ChatId>(2)));
  EXPECT_EQ(store().load_chat(make_id<ChatId>(1))->value().head.value, 1u);
  EXPECT_EQ(store().load_last_number()->value, 1);
  // What was learned in the failed batch is forgotten: the same ids are inserted anew.
  must({make_user(4, "other"), make_user(3, "new"), make_chat(3, {4}), make_chat(2, {3})});
  must({make_text(2, 1, 3, 1), make_text(1, 2, 1, 2)});
  const auto records = read([](auto& s) {
    return s.read_records(make_id<ChatId>(2), chat::RecordRange::kNewest, {}, 10);
  });
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0]->actor_name, "new");
}

TEST_P(StoreContract, ASequenceIsNeverGivenTwiceNorLeftOut) {
  add_users(1);
  must({make_chat(1, {1}), make_text(1, 1, 1, 1)});
  EXPECT_EQ(append({make_text(1, 1, 1, 1)}), chat::Appended::kConflict);
  EXPECT_EQ(append({make_text(1, 3, 1, 2)}), chat::Appended::kConflict);
  EXPECT_EQ(append({make_text(1, 2, 1, 2), make_text(1, 4, 1, 3)}), chat::Appended::kConflict);
  EXPECT_EQ(store().load_chat(make_id<ChatId>(1))->value().head.value, 1u);
  must({make_text(1, 2, 1, 2)});
}

TEST_P(StoreContract, AChangeOfSomethingUnknownIsABugAndWritesNothing) {
  add_users(1);
  EXPECT_EQ(append({make_user(2, "two"), make_text(9, 1, 1, 1)}), chat::Appended::kConflict);
  EXPECT_EQ(append({make_user(2, "two"), make_session(1, 9)}), chat::Appended::kConflict);
  EXPECT_EQ(append({make_user(2, "two"), make_chat(1, {9})}), chat::Appended::kConflict);
  EXPECT_FALSE(*store().load_user(make_id<UserId>(2)));
}

TEST_P(StoreContract, ASnapshotDoesNotMove) {
  add_users(1);
  must({make_chat(1, {1}), make_text(1, 1, 1, 1)});
  harness_->read([&](chat::Snapshot& snapshot) {
    EXPECT_EQ(snapshot.head(make_id<ChatId>(1))->value, 1u);
    must({make_text(1, 2, 1, 2), make_user(2, "late")});
    EXPECT_EQ(snapshot.head(make_id<ChatId>(1))->value, 1u);
    EXPECT_EQ(snapshot.read_records(make_id<ChatId>(1), chat::RecordRange::kNewest, {}, 9)->size(),
              1u);
    EXPECT_FALSE(*snapshot.find_user(make_id<UserId>(2)));
  });
  EXPECT_EQ(read([](auto& s) { return s.head(make_id<ChatId>(1)); }).value, 2u);
}

}  // namespace maru::storage_testing
