#include "engineio/base64.hpp"

#include <array>

namespace maru::engineio {
namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlSafe =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kInvalid = 0xFF;
constexpr std::uint8_t kEndOfLine = 0xFE;

using Values = std::array<std::uint8_t, 256>;

constexpr Values values_of(std::string_view alphabet) {
  Values values{};
  values.fill(kInvalid);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

constexpr Values with_lines(Values values) {
  values['\r'] = values['\n'] = kEndOfLine;
  return values;
}

constexpr Values kStandardValues = with_lines(values_of(kStandard));
constexpr Values kUrlSafeValues = values_of(kUrlSafe);

std::uint32_t byte_at(std::string_view bytes, std::size_t index) {
  return index < bytes.size() ? static_cast<std::uint8_t>(bytes[index]) : 0;
}

void append_encoded(std::string& out, std::string_view bytes, std::string_view alphabet,
                    bool padded) {
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group =
        byte_at(bytes, i) << 16 | byte_at(bytes, i + 1) << 8 | byte_at(bytes, i + 2);
    const std::size_t left = bytes.size() - i;
    out.push_back(alphabet[group >> 18]);
    out.push_back(alphabet[group >> 12 & 63]);
    if (left > 1) out.push_back(alphabet[group >> 6 & 63]);
    if (left > 2) out.push_back(alphabet[group & 63]);
    if (padded && left < 3) out.append(3 - left, '=');
  }
}

// `emit(byte)` for each byte; false on bad input, with some bytes emitted. `padding`: the number of
// `=` that stood behind the text.
template <class Emit>
bool decode(std::string_view text, std::size_t padding, const Values& values, Emit&& emit) {
  std::uint32_t bits = 0;
  int count = 0;
  std::size_t digits = 0;
  for (const char c : text) {
    const std::uint8_t value = values[static_cast<std::uint8_t>(c)];
    if (value == kEndOfLine) continue;
    if (value == kInvalid) return false;
    ++digits;
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      emit(static_cast<std::uint8_t>(bits >> count));
      bits &= (1U << count) - 1;
    }
  }
  const bool has_whole_length = padding == 0 ? digits % 4 != 1 : (digits + padding) % 4 == 0;
  return bits == 0 && has_whole_length;
}

std::size_t strip(std::string_view& text, std::string_view what, std::size_t count_max) {
  std::size_t count = 0;
  while (count < count_max && !text.empty() && what.find(text.back()) != std::string_view::npos) {
    text.remove_suffix(1);
    ++count;
  }
  return count;
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  append_encoded(out, bytes, kStandard, true);
}

void append_base64url(std::string& out, std::string_view bytes) {
  append_encoded(out, bytes, kUrlSafe, false);
}

bool append_decoded_base64(std::string& out, std::string_view text) {
  strip(text, "\r\n", text.size());
  const std::size_t padding = strip(text, "=", 2);
  const std::size_t before = out.size();
  out.reserve(before + text.size() / 4 * 3 + 2);
  const bool valid = decode(text, padding, kStandardValues,
                            [&](std::uint8_t byte) { out.push_back(static_cast<char>(byte)); });
  if (!valid) out.resize(before);
  return valid;
}

bool decode_base64url(std::string_view text, std::uint8_t* out, std::size_t size) {
  if (text.size() != (size * 8 + 5) / 6) return false;
  return decode(text, 0, kUrlSafeValues, [&](std::uint8_t byte) { *out++ = byte; });
}

}  // namespace maru::engineio
