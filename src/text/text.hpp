// Unicode as the product needs it (product.md C2, C3 and "Names"), through ICU, which only this
// folder's .cpp files include. Pure functions, any thread, no global state to set up.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace maru::text {

// Valid UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_valid_utf8(std::string_view bytes);
[[nodiscard]] std::size_t count_code_points(std::string_view utf8);
[[nodiscard]] std::string to_nfc(std::string_view utf8);
// Only what nobody sees: White_Space, default-ignorable code points (U+3164 is one), U+2800 and
// U+1D159; the empty text is blank.
[[nodiscard]] bool is_blank(std::string_view utf8);

// A message text as it is stored: raw bytes ≤ 16 KiB, CRLF and CR → LF, NFC, 1–1,000 code points.
// Errors: kMessageTooLong (with limit and actual in fields, "content"), kMessageBlank, kNotText
// (invalid UTF-8, a control character other than \n and \t, a noncharacter is allowed).
[[nodiscard]] Result<std::string> clean_message(std::string_view raw);

// A user's name: NFC, trimmed, 1–30 code points, single inner spaces: a run of any space separators
// becomes one U+0020. Letters, digits, marks, punctuation and symbols that are seen: no control,
// format, filler, blank (U+2800), private-use, unassigned or object character, no default-ignorable
// one but a variation selector after what it varies, and more than marks.
// Errors: kValidationFailed (field userName), kNameTaken for a reserved name.
[[nodiscard]] Result<std::string> clean_user_name(std::string_view raw);
// For asking who has a name that was given under older rules: the same form, but without the rules
// of what is given today. Empty for what no name ever was.
[[nodiscard]] std::string given_user_name(std::string_view raw);
// 1–100 code points; no control, format or filler characters but ZWJ and ZWNJ (emoji families,
// Persian), something to see; no reserved names. Errors: kValidationFailed (chatName).
[[nodiscard]] Result<std::string> clean_chat_name(std::string_view raw);

// What makes two names the same: NFKC case-fold of a clean name.
[[nodiscard]] std::string fold_name(std::string_view name);
// Whether a name looks like `system`, `시스템`, `admin`, `maru` or `탈퇴한 사용자`: compared by
// fold_name and by UTS #39's skeleton, without marks.
[[nodiscard]] bool is_reserved_name(std::string_view name);

// What the user-search index holds for a name: every suffix of its folded form (so that a part of
// the name is a prefix of a term), and every suffix with Hangul initials in place of syllables
// where it has Hangul ("김현" → "ㄱㅎ", "ㅎ"). Unique, sorted, ≤ 2 × 30 terms of ≤ 768 bytes;
// compare them as bytes. One query may be a prefix of several terms of a name.
[[nodiscard]] std::vector<std::string> name_search_terms(std::string_view name);
// The same normalisation for what a user typed; a prefix of a term when it matches. Initials of all
// blocks come as compatibility jamo (U+3131…), so that ㄱㅎ finds 김현; syllables come taken apart,
// so that 김ㅎ and 김혀 find it too, and 기 as well (name_search.cpp). Empty: nothing to search, as
// for invalid UTF-8 and for characters that no name holds.
[[nodiscard]] std::string name_search_query(std::string_view raw);

// 1–64 of A–Z a–z 0–9 _ - (product.md, "Idempotency").
[[nodiscard]] bool is_client_msg_id(std::string_view raw);

}  // namespace maru::text
