#include "app/metrics_token.hpp"

#include <algorithm>
#include <string_view>

#include "app/small_file.hpp"
#include "base/secret.hpp"
#include "gateway/identity/auth.hpp"

namespace maru::app {
namespace {

constexpr std::size_t kCharactersMin = 16;
constexpr std::size_t kCharactersMax = 512;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kWhite = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kWhite);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kWhite) - begin + 1);
}

bool is_token(std::string_view text) {
  return text.size() >= kCharactersMin && text.size() <= kCharactersMax &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

Result<std::optional<TokenHash>> load_metrics_token(const std::string& path) {
  if (path.empty()) return std::nullopt;
  const std::string option = "--metrics-token-file: ";
  auto text = read_small_file(path, Writers::kOwnerOnly);
  if (!text) return fail(ErrorCode::kUnavailable, option + text.error().detail);
  if (!*text) return fail(ErrorCode::kUnavailable, option + "there is no file '" + path + "'");
  const std::string_view token = trim(**text);
  const bool is_good = is_token(token);
  const auto hash = gateway::hash_secret(token);
  wipe(**text);
  if (is_good) return hash;
  return fail(ErrorCode::kUnavailable,
              option + path + " must hold one token of 16 to 512 visible ASCII characters");
}

}  // namespace maru::app
