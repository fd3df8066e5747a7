#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/profile/profile.hpp"
#include "kolosal/transform/recipe_toml.hpp"

namespace kolosal::transform {

/// Kinds of learners that want their columns alike.
enum class LearnerFamily {
  kTrees,       ///< Boosters and forests: take categories and missing cells as they are, no scale.
  kLinear,      ///< Linear models, support vector machines: numbers without holes, on one scale, without long
                ///< tails.
  kNeighbours,  ///< Distances: the same, and few columns per category.
  kNets,        ///< Neural nets: as linear models.
};

/// "trees", "linear", "neighbours", "nets".
std::vector<std::string> learner_families();
std::string_view family_name(LearnerFamily family);
/// @throws Error kInvalidParameter naming those that exist.
LearnerFamily family_from_name(std::string_view name);

/// Where the columns of a plan go.
enum class PlanPurpose {
  kFile,     ///< A table that people look at: dense columns, and few of them.
  kLearner,  ///< A learner of this program: sparse columns where there would be many, and levels of texts.
};

/// What a category becomes for trees.
enum class CategoryForm {
  kLevels,          ///< The level itself.
  kLevelsAndMeans,  ///< From `min_encoded_levels` levels on, the mean of the target beside the level.
  kMeans,           ///< The mean of the target in its place.
  kRanks,           ///< Its place among the levels by frequency.
};

/// What fills missing numbers for learners that can not take them.
enum class Filling { kMedian, kRegression, kNeighbours };

/// What becomes of numbers with long tails for learners that they harm.
enum class LongTails { kPower, kRanks, kKeep };

/// The defaults are what is planned; a search sets others and measures.
struct PlannerOptions {
  LearnerFamily learner = LearnerFamily::kLinear;
  std::size_t max_features = 100'000;  ///< Recipe::max_features(); one-hot encoding stays well below it.
  /// x is the first rows of a table that is fitted by fit_stream(): only steps that can be, and none that
  /// drops columns, since later rows may differ; what is left out is told in the notes.
  bool in_batches = false;
  PlanPurpose purpose = PlanPurpose::kFile;

  CategoryForm categories = CategoryForm::kLevelsAndMeans;  ///< Trees.
  std::size_t min_encoded_levels = 50;                      ///< Trees.
  bool number_pairs = false;  ///< Trees: sums, differences, products and ratios of the most telling numbers.
  /// Trees: the mean of the target by pairs of levels, where that tells more on so many of the rows; 0: none.
  std::int64_t category_pair_rows = 0;
  /// Trees, kLearner: most words and pairs of words of a text that become its sparse column <text>_tfidf, for
  /// a step to make numbers of; trees themselves get nothing from it. 0: none.
  std::int64_t text_terms = 0;
  /// Not trees: categories with more levels are encoded by the target. 0: 30, neighbours 10.
  std::size_t one_hot_levels = 0;
  Filling filling = Filling::kMedian;   ///< Not trees.
  LongTails tails = LongTails::kPower;  ///< Not trees.
  std::int64_t text_width = 1 << 15;    ///< Not trees, kLearner: hashed n-grams of a text.
};

/// Whether a number has a tail so long that a few rows decide what a linear model makes of it.
bool has_long_tail(const profile::ColumnProfile& column);

/// Looks at a table (profile::profile_columns()) and writes a recipe for it, with a reason per step; what is
/// left as it is on purpose is told in the notes. docs/design/preprocessing.md has the rules and where they
/// come from.
///
/// y may have no values: then no step uses the target, and levels of large categories become counts.
/// The plan depends on the given rows alone, not on the number of threads.
RecipePlan plan_recipe(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                       const PlannerOptions& options, const Context& context);

/// The same for columns that were looked at before and of which none is to be dropped: no cell is read.
RecipePlan plan_columns(std::span<const profile::ColumnProfile> columns, bool has_target,
                        const PlannerOptions& options);

}  // namespace kolosal::transform
