#include "storage/sqlite/body_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace maru::sqlite {
namespace {

using chat::MemberJoined;
using chat::MemberLeft;
using ::testing::ElementsAre;

constexpr int kJoinKind = chat::stored_kind<MemberJoined>();
constexpr int kLeaveKind = chat::stored_kind<MemberLeft>();

std::string encode(const chat::RecordBody& body) {
  return encode_body(body, ref_of_stand_in);
}
template <class Body>
Body decode(int kind, std::string_view stored) {
  return std::get<Body>(decode_body(kind, stored, stand_in));
}

TEST(BodyCodec, NumbersComeBack) {
  for (const std::uint64_t number :
       {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, std::uint64_t{300},
        std::uint64_t{1} << 40, std::numeric_limits<std::uint64_t>::max()}) {
    std::string stored;
    append_number(stored, number);
    stored += "rest";
    std::string_view in = stored;
    EXPECT_EQ(take_number(in), number);
    EXPECT_EQ(in, "rest");
  }
}

TEST(BodyCodec, ANumberWithoutAnEndIsDamage) {
  for (const std::string& bad : {std::string(), std::string("\x80"), std::string(11, '\xFF')}) {
    std::string_view in = bad;
    EXPECT_THROW((void)take_number(in), SqliteError) << bad.size();
  }
}

TEST(BodyCodec, AJoinComesBack) {
  const MemberJoined body{{stand_in(1'000'000), stand_in(7), false, 100}, chat::Role::kAdmin};
  const auto back = decode<MemberJoined>(kJoinKind, encode(body));
  EXPECT_EQ(back.subject, body.subject);
  EXPECT_EQ(back.owner, body.owner);
  EXPECT_EQ(back.archived, false);
  EXPECT_EQ(back.member_count, 100u);
  EXPECT_EQ(back.role, chat::Role::kAdmin);
}

TEST(BodyCodec, ALeaveComesBack) {
  const auto followed = decode<MemberLeft>(
      kLeaveKind, encode(MemberLeft{{stand_in(1), stand_in(2), false, 1}, stand_in(2)}));
  EXPECT_EQ(followed.subject, stand_in(1));
  EXPECT_EQ(followed.owner, stand_in(2));
  EXPECT_EQ(followed.promoted, stand_in(2));
  const auto last =
      decode<MemberLeft>(kLeaveKind, encode(MemberLeft{{stand_in(1), {}, true, 0}, {}}));
  EXPECT_TRUE(last.archived);
  EXPECT_FALSE(last.owner || last.promoted);
}

// What a version writes is read by all later ones.
TEST(BodyCodec, TheFormatStays) {
  EXPECT_EQ(encode(MemberJoined{{stand_in(300), stand_in(5), false, 3}, chat::Role::kMember}),
            std::string("\x02\xAC\x02\x05\x03\x00", 6));
  EXPECT_EQ(encode(MemberLeft{{stand_in(1), {}, true, 0}, {}}), std::string("\x01\x01\x00", 3));
  EXPECT_EQ(encode(MemberLeft{{stand_in(1), stand_in(2), false, 4}, stand_in(2)}),
            std::string("\x06\x01\x02\x04\x02", 5));
}

TEST(BodyCodec, RefusesWhatIsNone) {
  const std::string whole = encode(MemberLeft{{stand_in(1), stand_in(2), false, 4}, stand_in(2)});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW((void)decode_body(kLeaveKind, whole.substr(0, size), stand_in), SqliteError);
  }
  EXPECT_THROW((void)decode_body(99, whole, stand_in), SqliteError);
  EXPECT_THROW((void)decode_body(kJoinKind, std::string("\x00\x01\x01\x07", 4), stand_in),
               SqliteError);
}

TEST(BodyCodec, FirstMembersComeBack) {
  std::vector<chat::Member> members(3);
  members[0] = {.user = stand_in(9), .role = chat::Role::kOwner};
  members[1] = {.user = stand_in(70'000), .entry = chat::Entry::kPutIn, .accepted = false};
  members[2] = {.user = stand_in(1), .entry = chat::Entry::kOpenedToMe};
  const auto back = decode_members(encode_members(members, ref_of_stand_in), stand_in);
  ASSERT_EQ(back.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(back[i].user, members[i].user);
    EXPECT_EQ(back[i].role, members[i].role);
    EXPECT_EQ(back[i].entry, members[i].entry);
    EXPECT_EQ(back[i].accepted, members[i].accepted);
    EXPECT_EQ(back[i].joined_at.value, 0u);
  }
  EXPECT_TRUE(decode_members("", stand_in).empty());
  EXPECT_THROW((void)decode_members("\x05", stand_in), SqliteError);
  EXPECT_THROW((void)decode_members("\x05\x03", stand_in), SqliteError);  // no such role
  EXPECT_THROW((void)decode_members("\x05\x0C", stand_in), SqliteError);  // no such entry
}

}  // namespace
}  // namespace maru::sqlite
