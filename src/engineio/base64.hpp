// Base64 (RFC 4648): the standard alphabet for binary messages in a polling payload, the URL-safe
// one for ids. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace maru::engineio {

// Appends the standard form, padded.
void append_base64(std::string& out, std::string_view bytes);
// Appends the URL-safe form, not padded.
void append_base64url(std::string& out, std::string_view bytes);

// Appends what `text` stands for. Padding may be absent, and ends of lines may stand anywhere (RFC
// 2045): the stock client of Java and Android has one after 76 characters and at the end. False,
// with `out` as it was, on any other character, a length that no encoder makes, or bits left over.
[[nodiscard]] bool append_decoded_base64(std::string& out, std::string_view text);
// The same for the URL-safe form, which has no padding, into exactly `size` bytes.
[[nodiscard]] bool decode_base64url(std::string_view text, std::uint8_t* out, std::size_t size);

}  // namespace maru::engineio
