#include "gateway/limits/known_networks.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <vector>

#include "base/log.hpp"
#include "base/private_file.hpp"
#include "base/zeroed_array.hpp"
#include "gateway/limits/rate_limiter.hpp"

namespace maru::gateway {
namespace {

constexpr std::size_t kSets = 16'384;
constexpr std::size_t kWays = KnownNetworks::kNetworksOfAccountMax;  // one cache line
constexpr std::int64_t kHourMs = 3600LL * 1000;

// A word: 40 bits of the pair's hash, and the hour since 1970 (until the year 3883). 0: free.
constexpr int kHourBits = 24;
constexpr std::uint64_t kHourMask = (std::uint64_t{1} << kHourBits) - 1;

using Key = std::array<unsigned char, crypto_shorthash_KEYBYTES>;

// The file: magic, key, count of entries; each its set and its word; a hash of all before it by the
// same key, against a torn or foreign file. Numbers as this machine has them: it is its own reader.
constexpr std::string_view kMagic = "maru known networks 1\n";
constexpr std::size_t kEntryBytes = sizeof(std::uint32_t) + sizeof(std::uint64_t);
constexpr std::size_t kHeadBytes = kMagic.size() + sizeof(Key) + sizeof(std::uint32_t);
constexpr std::size_t kFileBytesMax = kHeadBytes + kSets * kWays * kEntryBytes + 8;

std::uint64_t hash(const Key& key, std::string_view text) {
  std::uint64_t out = 0;
  static_assert(crypto_shorthash_BYTES == sizeof out);
  crypto_shorthash(reinterpret_cast<unsigned char*>(&out),
                   reinterpret_cast<const unsigned char*>(text.data()), text.size(), key.data());
  return out;
}

template <class Number>
void append(std::string& out, Number number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

template <class Number>
Number take(std::string_view& in) {
  Number number{};
  in.copy(reinterpret_cast<char*>(&number), sizeof number);
  in.remove_prefix(sizeof number);
  return number;
}

std::uint64_t hour_of(std::uint64_t word) {
  return word & kHourMask;
}

}  // namespace

struct KnownNetworks::Implementation {
  explicit Implementation(const Clock& c) : lifetimes(c) { new_key(); }

  struct alignas(64) Set {
    std::array<std::atomic<std::uint64_t>, kWays> words{};
  };
  struct Place {
    Set* set = nullptr;
    std::uint64_t tag = 0;
  };

  void new_key() {
    if (sodium_init() < 0) return;
    randombytes_buf(key.data(), key.size());
  }

  // The set is the account's, so that an account fills no other.
  Place place_of(UserId account, std::string_view peer_address) {
    std::string text(1, 'a');
    text += account.hex();
    Set& set = sets[hash(key, text) % kSets];
    text.front() = 'p';
    text += network_of(peer_address);
    const std::uint64_t tag = hash(key, text) >> kHourBits;
    return {&set, tag == 0 ? 1 : tag};
  }

  [[nodiscard]] std::uint64_t hour() const {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(lifetimes.wall().ms, 0) / kHourMs) &
           kHourMask;
  }
  [[nodiscard]] static bool is_live(std::uint64_t word, std::uint64_t now) {
    return word != 0 && hour_of(word) + KnownNetworks::kMemoryMs / kHourMs >= now;
  }

  const Clock& lifetimes;
  Key key{};
  ZeroedArray<Set> sets{kSets};
  std::atomic<bool> changed{false};
};

KnownNetworks::KnownNetworks(const Clock& lifetimes)
    : implementation_(std::make_unique<Implementation>(lifetimes)) {}
KnownNetworks::~KnownNetworks() = default;

bool KnownNetworks::contains(UserId account, std::string_view peer_address) const {
  if (account.is_zero()) return false;
  Implementation& it = *implementation_;
  const auto [set, tag] = it.place_of(account, peer_address);
  const std::uint64_t now = it.hour();
  for (const auto& slot : set->words) {
    const std::uint64_t word = slot.load(std::memory_order_relaxed);
    if (word >> kHourBits == tag && Implementation::is_live(word, now)) return true;
  }
  return false;
}

void KnownNetworks::remember(UserId account, std::string_view peer_address) {
  if (account.is_zero()) return;
  Implementation& it = *implementation_;
  const auto [set, tag] = it.place_of(account, peer_address);
  const std::uint64_t fresh = tag << kHourBits | it.hour();
  // Its own word, or else the one that has not been used for longest.
  std::atomic<std::uint64_t>* slot = nullptr;
  std::uint64_t seen = 0;
  for (auto& candidate : set->words) {
    const std::uint64_t word = candidate.load(std::memory_order_relaxed);
    const bool is_own = word >> kHourBits == tag;
    if (!slot || is_own || hour_of(word) < hour_of(seen)) {
      slot = &candidate;
      seen = word;
    }
    if (is_own) break;
  }
  if (seen == fresh) return;
  // Whoever loses the race is remembered by the next login.
  if (slot->compare_exchange_strong(seen, fresh, std::memory_order_relaxed)) it.changed = true;
}

void KnownNetworks::load(const std::filesystem::path& path) {
  auto bytes = read_private_file(path, kFileBytesMax);
  if (bytes && !*bytes) return;
  const Result<void> used = bytes ? from_bytes(**bytes) : std::unexpected(bytes.error());
  if (used) return;
  log::warn("known_networks_not_loaded",
            {{"path", path.native()}, {"reason", used.error().detail}});
}

void KnownNetworks::save_if_changed(const std::filesystem::path& path) {
  if (!implementation_->changed.exchange(false)) return;
  if (const auto written = write_private_file(path, to_bytes()); !written) {
    implementation_->changed = true;
    log::warn("known_networks_not_saved",
              {{"path", path.native()}, {"reason", written.error().detail}});
  }
}

std::string KnownNetworks::to_bytes() const {
  const Implementation& it = *implementation_;
  const std::uint64_t now = it.hour();
  std::string entries;
  std::uint32_t count = 0;
  for (std::size_t set = 0; set < kSets; ++set) {
    for (const auto& slot : it.sets[set].words) {
      const std::uint64_t word = slot.load(std::memory_order_relaxed);
      if (!Implementation::is_live(word, now)) continue;
      append(entries, static_cast<std::uint32_t>(set));
      append(entries, word);
      ++count;
    }
  }
  std::string out(kMagic);
  out.append(reinterpret_cast<const char*>(it.key.data()), it.key.size());
  append(out, count);
  out += entries;
  append(out, hash(it.key, out));
  return out;
}

Result<void> KnownNetworks::from_bytes(std::string_view bytes) {
  const auto refused = fail(ErrorCode::kUnavailable, "It is not of this program's making.");
  if (!bytes.starts_with(kMagic) || bytes.size() < kHeadBytes + sizeof(std::uint64_t)) {
    return refused;
  }
  std::string_view rest = bytes.substr(kMagic.size());
  const Key key = take<Key>(rest);
  const auto count = take<std::uint32_t>(rest);
  if (rest.size() != count * kEntryBytes + sizeof(std::uint64_t)) return refused;
  std::string_view end = rest.substr(count * kEntryBytes);
  if (take<std::uint64_t>(end) !=
      hash(key, bytes.substr(0, bytes.size() - sizeof(std::uint64_t)))) {
    return refused;
  }
  Implementation& it = *implementation_;
  it.key = key;
  std::vector<std::uint8_t> used(kSets, 0);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto set = take<std::uint32_t>(rest);
    const auto word = take<std::uint64_t>(rest);
    if (set < kSets && used[set] < kWays) it.sets[set].words[used[set]++] = word;
  }
  return {};
}

}  // namespace maru::gateway
