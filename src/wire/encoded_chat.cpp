#include "wire/encoded_chat.hpp"

#include "wire/documents.hpp"

namespace maru::wire {

EncodedChat::EncodedChat(const chat::ChatDocument& document, Sequence last_effect)
    : chat_(document.chat.id), last_effect_(last_effect) {
  constexpr std::size_t kIdBytes = 27;  // with its quotes and comma
  lasting_.reserve(document.members.size() * kIdBytes + document.chat.name.size() + 384);
  json::Writer out(lasting_);
  write_lasting_of_chat(out, document, OwnerForm::kId);
}

void EncodedChat::write(json::Writer& out, WallTime updated_at) const {
  out.raw(lasting_);
  write_rest_of_chat(out, updated_at);
}

EncodedChatPtr EncodedChats::find(const ChatId& chat) {
  const EncodedChatPtr* found = kept_.find(chat);
  return found ? *found : nullptr;
}

void EncodedChats::keep(const EncodedChatPtr& encoded) {
  if (const EncodedChatPtr* known = kept_.find(encoded->chat())) {
    if ((*known)->last_effect() >= encoded->last_effect()) return;
    kept_.erase(encoded->chat());
  }
  kept_.insert(encoded->chat(), encoded, encoded->bytes());
  kept_.trim();
}

}  // namespace maru::wire
