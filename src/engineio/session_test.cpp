#include "engineio/session.hpp"

#include <gtest/gtest.h>

namespace maru::engineio {
namespace {

constexpr Timing kTiming{300, 200, 1000};
constexpr MonotonicTime kStart{5000};

MonotonicTime at(std::int64_t ms) {
  return MonotonicTime{kStart.ms + ms};
}

struct Fixture : ::testing::Test {
  Session polling{Transport::kPolling, kStart, kTiming, 0};
  Session websocket{Transport::kWebSocket, kStart, kTiming, 0};

  static Session::Verdict feed(Session& session, PacketType type, std::int64_t ms,
                               std::string_view data = {}) {
    return session.on_packet({type, false, data}, at(ms), kTiming, 0);
  }
  static Session::ProbeVerdict probe(Session& session, std::string_view text, std::int64_t ms) {
    std::string scratch;
    return session.on_probe_packet(*decode_packet(text, scratch), at(ms));
  }
};
using Heartbeat = Fixture;
using Upgrade = Fixture;
using Packets = Fixture;

TEST_F(Heartbeat, PingsEveryIntervalAfterEachPong) {
  EXPECT_EQ(websocket.next_deadline(), at(300));
  EXPECT_FALSE(websocket.on_time(at(291), kTiming).ping);
  EXPECT_TRUE(websocket.on_time(at(292), kTiming).ping);  // a tick early
  EXPECT_EQ(websocket.next_deadline(), at(500));          // not 492, not later than 500
  EXPECT_EQ(feed(websocket, PacketType::kPong, 310), Session::Verdict::kIgnore);
  EXPECT_EQ(websocket.next_deadline(), at(610));
}

TEST_F(Heartbeat, TimesOutWithoutAPongNeverLate) {
  EXPECT_TRUE(polling.on_time(at(302), kTiming).ping);  // the thread was a little busy
  EXPECT_EQ(polling.next_deadline(), at(500));
  const auto due = polling.on_time(at(500), kTiming);
  EXPECT_TRUE(due.ping_timeout);
  EXPECT_FALSE(due.ping);
}

TEST_F(Heartbeat, GivesTheWholeTimeoutAfterALongStall) {
  EXPECT_TRUE(polling.on_time(at(9000), kTiming).ping);
  EXPECT_EQ(polling.next_deadline(), at(9200));
}

TEST_F(Heartbeat, JitterComesEarly) {
  const Session session(Transport::kWebSocket, kStart, kTiming, 30);
  EXPECT_EQ(session.next_deadline(), at(270));
}

TEST_F(Heartbeat, UnsolicitedPongRestartsTheInterval) {
  EXPECT_EQ(feed(websocket, PacketType::kPong, 200), Session::Verdict::kIgnore);
  EXPECT_EQ(websocket.next_deadline(), at(500));
}

TEST_F(Heartbeat, RestsWhilePaused) {
  EXPECT_TRUE(websocket.on_time(at(300), kTiming).ping);
  websocket.pause();
  EXPECT_EQ(websocket.next_deadline(), Session::kNever);
  EXPECT_FALSE(websocket.on_time(at(700), kTiming).ping_timeout);
  websocket.resume(at(800), kTiming);
  EXPECT_EQ(websocket.next_deadline(), at(1000));
  EXPECT_TRUE(websocket.on_time(at(1000), kTiming).ping_timeout);
}

TEST_F(Heartbeat, SurvivesAnUpgradeInTheMidstOfAPing) {
  EXPECT_TRUE(polling.on_time(at(300), kTiming).ping);
  ASSERT_TRUE(polling.begin_upgrade(at(310), kTiming));
  EXPECT_EQ(probe(polling, "2probe", 320), Session::ProbeVerdict::kAnswer);
  EXPECT_EQ(probe(polling, "5", 330), Session::ProbeVerdict::kComplete);
  EXPECT_EQ(polling.next_deadline(), at(500));
  EXPECT_TRUE(polling.on_time(at(500), kTiming).ping_timeout);
}

TEST_F(Packets, MeanWhatTheProtocolSays) {
  EXPECT_EQ(feed(polling, PacketType::kMessage, 1), Session::Verdict::kMessage);
  EXPECT_EQ(feed(polling, PacketType::kClose, 1), Session::Verdict::kClose);
  EXPECT_EQ(feed(polling, PacketType::kPing, 1), Session::Verdict::kFaulty);
  EXPECT_EQ(feed(polling, PacketType::kPing, 1, "probe"), Session::Verdict::kFaulty);
  for (const auto type : {PacketType::kOpen, PacketType::kUpgrade, PacketType::kNoop}) {
    EXPECT_EQ(feed(polling, type, 1), Session::Verdict::kIgnore);
  }
  EXPECT_EQ(polling.transport(), Transport::kPolling);
}

TEST_F(Upgrade, RepeatsNoopsEvery100Ms) {
  ASSERT_TRUE(polling.begin_upgrade(at(0), kTiming));
  EXPECT_TRUE(polling.is_upgrading());
  EXPECT_EQ(polling.next_deadline(), at(300));  // no noop before the probe
  EXPECT_EQ(probe(polling, "2probe", 50), Session::ProbeVerdict::kAnswer);
  EXPECT_EQ(probe(polling, "2probe", 60), Session::ProbeVerdict::kAnswer);
  int noops = 0;
  for (int ms = 60; ms < 950; ms += 10) {
    if (polling.next_deadline() <= at(ms)) {
      const auto due = polling.on_time(at(ms), kTiming);
      if (due.noop) ++noops;
      EXPECT_FALSE(due.upgrade_timeout);
    }
  }
  EXPECT_EQ(noops, 9);
}

TEST_F(Upgrade, EndsTheTryAfterItsTimeoutAndAllowsAnother) {
  ASSERT_TRUE(polling.begin_upgrade(at(0), kTiming));
  EXPECT_EQ(probe(polling, "2probe", 1), Session::ProbeVerdict::kAnswer);
  EXPECT_TRUE(polling.on_time(at(1000), kTiming).upgrade_timeout);
  polling.abandon_upgrade();
  EXPECT_FALSE(polling.is_upgrading());
  EXPECT_EQ(polling.transport(), Transport::kPolling);
  EXPECT_TRUE(polling.begin_upgrade(at(1100), kTiming));
}

TEST_F(Upgrade, TakesTheUpgradePacketWithoutAProbe) {
  ASSERT_TRUE(polling.begin_upgrade(at(0), kTiming));
  EXPECT_EQ(probe(polling, "5", 1), Session::ProbeVerdict::kComplete);
  EXPECT_EQ(polling.transport(), Transport::kWebSocket);
  EXPECT_FALSE(polling.is_upgrading());
}

TEST_F(Upgrade, RefusesAnythingElseOnTheNewTransport) {
  for (const char* text : {"2", "2Probe", "2probes", "4hello", "1", "3probe", "6", "0", "bAQID"}) {
    Session session(Transport::kPolling, kStart, kTiming, 0);
    ASSERT_TRUE(session.begin_upgrade(at(0), kTiming));
    EXPECT_EQ(probe(session, text, 1), Session::ProbeVerdict::kRefuse) << text;
  }
}

TEST_F(Upgrade, RefusesASecondWebSocket) {
  ASSERT_TRUE(polling.begin_upgrade(at(0), kTiming));
  EXPECT_FALSE(polling.begin_upgrade(at(1), kTiming));
  EXPECT_FALSE(websocket.begin_upgrade(at(1), kTiming));
}

}  // namespace
}  // namespace maru::engineio
