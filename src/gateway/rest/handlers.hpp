// The REST calls, by file. Each is a Handler (routes.hpp); the contract is product.md section 2.
// They read their input at once, and what they return is awaited.
#pragma once

#include "gateway/rest/flow.hpp"
#include "json/reader.hpp"

namespace maru::gateway::rest {

Answering login(Call& call, const json::Value& body);            // login.cpp
Answering register_user(Call& call, const json::Value&);         // register.cpp
Answering logout(Call& call, const json::Value& body);           // logout.cpp
Answering list_online_users(Call& call, const json::Value&);     // users.cpp
Answering search_users(Call& call, const json::Value&);          // users.cpp
Answering get_user(Call& call, const json::Value&);              // users.cpp
Answering get_me(Call& call, const json::Value&);                // me.cpp
Answering change_password(Call& call, const json::Value& body);  // me.cpp
Answering list_sessions(Call& call, const json::Value&);         // sessions.cpp
Answering revoke_session(Call& call, const json::Value&);        // sessions.cpp
Answering list_public_groups(Call& call, const json::Value&);    // chats.cpp
Answering list_personal_chats(Call& call, const json::Value&);   // chats.cpp
Answering list_group_chats(Call& call, const json::Value&);      // chats.cpp
Answering get_chat_by_number(Call& call, const json::Value&);    // chats.cpp
Answering list_my_chats(Call& call, const json::Value&);         // my_chats.cpp
Answering create_chat(Call& call, const json::Value& body);      // create_chat.cpp
Answering join_chat(Call& call, const json::Value& body);        // membership.cpp
Answering leave_chat(Call& call, const json::Value& body);       // membership.cpp
Answering list_messages(Call& call, const json::Value&);         // list_messages.cpp
Answering send_message(Call& call, const json::Value& body);     // send_message.cpp
Answering show_front_page(Call& call, const json::Value&);       // front_page.cpp
Answering show_health(Call& call, const json::Value&);           // operations.cpp
Answering show_readiness(Call& call, const json::Value&);        // operations.cpp
Answering show_metrics(Call& call, const json::Value&);          // operations.cpp
Answering show_openapi(Call& call, const json::Value&);          // operations.cpp

}  // namespace maru::gateway::rest
