// chat::Store on SQLite (architecture.md, "Embedded store"): the one connection that writes, and
// the only one that checkpoints.
//
// Opened by app/ on any thread, then the sequencer's alone. append() and loads block on the disk.
// A failed fsync or a damaged file calls options.fatal, which does not return outside of tests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chat/ports/store.hpp"
#include "storage/sqlite/data_directory.hpp"
#include "storage/sqlite/directory_watch.hpp"
#include "storage/sqlite/options.hpp"

namespace maru::sqlite {

class SqliteStore final : public chat::Store {
 public:
  // Locks the data directory, makes or migrates the store, checks its tail. Errors: kUnavailable
  // with one sentence for the operator; is_locked() if another process uses the directory. A file
  // that is not a store of ours is left as it is.
  static Result<std::unique_ptr<SqliteStore>> open(StoreOptions options);

  // An orderly close: writes the clean mark, checkpoints. Every ReaderPool on it has ended before.
  ~SqliteStore() override;

  // Made at random with the store; another one means that numbers start anew (product.md, `epoch`).
  [[nodiscard]] const std::string& epoch() const { return epoch_; }
  [[nodiscard]] const StoreOptions& options() const { return options_; }
  // The files at their paths; any thread.
  [[nodiscard]] const DirectoryWatch& watch() const { return *watch_; }
  [[nodiscard]] const DiskSpace& disk() const { return disk_; }
  // Bytes of write-ahead log after the last commit; sequencer's thread.
  [[nodiscard]] std::uint64_t wal_bytes() const;

  chat::Appended append(std::span<const chat::Change> batch) override;
  Result<std::optional<chat::ChatState>> load_chat(ChatId id) override;
  Result<std::optional<ChatId>> load_personal_chat(UserId a, UserId b) override;
  Result<std::optional<chat::User>> load_user(UserId id) override;
  Result<std::optional<chat::User>> load_user_by_name(std::string_view folded) override;
  Result<std::vector<chat::LoginSession>> load_sessions(UserId user) override;
  Result<std::vector<chat::LoginSession>> load_idle_sessions(WallTime idle_since,
                                                             std::size_t limit) override;
  Result<std::size_t> load_chat_count_of(UserId user, chat::Entry entry) override;
  Result<std::vector<Sharing>> load_sharing(UserId user, std::span<const UserId> others) override;
  Result<std::optional<chat::QuotaCount>> load_quota(UserId user, chat::QuotaKind kind) override;
  Result<chat::RecordPtr> load_by_client_msg_id(ChatId chat, UserId from,
                                                std::string_view id) override;
  Result<std::vector<std::optional<chat::StoredOutcome>>> find_outcomes(
      std::span<const chat::CommandKey> keys) override;
  Result<std::optional<CreatedUnderKey>> load_created_under_key(UserId caller, std::string_view key,
                                                                WallTime not_before) override;
  Result<ChatNumber> load_last_number() override;
  chat::Room room(MonotonicTime now) override { return disk_.look(now); }
  void after_release() override;
  void idle(MonotonicTime now) override;

 private:
  struct Connection;  // everything that exists once the file is open

  enum class CheckpointMode : std::uint8_t { kPassive, kRestart, kTruncate };

  SqliteStore(StoreOptions options, DirectoryLock lock);
  FatalHandler fatal_handler();
  Result<void> open_database();
  Result<void> open_connection(const std::filesystem::path& path);
  template <class Body>
  auto run(Edge& edge, Body&& body) -> Result<decltype(body())>;
  // In one read transaction with the other loads until the next append, after_release or idle:
  // beginning one costs as much as a look-up.
  template <class Body>
  auto load(Body&& body) -> Result<decltype(body())>;
  void end_loads();
  void checkpoint(CheckpointMode mode);
  void mark_clean();

  StoreOptions options_;
  DirectoryLock lock_;
  DiskSpace disk_;
  std::unique_ptr<Connection> connection_;
  std::string epoch_;
  std::optional<DirectoryWatch> watch_;  // once it is open
  // Each notes that we stopped before it calls options_.fatal.
  Edge appends_;
  Edge loads_;
  Edge upkeep_;  // marks and checkpoints
  std::int64_t last_idle_checkpoint_ms_ = 0;
  std::uint64_t next_checkpoint_bytes_ = 0;  // of write-ahead log
  std::size_t changes_since_checkpoint_ = 0;
  bool dirty_ = false;           // committed since the last idle checkpoint
  bool checkpoint_due_ = false;  // an append failed: a log that begins anew may help
  bool stopped_ = false;         // a fatal handler returned: nothing is trusted any more
};

}  // namespace maru::sqlite
