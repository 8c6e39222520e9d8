// WebSocket decoding, and fan-out of ready frames against a bare send loop on the same sockets.
#include <benchmark/benchmark.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "net/io_core.hpp"
#include "net/test_client.hpp"
#include "net/timer_wheel.hpp"
#include "net/utf8.hpp"
#include "net/websocket_connection.hpp"
#include "net/websocket_decoder.hpp"

namespace maru::net {
namespace {

constexpr std::size_t kPayloadBytes = 220;
constexpr std::size_t kRoom = 100;

void BM_DecodeFrames(benchmark::State& state) {
  const auto payload_bytes = static_cast<std::size_t>(state.range(0));
  std::string frames;
  for (int i = 0; i < 16; ++i) frames += test::client_frame(1, std::string(payload_bytes, 'a'));
  WebSocketDecoder decoder(65'536);
  std::string buffer;
  std::size_t messages = 0;
  for (auto _ : state) {
    buffer.assign(frames);  // the decoder unmasks in place
    std::span<char> input(buffer);
    while (decoder.next(input, 0).kind == WebSocketDecoder::Kind::kText) ++messages;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(messages));
  state.SetBytesProcessed(static_cast<std::int64_t>(messages * payload_bytes));
}
BENCHMARK(BM_DecodeFrames)->Arg(20)->Arg(220)->Arg(4000);

void BM_Utf8(benchmark::State& state) {
  std::string text;
  while (text.size() < 3000) text += state.range(0) == 0 ? "plain ascii " : "\xEC\x95\x88";
  for (auto _ : state) benchmark::DoNotOptimize(is_valid_utf8(text));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(BM_Utf8)->Arg(0)->Arg(1);

// Connected socket pairs, one end ours, the other read after each turn and not counted.
class Room {
 public:
  Room() {
    for (std::size_t i = 0; i < kRoom; ++i) {
      std::array<int, 2> pair{};
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) != 0) {
        std::abort();
      }
      ours.push_back(pair[0]);
      theirs_.push_back(pair[1]);
    }
  }
  ~Room() {
    for (const int descriptor : theirs_) ::close(descriptor);
  }
  void drain() {
    for (const int descriptor : theirs_) {
      while (::recv(descriptor, buffer_.data(), buffer_.size(), 0) > 0) {
      }
    }
  }
  std::vector<int> ours;

 private:
  std::vector<int> theirs_;
  std::array<char, 65'536> buffer_{};
};

// The yardstick: one send of all bytes to each.
void BM_BareSend(benchmark::State& state) {
  const auto frames = static_cast<std::size_t>(state.range(0));
  Room room;
  const std::string bytes(frames * (kPayloadBytes + 4), 'x');
  for (auto _ : state) {
    for (const int descriptor : room.ours) {
      benchmark::DoNotOptimize(::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    }
    state.PauseTiming();
    room.drain();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRoom * frames));
  for (const int descriptor : room.ours) ::close(descriptor);
}
BENCHMARK(BM_BareSend)->Arg(1)->Arg(8)->Arg(32);

class Silent final : public WebSocketHandler {
 public:
  void on_text(WebSocketConnection&, std::string_view) override {}
  void on_binary(WebSocketConnection&, std::string_view) override {}
  void on_closed(WebSocketConnection&, CloseReason) override {}
};

// `frames` ready frames to each member of a room, then the end of the turn.
void BM_FanOut(benchmark::State& state) {
  const auto frames = static_cast<std::size_t>(state.range(0));
  Room room;
  SystemClock clock;
  IoThread thread(0, {}, clock);
  IoCore core(thread, {}, clock);
  Silent handler;
  std::vector<WebSocketConnection*> members;
  for (const int descriptor : room.ours) {
    Stream stream;
    stream.descriptor = descriptor;
    auto connection = std::make_unique<WebSocketStream>(core, stream, handler, "");
    if (!connection->watch(EPOLLIN)) std::abort();
    members.push_back(connection.get());
    core.add(std::move(connection));
  }
  std::vector<TextFrame> ready;
  for (std::size_t i = 0; i < frames; ++i) {
    ready.push_back(TextFrame::make(std::string(kPayloadBytes, 'x')));
  }
  for (auto _ : state) {
    for (const TextFrame& frame : ready) {
      for (WebSocketConnection* member : members) {
        benchmark::DoNotOptimize(member->send(frame));
      }
    }
    core.finish_turn();
    state.PauseTiming();
    room.drain();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRoom * frames));
  core.kill_all();
  core.finish_turn();
}
BENCHMARK(BM_FanOut)->Arg(1)->Arg(8)->Arg(32);

// What to do with several frames for one connection: a list of parts, or one copy.
void BM_Flush(benchmark::State& state) {
  const auto frames = static_cast<std::size_t>(state.range(0));
  const bool copy = state.range(1) != 0;
  Room room;
  Outbox outbox;
  const SharedBytes frame = SharedBytes::copy(std::string(kPayloadBytes + 4, 'x'));
  for (std::size_t i = 0; i < frames; ++i) outbox.push(frame);
  std::array<char, 16 * 1024> buffer;
  std::array<iovec, 128> parts;
  for (auto _ : state) {
    for (const int descriptor : room.ours) {
      if (copy) {
        const std::size_t size = outbox.copy_front(buffer);
        benchmark::DoNotOptimize(::send(descriptor, buffer.data(), size, MSG_NOSIGNAL));
      } else {
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = outbox.gather(parts);
        benchmark::DoNotOptimize(::sendmsg(descriptor, &message, MSG_NOSIGNAL));
      }
    }
    state.PauseTiming();
    room.drain();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRoom * frames));
  for (const int descriptor : room.ours) ::close(descriptor);
}
BENCHMARK(BM_Flush)->ArgsProduct({{2, 8, 32, 64}, {0, 1}})->ArgNames({"frames", "copy"});

class Idle final : public Timer {
 public:
  ~Idle() = default;

 private:
  void on_timer() override {}
};

// A hundred thousand heartbeats under way; starting one again.
void BM_RestartTimer(benchmark::State& state) {
  TimerWheel wheel({0});
  std::vector<std::unique_ptr<Idle>> timers;
  for (int i = 0; i < 100'000; ++i) timers.push_back(std::make_unique<Idle>());
  for (const auto& timer : timers) wheel.start(*timer, 25'000);
  std::size_t i = 0;
  for (auto _ : state) {
    wheel.start(*timers[i], 25'000);
    i = (i + 7919) % timers.size();
  }
}
BENCHMARK(BM_RestartTimer);

}  // namespace
}  // namespace maru::net
