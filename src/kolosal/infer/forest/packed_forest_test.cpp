#include "kolosal/infer/forest/packed_forest.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/kernel/cpu.hpp"

namespace kolosal::infer {
namespace {

using model::Forest;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// What a generated forest is like.
struct Shape {
  std::string name;
  int n_features = 6;
  int n_trees = 30;
  int n_leaves = 31;
  int n_thresholds = 40;  ///< per feature
  int n_categories = 0;   ///< of the odd features; 0: all are numbers
  unsigned n_sets = 0;    ///< that nodes take, of a feature; 0: any
  unsigned flags = 0;     ///< of all numeric nodes
  bool mixed_default = false;
  bool mixed_rules = false;  ///< each node has its own rule for missing values
  int n_outputs = 1;
  bool wide_leaves = false;
  bool xgboost = false;
  bool all_full = false;  ///< no tree has fewer leaves
  bool float_leaves = false;
  bool chain = false;  ///< every tree as deep as it can be
  model::Link link = model::Link::kIdentity;
  bool average = false;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.name; }

std::uint64_t below(Rng& rng, std::uint64_t n) { return rng() % n; }

class Generator {
 public:
  Generator(const Shape& shape, std::uint64_t seed) : shape_(shape), rng_(seed) {
    for (int f = 0; f < shape.n_features; ++f) {
      std::vector<double> values = {0, -0.5, 1e-36, kInf, -kInf, 1e300, -3};
      while (static_cast<int>(values.size()) < shape.n_thresholds) {
        double value = std::exp(6 * rng_.uniform()) - 20;
        if (shape.xgboost) value = static_cast<double>(static_cast<float>(value));
        values.push_back(value);
      }
      if (shape.xgboost)
        for (double& value : values) value = static_cast<double>(static_cast<float>(value));
      thresholds_.push_back(values);
    }
  }

  Forest forest() {
    Forest f;
    f.n_features = shape_.n_features;
    f.n_outputs = shape_.n_outputs;
    f.leaf_width = shape_.wide_leaves ? shape_.n_outputs : 1;
    f.strict_less = f.round_to_float = shape_.xgboost;
    f.average = shape_.average;
    f.link = shape_.link;
    for (int j = 0; j < shape_.n_outputs; ++j) f.base_score.push_back(0.1 * j - 0.3);
    for (int t = 0; t < shape_.n_trees; ++t) add_tree(f, t);
    return f;
  }

  /// Thresholds hit exactly, their neighbours, missing and infinite values, categories seen and not.
  std::vector<double> rows(std::size_t n_rows) {
    std::vector<double> out;
    for (std::size_t r = 0; r < n_rows; ++r)
      for (int f = 0; f < shape_.n_features; ++f) out.push_back(value(f));
    return out;
  }

 private:
  bool is_category(int feature) const { return shape_.n_categories > 0 && feature % 2 == 1; }

  double value(int f) {
    const double odd[] = {kNaN, kInf, -kInf, 0, -0.0, 1e-36, -1e-36, 1e-30, 1e308, -1, -0.5, -1e308};
    if (below(rng_, 6) == 0) return odd[below(rng_, std::size(odd))];
    if (is_category(f))
      return static_cast<double>(below(rng_, static_cast<std::uint64_t>(2 * shape_.n_categories)));
    const auto& cuts = thresholds_[static_cast<std::size_t>(f)];
    const double cut = cuts[below(rng_, cuts.size())];
    switch (below(rng_, 6)) {
      case 0:
        return cut;
      case 1:
        return std::nextafter(cut, kInf);
      case 2:
        return std::nextafter(cut, -kInf);
      case 3:
        return static_cast<double>(
            std::nextafter(static_cast<float>(cut), std::numeric_limits<float>::max()));
      default:
        return 40 * rng_.uniform() - 20;
    }
  }

  void add_tree(Forest& f, int tree) {
    f.tree_output.push_back(shape_.wide_leaves ? 0 : tree % shape_.n_outputs);
    const int n_leaves =
        tree % 7 == 3 && !shape_.all_full ? 1 + static_cast<int>(below(rng_, 4)) : shape_.n_leaves;
    if (n_leaves == 1) {
      f.tree_root.push_back(~add_leaf(f));
      return;
    }
    const auto first = static_cast<std::int32_t>(f.feature.size());
    f.tree_root.push_back(first);
    // Grow by splitting a leaf: an open end is a side of a node.
    add_node(f);
    std::vector<std::pair<std::int32_t, bool>> ends = {{first, false}, {first, true}};
    while (static_cast<int>(ends.size()) < n_leaves) {
      const std::size_t at = shape_.chain ? ends.size() - 1 : below(rng_, ends.size());
      const auto [node, is_right] = ends[at];
      const std::int32_t made = add_node(f);
      (is_right ? f.right : f.left)[static_cast<std::size_t>(node)] = made;
      ends[at] = {made, false};
      ends.emplace_back(made, true);
    }
    for (const auto& [node, is_right] : ends)
      (is_right ? f.right : f.left)[static_cast<std::size_t>(node)] = ~add_leaf(f);
  }

  std::int32_t add_leaf(Forest& f) {
    for (int j = 0; j < f.leaf_width; ++j) {
      const double value = rng_.uniform() - 0.5;
      f.leaf_value.push_back(shape_.float_leaves ? static_cast<double>(static_cast<float>(value)) : value);
    }
    return static_cast<std::int32_t>(f.leaf_value.size()) / f.leaf_width - 1;
  }

  std::int32_t add_node(Forest& f) {
    const int feature = static_cast<int>(below(rng_, static_cast<std::uint64_t>(shape_.n_features)));
    unsigned flags = shape_.flags;
    if (shape_.mixed_default && below(rng_, 2) == 0) flags |= model::kDefaultLeft;
    if (shape_.mixed_rules) {
      const unsigned rules[] = {0, model::kZeroIsMissing, model::kNanIsZero};
      flags |= rules[below(rng_, 3)];
    }
    f.feature.push_back(feature);
    f.left.push_back(0);
    f.right.push_back(0);
    f.category_offset.push_back(static_cast<std::int32_t>(f.category_bits.size()));
    f.category_words.push_back(0);
    double threshold = 0;
    if (is_category(feature)) {
      flags = model::kCategorical | (flags & model::kDefaultLeft);
      const int n_words =
          1 + static_cast<int>(below(rng_, static_cast<std::uint64_t>(shape_.n_categories) / 32 + 1));
      f.category_words.back() = n_words;
      const auto set = shape_.n_sets == 0 ? 0 : 1 + below(rng_, shape_.n_sets);
      for (int w = 0; w < n_words; ++w)
        f.category_bits.push_back(
            static_cast<std::uint32_t>(set == 0 ? rng_() : set * 0x9e3779b97f4a7c15U >> 32));
    } else {
      const auto& cuts = thresholds_[static_cast<std::size_t>(feature)];
      threshold = cuts[below(rng_, cuts.size())];
    }
    f.threshold.push_back(threshold);
    f.flags.push_back(static_cast<std::uint8_t>(flags));
    return static_cast<std::int32_t>(f.feature.size()) - 1;
  }

  Shape shape_;
  Rng rng_;
  std::vector<std::vector<double>> thresholds_;
};

data::Frame as_frame(const std::vector<double>& rows, std::size_t n_features) {
  data::Frame out;
  const std::size_t n = rows.size() / n_features;
  for (std::size_t f = 0; f < n_features; ++f) {
    std::vector<double> column(n);
    for (std::size_t r = 0; r < n; ++r) column[r] = rows[r * n_features + f];
    out.add("x" + std::to_string(f), data::Column::from_float64(column));
  }
  return out;
}

std::vector<double> plain(const Forest& forest, const std::vector<double>& rows) {
  const auto n_features = static_cast<std::size_t>(forest.n_features);
  std::vector<double> out(rows.size() / n_features * static_cast<std::size_t>(forest.n_outputs));
  forest.predict(as_frame(rows, n_features), out, {});
  return out;
}

/// The same bits; NaN of any kind is NaN.
void expect_same(const std::vector<double>& got, const std::vector<double>& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(got[i]) && std::isnan(want[i])) continue;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(got[i]), std::bit_cast<std::uint64_t>(want[i]))
        << what << ", value " << i << ": " << got[i] << " instead of " << want[i];
  }
}

const Shape kShapes[] = {
    {.name = "numbers"},
    {.name = "one tree", .n_trees = 1},
    {.name = "no tree", .n_trees = 0},
    {.name = "one feature, two leaves", .n_features = 1, .n_leaves = 2},
    {.name = "33 leaves", .n_leaves = 33},
    {.name = "64 leaves", .n_trees = 70, .n_leaves = 64},
    {.name = "255 leaves", .n_leaves = 255},
    {.name = "256 leaves", .n_leaves = 256},
    {.name = "257 leaves", .n_leaves = 257},
    {.name = "2000 leaves", .n_trees = 8, .n_leaves = 2000, .n_thresholds = 3000},
    {.name = "chains", .n_leaves = 200, .chain = true},
    {.name = "long chains", .n_trees = 4, .n_leaves = 900, .chain = true},
    {.name = "missing to both sides", .mixed_default = true},
    {.name = "missing to the left", .flags = model::kDefaultLeft},
    {.name = "missing is zero", .flags = model::kNanIsZero, .mixed_default = true},
    {.name = "zero is missing", .flags = model::kZeroIsMissing, .mixed_default = true},
    {.name = "all rules", .mixed_default = true, .mixed_rules = true},
    {.name = "255 cuts", .n_features = 1, .n_trees = 200, .n_thresholds = 255},
    {.name = "700 cuts", .n_features = 2, .n_trees = 200, .n_thresholds = 700, .mixed_default = true},
    {.name = "few categories", .n_categories = 5, .mixed_default = true},
    {.name = "200 categories", .n_leaves = 60, .n_categories = 200, .mixed_default = true},
    {.name = "1000 categories", .n_trees = 60, .n_categories = 1000, .mixed_default = true},
    {.name = "categories in large trees", .n_trees = 6, .n_leaves = 500, .n_categories = 60},
    {.name = "three classes", .n_outputs = 3, .link = model::Link::kSoftmax},
    {.name = "class shares", .n_leaves = 300, .n_outputs = 4, .wide_leaves = true, .average = true},
    {.name = "sigmoid", .link = model::Link::kSigmoid},
    {.name = "averages of classes", .n_outputs = 2, .average = true},
    {.name = "xgboost", .xgboost = true, .link = model::Link::kExp},
    {.name = "xgboost with categories", .n_categories = 40, .mixed_default = true, .xgboost = true},
    {.name = "50 features", .n_features = 50},
    {.name = "100 features", .n_features = 100},
    {.name = "250 features", .n_features = 250, .n_trees = 150},
    {.name = "400 features", .n_features = 400, .n_trees = 150},
    {.name = "categories in 150 trees",
     .n_features = 40,
     .n_trees = 150,
     .n_categories = 30,
     .mixed_default = true},
    {.name = "categories of 150 features", .n_features = 150, .n_trees = 130, .n_categories = 9},
    {.name = "one column of categories", .n_features = 2, .n_trees = 70, .n_categories = 300},
    {.name = "16 leaves, 600 trees", .n_trees = 600, .n_leaves = 16, .mixed_default = true},
    {.name = "17 leaves, 256 trees", .n_trees = 256, .n_leaves = 17},
    {.name = "16 leaves and categories",
     .n_features = 30,
     .n_trees = 330,
     .n_leaves = 16,
     .n_categories = 30,
     .mixed_default = true},
    {.name = "300 trees of three classes", .n_trees = 300, .n_leaves = 9, .n_outputs = 3},
    {.name = "leaves of float32", .n_trees = 300, .n_leaves = 16, .float_leaves = true},
    {.name = "leaves of float32, three classes", .n_trees = 100, .n_outputs = 3, .float_leaves = true},
    {.name = "equal trees", .n_trees = 700, .n_leaves = 16, .all_full = true},
    {.name = "equal trees of float32",
     .n_trees = 1100,
     .n_leaves = 9,
     .all_full = true,
     .float_leaves = true},
    {.name = "equal trees of categories",
     .n_trees = 520,
     .n_leaves = 20,
     .n_categories = 30,
     .mixed_default = true,
     .all_full = true},
    {.name = "few sets of categories", .n_trees = 80, .n_categories = 30, .n_sets = 4, .mixed_default = true},
    {.name = "sets fill the columns",
     .n_features = 40,
     .n_trees = 100,
     .n_categories = 300,
     .n_sets = 2,
     .mixed_default = true},
    {.name = "100 trees of class shares",
     .n_trees = 100,
     .n_leaves = 12,
     .n_outputs = 3,
     .wide_leaves = true,
     .average = true},
};

class PackedForestShapes : public ::testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(All, PackedForestShapes, ::testing::ValuesIn(kShapes));

constexpr std::size_t kSizes[] = {0, 1, 2, 7, 31, 33, 64, 255, 256, 257, 300, 2309};

TEST_P(PackedForestShapes, EveryKernelGivesTheBytesOfThePlainOne) {
  Generator generator(GetParam(), 7);
  const Forest forest = generator.forest();
  const auto n_features = static_cast<std::size_t>(forest.n_features);
  const std::vector<double> rows = generator.rows(std::ranges::max(kSizes));
  const std::vector<double> want = plain(forest, rows);
  const std::vector<float> floats(rows.begin(), rows.end());
  const std::vector<double> want_of_floats = plain(forest, {floats.begin(), floats.end()});
  const auto n_outputs = static_cast<std::size_t>(forest.n_outputs);
  for (const ForestKernel kernel : PackedForest(forest, std::nullopt).kernels()) {
    const PackedForest packed(forest, kernel);
    const std::string name(kernel_name(kernel));
    ForestScratch scratch;
    for (const std::size_t n : kSizes) {
      std::vector<double> got(n * n_outputs);
      const std::string what = name + ", " + std::to_string(n) + " rows";
      const std::vector<double> first(want.begin(), want.begin() + static_cast<std::ptrdiff_t>(got.size()));
      packed.predict(rows.data(), n, n_features, got, {});
      expect_same(got, first, what + " of float64");
      const data::Frame frame =
          as_frame({rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(n * n_features)}, n_features);
      packed.predict(frame, got, {});
      expect_same(got, first, what + " of a table");
      packed.predict(floats.data(), n, n_features, got, {});
      expect_same(got,
                  {want_of_floats.begin(), want_of_floats.begin() + static_cast<std::ptrdiff_t>(got.size())},
                  what + " of float32");
    }
    for (std::size_t r = 0; r < 40; ++r) {
      std::vector<double> got(n_outputs);
      const auto at = static_cast<std::ptrdiff_t>(r * n_outputs);
      packed.predict_row(rows.data() + r * n_features, got, scratch);
      expect_same(got, {want.begin() + at, want.begin() + at + static_cast<std::ptrdiff_t>(n_outputs)}, name);
      packed.predict_row(floats.data() + r * n_features, got, scratch);
      expect_same(
          got,
          {want_of_floats.begin() + at, want_of_floats.begin() + at + static_cast<std::ptrdiff_t>(n_outputs)},
          name + ", one row of float32");
    }
  }
}

TEST_P(PackedForestShapes, EveryCpuAndAnyNumberOfThreadsGiveTheSameBytes) {
  Generator generator(GetParam(), 11);
  const Forest forest = generator.forest();
  const auto n_features = static_cast<std::size_t>(forest.n_features);
  const std::vector<double> rows = generator.rows(2500);
  const std::vector<double> want = plain(forest, rows);
  const kernel::CpuLevel before = kernel::cpu_level();
  ThreadPool pool(4);
  Context context;
  context.pool = &pool;
  context.n_threads = 4;
  for (const kernel::CpuLevel level : kernel::kCpuLevels) {
    kernel::set_cpu_level(level);
    for (const ForestKernel kernel : PackedForest(forest, std::nullopt).kernels()) {
      const PackedForest packed(forest, kernel);
      std::vector<double> got(want.size());
      packed.predict(rows.data(), rows.size() / n_features, n_features, got, context);
      expect_same(got, want, std::string(kernel_name(kernel)));
    }
  }
  kernel::set_cpu_level(before);
}

TEST(PackedForest, ReadsColumnsOfEveryNumberTypeAsThePlainOne) {
  Generator generator({.name = "types", .n_features = 5, .mixed_default = true}, 3);
  const Forest forest = generator.forest();
  data::Frame x;
  std::vector<std::int64_t> whole(500);
  std::vector<std::uint8_t> flags(500);
  std::vector<float> floats(500);
  std::vector<std::int32_t> codes(500);
  Rng rng(1);
  std::vector<std::uint8_t> bits(64);
  for (std::size_t i = 0; i < 500; ++i) {
    whole[i] = static_cast<std::int64_t>(below(rng, 60)) - 20;
    flags[i] = static_cast<std::uint8_t>(below(rng, 2));
    floats[i] =
        i % 9 == 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(rng.uniform() * 50 - 20);
    codes[i] = static_cast<std::int32_t>(below(rng, 4)) - 1;
  }
  for (auto& byte : bits) byte = static_cast<std::uint8_t>(rng());
  const data::Column some = data::Column::from_int64(whole);
  x.add("whole", data::Column::from_int64({whole.begin(), whole.begin() + 497}));
  x.add("some", data::Column::wrap(data::ColumnType::kInt64, some.int64s().data(), 497, bits.data(), 3,
                                   some.owner()));
  x.add("flags", data::Column::from_bool({flags.begin(), flags.begin() + 497}));
  x.add("floats", data::Column::from_float32({floats.begin(), floats.begin() + 497}));
  x.add("codes", data::Column::from_category(
                     {codes.begin(), codes.begin() + 497},
                     std::make_shared<data::Dictionary>(std::vector<std::string>{"a", "b", "c"})));
  std::vector<double> want(497), got(497);
  forest.predict(x, want, {});
  for (const ForestKernel kernel : PackedForest(forest, std::nullopt).kernels()) {
    PackedForest(forest, kernel).predict(x, got, {});
    expect_same(got, want, std::string(kernel_name(kernel)));
  }
}

TEST(PackedForest, AForestWhoseNodesHaveTwoParentsIsServedPlainly) {
  Generator generator({.name = "shared", .n_trees = 2}, 5);
  Forest forest = generator.forest();
  forest.left[0] = forest.right[0] = 5;
  const PackedForest packed(forest, std::nullopt);
  EXPECT_THAT(packed.kernels(), ::testing::ElementsAre(ForestKernel::kPlain));
  const std::vector<double> rows = generator.rows(40);
  std::vector<double> got(40);
  packed.predict(rows.data(), 40, 6, got, {});
  expect_same(got, plain(forest, rows), "shared nodes");
}

TEST(PackedForest, RefusesATableOfOtherColumns) {
  Generator generator({.name = "numbers"}, 5);
  const Forest forest = generator.forest();
  std::vector<double> out(2);
  EXPECT_ERROR(PackedForest(forest, std::nullopt).predict(as_frame({1, 2, 3, 4}, 2), out, {}), kData,
               HasSubstr("2 instead of 6"));
}

TEST(PackedForest, ChoosesAndTimesItsKernels) {
  Generator generator({.name = "numbers", .n_trees = 40}, 5);
  const Forest forest = generator.forest();
  const PackedForest packed(forest, std::nullopt);
  for (const std::size_t n : {1, 5, 40, 1000}) {
    EXPECT_TRUE(packed.can_run(packed.kernel_for(n)));
    EXPECT_NE(packed.kernel_for(n), ForestKernel::kPlain);
  }
  const auto timings = packed.timings();
  ASSERT_FALSE(timings.empty());
  for (const KernelTiming& timing : timings) {
    EXPECT_EQ(timing.entries.size(), packed.kernels().size());
    EXPECT_GT(timing.entries.front().ns_per_row, 0);
    EXPECT_TRUE(std::ranges::is_sorted(timing.entries, {}, &KernelTiming::Entry::ns_per_row));
  }
}

TEST(PackedForest, TheEnvironmentNamesTheKernel) {
  ::setenv("KOLOSAL_KERNEL", "walk_rows", 1);
  EXPECT_EQ(kernel_of_environment(), ForestKernel::kWalkRows);
  ::setenv("KOLOSAL_KERNEL", "fast", 1);
  EXPECT_ERROR(kernel_of_environment(), kInvalidParameter,
               AllOf(HasSubstr("\"fast\""), HasSubstr("KOLOSAL_KERNEL"), HasSubstr("blocks, lanes")));
  ::setenv("KOLOSAL_KERNEL", "", 1);
  EXPECT_EQ(kernel_of_environment(), std::nullopt);
  ::unsetenv("KOLOSAL_KERNEL");
  EXPECT_EQ(kernel_of_environment(), std::nullopt);
}

TEST(PackedForest, LanesTakeCategoriesAndManyFeatures) {
  const Shape shapes[] = {{.name = "categories", .n_categories = 200, .mixed_default = true},
                          {.name = "250 features", .n_features = 250}};
  for (const Shape& shape : shapes) {
    Generator generator(shape, 5);
    const Forest forest = generator.forest();
    EXPECT_TRUE(PackedForest(forest, std::nullopt).can_run(ForestKernel::kLanes)) << shape.name;
  }
}

TEST(PackedForest, AForcedKernelThatCanNotTakeTheForestLeavesTheChoiceOpen) {
  Generator generator({.name = "large", .n_trees = 2, .n_leaves = 400}, 5);
  const Forest forest = generator.forest();
  const PackedForest packed(forest, ForestKernel::kLanes);
  EXPECT_FALSE(packed.can_run(ForestKernel::kLanes));
  EXPECT_NE(packed.kernel_for(1), ForestKernel::kLanes);
}

}  // namespace
}  // namespace kolosal::infer
