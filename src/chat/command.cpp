#include "chat/command.hpp"

#include <utility>

namespace maru::chat {
namespace {

// Exhaustive: a new command says here where it is decided, and what it makes.
Place place(const RegisterUser&) {
  return {};
}
Place place(const OpenGuest&) {
  return {};
}
Place place(const OpenSession&) {
  return {};
}
Place place(const SetPassword&) {
  return {};
}
Place place(const RevokeSession&) {
  return {};
}
Place place(const ExpireSessions&) {
  return {};
}
Place place(const TouchActivity&) {
  return {};
}
Place place(const NoteLoginFailures&) {
  return {};
}
Place place(const ExpireLoginFailures&) {
  return {};
}
Place place(const FinishEnding&) {
  return {};
}
Place place(const CreateChat&) {
  return {};
}
Place place(const JoinChat& command) {
  return {Place::kChat, command.chat};
}
Place place(const AskLeave& command) {
  return {Place::kChat, command.chat};
}
Place place(const LeaveChat& command) {
  return {Place::kChat, command.chat};
}
Place place(const SendMessage& command) {
  return {Place::kChat, command.chat};
}

template <class Id>
void give(Id& id, IdSource& ids) {
  if (id.is_zero()) id = ids.next<Id>();
}

template <class Body>
void name_new(Body&, IdSource&) {}
void name_new(RegisterUser& command, IdSource& ids) {
  give(command.user, ids);
  give(command.session.id, ids);
}
void name_new(OpenGuest& command, IdSource& ids) {
  give(command.user, ids);
  give(command.session.id, ids);
}
void name_new(OpenSession& command, IdSource& ids) {
  give(command.session.id, ids);
}
void name_new(CreateChat& command, IdSource& ids) {
  give(command.chat, ids);
}

const std::string* client_id_of(const Command& command) {
  const auto* send = std::get_if<SendMessage>(&command.body);
  return send && send->client_msg_id ? &*send->client_msg_id : nullptr;
}

}  // namespace

Place place_of(const CommandBody& body) {
  return std::visit([](const auto& one) { return place(one); }, body);
}

void give_ids(Command& command, IdSource& ids) {
  std::visit([&](auto& one) { name_new(one, ids); }, command.body);
  if (!client_id_of(command)) give(command.id, ids);
}

std::string name_of(CommandId id) {
  constexpr std::size_t kHexSize = 24;
  std::string name(1 + kHexSize, '~');
  id.write_hex(name.data() + 1);
  return name;
}

std::string name_of(const Command& command) {
  const std::string* given = client_id_of(command);
  return given ? *given : name_of(command.id);
}

}  // namespace maru::chat
