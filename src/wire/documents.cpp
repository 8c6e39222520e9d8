#include "wire/documents.hpp"

#include <optional>

namespace maru::wire {
namespace {

template <class Id>
void optional_id(json::Writer& out, const std::optional<Id>& id) {
  if (id) {
    out.id(*id);
  } else {
    out.null();
  }
}

void optional_time(json::Writer& out, const std::optional<WallTime>& time) {
  if (time) {
    out.time(*time);
  } else {
    out.null();
  }
}

void text_or_null(json::Writer& out, std::string_view text) {
  if (text.empty()) {
    out.null();
  } else {
    out.string(text);
  }
}

std::string_view to_string(chat::SystemEvent event) {
  return event == chat::SystemEvent::kJoin ? "join" : "leave";
}

std::string_view to_string(chat::AccountType type) {
  return type == chat::AccountType::kGuest ? "guest" : "account";
}

void write_members(json::Writer& out, const chat::ChatDocument& document) {
  out.key("users").begin_array();
  for (const chat::Member& member : document.members) out.id(member.user);
  out.end_array();
}

void write_system(json::Writer& out, const chat::Record& record) {
  out.key("system");
  if (record.kind != chat::RecordKind::kSystem) {
    out.null();
    return;
  }
  out.begin_object();
  out.key("event").string(to_string(record.system_event));
  out.key("userId").id(record.system_subject);
  out.key("memberCount").integer(std::uint64_t{record.member_count});
  out.end_object();
}

}  // namespace

void write_message(json::Writer& out, const chat::Record& record) {
  out.begin_object();
  out.key("_id").id(record.id);
  out.key("id").id(record.id);
  out.key("chatId").id(record.chat);
  out.key("chatNumber").integer(record.chat_number.value);
  out.key("from");
  optional_id(out, record.from);
  out.key("fromUserName").string(record.from_name);
  out.key("to");
  optional_id(out, record.to);
  out.key("toUserName");
  text_or_null(out, record.to_name);
  out.key("content").string(record.content);
  out.key("sequence").integer(record.sequence.value);
  out.key("type").string(record.kind == chat::RecordKind::kText ? "text" : "system");
  out.key("clientMsgId");
  text_or_null(out,
               record.client_msg_id ? std::string_view(*record.client_msg_id) : std::string_view());
  write_system(out, record);
  out.key("createdAt").time(record.created_at);
  out.key("updatedAt").time(record.created_at);
  out.key("editedAt").null();
  out.key("deletedAt").null();
  out.key("__v").integer(std::int64_t{0});
  out.end_object();
}

void write_chat(json::Writer& out, const chat::ChatDocument& document, OwnerForm owner) {
  const chat::Chat& chat = document.chat;
  out.begin_object();
  out.key("_id").id(chat.id);
  out.key("id").id(chat.id);
  out.key("chatName").string(chat.name);
  out.key("number").integer(chat.number.value);
  out.key("active").boolean(!chat.archived);
  out.key("isPersonal").boolean(chat.is_personal);
  out.key("owner");
  if (chat.owner && owner == OwnerForm::kPopulated) {
    write_user_brief(out, *chat.owner, document.owner_name);
  } else {
    optional_id(out, chat.owner);
  }
  write_members(out, document);
  // A field of the original, which never filled it.
  out.key("newMessages").begin_array().end_array();
  out.key("deletedAt").null();
  out.key("createdAt").time(chat.created_at);
  out.key("updatedAt").time(chat.updated_at);
  out.key("__v").integer(std::int64_t{0});
  out.end_object();
}

void write_chat_brief(json::Writer& out, const chat::ChatDocument& document) {
  out.begin_object();
  out.key("_id").id(document.chat.id);
  write_members(out, document);
  out.key("isPersonal").boolean(document.chat.is_personal);
  out.key("chatName").string(document.chat.name);
  out.key("id").id(document.chat.id);
  out.end_object();
}

void write_user_brief(json::Writer& out, const UserId& id, std::string_view name) {
  out.begin_object();
  out.key("_id").id(id);
  out.key("userName").string(name);
  out.key("id").id(id);
  out.end_object();
}

void write_user_open(json::Writer& out, const chat::User& user, bool active) {
  out.begin_object();
  out.key("_id").id(user.id);
  out.key("userName").string(user.name);
  out.key("active").boolean(active);
  out.key("deletedAt");
  optional_time(out, user.deleted_at);
  out.key("createdAt").time(user.created_at);
  out.key("updatedAt").time(user.updated_at);
  out.key("__v").integer(std::int64_t{0});
  out.key("id").id(user.id);
  out.key("userId").id(user.id);
  out.key("accountType").string(to_string(user.type));
  out.key("lastSeenAt");
  optional_time(out, user.last_seen_at);
}

void write_session(json::Writer& out, const chat::LoginSession& session, bool current) {
  out.begin_object();
  out.key("id").id(session.id);
  out.key("createdAt").time(session.created_at);
  out.key("lastUsedAt").time(session.last_used_at);
  out.key("userAgent");
  text_or_null(out, session.user_agent);
  out.key("current").boolean(current);
  out.end_object();
}

}  // namespace maru::wire
