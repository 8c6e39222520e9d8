// The passwords that are tried first: rest/common_passwords.txt, part of the program. It holds the
// 3,000 most common ones of at least eight characters of each of two published rankings (leaks of
// the 2000s and of the 2010s), 4,831 in all, in lower case, sorted bytewise, each line ended by LF.
// Words that many people chose are facts; nothing but the words was taken from there.
#pragma once

#include <string_view>

namespace maru::gateway::rest {
std::string_view common_passwords();
}  // namespace maru::gateway::rest
