#include "storage/sqlite/disk_space.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "storage/sqlite/testing/temporary_directory.hpp"

namespace maru::sqlite {
namespace {

using chat::Room;

TEST(RoomFor, GuestsWaitBelowTheReserveAndAllBelowHalfOfIt) {
  EXPECT_EQ(room_for(1000, 1000, Room::kPlenty), Room::kPlenty);
  EXPECT_EQ(room_for(999, 1000, Room::kPlenty), Room::kShort);
  EXPECT_EQ(room_for(500, 1000, Room::kShort), Room::kShort);
  EXPECT_EQ(room_for(499, 1000, Room::kShort), Room::kNone);
  EXPECT_EQ(room_for(0, 1000, Room::kPlenty), Room::kNone);
  EXPECT_EQ(room_for(0, 0, Room::kPlenty), Room::kPlenty) << "no reserve";
}

TEST(RoomFor, AStateEndsALittleAboveWhereItBegan) {
  EXPECT_EQ(room_for(1099, 1000, Room::kShort), Room::kShort);
  EXPECT_EQ(room_for(1100, 1000, Room::kShort), Room::kPlenty);
  EXPECT_EQ(room_for(549, 1000, Room::kNone), Room::kNone);
  EXPECT_EQ(room_for(550, 1000, Room::kNone), Room::kShort);
  EXPECT_EQ(room_for(1099, 1000, Room::kNone), Room::kShort);
}

TEST(DiskSpace, LooksAgainAfterATimeOrAfterMuchWasWritten) {
  const testing::TemporaryDirectory directory;
  const auto moved = directory.path() / "moved";
  DiskSpace space(directory.path() / "later", {std::uint64_t{1} << 60, std::nullopt});
  EXPECT_EQ(space.look({1000}), Room::kPlenty) << "it does not answer";
  std::filesystem::create_directory(directory.path() / "later");
  EXPECT_EQ(space.look({1249}), Room::kPlenty) << "not asked again yet";
  space.wrote(DiskSpace::kLookBytes - 1);
  EXPECT_EQ(space.look({1249}), Room::kPlenty);
  space.wrote(1);
  EXPECT_EQ(space.look({1249}), Room::kNone);
  DiskSpace other(moved, {std::uint64_t{1} << 60, std::nullopt});
  EXPECT_EQ(other.look({1000}), Room::kPlenty);
  std::filesystem::create_directory(moved);
  EXPECT_EQ(other.look({1250}), Room::kNone);
}

TEST(DiskSpace, ReadsTheFileSystemOfTheDirectory) {
  const testing::TemporaryDirectory directory;
  DiskSpace plenty(directory.path(), {0, std::nullopt});
  EXPECT_EQ(plenty.look({}), Room::kPlenty);
  EXPECT_GT(plenty.free_bytes(), 0u);
  DiskSpace tight(directory.path(), {std::uint64_t{1} << 60, std::nullopt});
  EXPECT_EQ(tight.look({}), Room::kNone);
  EXPECT_EQ(tight.reserve_bytes(), std::uint64_t{1} << 60);
  DiskSpace smaller(directory.path(), {std::uint64_t{1} << 60, 1});
  smaller.look({});
  EXPECT_LT(smaller.reserve_bytes(), std::uint64_t{1} << 60);
  DiskSpace gone(directory.path() / "gone", {});
  EXPECT_EQ(gone.look({}), Room::kPlenty);
}

}  // namespace
}  // namespace maru::sqlite
