#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "text/text.hpp"

namespace maru::text {
namespace {

using std::string_view_literals::operator""sv;

std::string repeat(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

void expect_refused(const Result<std::string>& name, ErrorCode code, std::string_view field,
                    std::string_view rule) {
  ASSERT_FALSE(name) << *name;
  EXPECT_EQ(name.error().code, code);
  ASSERT_EQ(name.error().fields.size(), 1U);
  EXPECT_EQ(name.error().fields[0].field, field);
  EXPECT_EQ(name.error().fields[0].code, rule);
}

void expect_user_name_refused(std::string_view raw, std::string_view rule) {
  SCOPED_TRACE(raw);
  expect_refused(clean_user_name(raw), ErrorCode::kValidationFailed, "userName", rule);
}

TEST(UserName, BoundsCodePoints) {
  for (const std::string_view c : {"a"sv, "é"sv, "김"sv, "😀"sv}) {
    for (const std::size_t count : {1U, 2U, 29U, 30U}) {
      EXPECT_EQ(clean_user_name(repeat(c, count)), repeat(c, count));
    }
    expect_user_name_refused(repeat(c, 31), "too_long");
    expect_user_name_refused(repeat(c, 5000), "too_long");
  }
  expect_user_name_refused("", "required");
  const auto refused = clean_user_name(repeat("김", 31));
  EXPECT_EQ(refused.error().fields[0].limit, 30);
  EXPECT_EQ(refused.error().fields[0].actual, 31);
  EXPECT_EQ(clean_user_name(repeat("\u1100\u1175\u11b7", 30)), repeat("김", 30));
  expect_user_name_refused(repeat("\u1100\u1175\u11b7", 31), "too_long");
  EXPECT_EQ(clean_user_name("  " + repeat("김", 30) + "  "), repeat("김", 30));
}

TEST(UserName, TrimsAndJoinsSpaces) {
  EXPECT_EQ(clean_user_name("  kim  "), "kim");
  EXPECT_EQ(clean_user_name("\t\nkim\r\n"), "kim");
  EXPECT_EQ(clean_user_name("\u3000김\u00a0\u3000 현\u2003"), "김 현");
  EXPECT_EQ(clean_user_name("a b c"), "a b c");
  EXPECT_EQ(clean_user_name("a   b"), "a b");
  for (const std::string_view blank : {" "sv, "\n"sv, "\u3000\u2028 "sv}) {
    expect_user_name_refused(blank, "required");
  }
}

TEST(UserName, RefusesWhatHidesOrControls) {
  for (const std::string_view bad :
       {"\0"sv,         "\x01"sv,       "\x1b"sv,         "\x7f"sv,    "\u0085"sv, "\u009f"sv,
        "\u00ad"sv,     "\u061c"sv,     "\u200b"sv,       "\u200e"sv,  "\u200f"sv, "\u2028"sv,
        "\u2029"sv,     "\u202a"sv,     "\u202e"sv,       "\u2060"sv,  "\u2066"sv, "\u2069"sv,
        "\ufeff"sv,     "\ufff9"sv,     "\u115f"sv,       "\u1160"sv,  "\u3164"sv, "\uffa0"sv,
        "\U000E0041"sv, "\U000E0001"sv, "\n"sv,           "\t"sv,      "\ufdd0"sv, "\uffff"sv,
        "\U0010FFFE"sv, "\x80"sv,       "\xED\xA0\x80"sv, "\xC0\x80"sv}) {
    const std::string inside = "김" + std::string(bad) + "현";
    expect_user_name_refused(inside, "format");
    expect_refused(clean_chat_name(inside), ErrorCode::kValidationFailed, "chatName", "format");
  }
  expect_user_name_refused("👨‍👩‍👧",
                           "format");  // joined by U+200D; ChatName.TakesJoiners
  expect_user_name_refused("\u202eadmin", "format");
}

TEST(UserName, RefusesWhatNobodySees) {
  for (const std::string_view bad :
       {"\u200c"sv, "\u200d"sv, "\u2800"sv, "\U0001D159"sv, "\ufffc"sv, "\u034f"sv, "\u17b4"sv,
        "\u2065"sv, "\ufff0"sv, "\U000E0020"sv, "\U000E0FFF"sv, "\ufe0f\ufe0f"sv, " \ufe0f"sv}) {
    expect_user_name_refused("시스" + std::string(bad) + "텐", "format");
    expect_user_name_refused("시스템" + std::string(bad), "format");
    expect_user_name_refused(bad, "format");
  }
  for (const std::string_view meaningless :
       {"\ue000"sv, "\uf8ff"sv, "\U000F0000"sv, "\U0010FFFD"sv, "\u0378"sv, "\U0001FFFD"sv}) {
    expect_user_name_refused("x" + std::string(meaningless), "format");
  }
}

TEST(UserName, NeedsSomethingToSee) {
  for (const std::string_view bad : {"\ufe0f"sv, "\u180b"sv, "\U000E0100"sv, "\u0301"sv,
                                     "\u0301\u0302"sv, "\u302e"sv, "\u0903 \u0489"sv}) {
    expect_user_name_refused(bad, "format");
  }
  // A variation selector is part of what it follows: an emoji, a Mongolian letter, a kanji's form.
  for (const std::string_view seen : {"❤\ufe0f"sv, "x\u180b"sv, "葛\U000E0100城"sv, "x\u0301"sv}) {
    EXPECT_EQ(clean_user_name(seen), to_nfc(seen));
  }
}

TEST(UserName, TakesNamesOfTheWorld) {
  for (const std::string_view name :
       {"김현수"sv, "Kim 현수"sv, "ㅋㅋ"sv, "O'Neil"sv, "José"sv, "Ольга"sv, "山田太郎"sv, "محمد"sv,
        "❤️"sv, "🇰🇷"sv, "👋🏽"sv, "a$b.c"sv, "<b>"sv, "12345"sv, "(a+)+$"sv, "\u2c9b"sv}) {
    EXPECT_EQ(clean_user_name(name), name);
  }
  EXPECT_EQ(clean_user_name("Jose\u0301"), "Jos\u00e9");
}

TEST(UserName, ReservesNamesInEveryForm) {
  for (const std::string_view name : {"system"sv,
                                      "SYSTEM"sv,
                                      "SyStEm"sv,
                                      " system "sv,
                                      "시스템"sv,
                                      "\u1109\u1175\u1109\u1173\u1110\u1166\u11b7"sv,
                                      "admin"sv,
                                      "ＡＤＭＩＮ"sv,
                                      "ａｄｍｉｎ"sv,
                                      "ⓐⓓⓜⓘⓝ"sv,
                                      "𝐚𝐝𝐦𝐢𝐧"sv,
                                      "탈퇴한 사용자"sv,
                                      " 탈퇴한  사용자"sv,
                                      "maru"sv,
                                      "Maru"sv,
                                      "ＭＡＲＵ"sv,
                                      "sy\ufe0fstem"sv,
                                      "ſyſtem"sv,
                                      "\uff2d\U0001D41A\u24e1\u1d58"sv,
                                      "ѕystem"sv,        // Cyrillic U+0455
                                      "ЅУЅТЕМ"sv,        // all of it Cyrillic
                                      "аdmin"sv,         // Cyrillic U+0430
                                      "adm\u0131n"sv,    // a dotless i
                                      "rnaru"sv,         // r and n for an m
                                      "시스템\u302e"sv,  // a tone mark of old Hangul
                                      "시스템\u0301"sv,  // an accent
                                      "시스테ㅁ"sv,      // a letter that stands alone
                                      "ádmin"sv}) {
    SCOPED_TRACE(name);
    expect_refused(clean_user_name(name), ErrorCode::kNameTaken, "userName", "reserved");
    EXPECT_TRUE(clean_chat_name(name));
  }
  for (const std::string_view name :
       {"systems"sv, "sys tem"sv, "마루"sv, "시스템즈"sv, "administrator"sv, "시스탬"sv, "mara"sv,
        "marú2"sv, "김민수"sv, "амин"sv}) {
    EXPECT_TRUE(clean_user_name(name)) << name;
  }
}

TEST(ChatName, BoundsCodePoints) {
  for (const std::string_view c : {"a"sv, "é"sv, "방"sv, "😀"sv}) {
    for (const std::size_t count : {1U, 99U, 100U}) {
      EXPECT_EQ(clean_chat_name(repeat(c, count)), repeat(c, count));
    }
    expect_refused(clean_chat_name(repeat(c, 101)), ErrorCode::kValidationFailed, "chatName",
                   "too_long");
  }
  expect_refused(clean_chat_name(""), ErrorCode::kValidationFailed, "chatName", "required");
  expect_refused(clean_chat_name(" "), ErrorCode::kValidationFailed, "chatName", "required");
  expect_refused(clean_chat_name("\u034f"), ErrorCode::kValidationFailed, "chatName", "format");
  EXPECT_EQ(clean_chat_name("김현, Kim"), "김현, Kim");
}

TEST(ChatName, TakesJoiners) {
  for (const std::string_view name :
       {"👨\u200d👩\u200d👧 우리 가족"sv, "می\u200cخواهم"sv, "क्\u200dष"sv}) {
    EXPECT_EQ(clean_chat_name(name), name);
  }
  for (const std::string_view blank : {"\u200d"sv, "\u200c\u200d"sv, " \u200d "sv, "\u2800"sv,
                                       "\u2800 \ufe0f"sv, "\U0001D159"sv}) {
    SCOPED_TRACE(blank);
    expect_refused(clean_chat_name(blank), ErrorCode::kValidationFailed, "chatName", "format");
  }
  // Of a newer Unicode than this one's, or of a font of their own: harmless where nobody is named.
  EXPECT_TRUE(clean_chat_name("\U0001FAE9\ue000"));
}

// Names that were given under older rules are still found; no name ever was what has a control.
TEST(GivenUserName, KeepsWhatIsRefusedToday) {
  for (const std::string_view name :
       {"аdmin"sv, "시스템\u2800"sv, "\ue000"sv, "\u0301"sv, "x\u034f"sv}) {
    EXPECT_FALSE(clean_user_name(name)) << name;
    EXPECT_EQ(given_user_name(name), name);
    EXPECT_FALSE(name_search_query(name).empty() && fold_name(name) == name) << name;
  }
  for (const std::string& never : {std::string(), std::string(" "), repeat("a", 31),
                                   std::string("a\u200bb"), std::string("\xff")}) {
    EXPECT_EQ(given_user_name(never), "");
  }
}

TEST(FoldName, MakesEqualNamesEqual) {
  for (const auto& [one, other] :
       {std::pair{"Kim"sv, "kim"sv}, std::pair{"ＫＩＭ"sv, "kim"sv},
        std::pair{"Straße"sv, "STRASSE"sv}, std::pair{"Σίσυφος"sv, "ΣΊΣΥΦΟΣ"sv},
        std::pair{"ﾊﾞ"sv, "バ"sv}, std::pair{"①"sv, "1"sv}, std::pair{"가"sv, "\u1100\u1161"sv},
        std::pair{"❤️"sv, "❤"sv}, std::pair{"㎏"sv, "kg"sv}, std::pair{"\u212a"sv, "K"sv},
        std::pair{"É"sv, "e\u0301"sv}}) {
    EXPECT_EQ(fold_name(one), fold_name(other)) << one << " " << other;
  }
  for (const auto& [one, other] :
       {std::pair{"a"sv, "а"sv}, std::pair{"김"sv, "킴"sv}, std::pair{"e"sv, "é"sv},
        std::pair{"a b"sv, "ab"sv}, std::pair{"i"sv, "ı"sv}}) {
    EXPECT_NE(fold_name(one), fold_name(other)) << one << " " << other;
  }
  EXPECT_EQ(fold_name(""), "");
  EXPECT_EQ(fold_name("AZ az @[`{ 09"), "az az @[`{ 09");
}

}  // namespace
}  // namespace maru::text
