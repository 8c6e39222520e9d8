// A store with people, chats and records in it, for benchmarks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "chat/fingerprint.hpp"
#include "chat/testing/sequencer_load.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace maru::sqlite::testing {

template <class Id>
Id number_id(std::uint32_t number) {
  typename Id::Bytes bytes{};
  for (int i = 0; i < 4; ++i) bytes[11 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return Id(bytes);
}

struct FilledShape {
  std::uint32_t chats = 100'000;
  std::uint32_t users = 10'000;
  std::uint32_t members = 10;  // of each chat
  std::uint32_t active =
      1'000;  // spread over all that there are, as those who are active today are
};

// Ids of users and chats are number_id() of 1, 2, …; user n is called user<n>. Ends the program
// where anything fails.
class FilledStore {
 public:
  using ClientIds = chat::testing::ClientIds;

  // Makes the people and chats where there are none yet.
  FilledStore(StoreOptions options, FilledShape shape) : shape_(shape) {
    log::configure(log::Format::kText, log::Level::kWarn);
    store_ = std::move(SqliteStore::open(std::move(options)).value());
    is_new_ = store_->load_last_number()->value == 0;
    // Ids of another run must be others.
    if (is_new_) {
      make_chats();
    } else {
      count_ = std::random_device{}() & 0x3FFF'FFFF;
    }
  }

  SqliteStore& store() { return *store_; }
  [[nodiscard]] bool is_new() const { return is_new_; }

  [[nodiscard]] std::uint32_t active(std::uint64_t n) const {
    return static_cast<std::uint32_t>(n % shape_.active) * (shape_.chats / shape_.active) + 1;
  }
  [[nodiscard]] std::uint32_t any_chat() {
    return static_cast<std::uint32_t>(random_() % shape_.chats + 1);
  }
  [[nodiscard]] std::uint32_t member_of(std::uint32_t chat, std::uint32_t place) const {
    return (chat * shape_.members + place) % shape_.users + 1;
  }
  // Who writes in the n-th active chat, where one of its members does it all.
  [[nodiscard]] std::uint32_t writer_of_active(std::uint32_t n) const {
    return member_of(active(n), n / shape_.members % shape_.members);
  }

  // The next text of that chat, 200 bytes, by one of its members.
  chat::RecordAppended next_text(std::uint32_t chat, ClientIds ids) {
    std::uint64_t& head = heads_[chat];
    if (head == 0) head = (*store_->load_chat(number_id<ChatId>(chat)))->head.value;
    auto record = std::make_shared<chat::Record>();
    record->id = number_id<RecordId>(static_cast<std::uint32_t>(++count_));
    record->chat = number_id<ChatId>(chat);
    record->sequence = {++head};
    record->text_count = head;
    const auto place = static_cast<std::uint32_t>(random_() % shape_.members);
    record->actor = number_id<UserId>(member_of(chat, place));
    record->created_at = {1'700'000'000'000 + static_cast<std::int64_t>(count_)};
    std::optional<std::string> id;
    if (ids != ClientIds::kNone) id = chat::testing::make_client_id(ids, count_, random_);
    record->body = chat::text_as_sent(std::string(200, 'x'), std::move(id));
    return {record};
  }
  // What others have written since is read again.
  void forget_heads() { heads_.clear(); }

  void append(const std::vector<chat::Change>& batch) {
    if (store_->append(batch) != chat::Appended::kCommitted) std::abort();
    store_->after_release();
  }
  // So many texts, in any chats.
  void fill(std::uint64_t rows, ClientIds ids) {
    fill(rows, ids, [this] { return any_chat(); });
  }
  void fill_active(std::uint64_t rows, ClientIds ids) {
    fill(rows, ids, [this] { return active(random_()); });
  }

  // A line for each active chat: its id and the name of who writes in it (maru_load reads it).
  void list_active(const std::filesystem::path& file) const {
    std::ofstream list(file);
    for (std::uint32_t n = 0; n < shape_.active; ++n) {
      list << number_id<ChatId>(active(n)).hex() << " user" << writer_of_active(n) << '\n';
    }
  }

 private:
  static constexpr std::size_t kFillBatch = 5'000;

  template <class NextChat>
  void fill(std::uint64_t rows, ClientIds ids, NextChat next_chat) {
    std::vector<chat::Change> batch;
    for (std::uint64_t done = 1; done <= rows; ++done) {
      batch.emplace_back(next_text(next_chat(), ids));
      if (batch.size() < kFillBatch && done < rows) continue;
      append(batch);
      batch.clear();
    }
    store_->idle({1'000'000});
  }

  void make_chats() {
    std::vector<chat::Change> batch;
    for (std::uint32_t i = 1; i <= shape_.users; ++i) {
      chat::User user;
      user.id = number_id<UserId>(i);
      user.name = "user" + std::to_string(i);
      batch.emplace_back(chat::UserInserted{user, user.name});
    }
    append(batch);
    batch.clear();
    for (std::uint32_t i = 1; i <= shape_.chats; ++i) {
      batch.emplace_back(make_chat(i));
      if (batch.size() < kFillBatch && i < shape_.chats) continue;
      append(batch);
      batch.clear();
    }
  }
  [[nodiscard]] chat::ChatInserted make_chat(std::uint32_t number) const {
    chat::ChatInserted change;
    change.chat.id = number_id<ChatId>(number);
    change.chat.number = {number};
    change.chat.name = "chat";
    change.chat.owner = number_id<UserId>(member_of(number, 0));
    for (std::uint32_t place = 0; place < shape_.members; ++place) {
      change.members.push_back(
          {number_id<UserId>(member_of(number, place)), "", chat::Role::kMember, {0}});
    }
    change.members.front().role = chat::Role::kOwner;
    return change;
  }

  const FilledShape shape_;
  std::unique_ptr<SqliteStore> store_;
  bool is_new_ = false;
  std::unordered_map<std::uint32_t, std::uint64_t> heads_;
  std::uint64_t count_ = 0;
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace maru::sqlite::testing
