#include "wire/documents.hpp"

#include <charconv>
#include <optional>
#include <string>

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

std::string_view to_string(chat::AccountType type) {
  return type == chat::AccountType::kGuest ? "guest" : "account";
}

void write_members(json::Writer& out, const chat::ChatDocument& document) {
  out.key("users").begin_array();
  for (const chat::Member& member : document.members) out.id(member.user);
  out.end_array();
}

// What every record moves.
void write_updated(json::Writer& out, WallTime updated_at) {
  out.key("updatedAt").time(updated_at);
  out.key("__v").integer(std::int64_t{0});
}

template <class Id>
void quote(char* out26, const Id& id) {
  out26[0] = '"';
  id.write_hex(out26 + 1);
  out26[25] = '"';
}

template <class Id>
void append_id(std::string& json, const std::optional<Id>& id) {
  if (!id) {
    json.append("null");
    return;
  }
  char quoted[26];
  quote(quoted, *id);
  json.append(quoted, sizeof quoted);
}

template <class Number>
void append_number(std::string& json, Number number) {
  char digits[20];  // as many as 2^64 - 1 and -2^63 have
  const auto end = std::to_chars(digits, digits + sizeof digits, number);
  json.append(digits, end.ptr);
}

void append_text_or_null(std::string& json, std::string_view text) {
  if (text.empty()) {
    json.append("null");
    return;
  }
  json.push_back('"');
  json::append_escaped(json, text);
  json.push_back('"');
}

void append_system(std::string& json, const chat::Record& record) {
  const chat::SystemBody* body = chat::system_of(record);
  if (!body) {
    json.append("null");
    return;
  }
  json.append(R"({"event":")").append(chat::kind_of(record).name).append(R"(","userId":)");
  append_id(json, std::optional(body->subject));
  json.append(R"(,"memberCount":)");
  append_number(json, body->member_count);
  json.push_back('}');
}

// Who wrote a text. A system message is the server's, whoever did what it tells.
void append_sender(std::string& json, const chat::Record& record, bool is_text) {
  json.append(R"(,"from":)");
  append_id(json, is_text ? std::optional(record.actor) : std::nullopt);
  json.append(R"(,"fromUserName":")");
  json::append_escaped(json, is_text ? std::string_view(record.actor_name) : "system");
}

// Most of what the server writes: fields in runs, each appended at once, the time formatted once.
void append_message_open(std::string& json, const chat::Record& record) {
  const bool is_text = chat::text_of(record) != nullptr;
  char id[26];
  quote(id, record.id);
  json.append(R"({"_id":)").append(id, sizeof id).append(R"(,"id":)").append(id, sizeof id);
  quote(id, record.chat);
  json.append(R"(,"chatId":)").append(id, sizeof id).append(R"(,"chatNumber":)");
  append_number(json, record.chat_number.value);
  append_sender(json, record, is_text);
  json.append(R"(","to":)");
  append_id(json, record.to);
  json.append(R"(,"toUserName":)");
  append_text_or_null(json, record.to_name);
  json.append(R"(,"content":")");
  json::append_escaped(json, chat::content_of(record));
  json.append(R"(","sequence":)");
  append_number(json, record.sequence.value);
  json.append(is_text ? R"(,"type":"text","clientMsgId":)" : R"(,"type":"system","clientMsgId":)");
  const std::string* client_msg_id = chat::client_msg_id_of(record);
  append_text_or_null(json, client_msg_id ? std::string_view(*client_msg_id) : std::string_view());
  json.append(R"(,"system":)");
  append_system(json, record);
  char time[24];
  write_rfc3339(record.created_at, time);
  json.append(R"(,"createdAt":")").append(time, sizeof time);
  json.append(R"(","updatedAt":")").append(time, sizeof time);
  json.append(R"(","editedAt":null,"deletedAt":null,"__v":0)");
}

}  // namespace

void write_message(json::Writer& out, const chat::Record& record) {
  std::string& json = out.raw_value();
  append_message_open(json, record);
  json += '}';
}

void append_record_event(std::string& out, const chat::Record& record) {
  out.append("\"").append(chat::kind_of(record).event).append("\",");
  append_message_open(out, record);
  out += '}';
}

void write_duplicate_message(json::Writer& out, const chat::Record& record) {
  std::string& json = out.raw_value();
  append_message_open(json, record);
  json.append(R"(,"duplicate":true})");
}

void write_lasting_of_chat(json::Writer& out, const chat::ChatDocument& document, OwnerForm owner) {
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
  out.key("newMessages").boolean(false);
  out.key("deletedAt").null();
  out.key("createdAt").time(chat.created_at);
}

void write_chat_open(json::Writer& out, const chat::ChatDocument& document, OwnerForm owner) {
  write_lasting_of_chat(out, document, owner);
  write_updated(out, document.chat.updated_at);
}

void write_rest_of_chat(json::Writer& out, WallTime updated_at) {
  write_updated(out, updated_at);
  out.end_object();
}

void write_chat(json::Writer& out, const chat::ChatDocument& document, OwnerForm owner) {
  write_lasting_of_chat(out, document, owner);
  write_rest_of_chat(out, document.chat.updated_at);
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
