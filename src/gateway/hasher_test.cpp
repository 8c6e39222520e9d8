#include "gateway/hasher.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include <atomic>
#include <future>

namespace maru::gateway {
namespace {

std::string hash_of(Hasher& hasher, std::string password) {
  std::promise<std::string> answer;
  EXPECT_TRUE(hasher.hash(std::move(password), [&](std::string hash) { answer.set_value(hash); }));
  return answer.get_future().get();
}

Verified verified(Hasher& hasher, std::string password, std::string hash) {
  std::promise<Verified> answer;
  EXPECT_TRUE(hasher.verify(std::move(password), std::move(hash),
                            [&](Verified result) { answer.set_value(result); }));
  return answer.get_future().get();
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
  EXPECT_EQ(verified(hasher, "비밀번호 1234", hash), Verified::kYes);
  EXPECT_EQ(verified(hasher, "비밀번호 1235", hash), Verified::kNo);
  EXPECT_EQ(verified(hasher, "", hash), Verified::kNo);
  // No truncation: the 128th code point counts.
  const std::string password(128, 'x');
  const std::string long_hash = hash_of(hasher, password);
  EXPECT_EQ(verified(hasher, password, long_hash), Verified::kYes);
  EXPECT_EQ(verified(hasher, password.substr(1) + "y", long_hash), Verified::kNo);
}

TEST(Hasher, SaysWhenTheParametersAreOld) {
  ASSERT_GE(sodium_init(), 0);
  char old[crypto_pwhash_STRBYTES];
  ASSERT_EQ(crypto_pwhash_str_alg(old, "password", 8, 1, 8192, crypto_pwhash_ALG_ARGON2ID13), 0);
  Hasher hasher;
  EXPECT_EQ(verified(hasher, "password", old), Verified::kYesButOldParameters);
}

TEST(Hasher, AnUnknownUserAndABrokenHashAreNo) {
  Hasher hasher;
  EXPECT_EQ(verified(hasher, "password", ""), Verified::kNo);
  EXPECT_EQ(verified(hasher, "password", "$argon2id$nonsense"), Verified::kNo);
  EXPECT_EQ(verified(hasher, "password", std::string(1000, 'a')), Verified::kNo);
}

TEST(Hasher, RefusesWorkBeyondItsQueueAndDropsTheRestWhenItEnds) {
  std::promise<void> entered;
  std::promise<void> go_on;
  std::atomic<int> answered{0};
  {
    Hasher hasher;
    ASSERT_TRUE(hasher.verify("x", "", [&](Verified) {
      entered.set_value();
      go_on.get_future().wait();
    }));
    entered.get_future().wait();
    for (std::size_t i = 1; i < Hasher::kQueueMax; ++i) {
      ASSERT_TRUE(hasher.hash("x", [&](const std::string&) { ++answered; })) << i;
    }
    EXPECT_FALSE(hasher.hash("x", [&](const std::string&) { ++answered; }));
    EXPECT_FALSE(hasher.verify("x", "", [&](Verified) { ++answered; }));
    go_on.set_value();
  }
  EXPECT_LT(answered.load(), static_cast<int>(Hasher::kQueueMax));
}

}  // namespace
}  // namespace maru::gateway
