#include "gateway/identity/argon2id.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include <string>

namespace maru::gateway {
namespace {

using Match = Argon2id::Match;

// libsodium's own, of today's parameters or of others.
std::string sodium_hash(const std::string& password, unsigned long long passes,
                        std::size_t memory) {
  char text[crypto_pwhash_STRBYTES] = {};
  EXPECT_EQ(crypto_pwhash_str_alg(text, password.data(), password.size(), passes, memory,
                                  crypto_pwhash_ALG_ARGON2ID13),
            0);
  return text;
}

TEST(Argon2id, AgreesWithAnotherLibraryBothWays) {
  ASSERT_GE(sodium_init(), 0);
  Argon2id argon2id;
  for (const std::string password : {"correct horse", "비밀번호 1234", ""}) {
    const std::string ours = argon2id.hash(password);
    EXPECT_EQ(crypto_pwhash_str_verify(ours.c_str(), password.data(), password.size()), 0) << ours;
    EXPECT_EQ(crypto_pwhash_str_verify(ours.c_str(), "another", 7), -1);
    const std::string theirs = sodium_hash(password, 2, 19'456 * 1024);
    EXPECT_EQ(argon2id.verify(password, theirs), Match::kYes) << theirs;
    EXPECT_EQ(argon2id.verify(password + "x", theirs), Match::kNo);
  }
}

TEST(Argon2id, KnowsOldParametersAlsoLargerOnes) {
  ASSERT_GE(sodium_init(), 0);
  Argon2id argon2id;
  for (const auto& old :
       {sodium_hash("password", 1, 8 * 1024), sodium_hash("password", 3, 19'456 * 1024),
        sodium_hash("password", 1, 46 * 1024 * 1024)}) {
    EXPECT_EQ(argon2id.verify("password", old), Match::kOfOldParameters) << old;
    EXPECT_EQ(argon2id.verify("passwore", old), Match::kNo) << old;
  }
}

TEST(Argon2id, GoesOnAfterItsMemoryWasReleased) {
  Argon2id argon2id;
  const std::string first = argon2id.hash("password");
  argon2id.release_memory();
  EXPECT_EQ(argon2id.verify("password", first), Match::kYes);
  argon2id.release_memory();
  argon2id.release_memory();
}

TEST(Argon2id, RefusesWhatIsNoHashOfItsOwn) {
  Argon2id argon2id;
  const std::string good = argon2id.hash("password");
  ASSERT_EQ(argon2id.verify("password", good), Match::kYes);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = good;
    const std::size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? changed : changed.replace(at, from.size(), to);
  };
  const std::string salt = good.substr(good.find("p=1$") + 4, 22);
  for (const std::string& bad : {std::string(),
                                 std::string("$"),
                                 std::string("$$$$$"),
                                 std::string(1000, '$'),
                                 good + "A",
                                 good + "=",
                                 good + "$",
                                 good.substr(1),
                                 good.substr(0, good.size() - 1),
                                 "x" + good,
                                 with("argon2id", "argon2i"),
                                 with("v=19", "v=16"),
                                 with("p=1", "p=2"),
                                 with("m=19456", "m=7"),
                                 with("m=19456", "m=4294967296"),
                                 with("m=19456", "m=1048576"),
                                 with("m=19456", "m="),
                                 with("m=19456", "m=-1"),
                                 with("t=2", "t=0"),
                                 with("t=2", "t=9"),
                                 with("t=2", "t=2x"),
                                 with("m=19456,t=2", "t=2,m=19456"),
                                 with(salt, salt.substr(1)),
                                 with(salt, salt + "A"),
                                 with(salt, "!" + salt.substr(1)),
                                 with(salt, "")}) {
    EXPECT_EQ(argon2id.verify("password", bad), Match::kNo) << bad;
  }
}

}  // namespace
}  // namespace maru::gateway
