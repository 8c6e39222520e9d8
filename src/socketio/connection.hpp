// One client's Socket.IO connection without I/O: which namespaces it has joined, binary packets
// whose attachments are still to come, and which packet is allowed when (protocol.md 1.10).
//
// 16 bytes while nothing is being put together. The sockets are the owner's objects, linked here
// through Membership. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "json/reader.hpp"
#include "socketio/decoder.hpp"
#include "socketio/packet.hpp"

namespace maru::socketio {

inline constexpr std::size_t kNamespacesMax = 16;  // joined or pending, per connection

// A namespace of a connection, as the base of the owner's socket. The name outlives it.
struct Membership {
  enum class State : std::uint8_t {
    kPending,  // CONNECT has come, the answer has not gone
    kJoined,
    kLeft,  // the owner will remove it soon; not found any more
  };
  Membership* next = nullptr;
  const std::string* name = nullptr;
  State state = State::kPending;
};

// A whole packet, checked. All views end with the next call to the decoder or the connection,
// forget_delivered() included.
struct Received {
  enum class Kind : std::uint8_t {
    kNothing,     // attachments are still to come, or a packet that says nothing
    kConnect,     // to a namespace that is neither joined nor pending
    kEvent,       // to `membership`
    kAck,         // to `membership`
    kDisconnect,  // of `membership`
    kFaulty,      // close the connection
  };
  Kind kind = Kind::kNothing;
  PacketHeader header;
  Payload payload;
  Membership* membership = nullptr;
  std::span<const std::string> attachments;  // empty where they were only counted
};

class Connection {
 public:
  Connection();
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Whether the owner wants the attachments' bytes, or only to know that they came.
  enum class Attachments : std::uint8_t { kKept, kCounted };

  // A message of the client's. `bytes_max` bounds the attachments of one packet together.
  [[nodiscard]] Received on_text(Decoder& decoder, std::string_view message);
  [[nodiscard]] Received on_binary(Decoder& decoder, std::string_view bytes, std::size_t bytes_max,
                                   Attachments kept = Attachments::kKept);
  // Attachments of a packet are still to come.
  [[nodiscard]] bool is_assembling() const;
  // A binary packet that was handed out is held until then.
  void forget_delivered();

  void add(Membership& membership);
  void remove(Membership& membership);
  [[nodiscard]] Membership* first() const { return first_; }
  // Pending or joined.
  [[nodiscard]] Membership* find(std::string_view namespace_name) const;
  [[nodiscard]] bool is_full() const;

 private:
  struct Assembly;

  Received classify(Decoder& decoder, const PacketHeader& header);
  Received complete(Decoder& decoder);

  Membership* first_ = nullptr;
  std::unique_ptr<Assembly> assembly_;  // a binary packet in the making, or just delivered
};

}  // namespace maru::socketio
