#include "base/private_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace maru {
namespace {

class PrivateFileTest : public ::testing::Test {
 protected:
  PrivateFileTest() {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
  }
  ~PrivateFileTest() override { std::filesystem::remove_all(folder); }

  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / ("private_file." + std::to_string(::getpid()));
  const std::filesystem::path path = folder / "file";
};

TEST_F(PrivateFileTest, ReadsWhatWasWritten) {
  const auto none = read_private_file(path, 10);
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  for (const std::string& bytes : {std::string("one"), std::string(), std::string(10, '\0')}) {
    ASSERT_TRUE(write_private_file(path, bytes));
    EXPECT_EQ(read_private_file(path, 10).value(), bytes);
  }
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_FALSE(read_private_file(path, 9)) << "larger than it may be";
}

TEST_F(PrivateFileTest, RefusesWhatIsNoRegularFile) {
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(read_private_file(path, 10)) << "and does not wait for it";
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_FALSE(read_private_file(path, 10'000));
  EXPECT_FALSE(write_private_file(path, "x"));
  std::filesystem::remove(path);
  ASSERT_TRUE(write_private_file(folder / "other", "x"));
  std::filesystem::create_symlink(folder / "other", path);
  EXPECT_FALSE(read_private_file(path, 10));
}

TEST_F(PrivateFileTest, AWriteThatFailsLeavesNothingBehind) {
  std::filesystem::create_directory(path);
  EXPECT_FALSE(write_private_file(path, "x"));
  EXPECT_FALSE(std::filesystem::exists(folder / "file.tmp"));
  EXPECT_FALSE(write_private_file(folder / "nowhere" / "file", "x"));
}

}  // namespace
}  // namespace maru
