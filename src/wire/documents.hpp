// The one JSON form of every document (product.md section 2, "Shapes"): REST answers, acks and live
// events all write through here. Absent values are null, never left out. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "chat/model.hpp"
#include "chat/record.hpp"
#include "json/writer.hpp"

namespace maru::wire {

// How a chat's owner is shown: its id (creation, chatAdded), or {_id,userName,id} (lists).
enum class OwnerForm : std::uint8_t { kId, kPopulated };

// {_id,id,chatId,chatNumber,from,fromUserName,to,toUserName,content,sequence,type,clientMsgId,
//  system,createdAt,updatedAt,editedAt,deletedAt,__v}
void write_message(json::Writer& out, const chat::Record& record);
// The event that tells a record, as its arguments: `"message",{…}`. Live, in `sync`, in recovery.
void append_record_event(std::string& out, const chat::Record& record);
// The answer to a resend by REST: the message with `duplicate:true` at its end.
void write_duplicate_message(json::Writer& out, const chat::Record& record);

// {_id,id,chatName,number,active,isPersonal,owner,users:[ids],newMessages,…,createdAt,updatedAt,__v}
void write_chat(json::Writer& out, const chat::ChatDocument& document, OwnerForm owner);
// The same in two parts: what stays as long as the chat's last effect does, and the rest.
void write_lasting_of_chat(json::Writer& out, const chat::ChatDocument& document, OwnerForm owner);
void write_rest_of_chat(json::Writer& out, WallTime updated_at);
// The same without the closing brace, for fields of the caller's own.
void write_chat_open(json::Writer& out, const chat::ChatDocument& document, OwnerForm owner);

// `GET /chats/:number`: {_id,users,isPersonal,chatName,id}
void write_chat_brief(json::Writer& out, const chat::ChatDocument& document);

// {_id,userName,id}
void write_user_brief(json::Writer& out, const UserId& id, std::string_view name);

// {_id,userName,active,deletedAt,createdAt,updatedAt,__v:0,id,userId,accountType,lastSeenAt
// The object stays open: the caller adds fields of its own (a token, say) and ends it.
void write_user_open(json::Writer& out, const chat::User& user, bool active);

// {id,createdAt,lastUsedAt,userAgent,current}
void write_session(json::Writer& out, const chat::LoginSession& session, bool current);

// {type,title,status,code,detail,requestId,retryable,retryAfterMs,errors:[…],error} (RFC 9457,
// product.md "Errors"). retryAfterMs is null where nothing is known.
void write_problem(json::Writer& out, const Error& error, std::string_view request_id);

// The HTTP status of each code, in one table.
int http_status(ErrorCode code);
bool is_retryable(ErrorCode code);

}  // namespace maru::wire
