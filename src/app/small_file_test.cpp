#include "app/small_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "storage/sqlite/testing/temporary_directory.hpp"

namespace maru::app {
namespace {

class SmallFile : public ::testing::Test {
 protected:
  std::string write(const std::string& bytes) {
    const std::string path = directory_.path() / "file";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  // Refused by name.
  void expect_refused(const std::string& path) {
    const auto text = read_small_file(path, Writers::kAnybody);
    ASSERT_FALSE(text) << path;
    EXPECT_TRUE(text.error().detail.starts_with(path)) << text.error().detail;
  }

  sqlite::testing::TemporaryDirectory directory_;
};

TEST_F(SmallFile, IsReadWholeUpToTheBound) {
  EXPECT_EQ(read_small_file(write(""), Writers::kAnybody), std::string());
  EXPECT_EQ(read_small_file(write(std::string("a\0b\n", 4)), Writers::kAnybody),
            std::string("a\0b\n", 4));
  const std::string most(kConfigFileBytesMax, 'x');
  EXPECT_EQ(read_small_file(write(most), Writers::kAnybody), most);
  expect_refused(write(most + "x"));
}

TEST_F(SmallFile, LosesItsByteOrderMark) {
  EXPECT_EQ(read_small_file(write("\xEF\xBB\xBFPORT=1\n"), Writers::kAnybody), "PORT=1\n");
  EXPECT_EQ(read_small_file(write("\xEF\xBB\xBF"), Writers::kAnybody), std::string());
}

TEST_F(SmallFile, MayBeAbsentButNothingElse) {
  const auto absent = read_small_file(directory_.path() / "absent", Writers::kAnybody);
  ASSERT_TRUE(absent);
  EXPECT_FALSE(*absent);
  expect_refused(directory_.path());
  const std::string pipe = directory_.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  expect_refused(pipe);
  expect_refused(write("") + "/below");
  if (::geteuid() != 0) {  // root may read everything
    const std::string path = write("PORT=1\n");
    std::filesystem::permissions(path, std::filesystem::perms::none);
    expect_refused(path);
  }
}

TEST_F(SmallFile, WhatOthersMayWriteIsRefusedWhereOnlyTheOwnerShould) {
  const std::string path = write("PORT=1\n");
  for (const mode_t mode : {0600, 0640, 0644, 0444}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_TRUE(read_small_file(path, Writers::kOwnerOnly)) << mode;
  }
  for (const mode_t mode : {0660, 0602, 0666}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    const auto refused = read_small_file(path, Writers::kOwnerOnly);
    ASSERT_FALSE(refused) << mode;
    EXPECT_TRUE(refused.error().detail.starts_with(path)) << refused.error().detail;
    EXPECT_TRUE(read_small_file(path, Writers::kAnybody)) << mode;
  }
}

}  // namespace
}  // namespace maru::app
