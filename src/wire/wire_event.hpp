// An event as ready bytes, encoded once for all who hear it. Immutable once built; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "chat/event.hpp"
#include "net/frame.hpp"

namespace maru::wire {

// The place of a durable event in what this node delivered, from 1; 0: has none (ephemeral). It
// travels to clients as the offset of connection state recovery.
using Position = std::uint64_t;

// Eleven characters of [0-9A-Za-z_-], in text order as in number order; decode gives 0 for anything
// else.
std::string encode_offset(Position position);
void append_offset(std::string& out, Position position);
Position decode_offset(std::string_view offset);

struct WireEvent {
  enum class Route : std::uint8_t {
    kChat,      // the listeners attached to `chat`
    kUsers,     // every listener of each of `users`
    kSession,   // every listener of `session` (of users[0]); closed with `41` after it
    kWatchers,  // the listeners that watch users[0] (presence)
  };
  Route route = Route::kChat;
  ChatId chat;
  Sequence sequence;              // kChat: of the record
  bool detaches_subject = false;  // kChat: `users[0]` has left: detach its listeners after it
  bool ends_membership = false;   // kUsers: each of `users` is in that chat no more
  std::vector<UserId> users;
  SessionId session;
  Position position = 0;

  net::TextFrame plain;        // `42["message",{…}]`
  net::TextFrame with_offset;  // the same with the offset as a last argument; empty if position is
                               // 0 or nobody here uses recovery
};

// `42["message",{…}]`, as it is told live. A committed record is encoded once: for all who hear it
// and for the answer to who sent it.
[[nodiscard]] net::TextFrame event_of(const chat::RecordPtr& record);
// The record in it, as write_message() writes it; lives as long as the frame.
[[nodiscard]] std::string_view message_in(const net::TextFrame& event);

enum class Offsets : std::uint8_t { kNone, kEncode };

// Encodes; `position` is given to it and offsets are encoded only if asked for.
class EventEncoder {
 public:
  // All but sessionRevoked, after which nothing comes, take the position.
  //   RecordCommitted → that of its kind   the record (chat::kRecordKinds)
  //   ChatAdded       → `chatAdded`        {chatId,chat:{…}}
  //   ChatRemoved     → `chatRemoved`      {chatId,number}
  //   SessionRevoked  → `sessionRevoked`   {sessionId}
  [[nodiscard]] WireEvent encode(const chat::Event& event, Position position,
                                 Offsets offsets) const;
  // `42["presence",{"userId":…,"active":…,"lastSeenAt":…}]`
  [[nodiscard]] WireEvent encode_presence(const UserId& user, bool online,
                                          std::optional<WallTime> last_seen_at) const;
  // One record as it went live: `42["message",{…}]`, with an offset if position is not 0.
  [[nodiscard]] net::TextFrame encode_record(const chat::Record& record, Position position) const;
};

// `42[name,payload]` as a frame; payload is JSON. For hello, problem, serverDraining, ….
net::TextFrame make_event(std::string_view name, std::string_view payload_json,
                          Position position = 0);

}  // namespace maru::wire
