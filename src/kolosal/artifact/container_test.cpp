#include "kolosal/artifact/container.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "kolosal/core/hash.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/core/version.hpp"

namespace kolosal::artifact {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ContainerWriter example() {
  Node node;
  node.set("n", 2);
  node.set_array("mean", std::vector<double>{1.5, -2});
  node.set_array("codes", std::vector<std::uint8_t>{1, 2, 3});
  ContainerWriter writer;
  writer.add_json("manifest", {{"task", "binary"}});
  writer.add_node("member/0", node);
  return writer;
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The message of the refusal of these bytes; empty when they are accepted. In memory: a file each takes long.
std::string refusal(const std::string& bytes) {
  try {
    Container::from_memory(std::as_bytes(std::span(bytes)), nullptr, "model.kolosal");
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kModel) << error.what();
    return error.what();
  }
}

// Puts right the checksum of a header that a test has changed.
void seal_header(std::string& file) {
  const std::uint64_t checksum = hash_bytes(file.data(), 120);
  std::memcpy(file.data() + 120, &checksum, sizeof checksum);
}

TEST(Container, ReadsBackItsBlocks) {
  const TempFolder folder;
  const std::string path = folder.file("model.kolosal");
  example().write(path);
  const Container container = Container::open(path);
  EXPECT_EQ(container.format_version(), kFormatVersion);
  EXPECT_EQ(container.engine_version(), kVersion);
  EXPECT_EQ(container.file_bytes(), std::filesystem::file_size(path));
  EXPECT_TRUE(container.has("manifest"));
  EXPECT_EQ(container.json("manifest").at("task"), "binary");
  const Node node = container.node("member/0");
  EXPECT_THAT(node.array<double>("mean"), ElementsAre(1.5, -2));
  EXPECT_THAT(node.array<std::uint8_t>("codes"), ElementsAre(1, 2, 3));
  for (const BlockInfo& block : container.blocks()) EXPECT_EQ(block.offset % 64, 0U);
}

TEST(Container, ArraysAreMappedAlignedAndOutliveIt) {
  const TempFolder folder;
  const std::string path = folder.file("model.kolosal");
  example().write(path);
  std::shared_ptr<const void> owner;
  std::span<const double> mean;
  {
    const Node node = Container::open(path).node("member/0");
    mean = node.array<double>("mean");
    owner = node.array_owner("mean");
  }
  std::filesystem::remove(path);
  EXPECT_THAT(mean, ElementsAre(1.5, -2));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mean.data()) % 64, 0U);
}

TEST(Container, SameBlocksGiveTheSameBytes) { EXPECT_EQ(example().bytes(), example().bytes()); }

TEST(Container, MayBeEmpty) { EXPECT_EQ(refusal(text_of(ContainerWriter().bytes())), ""); }

TEST(Container, RefusesACutAtAnyByte) {
  const std::string whole = text_of(example().bytes());
  ASSERT_EQ(refusal(whole), "");
  EXPECT_THAT(refusal(""), HasSubstr("not a kolosal model"));
  for (std::size_t n = 1; n < whole.size(); ++n)
    ASSERT_THAT(refusal(whole.substr(0, n)), HasSubstr("is cut")) << "after " << n << " bytes";
}

TEST(Container, RefusesAnyFlippedBit) {
  std::string file = text_of(example().bytes());
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    const char before = file[bit / 8];
    file[bit / 8] = static_cast<char>(before ^ (1 << (bit % 8)));
    ASSERT_NE(refusal(file), "") << "bit " << bit;
    file[bit / 8] = before;
  }
}

TEST(Container, RefusesBytesAfterItsEnd) {
  EXPECT_THAT(refusal(text_of(example().bytes()) + '\0'), HasSubstr("1 bytes too many"));
}

TEST(Container, SaysWhatIsWrong) {
  const std::string good = text_of(example().bytes());
  EXPECT_THAT(refusal("age,name\n1,x\n"), HasSubstr("not a kolosal model"));

  std::string file = good;
  file.back() = static_cast<char>(file.back() ^ 1);
  EXPECT_THAT(refusal(file), AllOf(HasSubstr("model.kolosal"), HasSubstr("block 'member/0'")));

  file = good;
  file[8] = 9;  // the format version
  seal_header(file);
  EXPECT_THAT(refusal(file), AllOf(HasSubstr("newer"), HasSubstr("format 9"), HasSubstr("up to format 1"),
                                   HasSubstr("update kolosal")));
  file[8] = 0;
  seal_header(file);
  EXPECT_NE(refusal(file), "");

  const TempFolder folder;
  EXPECT_ERROR(Container::open(folder.write("cut.kolosal", good.substr(0, 300))), kModel,
               HasSubstr("cut.kolosal' is cut"));
  EXPECT_ERROR(Container::open(folder.write("empty", "")), kModel, HasSubstr("not a kolosal model"));
  EXPECT_ERROR(Container::open(folder.file("absent.kolosal")), kNotFound, HasSubstr("absent.kolosal"));
  EXPECT_ERROR(Container::open(folder.path()), kIo, HasSubstr("folder"));
  EXPECT_ERROR(Container::open("/dev/null"), kIo, HasSubstr("regular"));
}

// Checksums that fit, lengths that do not: what a hostile writer makes.
TEST(Container, RefusesLyingLengths) {
  const std::string good = text_of(example().bytes());
  for (const std::size_t at : {12U, 24U, 32U, 36U}) {  // header_bytes, table_offset, table_bytes
    std::string file = good;
    file[at] = static_cast<char>(file[at] + 1);
    seal_header(file);
    EXPECT_NE(refusal(file), "") << "header byte " << at;
  }
  std::uint64_t table_bytes = 0;
  std::memcpy(&table_bytes, good.data() + 32, sizeof table_bytes);
  // Every byte of the table but those of names, versions and checksums makes it unusable; none may crash.
  for (std::size_t at = 128; at < 128 + table_bytes; ++at) {
    for (const int change : {1, 127, 255}) {
      std::string file = good;
      file[at] = static_cast<char>(file[at] + change);
      const std::uint64_t checksum = hash_bytes(file.data() + 128, table_bytes);
      std::memcpy(file.data() + 40, &checksum, sizeof checksum);
      seal_header(file);
      refusal(file);
    }
  }
}

TEST(Container, RefusesLyingNodes) {
  const std::string good = text_of(example().bytes());
  const auto open = [](const std::string& file) {
    return Container::from_memory(std::as_bytes(std::span(file)), nullptr, "model.kolosal");
  };
  const BlockInfo block = open(good).blocks()[1];
  std::uint64_t table_bytes = 0;
  std::memcpy(&table_bytes, good.data() + 32, sizeof table_bytes);
  const std::size_t checksum_at = 128 + table_bytes - 8;  // the last field of the last block
  std::size_t n_refused = 0;
  for (std::uint64_t at = 0; at < 48; ++at) {  // n_json_bytes, n_arrays and the places of two arrays
    std::string file = good;
    file[block.offset + at] = static_cast<char>(file[block.offset + at] + 0x55);
    std::uint64_t checksum = hash_bytes(file.data() + block.offset, block.n_bytes);
    std::memcpy(file.data() + checksum_at, &checksum, sizeof checksum);
    checksum = hash_bytes(file.data() + 128, table_bytes);
    std::memcpy(file.data() + 40, &checksum, sizeof checksum);
    seal_header(file);
    ASSERT_EQ(refusal(file), "");
    try {
      open(file).node("member/0");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kModel);
      ++n_refused;
    }
  }
  EXPECT_EQ(n_refused, 48U);
}

TEST(Container, RefusesDeepJson) {
  const TempFolder folder;
  ContainerWriter writer;
  auto json = nlohmann::json::array();
  for (int i = 0; i < 2000; ++i) json = nlohmann::json::array({std::move(json)});
  writer.add_json("deep", json);
  const std::string path = folder.file("model.kolosal");
  writer.write(path);
  EXPECT_ERROR(Container::open(path).json("deep"), kModel, HasSubstr("deeply"));
}

TEST(Container, NamesAnAbsentOrNewerBlock) {
  const TempFolder folder;
  const std::string path = folder.file("model.kolosal");
  ContainerWriter writer = example();
  writer.add_json("future", {}, 3);
  EXPECT_ERROR(writer.add_json("future", {}), kInternal, HasSubstr("'future'"));
  writer.write(path);
  const Container container = Container::open(path);
  EXPECT_ERROR(container.json("plan"), kModel, HasSubstr("'plan'"));
  EXPECT_ERROR(container.json("member/0"), kModel, HasSubstr("another type"));
  EXPECT_ERROR(container.json("future", 2), kModel,
               AllOf(HasSubstr("version 3"), HasSubstr("up to 2"), HasSubstr("update")));
  EXPECT_NO_THROW(container.json("future", 3));
}

TEST(Container, RefusesTextThatIsNotUtf8InJson) {
  ContainerWriter writer;
  EXPECT_ERROR(writer.add_json("manifest", {{"name", "caf\xE9"}}), kData, HasSubstr("UTF-8"));
}

// ---- Any state is read back -----------------------------------------------------------------------------

// Fills two nodes in the same way; the second comes from the file.
void fill(Node& node, int depth) {
  const auto n_values = *rc::gen::inRange(0, 6);
  for (int i = 0; i < n_values; ++i) {
    const std::string name = std::to_string(i) + *rc::gen::arbitrary<std::string>();
    switch (*rc::gen::inRange(0, 7)) {
      case 0:
        node.set(name, *rc::gen::arbitrary<bool>());
        break;
      case 1:
        node.set(name, *rc::gen::arbitrary<std::int64_t>());
        break;
      case 2:
        node.set(name, *rc::gen::arbitrary<double>());
        break;
      case 3:
        node.set(name, *rc::gen::arbitrary<std::string>());
        break;
      case 4:
        node.set(name, *rc::gen::arbitrary<std::vector<std::string>>());
        break;
      case 5:
        node.set_array(name, *rc::gen::arbitrary<std::vector<std::uint16_t>>());
        break;
      default:
        if (depth < 4) fill(node.add_child(name), depth + 1);
    }
  }
}

TEST(Container, AnyStateIsReadBack) {
  const TempFolder folder;
  const std::string path = folder.file("model.kolosal");
  EXPECT_TRUE(rc::check("a node through a file", [&] {
    Node node;
    fill(node, 0);
    ContainerWriter writer;
    writer.add_node("state", node);
    writer.write(path);
    const Node back = Container::open(path).node("state");
    std::vector<ArrayBytes> arrays;
    std::vector<ArrayBytes> back_arrays;
    RC_ASSERT(node.to_json(arrays) == back.to_json(back_arrays));
    RC_ASSERT(arrays.size() == back_arrays.size());
    for (std::size_t i = 0; i < arrays.size(); ++i)
      RC_ASSERT(std::equal(arrays[i].data, arrays[i].data + arrays[i].n_bytes, back_arrays[i].data,
                           back_arrays[i].data + back_arrays[i].n_bytes));
    ContainerWriter again;
    again.add_node("state", back);
    RC_ASSERT(writer.bytes() == again.bytes());
  }));
}

}  // namespace
}  // namespace kolosal::artifact
