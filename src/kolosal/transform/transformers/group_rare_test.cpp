#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Frame;
using ::testing::ElementsAre;

// Rows: a 4, b 3, c 2, d 1, a missing and an unseen one; e is on none.
Frame letters() {
  return one_column(categories({"e", "d", "c", "b", "a"},
                               {4, 4, 4, 4, 3, 3, 3, 2, 2, 1, data::kMissingCode, data::kUnseenCode}));
}

struct Case {
  const char* name;
  ParamMap params;
  std::vector<std::string> levels;
  std::vector<std::int32_t> codes;
};

const Case kCases[] = {
    {"fewest rows",
     {{"min_rows", std::int64_t{3}}},
     {"a", "b", "(rare)"},
     {0, 0, 0, 0, 1, 1, 1, 2, 2, 2, -1, 2}},
    {"smallest share",
     {{"min_rows", std::int64_t{1}}, {"min_share", 0.15}},
     {"a", "b", "c", "(rare)"},
     {0, 0, 0, 0, 1, 1, 1, 2, 2, 3, -1, 3}},
    {"most levels",
     {{"min_rows", std::int64_t{1}}, {"max_levels", std::int64_t{1}}, {"name", "rest"}},
     {"a", "rest"},
     {0, 0, 0, 0, 1, 1, 1, 1, 1, 1, -1, 1}},
    {"unseen stay unseen",
     {{"min_rows", std::int64_t{2}}, {"handle_unknown", "keep"}},
     {"a", "b", "c", "(rare)"},
     {0, 0, 0, 0, 1, 1, 1, 2, 2, 3, -1, -2}},
    {"none is rare",
     {{"min_rows", std::int64_t{1}}},
     {"a", "b", "c", "d"},
     {0, 0, 0, 0, 1, 1, 1, 2, 2, 3, -1, -2}},
    {"the name is a level",
     {{"min_rows", std::int64_t{3}}, {"name", "a"}},
     {"a", "b", "a_"},
     {0, 0, 0, 0, 1, 1, 1, 2, 2, 2, -1, 2}},
};

TEST(GroupRare, GroupsByCountShareAndNumberOfLevels) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const Frame out = fit_all("group_rare", c.params, letters());
    EXPECT_EQ(out.column("x").dictionary()->levels(), c.levels);
    const auto codes = out.column("x").codes();
    EXPECT_EQ(std::vector<std::int32_t>(codes.begin(), codes.end()), c.codes);
  }
}

}  // namespace
}  // namespace kolosal::transform
