// One durable change of a chat, what it says, and the table of its kinds. Values; any thread.
//
// A new kind is an alternative of RecordBody with its row in kRecordKinds and its arm in
// effect_of() (fold.hpp); docs/ARCHITECTURE.md, "A new kind of record", has the rest.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/shared_bytes.hpp"
#include "chat/model.hpp"

namespace maru::chat {

struct Text {
  std::string content;
  std::optional<std::string> client_msg_id;
  std::uint64_t fingerprint = 0;  // with an id: of the text as it was sent, which tells a resend
};

// What a system message says: whom it is about, and how the chat stands after it. It is said in
// full, not as a difference, so that an older and a newer program come to the same state.
struct SystemBody {
  UserId subject;
  std::optional<UserId> owner;
  bool archived = false;
  std::uint32_t member_count = 0;
};
struct MemberJoined : SystemBody {
  Role role = Role::kMember;
};
struct MemberLeft : SystemBody {
  std::optional<UserId> promoted;  // who owns the chat in the subject's stead
};

using RecordBody = std::variant<Text, MemberJoined, MemberLeft>;

inline constexpr std::string_view kMessageEvent = "message";

struct RecordKind {
  int stored;                // its number in stores, for ever
  std::string_view event;    // that tells it to clients
  std::string_view name;     // `system.event` on the wire; empty for a text
  std::string_view content;  // what a system message shows where its event is not understood
  bool counts_as_text;       // moves text_count, by which clients count what is unread
  bool supersedes;           // says anew what an earlier record said, its target
};
// In the order of RecordBody's alternatives.
inline constexpr std::array<RecordKind, std::variant_size_v<RecordBody>> kRecordKinds{{
    {0, kMessageEvent, "", "", true, false},
    {1, kMessageEvent, "join", "입장", false, false},
    {2, kMessageEvent, "leave", "퇴장", false, false},
}};

// By its number in stores; null: there is none.
[[nodiscard]] inline const RecordKind* find_kind(std::int64_t stored) {
  for (const RecordKind& kind : kRecordKinds) {
    if (kind.stored == stored) return &kind;
  }
  return nullptr;
}

// The row of a kind, known when it is compiled.
template <class Body, std::size_t kIndex = 0>
consteval int stored_kind() {
  static_assert(kIndex < std::variant_size_v<RecordBody>, "no kind of a record");
  if constexpr (std::is_same_v<Body, std::variant_alternative_t<kIndex, RecordBody>>) {
    return kRecordKinds[kIndex].stored;
  } else {
    return stored_kind<Body, kIndex + 1>();
  }
}

struct Record {
  RecordId id;
  ChatId chat;
  ChatNumber chat_number;
  Sequence sequence;
  UserId actor;  // who did it
  std::string actor_name;
  Sequence target;               // the record that it supersedes; 0: none
  std::optional<UserId> to;      // in a 1:1: the other member
  std::string to_name;           // theirs; of a system message its subject's
  std::uint64_t text_count = 0;  // texts of the chat up to and with this record
  Sequence last_effect;  // the last record that changed more of the chat than its head; maybe this
  WallTime created_at;
  RecordBody body;
  // How it is told, made by whoever tells it first (wire/). Of a record that does not change any
  // more: one behind a RecordPtr.
  OnceBytes told;
};
using RecordPtr = std::shared_ptr<const Record>;

[[nodiscard]] inline const RecordKind& kind_of(const Record& record) {
  return kRecordKinds[record.body.index()];
}
// Null for what is no text.
[[nodiscard]] inline const Text* text_of(const Record& record) {
  return std::get_if<Text>(&record.body);
}
// Null for what is no system message.
[[nodiscard]] inline const SystemBody* system_of(const Record& record) {
  return std::visit(
      [](const auto& body) -> const SystemBody* {
        if constexpr (std::is_base_of_v<SystemBody, std::remove_cvref_t<decltype(body)>>) {
          return &body;
        } else {
          return nullptr;
        }
      },
      record.body);
}
// What it shows as text.
[[nodiscard]] inline std::string_view content_of(const Record& record) {
  const Text* text = text_of(record);
  return text ? std::string_view(text->content) : kind_of(record).content;
}
// The id under which a client sent it, if it did with one.
[[nodiscard]] inline const std::string* client_msg_id_of(const Record& record) {
  const Text* text = text_of(record);
  return text && text->client_msg_id ? &*text->client_msg_id : nullptr;
}

}  // namespace maru::chat
