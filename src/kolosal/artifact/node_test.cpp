#include "kolosal/artifact/node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::artifact {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pointwise;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Through text, as in a file.
Node copy_of(const Node& node) {
  std::vector<ArrayBytes> arrays;
  const auto json = nlohmann::json::parse(node.to_json(arrays).dump());
  return Node::from_json(json, arrays);
}

TEST(Node, ReadsBackEveryKindOfValue) {
  Node node;
  node.set("yes", true);
  node.set("count", std::int64_t{-9007199254740993});
  node.set("whole", 5.0);
  node.set("third", 1.0 / 3);
  node.set("nan", std::nan(""));
  node.set("low", -kInfinity);
  node.set("zero", -0.0);
  node.set("text", "ünïcode \"quoted\"\n");
  node.set("bytes", std::string("\xFF\x00 cut \xE2\x82", 9));
  node.set("texts", std::vector<std::string>{"a", "", "\xFF"});
  node.set("none", std::vector<std::string>{});
  node.set("params", ParamMap{{"alpha", 1.0},
                              {"n", std::int64_t{3}},
                              {"on", false},
                              {"how", std::string("x")},
                              {"limit", kInfinity}});
  node.set_array("array", std::vector<double>{1, std::nan(""), 3});
  node.set_array("small", std::vector<std::uint8_t>{});
  node.add_child("part").add_child("inner").set("depth", 2);

  const Node back = copy_of(node);
  EXPECT_TRUE(back.get_bool("yes"));
  EXPECT_EQ(back.get_int("count"), -9007199254740993);
  EXPECT_EQ(back.get_double("whole"), 5.0);
  EXPECT_EQ(back.get_double("third"), 1.0 / 3);
  EXPECT_TRUE(std::isnan(back.get_double("nan")));
  EXPECT_EQ(back.get_double("low"), -kInfinity);
  EXPECT_TRUE(std::signbit(back.get_double("zero")));
  EXPECT_EQ(back.get_string("text"), node.get_string("text"));
  EXPECT_EQ(back.get_string("bytes"), node.get_string("bytes"));
  EXPECT_EQ(back.get_strings("texts"), node.get_strings("texts"));
  EXPECT_THAT(back.get_strings("none"), IsEmpty());
  EXPECT_EQ(back.get_params("params"), node.get_params("params"));
  EXPECT_THAT(back.array<double>("array"),
              Pointwise(NanSensitiveDoubleNear(0), std::vector<double>{1, std::nan(""), 3}));
  EXPECT_THAT(back.array<std::uint8_t>("small"), IsEmpty());
  EXPECT_EQ(back.child("part").child("inner").get_int("depth"), 2);
}

TEST(Node, KeepsTheOrderOfItsValues) {
  Node node;
  for (const char* name : {"zebra", "apple", "mango"}) node.add_child(name);
  EXPECT_THAT(copy_of(node).child_names(), ElementsAre("zebra", "apple", "mango"));
}

TEST(Node, NamesThePathOfWhatIsWrong) {
  Node node;
  Node& scaler = node.add_child("scaler");
  scaler.set("n", 3);
  scaler.set_array("mean", std::vector<double>{1});
  const Node back = copy_of(node);
  EXPECT_ERROR(back.child("scaler").get_double("scale"), kModel,
               AllOf(HasSubstr("lacks"), HasSubstr("'scaler/scale'")));
  EXPECT_ERROR(back.child("scaler").get_string("n"), kModel,
               AllOf(HasSubstr("a text"), HasSubstr("'scaler/n'")));
  EXPECT_ERROR(back.child("scaler").array<float>("mean"), kModel, HasSubstr("'scaler/mean'"));
  EXPECT_ERROR(back.child("scalar"), kModel, HasSubstr("'scalar'"));
  EXPECT_ERROR(scaler.set("n", 4), kInternal, HasSubstr("'scaler/n'"));
}

TEST(Node, KeepsArraysAliveForTheirUsers) {
  std::shared_ptr<const void> owner;
  std::span<const float> view;
  {
    Node node;
    node.set_array("values", std::vector<float>{1, 2});
    owner = node.array_owner("values");
    view = node.array<float>("values");
  }
  EXPECT_THAT(view, ElementsAre(1, 2));
}

TEST(Node, RefusesJsonThatIsNoState) {
  const std::byte bytes[8] = {};
  const std::vector<ArrayBytes> arrays{{nullptr, bytes, 8}};
  for (const char* text : {R"({})",
                           R"(3)",
                           R"([["a"]])",
                           R"([["a", 1, 2]])",
                           R"([[1, 2]])",
                           R"([["a", null]])",
                           R"([["a", {"b": 1}]])",
                           R"([["a", 1], ["a", 2]])",
                           R"([["a", [1]]])",
                           R"([["a", {"$hex": "0"}]])",
                           R"([["a", {"$hex": "zz"}]])",
                           R"([["a", {"$number": "one"}]])",
                           R"([["a", {"$params": []}]])",
                           R"([["a", {"$params": {"b": [1]}}]])",
                           R"([["a", {"$node": 1}]])",
                           R"([["a", 18446744073709551615]])",
                           R"([["a", {"$array": [1, 5, 8]}]])",
                           R"([["a", {"$array": [0, 5, 16]}]])",
                           R"([["a", {"$array": [0, 99, 8]}]])",
                           R"([["a", {"$array": [-1, 5, 8]}]])",
                           R"([["a", {"$array": [0, 5]}]])",
                           R"([["a", {"$array": [0, 261, 8]}]])"}) {
    SCOPED_TRACE(text);
    EXPECT_ERROR(Node::from_json(nlohmann::json::parse(text), arrays), kModel, HasSubstr("state"));
  }
  std::string deep = "[]";
  for (int i = 0; i < 200; ++i) deep = R"([["a", {"$node": )" + deep + "}]]";
  EXPECT_ERROR(Node::from_json(nlohmann::json::parse(deep), {}), kModel, HasSubstr("deeply"));
}

}  // namespace
}  // namespace kolosal::artifact
