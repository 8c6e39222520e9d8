// Socket.IO on an Engine.IO session: its connection state and its sockets, and what they share on
// one I/O thread. Owner thread only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "endpoint/engine_server.hpp"
#include "endpoint/engine_session.hpp"
#include "endpoint/lobby.hpp"
#include "endpoint/socket.hpp"
#include "socketio/connection.hpp"
#include "socketio/decoder.hpp"

namespace maru::endpoint {

class SocketSession;

// A Socket.IO client of one namespace. Owned by its session, through its connection's list.
class SocketRecord final : public Socket, public socketio::Membership {
 public:
  static constexpr std::size_t kSidSize = 20;

  SocketRecord(SocketSession& session, const std::string& namespace_text) : session_(session) {
    name = &namespace_text;
  }

  [[nodiscard]] SocketSession& session() const { return session_; }
  [[nodiscard]] std::string_view sid() const { return {id_.sid.data(), kSidSize}; }
  void set_sid(std::string_view sid) { sid.copy(id_.sid.data(), kSidSize); }
  // While it is pending it has no sid yet, but a key.
  [[nodiscard]] std::uint64_t key() const { return id_.key; }
  void set_key(std::uint64_t key) { id_.key = key; }

  // A socket that leaves takes its pauses with it.
  void pause_reading();
  void resume_reading();
  void drop_pauses();

 private:
  std::uint16_t pauses_ = 0;
  SocketSession& session_;
  union {
    std::uint64_t key;
    std::array<char, kSidSize> sid;
  } id_{};
};

// What the Socket.IO sessions of one I/O thread share.
class SocketHost {
 public:
  SocketHost(Endpoint& endpoint, Application& application)
      : endpoint_(endpoint), application_(application) {}

  [[nodiscard]] Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] Application& application() const { return application_; }
  [[nodiscard]] socketio::Decoder& decoder() { return decoder_; }

  // Kept for as long as the host; nothing once there are kNamesMax of them.
  [[nodiscard]] const std::string* intern(std::string_view namespace_name);
  [[nodiscard]] std::uint64_t add_pending(SocketRecord& record);
  [[nodiscard]] SocketRecord* find_pending(std::uint64_t key) const;
  void remove_pending(std::uint64_t key) { pending_.erase(key); }

 private:
  static constexpr std::size_t kNamesMax = 1024;

  Endpoint& endpoint_;
  Application& application_;
  socketio::Decoder decoder_;
  std::set<std::string, std::less<>> names_;
  std::unordered_map<std::uint64_t, SocketRecord*> pending_;
  std::uint64_t last_key_ = 0;
};

class SocketSession final : public EngineSession {
 public:
  // `place`: in the lobby, until a namespace was joined.
  SocketSession(EngineServer& server, SocketHost& host, Lobby::Place place);
  ~SocketSession() override;

  // For PendingConnect.
  Socket* accept(SocketRecord& record, const PendingConnect::Accept& accept);
  void refuse(SocketRecord& record, std::string_view message, std::string_view data_json);
  // For Socket.
  void disconnect(SocketRecord& record, Disconnect how);

 private:
  class Watch;

  void on_message(std::string_view text) override;
  void on_binary_message(std::string_view bytes) override;
  void on_session_closed(DisconnectReason reason) override;
  void on_settle() override;

  void on_watch_ended();
  [[nodiscard]] bool is_too_much(std::size_t bytes);
  void dispatch(const socketio::Received& received);
  void on_connect(const socketio::Received& received);
  void on_event(const socketio::Received& received);
  void remove(SocketRecord& record);
  void leave(SocketRecord& record, DisconnectReason reason);

  SocketHost& host_;
  socketio::Connection connection_;
  // Until a namespace was joined, and again while the attachments of a packet are to come.
  std::unique_ptr<Watch> watch_;
};

}  // namespace maru::endpoint
