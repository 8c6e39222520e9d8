#include "wire/encoded_chat.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "storage/testing/documents.hpp"
#include "wire/documents.hpp"

namespace maru::wire {
namespace {

using storage_testing::make_id;

chat::ChatDocument group(std::uint32_t number, std::uint32_t members) {
  chat::ChatDocument document;
  document.chat.id = make_id<ChatId>(number);
  document.chat.number = {number};
  document.chat.name = "마루 \"방\"";
  document.chat.owner = make_id<UserId>(1);
  document.chat.created_at = {1'700'000'000'123};
  document.chat.updated_at = {1'700'000'001'000};
  for (std::uint32_t user = 1; user <= members; ++user) {
    document.members.push_back({.user = make_id<UserId>(user), .user_name = "name"});
  }
  return document;
}

EncodedChatPtr encode(const chat::ChatDocument& document, std::uint64_t last_effect) {
  return std::make_shared<const EncodedChat>(document, Sequence{last_effect});
}

chat::ChatHeader header_of(const chat::ChatDocument& document, std::uint64_t last_effect) {
  return {document.chat, document.head, {last_effect}};
}

TEST(EncodedChat, IsWrittenAsTheDocumentIs) {
  chat::ChatDocument document = group(1, 3);
  const EncodedChat encoded(document, {});
  for (const std::int64_t ms : {1'700'000'001'000, 1'800'000'000'001}) {
    document.chat.updated_at = {ms};
    std::string told;
    json::Writer telling(told);
    telling.begin_object().key("chat");
    encoded.write(telling, document.chat.updated_at);
    telling.key("sequence").integer(std::int64_t{7}).end_object();
    std::string written;
    json::Writer writing(written);
    writing.begin_object().key("chat");
    write_chat(writing, document, OwnerForm::kId);
    writing.key("sequence").integer(std::int64_t{7}).end_object();
    EXPECT_EQ(told, written);
  }
}

TEST(EncodedChat, IsOfTheChatAndTheEffectThatItWasMadeOf) {
  const chat::ChatDocument document = group(1, 3);
  const EncodedChatPtr encoded = encode(document, 5);
  EXPECT_TRUE(encoded->is_of(header_of(document, 5)));
  EXPECT_FALSE(encoded->is_of(header_of(document, 6)));
  EXPECT_FALSE(encoded->is_of(header_of(document, 4)));
  EXPECT_FALSE(encoded->is_of(header_of(group(2, 3), 5)));
}

TEST(EncodedChats, KeepTheLatestOfEachChat) {
  EncodedChats chats;
  EXPECT_EQ(chats.find(make_id<ChatId>(1)), nullptr);
  const EncodedChatPtr first = encode(group(1, 3), 5);
  const EncodedChatPtr later = encode(group(1, 4), 6);
  chats.keep(first);
  EXPECT_EQ(chats.find(make_id<ChatId>(1)), first);
  chats.keep(later);
  EXPECT_EQ(chats.find(make_id<ChatId>(1)), later);
  chats.keep(first);
  EXPECT_EQ(chats.find(make_id<ChatId>(1)), later);
  EXPECT_EQ(chats.find(make_id<ChatId>(2)), nullptr);
}

TEST(EncodedChats, AreBoundedInBytes) {
  const std::size_t each = encode(group(1, 100), 0)->bytes();
  EncodedChats chats(3 * each);
  for (std::uint32_t number = 1; number <= 3; ++number) chats.keep(encode(group(number, 100), 0));
  EXPECT_NE(chats.find(make_id<ChatId>(1)), nullptr);  // now 2 is the one that waits the longest
  chats.keep(encode(group(4, 100), 0));
  EXPECT_NE(chats.find(make_id<ChatId>(1)), nullptr);
  EXPECT_EQ(chats.find(make_id<ChatId>(2)), nullptr);
  EXPECT_NE(chats.find(make_id<ChatId>(3)), nullptr);
  EXPECT_NE(chats.find(make_id<ChatId>(4)), nullptr);
}

TEST(EncodedChats, WhatIsLargerThanAllThatMayBeKeptIsNot) {
  EncodedChats chats(100);
  chats.keep(encode(group(1, 100), 0));
  EXPECT_EQ(chats.find(make_id<ChatId>(1)), nullptr);
}

}  // namespace
}  // namespace maru::wire
