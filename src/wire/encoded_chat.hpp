// A chat's document as JSON, kept for whoever joins next: with a hundred members it costs more to
// read and to write than all the rest of attaching. `updatedAt`, which every record moves, is not
// in it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "chat/lru_cache.hpp"
#include "chat/model.hpp"
#include "chat/ports/chat_reads.hpp"
#include "json/writer.hpp"

namespace maru::wire {

// Immutable; any thread.
class EncodedChat {
 public:
  // `last_effect` as the same snapshot says it.
  EncodedChat(const chat::ChatDocument& document, Sequence last_effect);

  // Whether it is what the snapshot of that header says of the chat.
  [[nodiscard]] bool is_of(const chat::ChatHeader& header) const {
    return chat_ == header.chat.id && last_effect_ == header.last_effect;
  }
  // As write_chat() with OwnerForm::kId.
  void write(json::Writer& out, WallTime updated_at) const;

  [[nodiscard]] const ChatId& chat() const { return chat_; }
  [[nodiscard]] Sequence last_effect() const { return last_effect_; }
  [[nodiscard]] std::size_t bytes() const { return sizeof *this + lasting_.capacity(); }

 private:
  ChatId chat_;
  Sequence last_effect_;
  std::string lasting_;
};
using EncodedChatPtr = std::shared_ptr<const EncodedChat>;

// The latest of each chat; what was not asked for the longest goes first. Who takes one asks
// is_of() of the snapshot that is answered from: a record that has changed the chat since makes it
// useless, never wrong. One thread.
class EncodedChats {
 public:
  explicit EncodedChats(std::size_t bytes_max = 4 * 1024 * 1024) : kept_(bytes_max) {}

  [[nodiscard]] EncodedChatPtr find(const ChatId& chat);  // or null
  // An older one than is kept is dropped, and so is one that is larger than all that may be kept.
  void keep(const EncodedChatPtr& encoded);

 private:
  chat::LruCache<ChatId, EncodedChatPtr> kept_;
};

}  // namespace maru::wire
