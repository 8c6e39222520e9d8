// Whatever was asked, and in whatever batches: what the tables say of a chat is what its creation
// and its records come to, and so is what the working state decided on. And whatever encoding of a
// chat its header takes for the present one, is the present one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "base/log.hpp"
#include "chat/fold.hpp"
#include "chat/group_commit.hpp"
#include "chat/testing/core_harness.hpp"
#include "chat/testing/quiet_bus.hpp"
#include "chat/testing/seeded_ids.hpp"
#include "storage/sqlite/check.hpp"
#include "storage/sqlite/snapshot.hpp"
#include "storage/sqlite/sqlite_store.hpp"
#include "storage/sqlite/testing/temporary_directory.hpp"
#include "wire/documents.hpp"
#include "wire/encoded_chat.hpp"

namespace maru::sqlite {
namespace {

using namespace chat;  // NOLINT: the test is about its commands

bool same(const Member& a, const Member& b) {
  return a.user == b.user && a.role == b.role && a.joined_at == b.joined_at && a.entry == b.entry &&
         a.accepted == b.accepted;
}

class RandomChats {
 public:
  explicit RandomChats(std::uint64_t seed) : random_(seed), ids_(seed) {
    options_.data_dir = directory_.path() / "data";
    store_ = std::move(SqliteStore::open(options_).value());
    CacheLimits limits;
    if (pick(2) == 0) limits.chat_weight_max = 12;  // a chat is loaded for nearly every command
    commit_.emplace(*store_, bus_, clock_, ids_, counters_, limits, Quotas{.enabled = false});
    for (int i = 0; i < 6; ++i) run({guest()});
  }

  void play() {
    for (int i = 0; i < 60; ++i) {
      std::vector<CommandBody> batch;
      for (std::size_t n = pick(8) + 1; n > 0; --n) batch.push_back(next());
      run(std::move(batch));
      clock_.advance_ms(static_cast<std::int64_t>(pick(50)));
      compare();
    }
  }

  [[nodiscard]] std::size_t chats() const { return creations_.size(); }
  [[nodiscard]] std::size_t encodings_reused() const { return encodings_reused_; }
  CheckReport check() {
    commit_.reset();
    store_.reset();
    return check_data_directory(options_.data_dir);
  }

 private:
  std::size_t pick(std::size_t count) { return random_() % count; }
  UserId user() { return users_[pick(users_.size())].user; }
  ChatId chat() { return chat_ids_[pick(chat_ids_.size())]; }

  CommandBody guest() {
    const std::string name = "guest" + std::to_string(pick(40));
    return OpenGuest{name, name, GuestRule::kSameNameSameUser, chat::testing::new_session()};
  }

  CommandBody next() {
    const std::size_t dice = pick(100);
    if (dice < 8 || chat_ids_.empty()) {
      CreateChat create{user(), "chat", pick(4) == 0, {}, std::nullopt};
      for (std::size_t n = create.is_personal ? 1 : pick(5); n > 0; --n) {
        create.users.push_back(user());
      }
      return create;
    }
    if (dice < 15) return guest();
    if (dice < 35) return JoinChat{chat(), user()};
    if (dice < 55) return LeaveChat{chat(), user()};
    if (dice < 60) {
      const LoginSession session = users_[pick(users_.size())];
      return RevokeSession{session.user, session.id, false};
    }
    SendMessage message{chat(), user(), "text" + std::to_string(pick(3)), std::nullopt};
    if (pick(2) == 0) message.client_msg_id = "id" + std::to_string(pick(30));
    return message;
  }

  void run(std::vector<CommandBody> bodies) {
    std::vector<Command> commands;
    for (CommandBody& body : bodies) {
      commands.push_back({std::move(body), [this](const Reply& reply) { hear(reply); }});
      give_ids(commands.back(), ids_);
    }
    commit_->run(commands);
  }

  void hear(const Reply& reply) {
    if (!reply) return;
    if (const auto* in = std::get_if<LoggedIn>(&*reply)) users_.push_back(in->session);
    const auto* created = std::get_if<ChatCreated>(&*reply);
    if (!created || created->existed) return;
    const ChatDocument& document = created->document;
    creations_.emplace(document.chat.id, ChatState{document.chat, document.members});
    chat_ids_.push_back(document.chat.id);
  }

  void compare() {
    SqliteSnapshot snapshot(options_);
    for (const auto& [id, creation] : creations_) {
      ChatState folded = creation;
      snapshot.begin();
      const auto records = *snapshot.read_records(id, RecordRange::kAfter, {}, 4'000);
      snapshot.end();
      for (const RecordPtr& record : records) fold(folded, *record);
      const ChatState stored = **store_->load_chat(id);
      store_->after_release();
      ASSERT_EQ(stored.head, folded.head);
      ASSERT_EQ(stored.text_count, folded.text_count);
      ASSERT_EQ(stored.last_effect, folded.last_effect);
      ASSERT_EQ(stored.chat.owner, folded.chat.owner);
      ASSERT_EQ(stored.chat.archived, folded.chat.archived);
      ASSERT_EQ(stored.chat.updated_at, folded.chat.updated_at);
      ASSERT_EQ(stored.members.size(), folded.members.size());
      for (std::size_t i = 0; i < stored.members.size(); ++i) {
        ASSERT_TRUE(same(stored.members[i], folded.members[i])) << i;
      }
      compare_encoding(id, snapshot);
    }
  }

  // What a joinRoom does with what it finds encoded.
  void compare_encoding(ChatId id, SqliteSnapshot& snapshot) {
    snapshot.begin();
    const ChatHeader header = **snapshot.find_chat_header(id);
    const ChatDocument document = **snapshot.find_chat(id);
    snapshot.end();
    wire::EncodedChatPtr kept = encoded_.find(id);
    if (!kept || !kept->is_of(header)) {
      kept = std::make_shared<const wire::EncodedChat>(document, header.last_effect);
      encoded_.keep(kept);
    } else {
      ++encodings_reused_;
    }
    std::string told;
    json::Writer telling(told);
    kept->write(telling, header.chat.updated_at);
    std::string read;
    json::Writer reading(read);
    wire::write_chat(reading, document, wire::OwnerForm::kId);
    ASSERT_EQ(told, read);
  }

  std::mt19937_64 random_;
  testing::TemporaryDirectory directory_{testing::TemporaryDirectory::Place::kMemory};
  StoreOptions options_;
  std::unique_ptr<SqliteStore> store_;
  chat::testing::QuietBus bus_;
  ManualClock clock_;
  chat::testing::SeededIds ids_;
  LaneCounters counters_;
  std::optional<GroupCommit> commit_;
  std::vector<LoginSession> users_;
  std::vector<ChatId> chat_ids_;
  std::map<ChatId, ChatState> creations_;
  wire::EncodedChats encoded_;
  std::size_t encodings_reused_ = 0;
};

TEST(FoldProperty, TheStoreSaysWhatCreationAndRecordsComeTo) {
  log::configure(log::Format::kText, log::Level::kWarn);
  std::size_t chats = 0;
  std::size_t reused = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    RandomChats run(seed);
    run.play();
    chats += run.chats();
    reused += run.encodings_reused();
    const CheckReport report = run.check();
    ASSERT_EQ(report.outcome, CheckOutcome::kClean)
        << (report.findings.empty() ? report.detail : report.findings.front().detail);
    if (::testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(chats, 100u);
  EXPECT_GT(reused, 1'000u);
  log::configure(log::Format::kText, log::Level::kInfo);
}

}  // namespace
}  // namespace maru::sqlite
