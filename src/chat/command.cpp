#include "chat/command.hpp"

#include <utility>

namespace maru::chat {
namespace {

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
  return std::visit(
      []<class Body>(const Body& one) -> Place {
        if constexpr (Body::kPlace == Place::kChat) {
          return {Place::kChat, one.chat};
        } else {
          return {};
        }
      },
      body);
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
