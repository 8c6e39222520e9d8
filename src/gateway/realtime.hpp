// The application behind the Socket.IO endpoint of one I/O thread: CONNECT and its authentication,
// one ClientSession per socket, the events of product.md ("Realtime"). Owner thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "endpoint/socket.hpp"
#include "gateway/context.hpp"

namespace maru::gateway {

class Counters;

class Realtime final : public endpoint::Application {
 public:
  explicit Realtime(Context& context);
  ~Realtime() override;

  endpoint::RequestVerdict on_request(const net::RequestHead& head,
                                      endpoint::HandshakeData* session_data) override;
  bool has_namespace(std::string_view name) override;
  void on_connect(const endpoint::ConnectRequest& request,
                  endpoint::PendingConnect pending) override;
  void on_event(endpoint::Socket& socket, const endpoint::Event& event) override;
  void on_disconnect(endpoint::Socket& socket, endpoint::DisconnectReason reason) override;

  // `serverDraining {withinMs}` to every socket.
  void announce_drain(std::int64_t within_ms);
  // What is still under way ends. After the thread, the readers and the sequencer have ended,
  // before the endpoint goes.
  void drop_tasks();
  [[nodiscard]] const Counters& counters() const;  // any thread

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace maru::gateway
