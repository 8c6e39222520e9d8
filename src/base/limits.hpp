// Every bound that clients can meet, in one place. Each says where it comes from.
#pragma once

#include <cstddef>
#include <cstdint>

namespace maru::limits {

// Text (product.md C2, C3).
inline constexpr std::size_t kMessageRawBytesMax = 16 * 1024;
inline constexpr std::size_t kMessageCodePointsMax = 1000;
inline constexpr std::size_t kUserNameCodePointsMax = 30;
inline constexpr std::size_t kChatNameCodePointsMax = 100;
inline constexpr std::size_t kClientMsgIdBytesMax = 64;
inline constexpr std::size_t kPasswordCodePointsMin = 8;  // quality.md 1, row 6
inline constexpr std::size_t kPasswordCodePointsMax = 128;

// Chats (product.md C1 and section 2).
inline constexpr std::size_t kGroupMembersMax = 100;
// What a user makes, joins or opens; what others put one in has bounds of its own, so that nobody
// can use these up for somebody else.
inline constexpr std::size_t kChatsPerUserMax = 1000;
inline constexpr std::size_t kGroupsPutInMax = 4000;         // groups that others made with one
inline constexpr std::size_t kPersonalChatsToOneMax = 5000;  // 1:1s that others opened with one
inline constexpr std::size_t kChatsOfUserMax =
    kChatsPerUserMax + kGroupsPutInMax + kPersonalChatsToOneMax;
inline constexpr std::size_t kSessionsPerUserMax = 100;

// Reading (product.md section 2).
inline constexpr std::size_t kHistoryPageMax = 1000;
inline constexpr std::size_t kHistoryPageBytesMax = 1024 * 1024;  // of JSON
inline constexpr std::size_t kPageLimitMax = 100;
inline constexpr std::size_t kGroupListMax = 200;  // GET /chats/group/:userId, without pages
inline constexpr std::size_t kOnlineUsersMax = 200;
inline constexpr std::size_t kUserSearchMax = 50;
inline constexpr std::size_t kWatchedUsersMax = 200;
inline constexpr std::size_t kSyncChatsMax = 200;
inline constexpr std::size_t kSyncEventsPerChatMax = 100;
inline constexpr std::size_t kSyncAnswerBytesMax = 256 * 1024;
inline constexpr std::uint64_t kSyncBehindMax = 1000;

// Wire (protocol.md, quality.md 1).
inline constexpr std::size_t kMaxPayloadBytes = 64 * 1024;  // polling body, WebSocket message
inline constexpr std::size_t kBinaryAttachmentsMax = 10;
inline constexpr std::size_t kHttpHeadBytesMax = 16 * 1024;
inline constexpr std::size_t kHttpFieldsMax = 64;
inline constexpr std::size_t kJsonDepthMax = 16;
// A sync may name kChatsPerUserMax chats, with as much again for what surrounds them.
inline constexpr std::size_t kJsonNodesMax = 2100;
inline constexpr std::size_t kWebSocketFragmentsMax = 16;

}  // namespace maru::limits
