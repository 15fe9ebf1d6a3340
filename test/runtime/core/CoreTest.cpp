#include "runtime/core/AlignedBuffer.h"
#include "runtime/core/Hash.h"
#include "runtime/core/MappedFile.h"
#include "runtime/core/Result.h"
#include "test/TemporaryFolder.h"
#include <algorithm>
#include <fstream>
#include <gmock/gmock.h>
#include <memory>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace lathe {
namespace {

using ::testing::HasSubstr;

std::span<const uint8_t> bytesOf(std::string_view text) {
  return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

TEST(Result, HoldsAValueOrAnError) {
  Result<std::unique_ptr<int>> value = std::make_unique<int>(7);
  ASSERT_TRUE(value);
  EXPECT_EQ(**value, 7);
  EXPECT_EQ(*value.take(), 7);
  Result<int> failed = error("row ", 3, ": no such token");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.message(), "row 3: no such token");
  const Result<void> handed = failed.takeError();
  EXPECT_EQ(handed.message(), "row 3: no such token");
  EXPECT_TRUE(Result<void>());
  const Result<std::string> converted = "text";
  EXPECT_EQ(*converted, "text");
}

// Vectors of Noll's reference: FNV-1a 64 of "", "a" and "foobar".
TEST(Hash, MatchesTheReference) {
  EXPECT_EQ(hashBytes(bytesOf("")), 0xcbf29ce484222325u);
  EXPECT_EQ(hashBytes(bytesOf("a")), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(hashBytes(bytesOf("foobar")), 0x85944171f73967e8u);
}

TEST(Hash, GoesOnFromAPart) {
  EXPECT_EQ(hashBytes(bytesOf("bar"), hashBytes(bytesOf("foo"))), hashBytes(bytesOf("foobar")));
  EXPECT_EQ(hashWords(bytesOf("tail"), hashWords(bytesOf("eight by"))), hashWords(bytesOf("eight bytail")));
}

TEST(Hash, WordsAreLittleEndianAndPaddedWithZeros) {
  const uint64_t word = 0x0807060504030201;
  EXPECT_EQ(hashWords(bytesOf("\1\2\3\4\5\6\7\10")), (LATHE_FNV_START ^ word) * 1099511628211u);
  EXPECT_EQ(hashWords(bytesOf("\1\2\3")), (LATHE_FNV_START ^ 0x030201) * 1099511628211u);
  EXPECT_EQ(hashWords({}), LATHE_FNV_START);
}

TEST(AlignedBuffer, IsZeroedAndAligned) {
  AlignedBuffer buffer = AlignedBuffer::create(10000, "test").take();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 4096, 0u);
  EXPECT_EQ(buffer.size(), 10000u);
  EXPECT_TRUE(std::all_of(buffer.data(), buffer.data() + 10000, [](uint8_t byte) { return byte == 0; }));
  buffer.as<int32_t>().back() = 5;
  AlignedBuffer moved = std::move(buffer);
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_EQ(moved.as<int32_t>()[2499], 5);
  EXPECT_NE(AlignedBuffer::create(0, "nothing").take().data(), nullptr);
}

TEST(AlignedBuffer, SaysWhatThereIsNoMemoryFor) {
  EXPECT_THAT(AlignedBuffer::create(size_t(1) << 60, "KV cache").message(), HasSubstr("KV cache: no memory for"));
}

TEST(MappedFile, ShowsTheFile) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("mapped", "contents");
  {
    MappedFile file = MappedFile::open(path).take();
    EXPECT_EQ(std::string(file.bytes().begin(), file.bytes().end()), "contents");
    const MappedFile moved = std::move(file);
    EXPECT_EQ(file.size(), 0u);
    EXPECT_EQ(moved.size(), 8u);
    moved.advise(MappedFile::Access::WillNeed);
  }
  std::ofstream(path, std::ios::trunc).flush();
  EXPECT_TRUE(MappedFile::open(path).take().bytes().empty());
  unlink(path.c_str());
  EXPECT_THAT(MappedFile::open(path).message(), HasSubstr(path + ": cannot be opened: No such file"));
  EXPECT_THAT(MappedFile::open(folder.path).message(), HasSubstr("is not a regular file"));
  EXPECT_THAT(MappedFile::open("/dev/null").message(), HasSubstr("is not a regular file"));
}

} // namespace
} // namespace lathe
