// The REST calls, by file. Each is a Handler (routes.hpp); the contract is product.md section 2.
#pragma once

#include "gateway/rest/call.hpp"
#include "json/reader.hpp"

namespace maru::gateway::rest {

void login(CallPtr call, const json::Value& body);            // login.cpp
void register_user(CallPtr call, const json::Value&);         // register.cpp
void logout(CallPtr call, const json::Value& body);           // logout.cpp
void list_online_users(CallPtr call, const json::Value&);     // users.cpp
void search_users(CallPtr call, const json::Value&);          // users.cpp
void get_user(CallPtr call, const json::Value&);              // users.cpp
void get_me(CallPtr call, const json::Value&);                // me.cpp
void change_password(CallPtr call, const json::Value& body);  // me.cpp
void list_sessions(CallPtr call, const json::Value&);         // sessions.cpp
void revoke_session(CallPtr call, const json::Value&);        // sessions.cpp
void list_public_groups(CallPtr call, const json::Value&);    // chats.cpp
void list_personal_chats(CallPtr call, const json::Value&);   // chats.cpp
void list_group_chats(CallPtr call, const json::Value&);      // chats.cpp
void get_chat_by_number(CallPtr call, const json::Value&);    // chats.cpp
void list_my_chats(CallPtr call, const json::Value&);         // my_chats.cpp
void create_chat(CallPtr call, const json::Value& body);      // create_chat.cpp
void join_chat(CallPtr call, const json::Value& body);        // membership.cpp
void leave_chat(CallPtr call, const json::Value& body);       // membership.cpp
void list_messages(CallPtr call, const json::Value&);         // list_messages.cpp
void send_message(CallPtr call, const json::Value& body);     // send_message.cpp
void show_front_page(CallPtr call, const json::Value&);       // front_page.cpp
void show_health(CallPtr call, const json::Value&);           // operations.cpp
void show_readiness(CallPtr call, const json::Value&);        // operations.cpp
void show_metrics(CallPtr call, const json::Value&);          // operations.cpp
void show_openapi(CallPtr call, const json::Value&);          // operations.cpp

}  // namespace maru::gateway::rest
