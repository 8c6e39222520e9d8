// How a part of a name is found by a prefix of a term, the way that people type Korean.
//
// Terms come in two forms, both from the NFKC case-fold:
//   letters   Hangul syllables as their conjoining jamo (김 → U+1100 U+1175 U+11B7). A query that
//             ends amid a syllable is still a prefix: 기, 김ㅎ and 김혀 find 김현 as 김현 does.
//   initials  each syllable as its initial, a compatibility jamo: ㄱㅎ, "kim ㅎㅅ".
// A query takes the initials when it holds an initial without its vowel, unless that is its last
// letter and a syllable comes before; so 김ㅎㅅ and ㄱ현 are looked up as ㄱㅎㅅ and ㄱㅎ.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "text/name.hpp"
#include "text/text.hpp"
#include "text/utf8.hpp"

namespace maru::text {
namespace {

// Conjoining jamo of modern Hangul (Unicode, section 3.12).
constexpr char32_t kInitialFirst = 0x1100;
constexpr char32_t kInitialLast = 0x1112;
constexpr char32_t kVowelFirst = 0x1161;
constexpr char32_t kVowelLast = 0x1175;
constexpr char32_t kFinalFirst = 0x11A8;
constexpr char32_t kFinalLast = 0x11C2;
constexpr char32_t kSyllableFirst = 0xAC00;
constexpr char32_t kSyllableLast = 0xD7A3;
constexpr char32_t kVowelCount = 21;
constexpr char32_t kFinalCount = 28;  // with none
constexpr char32_t kCompatibilityFirst = 0x3131;
constexpr char32_t kCompatibilityVowelFirst = 0x314F;
constexpr char32_t kCompatibilityVowelLast = 0x3163;
constexpr char32_t kHalfwidthFirst = 0xFFA1;
constexpr char32_t kHalfwidthLast = 0xFFDC;

// The initial at U+1100 + i as a compatibility jamo.
constexpr std::u32string_view kInitials = U"ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
// The final at U+11A8 + i as a compatibility jamo.
constexpr std::u32string_view kFinals = U"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ";
// Clusters that begin no syllable: a keyboard makes them of two initials typed in a row.
constexpr std::u32string_view kClusters = U"ㄳㄵㄶㄺㄻㄼㄽㄾㄿㅀㅄ";
constexpr std::u32string_view kClusterParts = U"ㄱㅅㄴㅈㄴㅎㄹㄱㄹㅁㄹㅂㄹㅅㄹㅌㄹㅍㄹㅎㅂㅅ";

// A folded name is longer than the name where NFKC spells a ligature out.
constexpr std::size_t kLettersMax = 192;
constexpr std::size_t kTermsPerFormMax = limits::kUserNameCodePointsMax;
constexpr std::size_t kQueryBytesMax = 1024;

bool is_initial(char32_t c) {
  return c >= kInitialFirst && c <= kInitialLast;
}
bool is_vowel(char32_t c) {
  return c >= kVowelFirst && c <= kVowelLast;
}
bool is_final(char32_t c) {
  return c >= kFinalFirst && c <= kFinalLast;
}

using Letters = std::vector<char32_t>;

// `jamo` is a modern consonant or vowel of the compatibility block.
void append_compatibility_jamo(Letters& letters, char32_t jamo) {
  if (jamo >= kCompatibilityVowelFirst) {
    letters.push_back(kVowelFirst + (jamo - kCompatibilityVowelFirst));
    return;
  }
  if (const auto cluster = kClusters.find(jamo); cluster != std::u32string_view::npos) {
    append_compatibility_jamo(letters, kClusterParts[2 * cluster]);
    append_compatibility_jamo(letters, kClusterParts[2 * cluster + 1]);
    return;
  }
  letters.push_back(kInitialFirst + static_cast<char32_t>(kInitials.find(jamo)));
}

// The modern compatibility jamo that `c` is or is the halfwidth form of; else 0.
char32_t compatibility_jamo(char32_t c) {
  if (c >= kCompatibilityFirst && c <= kCompatibilityVowelLast) return c;
  if (c < kHalfwidthFirst || c > kHalfwidthLast) return 0;
  // Consonants without a gap, then the vowels in rows of six, two code points apart.
  if (c <= 0xFFBE) return kCompatibilityFirst + (c - kHalfwidthFirst);
  const char32_t row = (c - 0xFFC2) / 8;
  const char32_t column = (c - 0xFFC2) % 8;
  return c < 0xFFC2 || column >= 6 ? 0 : kCompatibilityVowelFirst + row * 6 + column;
}

// `folded` is composed: a final stands alone.
void append_folded(Letters& letters, std::string_view folded) {
  for (std::size_t at = 0; at < folded.size();) {
    const char32_t c = utf8::decode(folded, at);
    if (c >= kSyllableFirst && c <= kSyllableLast) {
      const char32_t index = c - kSyllableFirst;
      letters.push_back(kInitialFirst + index / (kVowelCount * kFinalCount));
      letters.push_back(kVowelFirst + index / kFinalCount % kVowelCount);
      if (index % kFinalCount != 0) letters.push_back(kFinalFirst - 1 + index % kFinalCount);
    } else if (is_final(c)) {
      append_compatibility_jamo(letters, kFinals[c - kFinalFirst]);
    } else {
      letters.push_back(c);
    }
  }
}

// `name` is clean. Jamo that stand alone are kept from the fold, which would join ㄳ to the
// syllable before it.
Letters to_letters(std::string_view name) {
  Letters letters;
  std::string rest;
  const auto flush = [&] {
    append_folded(letters, fold_name(rest));
    rest.clear();
  };
  for (std::size_t at = 0; at < name.size();) {
    const char32_t c = utf8::decode(name, at);
    if (const char32_t jamo = compatibility_jamo(c)) {
      flush();
      append_compatibility_jamo(letters, jamo);
    } else {
      utf8::append(rest, c);
    }
  }
  flush();
  if (letters.size() > kLettersMax) letters.resize(kLettersMax);
  return letters;
}

bool is_inside_syllable(const Letters& letters, std::size_t i) {
  return is_final(letters[i]) || (i > 0 && is_vowel(letters[i]) && is_initial(letters[i - 1]));
}

bool is_lone_initial(const Letters& letters, std::size_t i) {
  return is_initial(letters[i]) && (i + 1 == letters.size() || !is_vowel(letters[i + 1]));
}

std::string letters_form(const Letters& letters, std::size_t first) {
  std::string out;
  for (std::size_t i = first; i < letters.size(); ++i) utf8::append(out, letters[i]);
  return out;
}

std::string initials_form(const Letters& letters, std::size_t first) {
  std::string out;
  for (std::size_t i = first; i < letters.size(); ++i) {
    if (is_inside_syllable(letters, i)) continue;
    const char32_t c = letters[i];
    if (is_initial(c)) {
      utf8::append(out, kInitials[c - kInitialFirst]);
    } else {
      utf8::append(out, is_vowel(c) ? kCompatibilityVowelFirst + (c - kVowelFirst) : c);
    }
  }
  return out;
}

bool wants_initials(const Letters& query) {
  std::size_t lone = 0;
  bool has_vowel = false;
  for (std::size_t i = 0; i < query.size(); ++i) {
    lone += is_lone_initial(query, i) ? 1 : 0;
    has_vowel |= is_vowel(query[i]);
  }
  if (lone == 0) return false;
  const bool only_the_last = lone == 1 && is_lone_initial(query, query.size() - 1);
  return !(only_the_last && has_vowel);
}

}  // namespace

std::vector<std::string> name_search_terms(std::string_view name) {
  const Letters letters = to_letters(name);
  const bool has_hangul = std::ranges::any_of(letters, is_initial);
  std::vector<std::string> terms;
  std::size_t starts = 0;
  for (std::size_t i = 0; i < letters.size() && starts < kTermsPerFormMax; ++i) {
    if (is_inside_syllable(letters, i) || letters[i] == ' ') continue;  // queries are trimmed
    ++starts;
    terms.push_back(letters_form(letters, i));
    if (has_hangul) terms.push_back(initials_form(letters, i));
  }
  std::ranges::sort(terms);
  terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
  return terms;
}

std::string name_search_query(std::string_view raw) {
  if (raw.size() > kQueryBytesMax || !is_valid_utf8(raw)) return {};
  const std::string query = with_single_spaces(to_nfc(raw));
  if (has_character_refused_in_names(query)) return {};
  Letters letters = to_letters(query);
  // The fold makes a space of some characters, and no term begins with one.
  letters.erase(letters.begin(),
                std::ranges::find_if(letters, [](char32_t c) { return c != ' '; }));
  return wants_initials(letters) ? initials_form(letters, 0) : letters_form(letters, 0);
}

}  // namespace maru::text
