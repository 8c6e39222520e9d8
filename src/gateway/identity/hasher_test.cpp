#include "gateway/identity/hasher.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include <atomic>
#include <future>

#include "gateway/testing/held_hasher.hpp"

namespace maru::gateway {
namespace {

using testing::HeldHasher;

std::string hash_of(Hasher& hasher, std::string_view password) {
  std::promise<std::string> answer;
  EXPECT_TRUE(hasher.hash(HashShare::kStrangers, Secret(password),
                          [&](std::string hash) { answer.set_value(hash); }));
  return answer.get_future().get();
}

Verification verification(Hasher& hasher, std::string_view password, std::string hash) {
  std::promise<Verification> answer;
  EXPECT_TRUE(hasher.verify(HashShare::kStrangers, Secret(password), std::move(hash),
                            [&](Verification result) { answer.set_value(std::move(result)); }));
  return answer.get_future().get();
}

bool matches(Hasher& hasher, std::string_view password, std::string hash) {
  const Verification result = verification(hasher, password, std::move(hash));
  EXPECT_EQ(result.password.view(), password);
  EXPECT_TRUE(result.renewed.empty());
  return result.matches;
}

TEST(Hasher, HashesWithTheParametersOfTheChecklist) {
  Hasher hasher;
  const std::string hash = hash_of(hasher, "correct horse");
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << hash;
  EXPECT_NE(hash, hash_of(hasher, "correct horse"));  // salted
}

TEST(Hasher, VerifiesTheRightPasswordOnly) {
  Hasher hasher;
  const std::string hash = hash_of(hasher, "비밀번호 1234");
  EXPECT_TRUE(matches(hasher, "비밀번호 1234", hash));
  EXPECT_FALSE(matches(hasher, "비밀번호 1235", hash));
  EXPECT_FALSE(matches(hasher, "", hash));
  // No truncation: the 128th code point counts.
  const std::string password(128, 'x');
  const std::string long_hash = hash_of(hasher, password);
  EXPECT_TRUE(matches(hasher, password, long_hash));
  EXPECT_FALSE(matches(hasher, password.substr(1) + "y", long_hash));
}

TEST(Hasher, RenewsAHashOfOldParameters) {
  ASSERT_GE(sodium_init(), 0);
  char old[crypto_pwhash_STRBYTES];
  ASSERT_EQ(crypto_pwhash_str_alg(old, "password", 8, 1, 8192, crypto_pwhash_ALG_ARGON2ID13), 0);
  Hasher hasher;
  EXPECT_FALSE(verification(hasher, "other", old).matches);
  EXPECT_TRUE(verification(hasher, "other", old).renewed.empty());
  const Verification result = verification(hasher, "password", old);
  EXPECT_TRUE(result.matches);
  EXPECT_TRUE(matches(hasher, "password", result.renewed));
}

TEST(Hasher, AnUnknownUserAndABrokenHashAreNo) {
  Hasher hasher;
  EXPECT_FALSE(matches(hasher, "password", ""));
  EXPECT_FALSE(matches(hasher, "password", "$argon2id$nonsense"));
  EXPECT_FALSE(matches(hasher, "password", std::string(1000, 'a')));
}

TEST(Hasher, RefusesWorkBeyondItsQueueAndDropsTheRestWhenItEnds) {
  std::atomic<int> answered{0};
  {
    Hasher hasher;
    HeldHasher held(hasher);
    for (std::size_t i = 1; i < Hasher::kQueueMax; ++i) {
      ASSERT_TRUE(hasher.hash(HashShare::kStrangers, Secret("x"), [&](const std::string&) {
        ++answered;
      })) << i;
    }
    EXPECT_FALSE(
        hasher.hash(HashShare::kStrangers, Secret("x"), [&](const std::string&) { ++answered; }));
    EXPECT_FALSE(hasher.verify(HashShare::kStrangers, Secret("x"), "",
                               [&](const Verification&) { ++answered; }));
  }
  EXPECT_LT(answered.load(), static_cast<int>(Hasher::kQueueMax) - 1) << "all were answered";
}

// Both wait while one is under way: the known go first, and every fourth is a stranger's.
TEST(Hasher, TheKnownGoFirstAndStrangersGetTheirPart) {
  std::promise<void> all_done;
  std::string order;  // of the hasher's thread
  Hasher hasher;
  HeldHasher held(hasher);
  const auto ask = [&](HashShare share, char mark) {
    return hasher.verify(share, Secret("x"), "", [&, mark](const Verification&) {
      order += mark;
      if (order.size() == 10) all_done.set_value();
    });
  };
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(ask(HashShare::kStrangers, 's'));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(ask(HashShare::kKnown, 'k'));
  EXPECT_EQ(hasher.counters().waiting[1].load(), 5u);
  held.go_on();
  all_done.get_future().wait();
  EXPECT_EQ(order, "kkkskkssss");
}

TEST(Hasher, StrangersDoNotFillTheQueueOfTheKnown) {
  Hasher hasher;
  HeldHasher held(hasher);
  while (hasher.hash(HashShare::kStrangers, Secret("x"), [](const std::string&) {})) {
  }
  EXPECT_EQ(hasher.counters().refused[0].load(), 1u);
  EXPECT_TRUE(hasher.hash(HashShare::kKnown, Secret("x"), [](const std::string&) {}));
}

}  // namespace
}  // namespace maru::gateway
