#include "gateway/identity/argon2id.hpp"

#include <argon2.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/mman.h>

#include <array>
#include <optional>
#include <ranges>
#include <vector>

#include "base/ascii.hpp"

namespace maru::gateway {

struct Argon2idParameters {
  std::uint32_t memory_kib = 19'456;
  std::uint32_t passes = 2;
  std::array<std::uint8_t, 16> salt{};
  std::array<std::uint8_t, 32> hash{};
};

namespace {

// Of what verify() takes: a store that somebody else wrote must not cost minutes or gigabytes.
constexpr std::uint32_t kMemoryKibMax = 64 * 1024;
constexpr std::uint32_t kPassesMax = 8;
constexpr std::size_t kPhcBytesMax = 128;
constexpr int kBase64 = sodium_base64_VARIANT_ORIGINAL_NO_PADDING;

template <std::size_t N>
std::string to_base64(const std::array<std::uint8_t, N>& bytes) {
  std::array<char, sodium_base64_ENCODED_LEN(N, kBase64)> text;
  return sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), kBase64);
}

template <std::size_t N>
bool from_base64(std::string_view text, std::array<std::uint8_t, N>& bytes) {
  std::size_t size = 0;
  const char* const begin = text.data();
  const char* end = nullptr;
  return sodium_base642bin(bytes.data(), bytes.size(), begin, text.size(), nullptr, &size, &end,
                           kBase64) == 0 &&
         size == bytes.size() && end == begin + text.size();
}

// "name=7": 7.
std::optional<std::uint32_t> value_of(std::string_view part, std::string_view name) {
  if (!part.starts_with(name)) return std::nullopt;
  return parse_decimal<std::uint32_t>(part.substr(name.size()));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (const auto part : std::views::split(text, separator)) parts.emplace_back(part);
  return parts;
}

// The memory of the call under way: the library's callbacks carry no pointer of ours.
thread_local std::byte* lent_memory = nullptr;

int lend_memory(std::uint8_t** memory, std::size_t) {
  *memory = reinterpret_cast<std::uint8_t*>(lent_memory);
  return 0;
}
void take_back_memory(std::uint8_t*, std::size_t) {}

std::string to_phc(const Argon2idParameters& made) {
  return fmt::format("$argon2id$v=19$m={},t={},p=1${}${}", made.memory_kib, made.passes,
                     to_base64(made.salt), to_base64(made.hash));
}

std::optional<Argon2idParameters> parse_phc(std::string_view phc) {
  if (phc.size() > kPhcBytesMax) return std::nullopt;
  const auto parts = split(phc, '$');
  if (parts.size() != 6 || !parts[0].empty() || parts[1] != "argon2id" || parts[2] != "v=19") {
    return std::nullopt;
  }
  const auto costs = split(parts[3], ',');
  if (costs.size() != 3 || costs[2] != "p=1") return std::nullopt;
  const auto memory_kib = value_of(costs[0], "m=");
  const auto passes = value_of(costs[1], "t=");
  if (!memory_kib || *memory_kib < ARGON2_MIN_MEMORY || *memory_kib > kMemoryKibMax || !passes ||
      *passes < 1 || *passes > kPassesMax) {
    return std::nullopt;
  }
  Argon2idParameters parsed{.memory_kib = *memory_kib, .passes = *passes};
  if (!from_base64(parts[4], parsed.salt) || !from_base64(parts[5], parsed.hash)) {
    return std::nullopt;
  }
  return parsed;
}

}  // namespace

std::string Argon2id::hash(std::string_view password) {
  Argon2idParameters made;
  randombytes_buf(made.salt.data(), made.salt.size());
  if (!compute(password, made)) return {};
  return to_phc(made);
}

Argon2id::Match Argon2id::verify(std::string_view password, std::string_view phc) {
  const auto stored = parse_phc(phc);
  Argon2idParameters tried;
  if (stored) {
    tried = *stored;
    tried.hash.fill(0);
  }
  const bool computed = compute(password, tried);
  if (!stored || !computed ||
      sodium_memcmp(tried.hash.data(), stored->hash.data(), tried.hash.size()) != 0) {
    return Match::kNo;
  }
  const Argon2idParameters today;
  const bool is_current = stored->memory_kib == today.memory_kib && stored->passes == today.passes;
  return is_current ? Match::kYes : Match::kOfOldParameters;
}

bool Argon2id::compute(std::string_view password, Argon2idParameters& parameters) {
  const std::size_t needed = std::size_t{parameters.memory_kib} * 1024;
  if (memory_bytes_ < needed) {
    release_memory();
    void* const mapped =
        mmap(nullptr, needed, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return false;
    // What it is made of is a password: not in a core dump.
    madvise(mapped, needed, MADV_DONTDUMP);
    memory_ = static_cast<std::byte*>(mapped);
    memory_bytes_ = needed;
  }
  argon2_context context{};
  context.out = parameters.hash.data();
  context.outlen = parameters.hash.size();
  // Not written to: no flag asks for that.
  context.pwd = reinterpret_cast<std::uint8_t*>(const_cast<char*>(password.data()));
  context.pwdlen = static_cast<std::uint32_t>(password.size());
  context.salt = parameters.salt.data();
  context.saltlen = parameters.salt.size();
  context.t_cost = parameters.passes;
  context.m_cost = parameters.memory_kib;
  context.lanes = context.threads = 1;
  context.version = ARGON2_VERSION_13;
  context.allocate_cbk = lend_memory;
  context.free_cbk = take_back_memory;  // the library has wiped it before
  lent_memory = memory_;
  return argon2id_ctx(&context) == ARGON2_OK;
}

void Argon2id::release_memory() {
  if (memory_ != nullptr) munmap(memory_, memory_bytes_);
  memory_ = nullptr;
  memory_bytes_ = 0;
}

}  // namespace maru::gateway
