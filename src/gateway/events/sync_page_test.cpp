// Sync pages against a small snapshot in memory: bounds of events, bytes and distance.
#include "gateway/events/sync_page.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/limits.hpp"
#include "gateway/events/testing/sio_client.hpp"

namespace maru::gateway {
namespace {

using testing::values_of;

constexpr SyncLimits kLimits{.events_per_chat = 100, .behind_max = 1000, .bytes = 256 * 1024};

ChatId chat(std::uint8_t n) {
  return ChatId({2, 0, 0, 0, n});
}
const UserId kMe({1, 0, 0, 0, 1});

class MemorySnapshot final : public chat::Snapshot {
 public:
  void fill(ChatId id, std::uint64_t records, std::size_t content_bytes = 5) {
    auto& log = logs_[id];
    while (log.size() < records) {
      auto record = std::make_shared<chat::Record>();
      record->chat = id;
      record->sequence = {log.size() + 1};
      record->actor = kMe;
      record->body = chat::Text{std::string(content_bytes, 'x'), {}};
      log.push_back(std::move(record));
    }
    members_.insert(id);
  }
  void leave(ChatId id) { members_.erase(id); }

  Result<bool> is_member(ChatId id, UserId user) override {
    return user == kMe && members_.contains(id);
  }
  Result<Sequence> head(ChatId id) override { return Sequence{logs_[id].size()}; }
  Result<std::vector<chat::RecordPtr>> read_records(ChatId id, chat::RecordRange range,
                                                    Sequence anchor, std::size_t limit) override {
    const auto& log = logs_[id];
    const std::size_t first = range == chat::RecordRange::kNewest
                                  ? log.size() - std::min(limit, log.size())
                                  : anchor.value;
    std::vector<chat::RecordPtr> records;
    for (std::size_t i = first; i < log.size() && records.size() < limit; ++i) {
      records.push_back(log[i]);
    }
    return records;
  }

  Result<std::optional<chat::SessionUser>> find_session(const TokenHash&) override {
    return none();
  }
  Result<std::vector<chat::LoginSession>> list_sessions(UserId) override { return none(); }
  Result<std::optional<chat::User>> find_user(UserId) override { return none(); }
  Result<std::optional<chat::User>> find_user_by_name(std::string_view) override { return none(); }
  Result<std::vector<chat::UserBrief>> find_users(std::span<const UserId>) override {
    return none();
  }
  Result<std::vector<chat::UserBrief>> search_users(std::string_view, std::size_t) override {
    return none();
  }
  Result<std::vector<UserId>> list_ending(std::size_t) override { return {}; }
  Result<std::vector<chat::LoginFailures>> load_login_failures(std::size_t) override { return {}; }
  Result<std::optional<chat::ChatDocument>> find_chat(ChatId id) override {
    chat::ChatDocument document;
    document.chat.id = id;
    document.head = Sequence{logs_[id].size()};
    return document;
  }
  Result<std::optional<chat::ChatHeader>> find_chat_header(ChatId) override { return none(); }
  Result<std::optional<chat::ChatDocument>> find_chat_by_number(ChatNumber) override {
    return none();
  }
  Result<std::vector<UserId>> filter_sharing_chat(UserId, std::span<const UserId>) override {
    return none();
  }
  Result<chat::ChatPage> list_public_groups(std::size_t, std::size_t) override { return none(); }
  Result<chat::ChatPage> list_personal_chats(UserId, std::size_t, std::size_t) override {
    return none();
  }
  Result<std::vector<chat::ChatDocument>> list_group_chats(UserId, std::size_t) override {
    return none();
  }
  Result<chat::MyChatPage> list_my_chats(UserId, std::string_view, std::size_t) override {
    return none();
  }
  Result<chat::MembershipPage> list_memberships(UserId, std::string_view, std::size_t) override {
    return none();
  }

 private:
  static std::unexpected<Error> none() { return fail(ErrorCode::kInternal); }
  std::map<ChatId, std::vector<chat::RecordPtr>> logs_;
  std::set<ChatId> members_;
};

SyncPlan plan_of(std::initializer_list<std::pair<ChatId, std::optional<std::uint64_t>>> chats) {
  SyncPlan plan{.user = kMe};
  for (const auto& [id, known] : chats) {
    SyncPlan::Chat one{.id = id};
    if (known) one.known = Sequence{*known};
    plan.chats.push_back(std::move(one));
  }
  return plan;
}

std::vector<std::uint64_t> sequences(const SyncEntry& entry) {
  std::vector<std::uint64_t> numbers;
  for (const std::string& text : values_of(entry.events, "sequence")) {
    numbers.push_back(std::stoull(text));
  }
  return numbers;
}

// `events` cover from < n ≤ to, densely.
void expect_dense(const SyncEntry& entry) {
  const auto numbers = sequences(entry);
  ASSERT_EQ(numbers.size(), entry.to.value - entry.from.value);
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], entry.from.value + 1 + i);
}

TEST(SyncPage, SaysNothingIsMissingAtTheHead) {
  MemorySnapshot snapshot;
  snapshot.fill(chat(1), 7);
  const auto page = read_sync_page(snapshot, plan_of({{chat(1), 7}}), kLimits);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 1u);
  EXPECT_TRUE(page->entries[0].events.empty());
  EXPECT_EQ(page->entries[0].to.value, 7u);
  EXPECT_FALSE(page->entries[0].more || page->entries[0].reset);
}

TEST(SyncPage, BoundsEventsPerChat) {
  for (const std::uint64_t behind : {1u, 99u, 100u, 101u, 250u, 1000u}) {
    MemorySnapshot snapshot;
    snapshot.fill(chat(1), 2000);
    const auto page = read_sync_page(snapshot, plan_of({{chat(1), 2000 - behind}}), kLimits);
    ASSERT_TRUE(page);
    const SyncEntry& entry = page->entries.at(0);
    EXPECT_EQ(entry.from.value, 2000 - behind);
    EXPECT_EQ(sequences(entry).size(), std::min<std::uint64_t>(behind, 100)) << behind;
    EXPECT_EQ(entry.more, behind > 100) << behind;
    EXPECT_FALSE(entry.reset);
    expect_dense(entry);
  }
}

TEST(SyncPage, TooFarBehindOrAheadOrAnotherEpochResetsToTheNewestPage) {
  MemorySnapshot snapshot;
  snapshot.fill(chat(1), 2000);
  for (const std::uint64_t known : {0u, 999u, 2001u}) {
    const auto page = read_sync_page(snapshot, plan_of({{chat(1), known}}), kLimits);
    ASSERT_TRUE(page);
    const SyncEntry& entry = page->entries.at(0);
    EXPECT_TRUE(entry.reset) << known;
    EXPECT_FALSE(entry.more);
    EXPECT_EQ(entry.from.value, 1900u);
    EXPECT_EQ(entry.to.value, 2000u);
    expect_dense(entry);
  }
  SyncPlan plan = plan_of({{chat(1), 2000}});
  plan.reset = true;
  EXPECT_TRUE(read_sync_page(snapshot, plan, kLimits)->entries.at(0).reset);
}

TEST(SyncPage, AnUnknownChatIsAddedWithItsNewestPage) {
  MemorySnapshot snapshot;
  snapshot.fill(chat(1), 100);
  snapshot.fill(chat(2), 101);
  snapshot.fill(chat(3), 0);
  const auto page =
      read_sync_page(snapshot, plan_of({{chat(1), {}}, {chat(2), {}}, {chat(3), {}}}), kLimits);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 3u);
  EXPECT_FALSE(page->entries[0].reset);
  EXPECT_EQ(page->entries[0].from.value, 0u);
  EXPECT_TRUE(page->entries[1].reset);
  EXPECT_EQ(page->entries[1].from.value, 1u);
  EXPECT_EQ(page->entries[2].to.value, 0u);
  for (const SyncEntry& entry : page->entries) {
    EXPECT_FALSE(entry.added.empty());
    EXPECT_FALSE(entry.more);
    expect_dense(entry);
  }
}

TEST(SyncPage, StopsWhenItsBytesAreUsedUpAndGoesOnFromThere) {
  MemorySnapshot snapshot;
  SyncPlan plan = plan_of({});
  for (std::uint8_t n = 1; n <= 20; ++n) {
    snapshot.fill(chat(n), 60, 800);
    plan.chats.push_back({.id = chat(n), .known = Sequence{0}});
  }
  std::map<ChatId, std::uint64_t> last;
  int calls = 0;
  while (!plan.chats.empty()) {
    ASSERT_LT(++calls, 50);
    const auto page = read_sync_page(snapshot, plan, kLimits);
    ASSERT_TRUE(page);
    ASSERT_GT(page->handled, 0u);
    std::size_t bytes = 0;
    std::vector<SyncPlan::Chat> rest;
    for (const SyncEntry& entry : page->entries) {
      bytes += entry.events.size();
      EXPECT_EQ(entry.from.value, last[entry.chat]);
      expect_dense(entry);
      last[entry.chat] = entry.to.value;
      if (entry.more) rest.push_back({.id = entry.chat, .known = entry.to});
    }
    EXPECT_LE(bytes, kLimits.bytes);
    const std::string answer = write_sync_answer(*page, "e", false, std::nullopt);
    EXPECT_LE(answer.size(), kLimits.bytes + 4096);
    plan.chats.erase(plan.chats.begin(),
                     plan.chats.begin() + static_cast<std::ptrdiff_t>(page->handled));
    plan.chats.insert(plan.chats.begin(), rest.begin(), rest.end());
  }
  EXPECT_EQ(last.size(), 20u);
  for (const auto& [id, sequence] : last) EXPECT_EQ(sequence, 60u);
  EXPECT_GT(calls, 1);
}

TEST(SyncPage, TheWholeAnswerKeepsToItsBytes) {
  MemorySnapshot snapshot;
  SyncPlan plan = plan_of({});
  for (std::uint8_t n = 1; n <= 200; ++n) {
    snapshot.fill(chat(n), 100, 700);
    plan.chats.push_back({.id = chat(n), .known = Sequence{0}});
    if (n % 3 == 0) snapshot.leave(chat(n));
  }
  for (std::uint16_t n = 0; n < 1000; ++n) {
    plan.left.push_back(
        ChatId({3, 0, 0, static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n & 255U)}));
  }
  const auto page = read_sync_page(snapshot, plan, kLimits);
  ASSERT_TRUE(page);
  EXPECT_GE(page->removed.size(), 1000u);
  const SyncCursor next{std::string(64, 'c'), chat(9)};
  const std::string answer = write_sync_answer(*page, std::string(64, 'e'), false, next);
  EXPECT_LE(answer.size(), kLimits.bytes);
  EXPECT_GT(answer.size(), kLimits.bytes * 9 / 10);
}

TEST(SyncPage, AlwaysAnswersOneEventHoweverFewTheBytes) {
  MemorySnapshot snapshot;
  snapshot.fill(chat(1), 3, 900);
  const SyncLimits tiny{.events_per_chat = 100, .behind_max = 1000, .bytes = 1};
  const auto page = read_sync_page(snapshot, plan_of({{chat(1), 0}, {chat(2), 0}}), tiny);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->handled, 1u);
  EXPECT_EQ(page->entries.at(0).to.value, 1u);
  EXPECT_TRUE(page->entries[0].more);
}

TEST(SyncPage, ChatsThatWereLeftAreRemoved) {
  MemorySnapshot snapshot;
  snapshot.fill(chat(1), 3);
  snapshot.fill(chat(2), 3);
  snapshot.fill(chat(3), 3);
  snapshot.leave(chat(1));
  SyncPlan plan = plan_of({{chat(1), 3}, {chat(2), 3}});
  plan.left = {chat(3), chat(9)};  // 3 was joined again since the listing
  const auto page = read_sync_page(snapshot, plan, kLimits);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->removed, (std::vector<ChatId>{chat(1), chat(9)}));
  EXPECT_EQ(page->entries.size(), 1u);
  EXPECT_EQ(page->handled, 2u);
}

TEST(SyncCursorText, ComesBackAsItWent) {
  const SyncCursor cursor{"store:cursor.1", chat(5)};
  const auto decoded = decode_sync_cursor(encode_sync_cursor(cursor));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->listing, cursor.listing);
  EXPECT_EQ(decoded->after, cursor.after);
  EXPECT_TRUE(decode_sync_cursor("")->after.is_zero());
  for (const char* text : {"x", "65a1b2c3d4e5f60718293a4b", "65a1b2c3d4e5f60718293a4b:x", "."}) {
    EXPECT_FALSE(decode_sync_cursor(text)) << text;
  }
}

}  // namespace
}  // namespace maru::gateway
