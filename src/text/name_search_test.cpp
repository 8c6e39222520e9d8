#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "text/text.hpp"

namespace maru::text {
namespace {

using std::string_view_literals::operator""sv;
using testing::Contains;
using testing::UnorderedElementsAre;

bool finds(std::string_view query, std::string_view name) {
  const std::string normal = name_search_query(query);
  const auto terms = name_search_terms(name);
  return !normal.empty() &&
         std::ranges::any_of(terms, [&](const auto& term) { return term.starts_with(normal); });
}

TEST(NameSearch, FindsEveryPartOfEveryName) {
  for (const std::string_view name :
       {"김현수"sv, "Kim 현수"sv, "ㅋㅋ철수"sv, "O'Neil"sv, "José"sv, "山田太郎"sv, "ﾊﾞﾅﾅ"sv,
        "x¨y"sv, "❤️a"sv, "㈜마루"sv, "갃밟핥"sv, "뷁"sv, "힣"sv, "가"sv, "a b c"sv, "ÅΩß"sv}) {
    const std::string clean = clean_user_name(name).value();
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i < clean.size(); ++i) {
      if ((clean[i] & 0xC0) != 0x80) starts.push_back(i);
    }
    starts.push_back(clean.size());
    for (std::size_t from = 0; from + 1 < starts.size(); ++from) {
      for (std::size_t to = from + 1; to < starts.size(); ++to) {
        const std::string part = clean.substr(starts[from], starts[to] - starts[from]);
        if (part == " " || part == "\ufe0f") continue;  // nothing by themselves
        // A half-width letter and its voicing mark fold into one letter.
        if (part.starts_with("\uff9e") || part.ends_with("\uff8a")) continue;
        EXPECT_TRUE(finds(part, name)) << part << " in " << name;
      }
    }
  }
}

TEST(NameSearch, FindsInitials) {
  for (const std::string_view query : {"ㄱ"sv, "ㄱㅎ"sv, "ㅎ"sv, "ㅎㅅ"sv, "ㄱㅎㅅ"sv, "ㅅ"sv,
                                       "\u1100\u1112"sv, "ﾡﾾ"sv, " ㄱㅎ "sv}) {
    EXPECT_TRUE(finds(query, "김현수")) << query;
  }
  for (const std::string_view query : {"ㄱㅅ"sv, "ㄴ"sv, "ㅅㅎ"sv, "ㄲ"sv, "ㄱㅎㅅㅅ"sv, "ㅁ"sv}) {
    EXPECT_FALSE(finds(query, "김현수")) << query;
  }
  EXPECT_TRUE(finds("ㅎㅅ", "Kim 현수"));
  EXPECT_TRUE(finds("kim ㅎㅅ", "Kim 현수"));
  EXPECT_TRUE(finds("kimㅎ", "Kim현수"));
  EXPECT_TRUE(finds("mㅎㅅ", "Kim현수"));
  EXPECT_TRUE(finds("ㅎㅅ9", "현수99"));
  EXPECT_TRUE(finds("ㅋ", "ㅋㅋ철수"));
  EXPECT_TRUE(finds("ㅋㅊ", "ㅋㅋ철수"));
  EXPECT_TRUE(finds("ㅋㅋㅊㅅ", "ㅋㅋ철수"));
  EXPECT_TRUE(finds("ㅋ철", "ㅋㅋ철수"));
  EXPECT_FALSE(finds("ㄱ", "Kim"));
}

TEST(NameSearch, TakesClustersApart) {
  // Typing ㄱ and ㅅ in a row gives ㄳ on a Korean keyboard.
  EXPECT_TRUE(finds("ㄳ", "강산"));
  EXPECT_TRUE(finds("ㅄ", "박수"));
  EXPECT_TRUE(finds("ㅀㄱ", "류하균"));
  EXPECT_TRUE(finds("\u11aa", "강산"));
  EXPECT_TRUE(finds("ﾣ", "강산"));
  EXPECT_FALSE(finds("ㄳ", "갃"));
  EXPECT_TRUE(finds("ㄲ", "까치"));
  EXPECT_FALSE(finds("ㄲ", "각가"));
}

TEST(NameSearch, FollowsTheKeyboardThroughAName) {
  for (const std::string_view query : {"ㄱ"sv, "기"sv, "김"sv, "김ㅎ"sv, "김혀"sv, "김현"sv,
                                       "김현ㅅ"sv, "김현수"sv, "현ㅅ"sv, "수"sv}) {
    EXPECT_TRUE(finds(query, "김현수")) << query;
  }
  for (const std::string_view query : {"김하"sv, "김ㅎㅏ"sv, "김ㄱ"sv, "기ㅎ"sv, "킴"sv}) {
    EXPECT_FALSE(finds(query, "김현수")) << query;
  }
  EXPECT_TRUE(finds("김ㅎㅅ", "김현수"));  // by initials
  EXPECT_TRUE(finds("ㄱ현", "김현수"));
  // A complete syllable is itself, not the start of another.
  EXPECT_FALSE(finds("김", "기민수"));
  EXPECT_TRUE(finds("가", "나각"));  // on the way to 각
  EXPECT_TRUE(finds("각", "나각"));
  EXPECT_FALSE(finds("각", "가가"));
}

TEST(NameSearch, IgnoresCaseWidthAndForm) {
  EXPECT_TRUE(finds("KIM", "kim"));
  EXPECT_TRUE(finds("ｋｉｍ", "Kim"));
  EXPECT_TRUE(finds("im", "KIM"));
  EXPECT_TRUE(finds("\u1100\u1175\u11b7", "김현"));
  EXPECT_TRUE(finds("김", "\u1100\u1175\u11b7\u1112"));
  EXPECT_TRUE(finds("strasse", "Straße"));
  EXPECT_TRUE(finds("a   b", "a b"));
  EXPECT_TRUE(finds("¨", "x¨y"));
}

TEST(NameSearch, GivesTermsAsTheHeaderSays) {
  EXPECT_THAT(name_search_terms("ab"), UnorderedElementsAre("ab", "b"));
  EXPECT_THAT(name_search_terms("aaa"), UnorderedElementsAre("aaa", "aa", "a"));
  EXPECT_THAT(name_search_terms("a b"), UnorderedElementsAre("a b", "b"));
  EXPECT_THAT(name_search_terms("김현"),
              UnorderedElementsAre("\u1100\u1175\u11b7\u1112\u1167\u11ab", "\u1112\u1167\u11ab",
                                   "ㄱㅎ", "ㅎ"));
  EXPECT_THAT(name_search_terms("Kim 현"), Contains("kim ㅎ"));
  EXPECT_TRUE(name_search_terms("").empty());
}

TEST(NameSearch, BoundsTerms) {
  for (const std::string_view c : {"a"sv, "김"sv, "값"sv, "ㄳ"sv, "\ufdfa"sv, "㈜"sv, "😀"sv}) {
    std::string name;
    for (int i = 0; i < 30; ++i) name += c;
    const auto terms = name_search_terms(name);
    EXPECT_LE(terms.size(), 60U);
    for (const auto& term : terms) EXPECT_LE(term.size(), 4 * 192U);
    for (std::size_t i = 1; i < terms.size(); ++i) EXPECT_LT(terms[i - 1], terms[i]);
  }
}

TEST(NameSearch, QueryIsEmptyWhenThereIsNothingToSearch) {
  for (const std::string_view raw : {""sv, " "sv, "\u3000\n"sv, "\xFF"sv, "\xED\xA0\x80"sv,
                                     "a\0b"sv, "\u200b"sv, "\u3164"sv, "a\x1b"sv, "\ufe0f"sv}) {
    EXPECT_EQ(name_search_query(raw), "") << raw;
  }
  EXPECT_EQ(name_search_query(std::string(2000, 'a')), "");
  EXPECT_EQ(name_search_query("ㄱㅎ"), "ㄱㅎ");
  EXPECT_EQ(name_search_query("%_*"), "%_*");
  EXPECT_FALSE(finds("%", "abc"));
}

}  // namespace
}  // namespace maru::text
