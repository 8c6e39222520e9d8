// joinRoom {chatId,number,userId?,userName?} → {chat,sequence}: every event after `sequence`
// follows on this socket, none up to it. The socket's next event waits until it is answered.
#include <memory>
#include <string>
#include <utility>

#include "base/limits.hpp"
#include "base/log.hpp"
#include "chat/visibility.hpp"
#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/resolve.hpp"
#include "gateway/pending_leaves.hpp"
#include "json/writer.hpp"
#include "wire/encoded_chat.hpp"

namespace maru::gateway {
namespace {

// One joinRoom on its way.
struct Join {
  EventCaller caller;
  Who who;
  ChatId chat;
};

struct Seen {
  UserId user;
  wire::EncodedChatPtr chat;  // null for who is no member: the join answers with its own
  WallTime updated_at;
  Sequence head;
};

// Read anew where what is kept is none of that header's, of whose snapshot the answer is.
Result<wire::EncodedChatPtr> encode(chat::Snapshot& snapshot, const chat::ChatHeader& header,
                                    wire::EncodedChatPtr kept) {
  if (kept && kept->is_of(header)) return kept;
  const auto document = snapshot.find_chat(header.chat.id);
  if (!document) return std::unexpected(document.error());
  if (!*document) return chat::no_such_chat();
  return std::make_shared<const wire::EncodedChat>(**document, header.last_effect);
}

// Who asks, and the chat as they may see it: one snapshot, so that the head is the boundary.
Result<Seen> look(chat::Snapshot& snapshot, const Who& who, ChatId chat,
                  wire::EncodedChatPtr kept) {
  const auto user = identify(snapshot, who);
  if (!user) return std::unexpected(user.error());
  const auto header = snapshot.find_chat_header(chat);
  if (!header) return std::unexpected(header.error());
  if (!*header) return chat::no_such_chat();
  const auto is_member = snapshot.is_member(chat, *user);
  if (!is_member) return std::unexpected(is_member.error());
  if (auto seen = chat::may_see((*header)->chat, *is_member); !seen) {
    return std::unexpected(std::move(seen.error()));
  }
  if (!*is_member) return Seen{.user = *user};
  auto encoded = encode(snapshot, **header, std::move(kept));
  if (!encoded) return std::unexpected(std::move(encoded.error()));
  return Seen{*user, std::move(*encoded), (*header)->chat.updated_at, (*header)->head};
}

void give_up(RealtimeCore& core, ClientSession& session, const Join& join, const Error& error) {
  session.abandon(join.chat);
  core.refuse(session, join.caller, error);
}

void complete(RealtimeCore& core, ClientSession& session, const Join& join,
              const wire::EncodedChat& chat, WallTime updated_at, Sequence upto) {
  // Detached while we looked: the user was removed meanwhile, or too much was held.
  if (!session.is_attached(join.chat)) {
    return give_up(
        core, session, join,
        Error{ErrorCode::kUnavailable, "The chat changed meanwhile; join again.", {}, 0});
  }
  if (join.caller.ack) {
    std::string out;
    json::Writer writer(out);
    writer.begin_array().begin_object().key("ok").boolean(true).key("chat");
    chat.write(writer, updated_at);
    writer.key("sequence").integer(upto.value).end_object().end_array();
    core.acknowledge(session, join.caller, out);
  }
  session.settle(join.chat, upto);
}

// Where the user is, the record of the login session says.
void audit_joined(const ClientSession& session, const ChatId& chat, const UserId& user) {
  log::audit("audit_member_joined",
             {{"user", user.hex()}, {"chat", chat.hex()}, {"session", session.session.hex()}});
}

void become_member(RealtimeCore& core, ClientSession& session, Join join, UserId user) {
  const ChatId chat = join.chat;
  core.submit(
      session, Input::kWaits, chat::JoinChat{.chat = chat, .user = user},
      [&core, user, join = std::move(join)](ClientSession& asker, const chat::Reply& reply) {
        if (!reply) return give_up(core, asker, join, reply.error());
        const auto& [joined_at, document] = std::get<chat::Joined>(*reply);
        const wire::EncodedChat encoded(document, joined_at);
        const WallTime updated_at = document.chat.updated_at;
        if (joined_at.value == 0) {
          return complete(core, asker, join, encoded, updated_at, document.head);
        }
        audit_joined(asker, join.chat, user);
        // Everything from the own join record on follows.
        complete(core, asker, join, encoded, updated_at, Sequence{joined_at.value - 1});
      });
}

// The chat's id is known: attach first, look then (architecture.md, "Joining the stream").
void attach_and_look(RealtimeCore& core, ClientSession& session, Join join) {
  if (session.attach(join.chat) == fanout::AttachResult::kTooMany) {
    Error error{ErrorCode::kValidationFailed, "This socket hears too many chats.", {}, 0};
    error.fields.push_back({"chatId", "too_many", limits::kChatsOfUserMax, -1});
    return core.refuse(session, join.caller, error);
  }
  const ChatId chat = join.chat;
  const Who who = join.who;
  // Asked before the look and after it: a leave may be decided and gone in between.
  const bool was_leaving =
      is_known(who) && core.context.pending_leaves.may_have(known_user(who), chat);
  core.query<Seen>(
      session, Input::kWaits,
      [who, chat, kept = core.encoded_chats.find(chat)](chat::Snapshot& snapshot) {
        return look(snapshot, who, chat, kept);
      },
      [&core, was_leaving, join = std::move(join)](ClientSession& asker,
                                                   const Result<Seen>& seen) mutable {
        if (!seen) return give_up(core, asker, join, seen.error());
        if (seen->chat) core.encoded_chats.keep(seen->chat);
        speak_for(core, asker, seen->user);
        // Where a leave is on its way, the sequencer decides: a join that comes after it wins.
        if (!seen->chat || was_leaving ||
            core.context.pending_leaves.may_have(seen->user, join.chat)) {
          return become_member(core, asker, std::move(join), seen->user);
        }
        complete(core, asker, join, *seen->chat, seen->updated_at, seen->head);
      });
}

bool admit_join(RealtimeCore& core, ClientSession& session, const IncomingEvent& call,
                UserId user) {
  return core.admit(session, call, {{Rate::kJoinsOfUser, RateLimiter::key_of(user)}});
}

}  // namespace

void handle_join_room(RealtimeCore& core, ClientSession& session, const IncomingEvent& call) {
  const auto chat = parse_chat_ref(call.payload);
  if (!chat) return core.refuse(session, call.caller, chat.error());
  auto who = who_asks(session, core.context.options.auth, call.payload, "userId", "userName");
  if (!who) return core.refuse(session, call.caller, who.error());
  if (is_known(*who) && !admit_join(core, session, call, known_user(*who))) return;

  Join join{.caller = call.caller, .who = *who};
  if (chat->id && is_known(join.who)) {
    join.chat = *chat->id;
    return attach_and_look(core, session, std::move(join));
  }
  // Only a number or a name: a first look for the ids, for nothing is attached by number and no
  // rate is counted by name.
  core.query<Addressed>(
      session, Input::kWaits,
      [who = *who, chat = *chat](chat::Snapshot& snapshot) { return resolve(snapshot, who, chat); },
      [&core, held = hold_on_to(call), join = std::move(join)](
          ClientSession& asker, const Result<Addressed>& addressed) mutable {
        if (!addressed) return core.refuse(asker, join.caller, addressed.error());
        const IncomingEvent later = later_call(held, asker.key, "joinRoom");
        if (!is_known(join.who) && !admit_join(core, asker, later, addressed->user)) return;
        join.chat = addressed->chat;
        attach_and_look(core, asker, std::move(join));
      });
}

}  // namespace maru::gateway
