// RecoveryTable as bytes. All numbers little-endian:
//   "MARUREC3", u64 FNV-1a of everything after it,
//   store epoch, i64 wall time in ms, u64 last position,
//   u64 count of ring entries, the oldest first, of (chat 12, u64 sequence),
//   u64 position up to which account events are unknown,
//   u64 count of account events, the oldest first, of (user 12, u64 position),
//   u64 count of sockets, in the order of leaving, of
//     (i64 ms left, pid, sid, user 12, session 12, u64 last delivered, u64 left at,
//      u64 count of chats of (chat 12, u64 floor), u64 count of watched users of (user 12))
// where a text is a u64 size and its bytes.
#include <algorithm>
#include <cstring>

#include "fanout/recovery/recovery_table.hpp"

namespace maru::fanout {
namespace {

constexpr std::string_view kMagic = "MARUREC3";
constexpr std::size_t kHeadBytes = 16;
constexpr std::size_t kTextBytesMax = 4096;
constexpr std::size_t kEntryBytes = 20;  // a chat and a number
constexpr std::size_t kSocketBytesMin = 8 * 7 + 24;

std::uint64_t checksum(std::string_view bytes) {
  std::uint64_t sum = 0xcbf2'9ce4'8422'2325ULL;
  for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3ULL;
  return sum;
}

class Output {
 public:
  void number(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  }
  void text(std::string_view value) {
    number(value.size());
    bytes.append(value);
  }
  template <class Tag>
  void id(const ObjectId<Tag>& value) {
    bytes.append(reinterpret_cast<const char*>(value.bytes().data()), ObjectId<Tag>::kSize);
  }

  std::string bytes;
};

// After a read past the end everything is zero and `failed` stays set.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    const std::string_view bytes = take(8);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    }
    return value;
  }
  // A count of things that take at least `bytes_each`.
  std::uint64_t count(std::size_t bytes_each) {
    const std::uint64_t value = number();
    if (value <= rest_.size() / bytes_each) return value;
    failed = true;
    return 0;
  }
  std::string text() {
    const std::uint64_t size = count(1);
    if (size > kTextBytesMax) failed = true;
    return std::string(take(failed ? 0 : size));
  }
  template <class Id>
  Id id() {
    typename Id::Bytes value{};
    const std::string_view bytes = take(Id::kSize);
    if (!bytes.empty()) std::memcpy(value.data(), bytes.data(), bytes.size());
    return Id(value);
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  bool failed = false;

 private:
  std::string_view take(std::size_t size) {
    if (failed || size > rest_.size()) {
      failed = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

RecoverableSocket read_socket(Input& in) {
  RecoverableSocket socket;
  socket.pid = in.text();
  socket.sid = in.text();
  socket.user = in.id<UserId>();
  socket.session = in.id<SessionId>();
  socket.last_delivered = in.number();
  socket.left_at = in.number();
  for (std::uint64_t left = in.count(kEntryBytes); left > 0 && !in.failed; --left) {
    socket.chats.push_back(in.id<ChatId>());
    socket.floors.push_back({in.number()});
  }
  for (std::uint64_t left = in.count(UserId::kSize); left > 0 && !in.failed; --left) {
    socket.watched.push_back(in.id<UserId>());
  }
  return socket;
}

void write_socket(Output& out, const RecoverableSocket& socket) {
  out.text(socket.pid);
  out.text(socket.sid);
  out.id(socket.user);
  out.id(socket.session);
  out.number(socket.last_delivered);
  out.number(socket.left_at);
  out.number(socket.chats.size());
  for (std::size_t i = 0; i < socket.chats.size(); ++i) {
    out.id(socket.chats[i]);
    out.number(socket.floors[i].value);
  }
  out.number(socket.watched.size());
  for (const UserId& user : socket.watched) out.id(user);
}

}  // namespace

std::string RecoveryTable::save(std::string_view store_epoch) const {
  Output out;
  out.text(store_epoch);
  out.number(static_cast<std::uint64_t>(clock_.wall().ms));
  out.number(ring_.last());
  // Nobody to recover: the ring is of no use.
  const std::size_t entries = sockets_.empty() ? 0 : ring_.size();
  out.number(entries);
  for (wire::Position p = ring_.last() + 1 - entries; p <= ring_.last(); ++p) {
    out.id(ring_.at(p).chat);
    out.number(ring_.at(p).sequence.value);
  }
  // Account events from before the ring's first are known of with the ring's own bound.
  out.number(entries == 0 ? ring_.last() : accounts_.known_after());
  out.number(entries == 0 ? 0 : accounts_.entries().size());
  if (entries != 0) {
    for (const auto& [user, position] : accounts_.entries()) {
      out.id(user);
      out.number(position);
    }
  }
  out.number(sockets_.size());
  for (const Turn& turn : queue_) {
    const auto found = sockets_.find(turn.pid);
    if (found == sockets_.end() || found->second.turn != turn.turn) continue;
    out.number(static_cast<std::uint64_t>(found->second.until.ms - clock_.monotonic().ms));
    write_socket(out, found->second.socket);
  }

  Output file;
  file.bytes.reserve(kHeadBytes + out.bytes.size());
  file.bytes.append(kMagic);
  file.number(checksum(out.bytes));
  file.bytes.append(out.bytes);
  return std::move(file.bytes);
}

Result<void> RecoveryTable::load(std::string_view bytes, std::string_view store_epoch) {
  if (bytes.size() < kHeadBytes || !bytes.starts_with(kMagic)) {
    return fail(ErrorCode::kInternal, "not a recovery table of this version");
  }
  if (Input(bytes.substr(kMagic.size())).number() != checksum(bytes.substr(kHeadBytes))) {
    return fail(ErrorCode::kInternal, "damaged");
  }
  Input in(bytes.substr(kHeadBytes));
  if (in.text() != store_epoch) return fail(ErrorCode::kInternal, "of another store");
  const auto saved_at = static_cast<std::int64_t>(in.number());
  const std::int64_t elapsed_ms =
      saved_at < 0 ? 0 : std::max<std::int64_t>(clock_.wall().ms - saved_at, 0);
  const wire::Position last = in.number();
  const std::uint64_t entries = in.count(kEntryBytes);
  if (in.failed || saved_at < 0 || last >= kPositionMax || entries > last) {
    return fail(ErrorCode::kInternal, "malformed");
  }

  RecoveryTable loaded(options_, clock_, last - entries, counters_);
  for (wire::Position position = last - entries + 1; position <= last; ++position) {
    const auto chat = in.id<ChatId>();
    loaded.ring_.push(position, chat, {in.number()});
  }
  loaded.accounts_.reset(in.number());
  for (std::uint64_t left = in.count(kEntryBytes); left > 0 && !in.failed; --left) {
    const auto user = in.id<UserId>();
    const wire::Position position = in.number();
    if (position > last) return fail(ErrorCode::kInternal, "malformed");
    loaded.accounts_.push(position, std::span(&user, 1));
  }
  for (std::uint64_t left = in.count(kSocketBytesMin); left > 0 && !in.failed; --left) {
    const auto remaining_ms = static_cast<std::int64_t>(in.number());
    RecoverableSocket socket = read_socket(in);
    if (in.failed || remaining_ms > options_.window_ms) continue;
    if (remaining_ms <= elapsed_ms || socket.pid.empty()) continue;
    loaded.keep(std::move(socket), {clock_.monotonic().ms + remaining_ms - elapsed_ms});
  }
  if (in.failed || !in.at_end()) return fail(ErrorCode::kInternal, "malformed");

  // With nobody to recover, only the positions matter: they never go back.
  if (loaded.sockets_.empty()) {
    ring_.reset(std::max(ring_.last(), last));
    accounts_.reset(ring_.last());
    return {};
  }
  ring_ = std::move(loaded.ring_);
  accounts_ = std::move(loaded.accounts_);
  sockets_ = std::move(loaded.sockets_);
  by_session_ = std::move(loaded.by_session_);
  queue_ = std::move(loaded.queue_);
  next_turn_ = loaded.next_turn_;
  entry_count_ = loaded.entry_count_;
  return {};
}

}  // namespace maru::fanout
