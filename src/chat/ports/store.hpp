// The write side of the log, and what decisions read (sequencer's thread).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "chat/fold.hpp"
#include "chat/ports/change.hpp"
#include "chat/room.hpp"

namespace maru::chat {

// What an append came to. The store logs why.
enum class Appended : std::uint8_t {
  // Durable.
  kCommitted,
  // A unique key or a version knew better, or a change names what is not there. Of the records of a
  // chat those up to some one may be stored, of everything else nothing: forget what was read, look
  // up every command of the batch, decide again.
  kConflict,
  // Certainly nothing was written (full disk, locked file); may be tried again.
  kUnavailable,
  // Not known, and give_up() was called: nobody may be told that it failed.
  kGivenUp,
};

// Names a command of a chat.
struct CommandKey {
  ChatId chat;
  UserId user;
  std::string command;  // name_of(Command)
};
// What became of it: its record, or (null) as OutcomeNoted.
struct StoredOutcome {
  RecordPtr record;
  std::optional<ErrorCode> refused;
};

// A failed fsync or a corrupt database never returns: the process stops, because a retry may lie.
//
// Owner: the sequencer's thread; blocks on the disk. Loads see everything that was appended.
class Store {
 public:
  virtual ~Store() = default;

  // In order, and durable when it returns kCommitted. A store that does not know what became of a
  // batch tries the same batch again, in here, until it knows or has to give up.
  [[nodiscard]] virtual Appended append(std::span<const Change> batch) = 0;
  // A batch is cut where its decisions have come to so many changes, a new chat's members counted.
  [[nodiscard]] virtual std::size_t batch_max() const { return 4'096; }
  // Any thread: an append that waits to know ends, as do all later ones that would wait.
  virtual void give_up() {}

  [[nodiscard]] virtual Result<std::optional<ChatState>> load_chat(ChatId id) = 0;
  [[nodiscard]] virtual Result<std::optional<ChatId>> load_personal_chat(UserId a, UserId b) = 0;
  [[nodiscard]] virtual Result<std::optional<User>> load_user(UserId id) = 0;
  [[nodiscard]] virtual Result<std::optional<User>> load_user_by_name(std::string_view folded) = 0;
  [[nodiscard]] virtual Result<std::vector<LoginSession>> load_sessions(UserId user) = 0;
  [[nodiscard]] virtual Result<std::vector<LoginSession>> load_idle_sessions(WallTime idle_since,
                                                                             std::size_t limit) = 0;
  // Memberships of that kind.
  [[nodiscard]] virtual Result<std::size_t> load_chat_count_of(UserId user, Entry entry) = 0;
  // How `user` and another one share chats: at all, and one that the other has accepted.
  struct Sharing {
    bool any = false;
    bool accepted = false;
    bool operator==(const Sharing&) const = default;
  };
  // One for each of `others`, in their order.
  [[nodiscard]] virtual Result<std::vector<Sharing>> load_sharing(
      UserId user, std::span<const UserId> others) = 0;
  [[nodiscard]] virtual Result<std::optional<QuotaCount>> load_quota(UserId user,
                                                                     QuotaKind kind) = 0;
  // By (chat, sender, clientMsgId), for ever.
  [[nodiscard]] virtual Result<RecordPtr> load_by_client_msg_id(
      ChatId chat, UserId from,
      std::string_view id) = 0;  // or null
  // What is stored of each of these commands, in their order. A store that keeps no OutcomeNoted
  // finds texts that were sent with an id, and no others.
  [[nodiscard]] virtual Result<std::vector<std::optional<StoredOutcome>>> find_outcomes(
      std::span<const CommandKey> keys) = 0;
  struct CreatedUnderKey {
    ChatId chat;
    std::uint64_t fingerprint = 0;
  };
  [[nodiscard]] virtual Result<std::optional<CreatedUnderKey>> load_created_under_key(
      UserId caller, std::string_view key, WallTime not_before) = 0;
  // The highest room number ever given; 0 if none.
  [[nodiscard]] virtual Result<ChatNumber> load_last_number() = 0;

  // How much room there is for more; asked before each batch is decided, so it is cheap.
  [[nodiscard]] virtual Room room(MonotonicTime /*now*/) { return Room::kPlenty; }

  // Called when the replies and events of a batch have gone out: the time for work that is due
  // under load too (SQLite: a checkpoint). Nobody waits for an answer that is durable already, and
  // the next batch gathers meanwhile. May block on the disk, briefly.
  virtual void after_release() {}
  // Called when the sequencer has nothing to do, at most every few hundred milliseconds: the time
  // for housekeeping that would delay a batch (SQLite: checkpoints). May block on the disk,
  // briefly.
  virtual void idle(MonotonicTime /*now*/) {}
};

}  // namespace maru::chat
