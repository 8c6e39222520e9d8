// UTF-8 well-formedness (RFC 3629): no overlong forms, no surrogates, nothing past U+10FFFF.
// Any thread; linear in the input.
#pragma once

#include <string_view>

namespace maru::net {

[[nodiscard]] bool is_valid_utf8(std::string_view text);

}  // namespace maru::net
